"""What happens to the trials of an experiment, as plain data that can wait and be told again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.reports import TrackedTrial
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import TrialResult

Order = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a trial.

    Args:
        time_ms: since 1970, for MLflow to show: clocks go back, and nothing is decided by them.
        order: the number of the driver among all that have run the experiment, and of the event among its own.
    """

    trial: TrackedTrial
    time_ms: int
    order: Order

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


@dataclass(frozen=True, slots=True)
class Ensembled(Event):
    """The ensemble of the seeds of this trial's run was looked for."""

    ensemble: RunEnsemble


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in (Started, Epoch, Files, Ended, RunClosed, Ensembled)}


def to_dict(event: Event) -> dict[str, Any]:
    """Plain nested dictionaries of JSON values; `from_dict` is the exact inverse, also after a way through JSON."""
    return {"event": type(event).__name__, **asdict(event)}


def from_dict(values: Mapping[str, Any]) -> Event:
    fields = dict(values)
    kind = KINDS[fields.pop("event")]
    fields["trial"] = _trial(fields["trial"])
    # before version 0.4 only the time told the order
    fields["order"] = tuple(fields.get("order", (0, fields["time_ms"])))
    if "result" in fields:
        fields["result"] = _result(fields["result"])
    if "paths" in fields:
        fields["paths"] = tuple(fields["paths"])
    if "ensemble" in fields:
        fields["ensemble"] = RunEnsemble(**{**fields["ensemble"], "seeds": tuple(fields["ensemble"]["seeds"])})
    return kind(**fields)


def _trial(values: Mapping[str, Any]) -> TrackedTrial:
    if "dataset" in values:  # as versions before 0.4 wrote it
        spec = TrialSpec.from_dict(dict(values))
        return TrackedTrial(spec.run, spec.seed, spec.params(), spec.settings.multiple_runs)
    return TrackedTrial(**{**values, "identity": _identity(values["identity"])})


def _result(values: Mapping[str, Any]) -> TrialResult:
    fields = {**values, "val_f1_curve": tuple(values.get("val_f1_curve", ()))}
    if "data" in fields:
        fields["identity"] = Identity.of_record(fields["params"], fields.pop("data"))
        return TrialResult(**fields)
    return TrialResult(**{**fields, "identity": _identity(fields["identity"])})


def _identity(values: Mapping[str, Any] | None) -> Identity | None:
    return None if values is None else Identity.from_dict(values)
