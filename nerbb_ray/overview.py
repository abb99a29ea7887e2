"""The experiments of a store: the list of all, and the results of one."""

import io
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from nerbb_ray.errors import ResultError
from nerbb_ray.paths import StorePaths
from nerbb_ray.tracking.delivery import deliver_waiting
from nerbb_ray.tracking.mlflow_reader import ExperimentSummary, find_result, list_experiments, load_result

if TYPE_CHECKING:
    from nerbb_ray.tracking.results import ExperimentResult, TrialResult

log = logging.getLogger(__name__)

WIDTH = 110
HEADERS = ("experiment", "started (UTC)", "runs", "trials ok", "best run", "val entity F1", "test entity F1")
NUMBERS = ("runs", "trials ok")


def results_of(store: StorePaths, name: str) -> "ExperimentResult":
    """All that is known of an experiment, with what MLflow could not take while it ran.

    Raises:
        ResultError: it has no results, or MLflow cannot be read.
    """
    _deliver(store, name)
    return load_result(store.tracking_uri, name)


def results_so_far(store: StorePaths, name: str) -> "ExperimentResult | None":
    """Like `results_of`, but None for an experiment that was never run.

    Raises:
        ResultError: MLflow cannot be read.
    """
    _deliver(store, name)
    return find_result(store.tracking_uri, name)


def _deliver(store: StorePaths, name: str) -> None:
    try:
        deliver_waiting(store.undelivered(name), store.tracking_uri, name, str(store.artifacts / name))
    except ResultError as error:
        log.warning("results that MLflow has not taken yet are missing here: %s", error)


def joined(first: "ExperimentResult", second: "ExperimentResult") -> "ExperimentResult":
    """The runs of two experiments on the same data, those of the second as `<its name>:<run>`.

    Raises:
        ResultError: the data or the parts of it that are used differ, or no seed is in both: the numbers would not
            say anything about the runs.
    """
    from nerbb_ray.tracking.results import ExperimentResult

    data = [{_data_of(trial) for trial in result.trials if trial.ok} for result in (first, second)]
    if data[0] != data[1] or len(data[0]) > 1:
        described = "; ".join(" and ".join(sorted(", ".join(one) for one in some)) or "nothing" for some in data)
        raise ResultError(
            f"experiments {first.name} and {second.name} must have been evaluated on the same data; got {described}"
        )
    seeds = [{trial.seed for trial in result.trials if trial.ok} for result in (first, second)]
    if not seeds[0] & seeds[1]:
        raise ResultError(
            f"experiments {first.name} and {second.name} must have seeds in common ([settings] seed); "
            f"got {sorted(seeds[0])} and {sorted(seeds[1])}"
        )
    renamed = (replace(trial, run=f"{second.name}:{trial.run}") for trial in second.trials)
    return ExperimentResult.of(f"{first.name} and {second.name}", (*first.trials, *renamed))


def _data_of(trial: "TrialResult") -> tuple[str, ...]:
    """What a trial was evaluated on."""
    parts = (f"{key} = {trial.params.get(key)}" for key in ("dataset_name", "prune_ratio_val", "prune_ratio_test"))
    return (*parts, f"fingerprint {(trial.data or 'unknown')[:12]}")


def experiments_text(store: StorePaths) -> str:
    """A table: the newest experiment first, then those that were never run.

    Raises:
        ResultError: MLflow cannot be read.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    summaries = list_experiments(store.tracking_uri)
    waiting = sorted(set(store.configs()) - {summary.name for summary in summaries})
    if not summaries and not waiting:
        return f"no experiments in {store.root}; put a file into {store.experiment_configs} and run it"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in HEADERS:
        table.add_column(header, justify="right" if header in NUMBERS else "left", overflow="fold")
    for summary in summaries:
        table.add_row(*map(Text, _cells(summary)))
    for name in waiting:
        table.add_row(Text(name), "not run yet")
    out = io.StringIO()
    Console(file=out, width=WIDTH, color_system=None, force_terminal=False, _environ={}).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())


def _cells(summary: ExperimentSummary) -> tuple[str, ...]:
    return (
        summary.name,
        f"{summary.started:%Y-%m-%d %H:%M}",
        str(summary.runs),
        f"{summary.n_ok}/{summary.n_total}",
        summary.best_run or "-",
        str(summary.val_f1),
        str(summary.test_f1),
    )
