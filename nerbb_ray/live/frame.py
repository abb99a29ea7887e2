"""A search as lines: a header, the trials that run, the best of those that have ended, and how many there are more."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from nerbb_ray.console import shown_time
from nerbb_ray.live.columns import BETWEEN, STYLES, fitted
from nerbb_ray.live.short import clock, cut_to, joined_within, short_run, short_score
from nerbb_ray.live.state import RUNNING, SearchState, ShownTrial, State

UNHAPPY: tuple[State, ...] = ("failed", "diverged", "cut", "interrupted")
NAME_AT_MOST, NAME_AT_LEAST = 30, 8
NEEDED = 4  # of the header, parts up to this priority: for them the experiment's name is shortened


def frame(search: SearchState, width: int, height: int) -> list[Text]:
    """At most `height` lines of at most `width` cells each."""
    lines = [header(search, width)]
    shown = ranked(search.trials)
    two_lines = any(column.header[0].strip() for column in fitted(shown, search.runs, width))
    room = height - len(lines) - (3 if two_lines else 2)
    if len(shown) > room or search.waiting:
        room -= 1  # for the counts
    shown = shown[: max(0, room)]
    if shown:
        lines += _table(shown, search, width)
    return [*lines, *_counts(search, shown, width)][:height]


def header(search: SearchState, width: int) -> Text:
    """`politics  4/9 done, 1 failed, best .655 runA(lr_max=3e-4), 3:12 elapsed, about 5 min left`

    What does not fit is left out: first the best run, then the time that has passed; then the name is shortened.
    """
    best = search.best
    at_most = "at most " if search.at_most else ""
    parts: dict[str, tuple[int, str]] = {
        "done": (0, f"{search.ended - _unhappy(search)}/{at_most}{search.total} done"),
        **{
            state: (1 if state == "failed" else 4, f"{count} {state}")
            for state in UNHAPPY
            if (count := search.count(state))
        },
        "best": (3, "" if best is None else f"best {short_score(best[1])}"),
        "elapsed": (5, f"{clock(search.elapsed_s)} elapsed"),
        "left": (2, "" if search.left_s is None else f"about {shown_time(search.left_s)} left"),
    }
    parts = {key: part for key, part in parts.items() if part[1]}
    needed = len(", ".join(text for priority, text in parts.values() if priority <= NEEDED)) + 2
    name = cut_to(search.name, min(NAME_AT_MOST, max(NAME_AT_LEAST, width - needed)))
    kept = _fitting(parts, width - len(name) - 2)
    if best is not None and "best" in kept:
        longer = f"{kept['best']} {short_run(best[0])}"
        if len(name) + 2 + len(", ".join((kept | {"best": longer}).values())) <= width:
            kept["best"] = longer
    line = Text(name, style="bold")
    line.append("  ", style="not bold")
    for number, (key, part) in enumerate(kept.items()):
        line.append(", " if number else "", style="not bold")
        line.append(part, style=f"not bold {_header_style(key)}".strip())
    line.truncate(width)
    return line


def _unhappy(search: SearchState) -> int:
    return search.count("failed", "diverged", "cut")


def _header_style(key: str) -> str:
    return "bold" if key == "best" else STYLES.get(key, "")


def _fitting(parts: dict[str, tuple[int, str]], width: int) -> dict[str, str]:
    """The parts that fit into a line, by their priority, in their own order."""
    kept: dict[str, str] = {}
    for key, (_, text) in sorted(parts.items(), key=lambda item: item[1][0]):
        if len(", ".join([*kept.values(), text])) <= width:
            kept[key] = text
    return {key: kept[key] for key in parts if key in kept}


def ranked(trials: Sequence[ShownTrial]) -> list[ShownTrial]:
    """Those that run, as they have begun; then those that have ended, the best first; those without a value last."""

    def place(trial: ShownTrial) -> tuple[int, float]:
        if trial.running:
            return 0, 0.0
        return (1, -trial.best_f1) if math.isfinite(trial.best_f1) else (2, 0.0)

    return sorted((trial for trial in trials if trial.state != "waiting"), key=place)


def _table(shown: Sequence[ShownTrial], search: SearchState, width: int) -> Iterator[Text]:
    columns, gap = fitted(shown, search.runs, width), " " * BETWEEN
    for number in (0, 1):
        heads = gap.join(column.header[number] for column in columns)
        if heads.strip():
            yield Text(heads.rstrip(), style="bold")
    yield Text("-" * min(width, sum(column.width for column in columns) + BETWEEN * (len(columns) - 1)))
    best = max((trial.best_f1 for trial in search.trials if math.isfinite(trial.best_f1)), default=None)
    for row, trial in enumerate(shown):
        line = Text(style="bold" if best is not None and trial.best_f1 == best else "")
        for number, column in enumerate(columns):
            line.append(gap if number else "")
            line.append(column.cells[row], style=column.styles[row] or None)
        line.rstrip()
        line.truncate(width)
        yield line


def _counts(search: SearchState, shown: Sequence[ShownTrial], width: int) -> Iterator[Text]:
    """`not shown: 3 running, 12 done, 1 failed, 44 waiting`"""
    seen = set(map(id, shown))
    hidden = Counter(
        "running" if trial.state in RUNNING else trial.state for trial in search.trials if id(trial) not in seen
    )
    counts = [f"{hidden[state]} {state}" for state in ("running", "done", *UNHAPPY) if hidden[state]]
    counts += [f"{search.earlier} of an earlier call"] if search.earlier else []
    counts += [f"{search.waiting} waiting"] if search.waiting else []
    if counts:
        yield Text(joined_within([f"not shown: {counts[0]}", *counts[1:]], width), style="dim")
