"""The trials of an experiment as Tune's parameter space, and back."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.training.sources import ModelSource

STATES = "states"  # folder of the trials' states below `storage`
RESTARTS = 3  # of a trial whose process died or whose computer is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trial with everything it needs to run on any node; all paths are absolute.

    Args:
        data: file of the tokenised data set.
        precision: the number format for its model (see `Prepared`).
        checkpoint_dir: where the chosen model goes; None: it is not kept.
        log: the trial's log file.
        storage: shared folder for the state of the trials.
    """

    trial: TrialSpec
    data: Path
    source: ModelSource
    precision: str
    checkpoint_dir: Path | None
    log: Path
    storage: Path
    allotment: Allotment

    @property
    def states(self) -> Path:
        """Where the trial's own state after every epoch is, until the trial has ended."""
        return self.storage / STATES / self.trial.name

    def to_config(self) -> dict[str, Any]:
        """Plain values; `from_config` is the exact inverse."""
        return {
            "trial": self.trial.to_dict(),
            "data": str(self.data),
            "source": asdict(self.source),
            "precision": self.precision,
            "checkpoint_dir": None if self.checkpoint_dir is None else str(self.checkpoint_dir),
            "log": str(self.log),
            "storage": str(self.storage),
            "allotment": asdict(self.allotment),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Job":
        folder = config["checkpoint_dir"]
        return cls(
            trial=TrialSpec.from_dict(config["trial"]),
            data=Path(config["data"]),
            source=ModelSource(**config["source"]),
            precision=config["precision"],
            checkpoint_dir=None if folder is None else Path(folder),
            log=Path(config["log"]),
            storage=Path(config["storage"]),
            allotment=Allotment(**config["allotment"]),
        )


def clear_states(storage: Path, trial: str) -> None:
    """Delete the states of a trial."""
    shutil.rmtree(storage / STATES / trial, ignore_errors=True)


def longest_first(trials: Iterable[TrialSpec], steps_per_epoch: Mapping[str, int]) -> list[TrialSpec]:
    """Of each seed the trials that train on the most sentences first, so that no long one is alone at the end.

    Still seed by seed. A trial that may stop early counts with all epochs that it may take.
    """

    def sentences(trial: TrialSpec) -> int:
        return steps_per_epoch[trial.run] * trial.hparams.batch_size * trial.hparams.max_epochs

    return sorted(trials, key=lambda trial: (trial.seed, -sentences(trial)))


def to_param_space(jobs: list[Job]) -> dict[str, Any]:
    """One grid of fully resolved points: the order is ours, and nothing is drawn anew for each seed.

    The point is the value of the single key "job".
    """
    from ray import tune

    return {"job": tune.grid_search([job.to_config() for job in jobs])}


def job_of(config: dict[str, Any]) -> Job:
    """The job of one of Tune's trial configurations."""
    return Job.from_config(config["job"])
