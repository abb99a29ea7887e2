"""What happens to the trials of an experiment, as plain data that can wait and be told again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.results.experiment_result import TrialResult


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
    """Nothing more will come of any trial of this trial's run until the experiment is started again.

    `note` says why it has fewer seeds than it was to have, where that was decided by the search.
    """

    note: str = ""


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in (Started, Epoch, Files, Ended, RunClosed)}


def to_dict(event: Event) -> dict[str, Any]:
    """Plain nested dictionaries of JSON values; `from_dict` is the exact inverse, also after a way through JSON."""
    return {"event": type(event).__name__, **asdict(event)}


def from_dict(values: Mapping[str, Any]) -> Event:
    fields = dict(values)
    kind = KINDS[fields.pop("event")]
    fields["trial"] = TrialSpec.from_dict(fields["trial"])
    if "result" in fields:
        fields["result"] = TrialResult(**fields["result"])
    if "paths" in fields:
        fields["paths"] = tuple(fields["paths"])
    return kind(**fields)
