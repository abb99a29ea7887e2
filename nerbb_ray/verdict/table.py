"""The results table: for the screen, as plain text, as JSON."""

import json
import math
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from nerbb_ray.console import head_line, plain_text
from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import SELECTION_METRIC, TEST_METRIC, ExperimentResult, RunResult, TrialResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.ensemble_words import SPLITS, TITLE, ensemble_of, ensemble_sentences, score_cell
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.verdict import verdict
from nerbb_ray.verdict.words import in_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

HEADERS: tuple[str, ...] = ("", "run", "ok", "epochs", "val entity micro F1", "test entity micro F1")
PADDING = 3  # between two columns
EDGES = 2  # a blank before the first column and one after the last
NARROW = 70  # columns of a screen on which even numbers have to be folded
LISTED_EPOCHS = 3
BEST = "*"


@dataclass(frozen=True, slots=True)
class ResultsTable:
    """A rich renderable: the runs, what went wrong, where the models lie, and what to do next.

    Long run names are folded; numbers are not cut.
    """

    result: ExperimentResult
    store: str | None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        from rich.text import Text

        result = self.result
        yield _runs(result, options.max_width)
        found = verdict(result) if sum(run.n_ok > 0 for run in result.runs) > 1 else None
        parts = (
            _legend(result),
            _folds(result),
            _verdict(found),
            _ensembles(result),
            _problems(result, found),
            _models(result),
        )
        for line in (*(line for part in parts for line in part), *_next_commands(result, self.store)):
            yield Text(line, overflow="fold")


def results_text(result: ExperimentResult, width: int = 100, store: str | None = None) -> str:
    """The table as plain text of at most `width` columns; what it adds to names and messages is ASCII.

    Args:
        store: the path that the next commands have to name; None for the default store.
    """
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
    return json.dumps(_finite(values), indent=2, allow_nan=False)


def _trial_values(trial: TrialResult) -> dict[str, Any]:
    return {**asdict(trial), "metrics": dict(trial.metrics), "params": dict(trial.params)}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _best(result: ExperimentResult) -> str | None:
    try:
        return result.best_run().run
    except ResultError:
        return None


def _runs(result: ExperimentResult, width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    best = _best(result)
    rows = [(row, run.run == best) for run in result.runs for row in _rows(run, run.run == best)]
    # a mean and its interval side by side, if the names leave them the room
    headers = HEADERS
    if _needed_width(headers, [cells for cells, _ in rows]) > width:
        headers = tuple(header.replace(" entity ", "\nentity ") for header in headers)
        rows = [([cell if k == 1 else in_lines(cell) for k, cell in enumerate(cells)], bold) for cells, bold in rows]
    table = Table(box=head_line(), title=Text(f"experiment {result.name}"), title_justify="left", pad_edge=False)
    for header in headers:
        justify: Literal["left", "right"] = "right" if header in ("ok", "epochs") else "left"
        table.add_column(header, justify=justify, overflow="fold", no_wrap=header != "run" and width >= NARROW)
    for cells, bold in rows:
        table.add_row(*map(Text, cells), style="bold" if bold else None)
    return table


def _rows(run: RunResult, best: bool) -> Iterator[list[str]]:
    """A run, and the ensemble of its seeds."""
    means = (run.mean(metric).with_interval() for metric in (SELECTION_METRIC, TEST_METRIC))
    yield [BEST if best else "", run.run, f"{run.n_ok}/{run.n_total}", epochs_text(run), *means]
    if (found := ensemble_of(run)) is not None:
        yield ["", TITLE, str(len(found.seeds)), "", *(score_cell(found, split) for split in SPLITS)]


def _needed_width(headers: Sequence[str], rows: list[list[str]]) -> int:
    columns = zip(headers, *rows, strict=True)
    return sum(max(map(len, column)) for column in columns) + PADDING * (len(headers) - 1) + EDGES


def epochs_text(run: RunResult, listed: int = LISTED_EPOCHS, *, spread: bool = False) -> str:
    """Of the trials that ended ok: each of up to `listed`, else their mean, with the `spread` where there is room."""
    epochs = [trial.epochs for trial in run.ok_trials if trial.epochs is not None]
    if not epochs:
        return "-"
    if len(epochs) <= listed:
        return ", ".join(map(str, epochs))
    mean = f"{sum(epochs) / len(epochs):.1f}"
    return f"{mean} ({min(epochs)} to {max(epochs)})" if spread else mean


def _legend(result: ExperimentResult) -> Iterator[str]:
    if _best(result) is not None:
        yield (
            f"{BEST} best run: highest mean val F1.  Mean +- standard error [95 % interval] over the seeds; "
            "of two seeds, both values."
        )
        yield ""


def _folds(result: ExperimentResult) -> Iterator[str]:
    said = fold_sentences(result)
    yield from said
    if said:
        yield ""


def fold_sentences(result: ExperimentResult) -> list[str]:
    """How much the folds, and how much the seeds vary, of every run with folds."""
    spreads = ((run.run, run.mean(SELECTION_METRIC).folds) for run in result.runs)
    return [f"val F1 of {run}: {spread}" for run, spread in spreads if spread is not None]


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


def _problems(result: ExperimentResult, found: Verdict | None) -> Iterator[str]:
    """Every trial that has not ended ok or has a note, and the seeds that never started."""
    for trial in result.trials:
        if trial.status == "cut":
            yield f"cut {trial.name}: {trial.reason}"
        elif not trial.ok:
            yield f"{trial.status} {trial.name}" + (f": {trial.error}" if trial.error else "")
            if trial.log:
                yield f"  log: {trial.log}"
        elif trial.note:
            yield f"note on {trial.name}: {trial.note}"
    yield from search_notes(result, found)
    for run in result.runs:
        missing = run.n_total - len(run.trials)
        if missing and not run.note:
            yield f"not started {run.run}: {missing} of {run.n_total} seeds"


def search_notes(result: ExperimentResult, found: Verdict | None) -> list[str]:
    """Why the search gave runs fewer seeds than they were to have; what is true of several runs is said once.

    Args:
        found: the verdict, whose words say already why a run is not compared.
    """
    runs: dict[str, list[str]] = {}
    said = {} if found is None else found.left_out
    for run in result.runs:
        if run.note and said.get(run.run) != run.note:
            runs.setdefault(run.note, []).append(run.run)
    # a race that ends with a tie names the runs itself
    return [
        f"{names[0] if len(names) == 1 else f'{len(names)} runs have fewer seeds'}: {note}"
        for note, names in runs.items()
    ]


def _models(result: ExperimentResult) -> Iterator[str]:
    saved = [trial for trial in result.trials if trial.ok and trial.checkpoint]
    if not saved:
        return
    try:
        best = result.best_trial()
    except ResultError:
        best = saved[0]
    if best.checkpoint:
        yield f"best model: {best.checkpoint}"
    folders = [os.path.dirname(os.path.dirname(trial.checkpoint or "")) for trial in saved]  # noqa: PTH120
    if len(saved) > 1:
        yield f"all models: {os.path.commonpath(folders)}"


def _next_commands(result: ExperimentResult, store: str | None) -> Iterator[str]:
    where = [] if store is None else ["--store", store]
    several = [["compare", result.name]] if sum(run.n_ok > 0 for run in result.runs) > 1 else []
    commands = (["get_experiment_results", result.name], *several, ["mlflow"], ["tensorboard"])
    yield f"next: {' | '.join(shlex.join(['nerbb', *command, *where]) for command in commands)}"
