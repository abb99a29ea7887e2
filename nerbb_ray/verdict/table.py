"""The results table: for the screen, as plain text, as JSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table
from rich.text import Text

from nerbb_ray.console import Sentence, head_line, json_text, plain_text, whole_line
from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, RunResult, TrialResult
from nerbb_ray.verdict.advice import model_lines, next_commands
from nerbb_ray.verdict.ensemble_words import SPLITS, TITLE, ensemble_of, ensemble_sentences, score_cell
from nerbb_ray.verdict.marks import BEST, legend, mark_of, means_legend
from nerbb_ray.verdict.mishaps import mishaps
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.parts import part_lines
from nerbb_ray.verdict.verdict import verdict
from nerbb_ray.verdict.words import in_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

HEADERS: tuple[str, ...] = ("", "run", "ok", "epochs", "val entity micro F1", "test entity micro F1")
PADDING = 3  # between two columns
EDGES = 2  # a blank before the first column and one after the last
NARROW = 70  # columns of a screen on which even numbers have to be folded
LISTED_EPOCHS = 3


@dataclass(frozen=True, slots=True)
class ResultsTable:
    """A rich renderable: the runs, what went wrong, where the models lie, and what to do next.

    Long run names are folded; numbers are not cut.
    """

    result: ExperimentResult
    store: str | None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        result = self.result
        found = verdict(result) if sum(run.n_ok > 0 for run in result.runs) > 1 else None
        marks = marks_of_runs(result, found)
        yield _runs(result, marks, options.max_width)
        said = (_legend(result, marks), _folds(result), _verdict(found), _ensembles(result), mishaps(result, found))
        yield from (Sentence(line) for part in said for line in part)
        yield from map(whole_line, model_lines(result))
        if commands := list(next_commands(result, self.store)):
            yield whole_line("next:")
            yield from (whole_line(f"  {command}") for command in commands)


def results_text(result: ExperimentResult, width: int = 100, store: str | None = None) -> str:
    """The table as plain text of at most `width` columns; what it adds to names and messages is ASCII.

    Args:
        store: the path that the next commands have to name; None for the default store.
    """
    if not result.trials:
        return f"experiment {result.name}: no trial has run\n"
    return plain_text([ResultsTable(result, store)], width)


def to_json(result: ExperimentResult) -> str:
    """Everything there is, as JSON; undefined values are null."""
    best = _best(result)
    runs = [
        {
            "run": run.run,
            "best": run.run == best,
            "n_ok": run.n_ok,
            "n_total": run.n_total,
            "metrics": {name: _mean_values(run.mean(name)) for name in run.metric_names},
            "ensemble": None if run.ensemble is None else asdict(run.ensemble),
            "trials": [_trial_values(trial) for trial in run.trials],
        }
        for run in result.runs
    ]
    everything = {
        "experiment": result.name,
        "best_run": best,
        "verdict": verdict_values(verdict(result)),
        "runs": runs,
    }
    return finite_json(everything)


def _mean_values(mean: SeedMean) -> dict[str, Any]:
    return {**asdict(mean), "failure_rate": mean.failure_rate}


def verdict_values(found: Verdict) -> dict[str, Any]:
    """A verdict as plain values, with its words."""
    return found.to_dict()


def finite_json(values: dict[str, Any]) -> str:
    """JSON, which has no NaN: undefined values are null."""
    return json_text(values)


def _trial_values(trial: TrialResult) -> dict[str, Any]:
    values = {**asdict(trial), "metrics": dict(trial.metrics), "params": dict(trial.params)}
    del values["foreign"]  # our own ones are not
    return values


def _best(result: ExperimentResult) -> str | None:
    try:
        return result.best_run().run
    except ResultError:
        return None


def marks_of_runs(result: ExperimentResult, found: Verdict | None) -> dict[str, str]:
    """The mark of every run."""
    best = _best(result)
    tied = found.tie_set if found is not None and found.best == best and found.differences else ()
    return {run.run: mark_of(run.run, best, tied) for run in result.runs}


def marks_and_legend(result: ExperimentResult) -> tuple[dict[str, str], str]:
    """The mark of every run, and what those mean that are there."""
    marks = marks_of_runs(result, verdict(result))
    return marks, legend(marks.values(), kind=f"{result.member}s")


def _runs(result: ExperimentResult, marks: Mapping[str, str], width: int) -> Table:
    rows = [(row, marks[run.run] == BEST) for run in result.runs for row in _rows(run, marks[run.run])]
    # a mean and its interval side by side, if the names leave them the room
    headers = HEADERS
    if needed_width(headers, [cells for cells, _ in rows]) > width:
        headers = tuple(header.replace(" entity ", "\nentity ") for header in headers)
        rows = [([cell if k == 1 else in_lines(cell) for k, cell in enumerate(cells)], bold) for cells, bold in rows]
    room = width - needed_width(headers, [[*cells[:1], "", *cells[2:]] for cells, _ in rows])
    rows = [
        ([folded_name(cell, room) if k == 1 else cell for k, cell in enumerate(cells)], bold) for cells, bold in rows
    ]
    table = Table(box=head_line(), title=Text(f"experiment {result.name}"), title_justify="left", pad_edge=False)
    for header in headers:
        justify: Literal["left", "right"] = "right" if header in ("ok", "epochs") else "left"
        table.add_column(header, justify=justify, overflow="fold", no_wrap=header != "run" and width >= NARROW)
    for cells, bold in rows:
        table.add_row(*map(Text, cells), style="bold" if bold else None)
    return table


def folded_name(name: str, room: int) -> str:
    """A run's name in lines of at most `room` characters, broken behind the parts of its point as far as these fit."""
    lines = [""]
    for part in re.split(r"(?<=[,(])", name):
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _rows(run: RunResult, mark: str) -> Iterator[list[str]]:
    """A run, and the ensemble of its seeds."""
    means = (run.mean_if_any(metric).with_interval() for metric in (SELECTION_METRIC, TEST_METRIC))
    yield [mark, run.run, f"{run.n_ok}/{run.n_total}", epochs_text(run), *means]
    if (found := ensemble_of(run)) is not None:
        yield ["", TITLE, str(len(found.seeds)), "", *(score_cell(found, split) for split in SPLITS)]


