"""What earlier calls of the same experiment have done already: finished trials are not paid twice."""

import logging
import shutil
from collections.abc import Iterable, Mapping

from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import TrialSpec, expand, proposed_run, trial_of
from nerbb_ray.errors import ConfigError, ResultError
from nerbb_ray.results.experiment_result import TrialResult
from nerbb_ray.store import StorePaths

# parameters that may change without changing what a trial computes; the seed names the trial
FREE = ("run", "seed", "preset", "checkpoints", "logging_level", "multiple_runs")
FINISHED = {"ok", "diverged"}

log = logging.getLogger(__name__)


def finished_trials(
    spec: ExperimentSpec, store: StorePaths, *, must_exist: bool = False
) -> tuple[dict[str, TrialResult], dict[str, RunSpec]]:
    """The trials, by name, that ended ok or diverged, or that the race has cut: they need not run again.

    Seeds that are no longer asked for are among them: what was measured of a run counts in its mean.

    Args:
        must_exist: whether an experiment without any earlier trial is an error.
    Returns:
        The trials, and the runs among them that a search has proposed.
    Raises:
        ConfigError: an earlier trial of a run had other parameters; the error shows the difference.
        ResultError: there are no earlier trials, but there must be; or MLflow cannot be read.
    """
    from nerbb_ray.mlflow_store.delivery import deliver_waiting
    from nerbb_ray.mlflow_store.reader import find_result

    # what MLflow does not know yet would be trained again
    name = spec.name
    deliver_waiting(store.undelivered(name), store.tracking_uri, name, str(store.artifacts / name))
    known = find_result(store.tracking_uri, name)
    if must_exist and not (known and known.trials):
        raise ResultError(f"experiment {name}: there is nothing to resume; run it without --resume")
    planned = {trial.run: trial for trial in expand(spec)}
    proposed = _proposed(spec, known.trials if known else ())
    planned |= {run.name: trial_of(spec, run, spec.settings.seeds[0]) for run in proposed.values()}
    earlier = [trial for trial in known.trials if trial.run in planned] if known else []
    refuse_changes(name, planned, earlier)
    # without a race, nothing keeps a trial from catching up
    finished = {*FINISHED, "cut"} if spec.search.racing else FINISHED
    return {trial.name: trial for trial in earlier if trial.status in finished}, proposed


def earlier_curves(spec: ExperimentSpec, store: StorePaths) -> dict[tuple[str, int], list[float]]:
    """The metric of a race after every epoch of the trials that ended ok, which others are cut by, or were cut."""
    from nerbb_ray.mlflow_store.reader import finished_curves

    if not spec.search.racing:
        return {}
    return finished_curves(store.tracking_uri, spec.name, spec.search.metric, ("ok", "cut"))


def _proposed(spec: ExperimentSpec, trials: Iterable[TrialResult]) -> dict[str, RunSpec]:
    """The runs of earlier trials that are points of the patterns of an experiment."""
    if not any(run.space for run in spec.runs):
        return {}
    found = (proposed_run(spec, trial.run, trial.params) for trial in trials)
    return {run.name: run for run in found if run is not None}


def refuse_changes(name: str, planned: Mapping[str, TrialSpec], earlier: Iterable[TrialResult]) -> None:
    """Raises ConfigError if a run has earlier trials with other parameters: their mean would be one of two things.

    Args:
        planned: one trial of each run, by its run.
    """
    changes: dict[str, None] = {}
    for trial in earlier:
        for key, value in planned[trial.run].params().items():
            if key in trial.params and key not in FREE and str(trial.params[key]) != str(value):
                changes[f"{trial.run}: {key} was {trial.params[key]}, now {value}"] = None
    _refuse(name, "other parameters", changes)


def refuse_other_data(name: str, fingerprints: Mapping[str, str], earlier: Iterable[TrialResult]) -> None:
    """Raises ConfigError if the data of a run are not those of its earlier trials.

    Args:
        fingerprints: of the data now, by run.
    """
    changes = {
        f"{trial.run}: the data had the fingerprint {trial.data[:12]}, now {fingerprints[trial.run][:12]}": None
        for trial in earlier
        if trial.data and trial.data != fingerprints[trial.run]
    }
    _refuse(name, "other data", changes)


def _refuse(name: str, what: str, changes: Iterable[str]) -> None:
    lines = [f"  {change}" for change in changes]
    if lines:
        way_out = "give the file another name, or run it with --overwrite to forget the earlier trials"
        raise ConfigError([f"experiment {name} has trials with {what}:", *lines, way_out])


def forget(name: str, store: StorePaths) -> None:
    """Delete what earlier calls left: MLflow marks its runs as deleted, the models are removed."""
    from nerbb_ray.mlflow_store.reader import delete_experiment_runs

    delete_experiment_runs(store.tracking_uri, name)
    for folder in (store.checkpoints(name), store.tensorboard(name), store.ray(name)):
        shutil.rmtree(folder, ignore_errors=True)
    log.info("experiment %s: earlier trials deleted", name)
