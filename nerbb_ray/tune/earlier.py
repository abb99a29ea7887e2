"""What earlier calls of the same experiment have done already: finished trials are not paid twice."""

import logging
import shutil
from collections.abc import Iterable

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.errors import ConfigError, ResultError
from nerbb_ray.store import StorePaths
from nerbb_ray.tracking.results import TrialResult

# parameters that may change without changing what a trial computes
FREE = ("run", "preset", "checkpoints", "logging_level", "multiple_runs")

log = logging.getLogger(__name__)


def finished_trials(
    name: str, trials: Iterable[TrialSpec], store: StorePaths, *, must_exist: bool = False
) -> dict[str, TrialResult]:
    """The trials, by name, that ended ok or diverged: running them again would give the same.

    Args:
        must_exist: whether an experiment without any earlier trial is an error.
    Raises:
        ConfigError: an earlier trial of the same name had other parameters; the error shows the difference.
        ResultError: there are no earlier trials, but there must be; or MLflow cannot be read.
    """
    from nerbb_ray.tracking.mlflow_reader import find_result

    known = find_result(store.tracking_uri, name)
    earlier = {trial.name: trial for trial in known.trials} if known else {}
    if must_exist and not earlier:
        raise ResultError(f"experiment {name}: there is nothing to resume; run it without --resume")
    trials = list(trials)
    refuse_changes(name, trials, earlier)
    return {
        trial.name: earlier[trial.name]
        for trial in trials
        if trial.name in earlier and earlier[trial.name].status in ("ok", "diverged")
    }


def refuse_changes(name: str, trials: Iterable[TrialSpec], earlier: dict[str, TrialResult]) -> None:
    """Raises ConfigError if trials of the same name were run with other parameters."""
    changes: dict[str, None] = {}
    for trial in trials:
        known = earlier[trial.name].params if trial.name in earlier else {}
        for key, value in trial.params().items():
            if key in known and key not in FREE and str(known[key]) != str(value):
                changes[f"{trial.run}: {key} was {known[key]}, now {value}"] = None
    if changes:
        raise ConfigError(
            [
                f"experiment {name} has trials with other parameters:",
                *(f"  {change}" for change in changes),
                "give the file another name, or run it with --overwrite to forget the earlier trials",
            ]
        )


def forget(name: str, store: StorePaths) -> None:
    """Delete what earlier calls left: MLflow marks its runs as deleted, the models are removed."""
    from nerbb_ray.tracking.mlflow_reader import delete_experiment_runs

    delete_experiment_runs(store.tracking_uri, name)
    for folder in (store.checkpoints(name), store.tensorboard(name), store.ray(name)):
        shutil.rmtree(folder, ignore_errors=True)
    log.info("experiment %s: earlier trials deleted", name)
