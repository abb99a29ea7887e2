"""The experiments of a store: the list of all, and the results of one."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from nerbb_ray.console import Sentence, head_line, plain_text, shown_width
from nerbb_ray.errors import ResultError
from nerbb_ray.locks import holder_of
from nerbb_ray.mlflow_store.database import sqlite_file
from nerbb_ray.mlflow_store.delivery import deliver_waiting
from nerbb_ray.mlflow_store.details import Wanted, read_curves, read_details
from nerbb_ray.mlflow_store.moved import as_moved
from nerbb_ray.mlflow_store.reader import ExperimentSummary, find_result, list_experiments, load_result
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.sentences import FILE, parse
from nerbb_ray.verdict.table import marks_and_legend, needed_width
from nerbb_ray.verdict.words import in_lines

if TYPE_CHECKING:
    from nerbb_ray.mlflow_store.details import TrialKey
    from nerbb_ray.ner.resampling import Ints
    from nerbb_ray.results.trial_result import RunResult, TrialResult

log = logging.getLogger(__name__)

HEADERS = ("experiment", "started (UTC)", "runs", "trials ok", "best run", "val entity F1", "test entity F1")
NUMBERS = ("runs", "trials ok")
PARTS = "of N %: of the first N % of the split only (prune_ratio_val, prune_ratio_test)"


def results_of(store: StorePaths, name: str) -> ExperimentResult:
    """All that is known of an experiment, with what MLflow could not take while it ran.

    Raises:
        ResultError: it has no results, or MLflow cannot be read.
    """
    _deliver(store, name)
    result = load_result(store.tracking_uri, name)
    if not result.trials:
        run_it = f"; run it: nerbb run_experiment {name}" if name in store.configs() else ""
        raise ResultError(f"experiment {name!r} has no results: no trial of it has begun, or they were deleted{run_it}")
    return for_users(_without_the_dead(result, store), store)


def for_users(result: ExperimentResult, store: StorePaths) -> ExperimentResult:
    """Results that can read the curves of their trials, mark the best run and those tied with it, and name files where
    they are now."""
    read = partial(read_curves, store.tracking_uri, result.name)
    return replace(as_moved(result, store), read_curves=read, mark_runs=marks_and_legend)


def results_so_far(store: StorePaths, name: str) -> ExperimentResult | None:
    """Like `results_of`, but None for an experiment that was never run.

    Raises:
        ResultError: MLflow cannot be read.
    """
    _deliver(store, name)
    found = find_result(store.tracking_uri, name)
    return None if found is None else _without_the_dead(as_moved(found, store), store)


def _deliver(store: StorePaths, name: str) -> None:
    try:
        deliver_waiting(store.undelivered(name), store.tracking_uri, name, str(store.artifacts / name))
    except ResultError as error:
        log.warning("results that MLflow has not taken yet are missing here: %s", error)


def _without_the_dead(result: ExperimentResult, store: StorePaths) -> ExperimentResult:
    """Trials that nobody runs any more are not running: a driver that was killed could not say so."""
    lock = store.lock(result.name)
    here = lock.exists() or sqlite_file(store.tracking_uri) is not None  # else another store's process may run them
    if not here or all(trial.status != "running" for trial in result.trials) or holder_of(lock) is not None:
        return result
    return replace(result, runs=tuple(replace(run, trials=tuple(map(_ended, run.trials))) for run in result.runs))


def _ended(trial: "TrialResult") -> "TrialResult":
    if trial.status != "running":
        return trial
    return replace(trial, status="interrupted", error="its driver was killed; run the experiment again to go on")


def joined(first: ExperimentResult, second: ExperimentResult, phase: str = "val") -> ExperimentResult:
    """The runs of two experiments on the same data, those of the second as `<its name>:<run>`.

    Args:
        phase: that is compared; test is the same for all folds.
    Raises:
        ResultError: the data or the parts of it that are used differ: the numbers would say nothing about the runs.
    """
    data = [
        {trial.evaluated_on(folds=phase != "test") for trial in result.trials if trial.ok} for result in (first, second)
    ]
    if data[0] != data[1] or len(data[0]) > 1:
        described = "; ".join(" and ".join(sorted(", ".join(one) for one in some)) or "nothing" for some in data)
        raise ResultError(
            f"experiments {first.name} and {second.name} must have been evaluated on the same data; got {described}"
        )
    # run by run: why a race has dropped one is not to be lost
    renamed = (_renamed(run, f"{second.name}:{run.run}") for run in second.runs)
    return ExperimentResult(f"{first.name} and {second.name}", (*first.runs, *renamed))


def _renamed(run: "RunResult", name: str) -> "RunResult":
    return replace(run, run=name, trials=tuple(replace(trial, run=name) for trial in run.trials))


def counts_of_sentences(
    store: StorePaths, experiments: Sequence[str], trials: "Collection[TrialKey]"
) -> "tuple[dict[TrialKey, Ints], str | None]":
    """The entity counts of the test sentences of some trials, and a note on those that have none.

    Args:
        experiments: one, or two whose runs are `joined`.
        trials: run and seed, as in the (joined) result.
    Raises:
        ResultError: MLflow cannot be read.
    """
    found, problems = {}, {}
    for number, name in enumerate(experiments):
        prefix = f"{name}:" if number else ""
        others = () if number else tuple(f"{other}:" for other in experiments[1:])
        keys = {(run.removeprefix(prefix), seed): (run, seed) for run, seed in trials if run.startswith(prefix)}
        wanted = {
            own: Wanted(files=(FILE,), whole=True) for own, (run, _) in keys.items() if not run.startswith(others)
        }
        for own, read in read_details(store.tracking_uri, name, wanted).items():
            try:
                found[keys[own]] = parse(read.files[FILE])
            except KeyError:
                problems[keys[own]] = read.problem or f"{FILE} is not there: the trial is of an older version"
            except ValueError as error:
                problems[keys[own]] = str(error)
    return found, _first_problem(problems)


def _first_problem(problems: "Mapping[TrialKey, str]") -> str | None:
    if not problems:
        return None
    (run, seed), problem = next(iter(problems.items()))
    more = f" and {len(problems) - 1} more trials" if len(problems) > 1 else ""
    return f"{run}-{seed}{more}: {problem}"


def experiments_text(store: StorePaths) -> str:
    """A table: the newest experiment first, then those that were never run.

    Raises:
        ResultError: MLflow cannot be read.
    """
    summaries = list_experiments(store.tracking_uri)
    waiting = sorted(set(store.configs()) - {summary.name for summary in summaries})
    if not summaries and not waiting:
        return f"no experiments in {store.root}; put a file into {store.experiment_configs} and run it"
    table = Table(box=head_line(), pad_edge=False)
    for header in HEADERS:
        table.add_column(header, justify="right" if header in NUMBERS else "left", overflow="fold")
    width, rows = shown_width(), [_cells(summary) for summary in summaries]
    if rows and needed_width(HEADERS, rows) > width:
        rows = [(*row[:-2], *map(in_lines, row[-2:])) for row in rows]
    for row in rows:
        table.add_row(*map(Text, row))
    for name in waiting:
        table.add_row(Text(name), "not run yet")
    parts = any(min(one.val_share, one.test_share) < 1 for one in summaries)
    return plain_text([table, *([Sentence(PARTS)] if parts else [])], width).strip("\n")


def experiments_values(store: StorePaths) -> list[dict[str, Any]]:
    """What `experiments_text` shows, as plain values.

    Raises:
        ResultError: MLflow cannot be read.
    """
    summaries = list_experiments(store.tracking_uri)
    waiting = sorted(set(store.configs()) - {summary.name for summary in summaries})
    return [*map(_values, summaries), *({"experiment": name, "started": None} for name in waiting)]


def _values(summary: ExperimentSummary) -> dict[str, Any]:
    means = {"val_f1": summary.val_f1, "test_f1": summary.test_f1}
    return {
        "experiment": summary.name,
        "started": summary.started.isoformat(),
        "runs": summary.runs,
        "trials_ok": summary.n_ok,
        "trials": summary.n_total,
        "best_run": summary.best_run,
        **{name: asdict(mean) for name, mean in means.items()},
        "val_share": summary.val_share,
        "test_share": summary.test_share,
    }


def _cells(summary: ExperimentSummary) -> tuple[str, ...]:
    return (
        summary.name,
        f"{summary.started:%Y-%m-%d %H:%M}",
        str(summary.runs),
        f"{summary.n_ok}/{summary.n_total}",
        summary.best_run or "-",
        _of_share(summary.val_f1, summary.val_share),
        _of_share(summary.test_f1, summary.test_share),
    )


def _of_share(mean: SeedMean, share: float) -> str:
    return mean.brief() if share >= 1 or not mean.n else f"{mean.brief()} of {100 * share:.4g} %"
