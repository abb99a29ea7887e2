"""The columns of the trials, in the order in which they are shown; narrow screens drop some of them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from nerbb_ray.live.short import clock, cut_to, in_two_lines, short_number, short_run, short_score, short_value
from nerbb_ray.live.state import ShownTrial

Runs = Mapping[str, Mapping[str, Any]]  # name -> the parameters in which they differ
BETWEEN = 2  # blanks between two columns
BAR = 10  # cells of a progress bar, without its edges
LONGEST_NAME, LONGEST_VALUE, LONGEST_SEED, SHORTEST_NAME = 28, 16, 9, 6
ALWAYS = 3  # the columns up to this priority are never dropped: the names are shortened instead
BEFORE_NAMES = 6  # for those up to this one, names are shortened as far as they still differ
LEAST_NAME = 8
STYLES: dict[str, str] = {
    "loading": "dim",
    "warm-up": "cyan",
    "training": "cyan",
    "cool-down": "blue",
    "testing": "magenta",
    "done": "green",
    "cut": "yellow",
    "diverged": "red",
    "failed": "bold red",
    "interrupted": "yellow",
}


@dataclass(frozen=True, slots=True)
class Column:
    """
    Args:
        priority: the higher, the sooner it is dropped.
        right: whether its cells end below each other.
        style: of a cell; empty: that of the row.
    """

    header: str
    cell: Callable[[ShownTrial], str]
    priority: int
    right: bool = True
    style: Callable[[ShownTrial], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A column with its header of two lines and its cells, all of them `width` wide."""

    header: tuple[str, str]
    cells: tuple[str, ...]
    styles: tuple[str, ...]
    width: int


def fitted(trials: Sequence[ShownTrial], runs: Runs, width: int) -> list[Fitted]:
    """The columns that fit beside each other, the names first.

    Args:
        trials: one a row.
        runs: all of them, by which it is decided what is a column: it must not come and go with the rows.
    """
    found = [(column.priority, _measured(column, trials)) for column in _columns(runs)]
    names = found[0][1]
    spared = names.width - _least_width(names)  # as long as it is not needed
    room, chosen = width + BETWEEN, set()
    for place, (priority, column) in sorted(enumerate(found), key=lambda item: item[1][0]):
        # behind a column that does not fit, a narrower one may do
        if priority <= ALWAYS or column.width + BETWEEN <= room + (spared if priority <= BEFORE_NAMES else 0):
            chosen.add(place)
            room -= column.width + BETWEEN
    name, *others = [column for place, (_, column) in enumerate(found) if place in chosen]
    return [_narrowed(name, name.width + room) if room < 0 else name, *others]


def _columns(runs: Runs) -> list[Column]:
    telling, others = _varying(runs)
    whole = _alike(runs, telling)
    if whole:
        telling, others = [], telling + others
    name = short_run if whole else _section
    return [
        Column("run", lambda trial: cut_to(name(trial.run), LONGEST_NAME), 0, right=False),
        *(_param(key, 4) for key in telling),
        Column("seed", lambda trial: cut_to(str(trial.seed), LONGEST_SEED), 1),
        Column("state", lambda trial: trial.state, 3, False, lambda trial: STYLES.get(trial.state, "")),
        Column("", bar, 6, False, lambda trial: STYLES.get(trial.state, "")),
        Column("epoch", epochs_text, 5),
        Column("step", lambda trial: f"{trial.step}/{trial.steps}" if trial.steps and trial.running else "", 8),
        Column("best F1", lambda trial: short_score(trial.best_f1) if trial.epochs else "", 2),
        Column("val loss", lambda trial: short_score(trial.val_loss) if trial.epochs else "", 9),
        Column("LR", lambda trial: short_number(trial.lr) if trial.epochs and trial.running else "", 10),
        Column("time", lambda trial: clock(trial.elapsed_s) if trial.state != "waiting" else "", 7),
        *(_param(key, 11) for key in others),
    ]


def _param(key: str, priority: int) -> Column:
    return Column(key, lambda trial: _value(trial.params, key), priority)


def _value(params: Mapping[str, Any], key: str) -> str:
    return cut_to(short_value(params[key]), LONGEST_VALUE) if key in params else ""


def _section(run: str) -> str:
    """Without the point of the grid, which has columns of its own."""
    return run.partition("(")[0]


def _varying(runs: Runs) -> tuple[list[str], list[str]]:
    """The keys that tell runs of the same section apart, and the others in which runs differ."""
    keys = list(dict.fromkeys(key for params in runs.values() for key in params))
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for run, params in runs.items():
        for key in params:
            values[key, _section(run)].add(_value(params, key))
    telling = {key for (key, _), found in values.items() if len(found) > 1}
    return [key for key in keys if key in telling], [key for key in keys if key not in telling]


def _alike(runs: Runs, telling: Sequence[str]) -> bool:
    """Whether there are runs that section and parameters do not tell apart."""
    shown = {(_section(run), *(_value(params, key) for key in telling)) for run, params in runs.items()}
    return len(shown) < len(runs)


def bar(trial: ShownTrial) -> str:
    """`[####      ]`, of a trial that runs."""
    if not trial.running or trial.state == "loading":
        return ""
    return f"[{'#' * int(BAR * trial.share):<{BAR}}]"


def epochs_text(trial: ShownTrial) -> str:
    """`6/8`: the epoch that is being trained, of all; `6` if early stopping decides, or of a trial that has ended."""
    trained = trial.epochs + (trial.state in ("warm-up", "training", "cool-down"))
    if not trained:
        return ""
    if trial.of_epochs is None or trial.ended:
        return str(trained)
    return f"{min(trained, trial.of_epochs)}/{trial.of_epochs}"


def _measured(column: Column, trials: Sequence[ShownTrial]) -> Fitted:
    cells = [column.cell(trial) for trial in trials]
    values = max(map(cell_len, cells), default=0)
    header = in_two_lines(column.header, values)
    width = max(values, *map(cell_len, header))
    first, second, *rest = (_padded(text, width, column.right) for text in (*header, *cells))
    return Fitted((first, second), tuple(rest), tuple(map(column.style, trials)), width)


def _least_width(names: Fitted) -> int:
    """In which all that differ still do."""
    different = {cell.strip() for cell in names.cells}
    widths = range(min(LEAST_NAME, names.width), names.width)
    return next((w for w in widths if len({cut_to(name, w) for name in different}) == len(different)), names.width)


def _narrowed(column: Fitted, width: int) -> Fitted:
    """Shorter names."""
    width = max(SHORTEST_NAME, width)
    first, second, *cells = (
        _padded(cut_to(text.strip(), width), width, False) for text in (*column.header, *column.cells)
    )
    return Fitted((first, second), tuple(cells), column.styles, width)


def _padded(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - cell_len(text))
    return set_cell_size(blanks + text if right else text + blanks, width)
