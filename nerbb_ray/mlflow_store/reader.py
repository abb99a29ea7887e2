"""The results of an experiment, read back from MLflow. What counts of every metric is its latest value."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nerbb_ray.config.spec import Member
from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.database import sqlite_file
from nerbb_ray.mlflow_store.names import read_value, write_name
from nerbb_ray.mlflow_store.schema import (
    KIND,
    RUN,
    RUN_NOTE,
    find_runs,
    newest_trials,
    order_of,
    reading,
    run_ensemble,
    seeds_of,
    trial_result,
)
from nerbb_ray.mlflow_store.sql import read_experiments, read_finished
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.run_order import by_number
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, Status, TrialResult
from nerbb_ray.spelling import did_you_mean
from nerbb_ray.verdict.notes import ended_at_the_cap
from nerbb_ray.verdict.parts import share_of

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

MAX_EXPERIMENTS = 50_000
MOST_CURVES = 24  # of trials that say whether F1 was still rising
OK: tuple[Status, ...] = ("ok",)


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """One line of the list of experiments.

    Args:
        started: when MLflow made the experiment, in UTC.
        runs: number of runs that have at least one trial.
        n_ok, n_total: trials.
        best_run: None while no trial has ended ok.
        val_f1, test_f1: entity micro F1 of the best run.
        val_share, test_share: of these splits that it was evaluated on.
    """

    name: str
    started: datetime
    runs: int
    n_ok: int
    n_total: int
    best_run: str | None
    val_f1: SeedMean
    test_f1: SeedMean
    val_share: float = 1.0
    test_share: float = 1.0


def load_result(tracking_uri: str, name: str) -> ExperimentResult:
    """Everything an experiment has reached so far.

    Raises:
        ResultError: there is no such experiment (the message has the nearest names), or MLflow cannot be read.
    """
    result = find_result(tracking_uri, name)
    if result is not None:
        return with_val_f1(result, tracking_uri)
    hint = did_you_mean(name, _names(tracking_uri), str, none="there are none of any experiment yet")
    raise ResultError(f"experiment {name!r} has no results; {hint}")


def with_val_f1(result: ExperimentResult, tracking_uri: str) -> ExperimentResult:
    """With the val F1 after every epoch, where only that tells whether the trials have ended too early.

    Raises:
        ResultError: MLflow cannot be read.
    """
    if not ended_at_the_cap([trial for trial in result.trials if trial.ok]):
        return result
    curves = finished_curves(tracking_uri, result.name, SELECTION_METRIC, most=MOST_CURVES)

    def known(trial: TrialResult) -> TrialResult:
        return replace(trial, val_f1_curve=tuple(curves.get((trial.run, trial.member), ())))

    return replace(result, runs=tuple(replace(run, trials=tuple(map(known, run.trials))) for run in result.runs))


def find_result(tracking_uri: str, name: str) -> ExperimentResult | None:
    """Like load_result, but None for an experiment that MLflow does not have.

    Raises:
        ResultError: MLflow cannot be read.
    """
    if not _exists(tracking_uri):
        return None
    with reading(tracking_uri) as client:
        experiment = client.get_experiment_by_name(name)
        if experiment is None or experiment.lifecycle_stage != "active":
            return None
        runs = list(find_runs(client, [experiment.experiment_id]))
    return _result(name, runs)


def list_experiments(tracking_uri: str) -> tuple[ExperimentSummary, ...]:
    """All experiments that have trials, the newest first: one that was cleared is there no more.

    A database file is read without MLflow, whose imports cost more than all else.

    Raises:
        ResultError: MLflow cannot be read.
    """
    if not _exists(tracking_uri):
        return ()
    database = sqlite_file(tracking_uri)
    listed = None if database is None else read_experiments(database)
    if listed is None:
        return list_by_client(tracking_uri)
    return _listed((one.created_ms, _ordered(one.name, one.trials, one.n_seeds, one.notes)) for one in listed)


def list_by_client(tracking_uri: str) -> tuple[ExperimentSummary, ...]:
    """All experiments that have trials, the newest first, of any MLflow.

    Raises:
        ResultError: MLflow cannot be read.
    """
    with reading(tracking_uri) as client:
        experiments = _our_experiments(client)
        runs: dict[str, list[Run]] = {experiment.experiment_id: [] for experiment in experiments}
        for run in find_runs(client, list(runs)):
            runs[run.info.experiment_id].append(run)
    return _listed((one.creation_time or 0, _result(one.name, runs[one.experiment_id])) for one in experiments)


def finished_trials(tracking_uri: str) -> list[tuple[str, TrialResult]]:
    """The trials of all experiments that ended ok, diverged or were cut, with the name of their experiment, epochs and
    duration.

    Raises:
        ResultError: MLflow cannot be read.
    """
    if not _exists(tracking_uri):
        return []
    database = sqlite_file(tracking_uri)
    read = None if database is None else read_finished(database)
    if read is not None:
        return read
    with reading(tracking_uri) as client:
        names = {experiment.experiment_id: experiment.name for experiment in _our_experiments(client)}
        runs = list(find_runs(client, list(names), kind="trial"))
    found = ((names[run.info.experiment_id], trial_result(run)) for run in runs)
    return [(name, trial) for name, trial in found if trial.status in ("ok", "diverged", "cut")]


def finished_curves(
    tracking_uri: str, name: str, metric: str, statuses: Collection[Status] = OK, most: int | None = None
) -> dict[tuple[str, Member], list[float]]:
    """What a metric was after every epoch of the trials of an experiment that ended so, by run and member.

    Args:
        most: trials, from here and there among all.
    Raises:
        ResultError: MLflow cannot be read.
    """
    if not _exists(tracking_uri):
        return {}
    with reading(tracking_uri) as client:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            return {}
        trials = newest_trials(find_runs(client, [experiment.experiment_id], kind="trial"))
        finished = {cell: trial for cell, run in trials.items() if (trial := trial_result(run)).status in statuses}
        step = max(1, math.ceil(len(finished) / most)) if most else 1
        finished = dict(list(finished.items())[::step])
        histories = {cell: client.get_metric_history(trials[cell].info.run_id, write_name(metric)) for cell in finished}
    curves = {}
    for cell, points in histories.items():
        by_epoch = dict(sorted((point.step, read_value(point.value)) for point in points))
        # the value after that of the last epoch is that of the chosen weights
        curves[cell] = list(by_epoch.values())[: finished[cell].epochs]
    return curves


def delete_experiment_runs(tracking_uri: str, name: str) -> int:
    """Forget the runs of an experiment: MLflow keeps them as deleted until `mlflow gc`.

    Returns:
        How many there were; 0 for an experiment that does not exist.
    Raises:
        ResultError: MLflow cannot be read.
    """
    if not _exists(tracking_uri):
        return 0
    with reading(tracking_uri) as client:
        experiment = client.get_experiment_by_name(name)
        runs = list(find_runs(client, [experiment.experiment_id])) if experiment else []
        for run in runs:
            client.delete_run(run.info.run_id)
    return len(runs)


def _exists(tracking_uri: str) -> bool:
    # MLflow would make the database, which takes seconds
    database = sqlite_file(tracking_uri)
    return database is None or database.exists()


def _our_experiments(client: "MlflowClient") -> list["Experiment"]:
    return list(
        client.search_experiments(
            filter_string=f"tags.`{KIND}` = 'experiment'",
            order_by=["creation_time DESC"],
            max_results=MAX_EXPERIMENTS,
        )
    )


def _names(tracking_uri: str) -> list[str]:
    return [experiment.name for experiment in list_experiments(tracking_uri)]


def _result(name: str, runs: Sequence["Run"]) -> ExperimentResult:
    """The result of all MLflow runs of an experiment."""
    trials = newest_trials(run for run in runs if run.data.tags[KIND] == "trial").values()
    parents = [run for run in runs if run.data.tags[KIND] == "run"]
    notes = {run.data.tags[RUN]: run.data.tags.get(RUN_NOTE, "") for run in parents}
    ensembles = {run.data.tags[RUN]: made for run in parents if (made := run_ensemble(run)) is not None}
    n_seeds = max((seeds_of(run.data.params) for run in trials), default=0)
    found = _ordered(name, [trial_result(run) for run in trials], n_seeds, notes, ensembles)
    return replace(found, last_driver=max((order_of(run)[0] for run in runs), default=0))


def _ordered(
    name: str,
    trials: Iterable[TrialResult],
    n_seeds: int,
    notes: Mapping[str, str],
    ensembles: Mapping[str, RunEnsemble] | None = None,
) -> ExperimentResult:
    # the times in MLflow do not say the order of the file: trials start when they can
    return ExperimentResult.of(name, sorted(trials, key=lambda trial: by_number(trial.run)), n_seeds, notes, ensembles)


def _listed(found: Iterable[tuple[int, ExperimentResult]]) -> tuple[ExperimentSummary, ...]:
    return tuple(_summary(created_ms, result) for created_ms, result in found if result.trials)


def _summary(created_ms: int, result: ExperimentResult) -> ExperimentSummary:
    try:
        best = result.best_run()
    except ResultError:
        best = None
    params = best.trials[0].params if best else {}
    return ExperimentSummary(
        name=result.name,
        started=datetime.fromtimestamp(created_ms / 1000, tz=UTC),
        runs=len(result.runs),
        n_ok=sum(run.n_ok for run in result.runs),
        n_total=sum(run.n_total for run in result.runs),
        best_run=best.run if best else None,
        val_f1=best.mean_if_any(SELECTION_METRIC) if best else SeedMean.of([]),
        test_f1=best.mean_if_any(TEST_METRIC) if best else SeedMean.of([]),
        val_share=share_of(params, "val"),
        test_share=share_of(params, "test"),
    )