def needed_width(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """The columns of a screen on which no cell of a table has to be folded."""
    columns = zip(headers, *rows, strict=True)
    widths = (max(len(line) for cell in column for line in cell.split("\n")) for column in columns)
    return sum(widths) + PADDING * (len(headers) - 1) + EDGES


def epochs_text(run: RunResult, listed: int = LISTED_EPOCHS, *, spread: bool = False) -> str:
    """Of the trials that ended ok: each of up to `listed`, else their mean, with the `spread` where there is room."""
    epochs = [trial.epochs for trial in run.ok_trials if trial.epochs is not None]
    if not epochs:
        return "-"
    if len(epochs) <= listed:
        return ", ".join(map(str, epochs))
    if len({*epochs}) == 1:
        return str(epochs[0])
    mean = f"{sum(epochs) / len(epochs):.1f}"
    return f"{mean} ({min(epochs)} to {max(epochs)})" if spread else mean


def _legend(result: ExperimentResult, marks: Mapping[str, str]) -> Iterator[str]:
    means = [run.mean_if_any(metric) for run in result.runs for metric in (SELECTION_METRIC, TEST_METRIC)]
    ensembles = any(ensemble_of(run) is not None for run in result.runs)
    of_means = means_legend(means)
    if ensembles and "interval" not in of_means:
        of_means += "; of an ensemble [95 % interval]"
    said = [part for part in (legend(set(marks.values()), kind=f"{result.member}s"), of_means) if part]
    lines = [f"{'.  '.join(said)}."] if said else []
    if lines := [*lines, *part_lines(result)]:
        yield from [*lines, ""]


def _folds(result: ExperimentResult) -> Iterator[str]:
    said = fold_sentences(result)
    yield from said
    if said:
        yield ""


def fold_sentences(result: ExperimentResult) -> list[str]:
    """How much the folds, and how much the seeds vary, of every run with folds."""
    spreads = ((run.run, run.mean_if_any(SELECTION_METRIC).folds) for run in result.runs)
    return [f"val F1 of {run}: {spread}" for run, spread in spreads if spread is not None and spread.folds > 1]


def _verdict(found: Verdict | None) -> Iterator[str]:
    """What the seeds say about the runs, on the val metric that chooses the best run."""
    if found is not None:
        yield from found.plain
        yield ""


def _ensembles(result: ExperimentResult) -> Iterator[str]:
    said = ensemble_sentences(result, _best(result))
    yield from said
    if said:
        yield ""
