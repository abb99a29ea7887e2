"""What happens to the trials of an experiment, as plain data that can wait and be told again."""

from collections.abc import Mapping
from dataclasses import dataclass

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.tracking.results import TrialResult


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a trial, `time_ms` since 1970."""

    trial: TrialSpec
    time_ms: int

    def __str__(self) -> str:
        return f"{type(self).__name__} of trial {self.trial.name}"


@dataclass(frozen=True, slots=True)
class Started(Event):
    """For the first time, again after an interruption, or anew."""


@dataclass(frozen=True, slots=True)
class Epoch(Event):
    """The end of an epoch (counted from 0) with the values of its curves."""

    epoch: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Files(Event):
    """Artifacts: name -> text, and paths of files on this machine."""

    texts: Mapping[str, str]
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """With its result, whatever that is."""

    result: TrialResult


@dataclass(frozen=True, slots=True)
class RunClosed(Event):
    """Nothing more will come of any trial of this trial's run until the experiment is started again."""
