"""Where the files of trials are now: MLflow has paths of then, and a store may have been moved or copied since."""

from dataclasses import replace
from pathlib import Path

from nerbb_ray.mlflow_store.database import sqlite_file
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult

KINDS = ("checkpoints", "logs", "ray")  # folders of results that trials have files in


def as_moved(result: ExperimentResult, store: StorePaths) -> ExperimentResult:
    """The same results, with the paths of models and logs in this store where they are in it."""
    runs = (
        replace(run, trials=tuple(_moved(trial, result.name, store) for trial in run.trials)) for run in result.runs
    )
    return replace(result, runs=tuple(runs))


def artifacts_folder(recorded: Path, tracking_uri: str) -> Path:
    """Where the artifacts of a run of MLflow are: beside its database, as far as they are there."""
    database = sqlite_file(tracking_uri)
    if database is None:
        return recorded
    # artifacts/<experiment>/<run id>/artifacts
    starts = [at for at, part in enumerate(recorded.parts) if part == "artifacts"]
    own = (database.parent.joinpath(*recorded.parts[at:]) for at in starts[:-1])
    return next((folder for folder in own if folder.is_dir()), recorded)


def _moved(trial: TrialResult, experiment: str, store: StorePaths) -> TrialResult:
    checkpoint, log = (_here(path, experiment, store) for path in (trial.checkpoint, trial.log))
    return replace(trial, checkpoint=checkpoint, log=log)


def _here(recorded: str | None, experiment: str, store: StorePaths) -> str | None:
    """The place of a file or folder; as it was recorded if it is not in this store.

    The records of a copied store are copies, too: its own files belong to them, even if those of the first store are
    still there. A server has the records of several stores, so there what was recorded comes first.
    """
    own = None if recorded is None else _in_store(Path(recorded), experiment, store)
    if recorded is None or own is None or (store.shares_mlflow and Path(recorded).exists()):
        return recorded
    return str(own) if own.exists() else recorded


def _in_store(path: Path, experiment: str, store: StorePaths) -> Path | None:
    """Where a path below `<some store>/results/<kind>/<experiment>` would be in this one."""
    parts = path.parts
    for at in reversed(range(len(parts) - 2)):
        if parts[at] == store.results.name and parts[at + 1] in KINDS and parts[at + 2] == experiment:
            return store.results.joinpath(*parts[at + 1 :])
    return None
