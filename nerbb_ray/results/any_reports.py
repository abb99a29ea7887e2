"""The reports of any Tuner's trainable, for those who use our callbacks beside their own training."""

import logging
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from nerbb_ray.results.plain_number import plain_number
from nerbb_ray.results.reports import End, TrackedTrial, TuneTrial, error_line, read_tail
from nerbb_ray.results.trial_numbers import TrialNumbers
from nerbb_ray.results.trial_result import Status, TrialResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AnyReports:
    """The reports of any trainable: each is a point of the curves, and the last one has the metrics of the trial.

    Args:
        group_by: what trials that differ in their seed only have in common: a key of the configuration, several, or a
            function of it that gives a name; None: all keys but that of the seed.
        seed_key: of the configuration; trials without it are repeats, counted from 0, and a seed that is no whole
            number gets one from its text.
        metrics: a name or several, of those that are kept; None: every number that the trainable reports, without what
            Tune adds.
        numbers: tell the trials of a configuration apart.

    Raises:
        TypeError: an argument is none of these.
    """

    group_by: str | Sequence[str] | Callable[[Mapping[str, Any]], str] | None = None
    seed_key: str = "seed"
    metrics: str | Sequence[str] | None = None
    numbers: TrialNumbers = field(default_factory=TrialNumbers, compare=False, repr=False)
    _seen: set[str] = field(default_factory=set, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Tune would go on without a word in MLflow
        if not (self.group_by is None or callable(self.group_by) or _are_names(self.group_by)):
            raise TypeError(
                f"group_by must be a key, a list of keys, or a function of the configuration; got {self.group_by!r}"
            )
        if not isinstance(self.seed_key, str):
            raise TypeError(f"seed_key must be a key of the configuration; got {self.seed_key!r}")
        if not (self.metrics is None or _are_names(self.metrics)):
            raise TypeError(f"metrics must be the name of a metric, or a list of names; got {self.metrics!r}")

    def trial(self, trial: TuneTrial) -> TrackedTrial:
        params = dict(_flat(trial.config))
        # as MLflow shows them: what is no plain value could not wait on disk
        shown = {key: value if isinstance(value, PLAIN) else str(value) for key, value in params.items()}
        run = self._run(trial.config, params)
        seed = _seed_of(params[self.seed_key]) if self.seed_key in params else None
        number = self.numbers.of(trial.trial_id, trial.experiment_tag, run, seed)
        return TrackedTrial(run, number, shown, foreign=True, seed_key=self.seed_key)

    def _run(self, config: Mapping[str, Any], params: Mapping[str, Any]) -> str:
        if callable(self.group_by):
            name = self.group_by(config)
            if name is None:
                _say_nameless()
            return str(name) or NAMELESS
        keys = _names(self.group_by, [key for key in params if key != self.seed_key])
        for key in keys:
            if key not in params:
                _say_missing(key, ", ".join(params))
        if isinstance(self.group_by, str):
            return str(params.get(self.group_by)) or NAMELESS
        return ",".join(f"{key}={params.get(key)}" for key in keys) or NAMELESS

    def point(self, report: Mapping[str, Any]) -> tuple[int, dict[str, float]] | None:
        return int(report.get("training_iteration", 1)) - 1, self._numbers(report)

    def outcome(self, trial: TuneTrial, report: Mapping[str, Any]) -> TrialResult | None:  # noqa: ARG002
        return None  # only Tune knows which report was the last

    def ended(self, trial: TuneTrial, end: End) -> TrialResult:
        tracked, last = self.trial(trial), trial.last_result or {}
        result = TrialResult(
            tracked.run,
            tracked.seed,
            STATUSES[end],
            metrics=self._numbers(last) if end == "completed" else {},
            params=tracked.params,
            epochs=last.get("training_iteration"),
            duration_s=last.get("time_total_s"),
            foreign=True,
        )
        if end == "completed" and self.metrics is not None:
            for name in _names(self.metrics, ()):
                if name not in self._seen:
                    _say_unseen(name, ", ".join(dict(_flat(_without_tunes(last)))))
        if end == "failed":
            return replace(result, error=error_line(read_tail(trial.error_file)), log=trial.error_file)
        return result

    def texts(self, report: Mapping[str, Any]) -> dict[str, str]:  # noqa: ARG002
        return {}

    def _numbers(self, report: Mapping[str, Any]) -> dict[str, float]:
        """By the names that Tune's schedulers see: of `{"val": {"loss": 1}}`, `val/loss`."""
        # what Tune adds is kept where it is asked for
        named = dict(_flat(_without_tunes(report) if self.metrics is None else report))
        found = {name: plain_number(named.get(name)) for name in _names(self.metrics, named)}
        numbers = {name: number for name, number in found.items() if number is not None}
        self._seen.update(numbers)
        return numbers


NAMELESS = "all"  # a run that nothing gives a name
PLAIN = str | bool | int | float | None
STATUSES: dict[End, Status] = {"completed": "ok", "failed": "failed", "interrupted": "interrupted"}
# what Tune adds to every report
TUNES_OWN = {
    *("training_iteration", "time_total_s", "time_this_iter_s", "episodes_total", "timesteps_total", "node_ip"),
    *("hostname", "pid", "timestamp", "date", "time_since_restore", "timesteps_since_restore", "done", "trial_id"),
    *("iterations_since_restore", "config", "checkpoint_dir_name", "experiment_tag", "should_checkpoint"),
}


def _without_tunes(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in TUNES_OWN}


def _seed_of(value: Any) -> int:
    number = plain_number(value)
    return int(number) if number is not None and number.is_integer() else zlib.crc32(str(value).encode())


@cache
def _say_missing(key: str, known: str) -> None:
    """Once: trials would be taken together that have nothing in common."""
    log.warning("group_by: a trial has no key %r; its configuration has %s", key, known or "none")


@cache
def _say_nameless() -> None:
    log.warning("group_by: the function gives None for a trial, which is taken for a run of the name None")


@cache
def _say_unseen(name: str, known: str) -> None:
    log.warning("metrics: no report has had a number %r so far; the last one has %s", name, known or "none")


def _are_names(value: Any) -> bool:
    """Whether a value is a name, or several."""
    return isinstance(value, Collection) and all(isinstance(name, str) for name in value)


def _names(given: str | Sequence[str] | None, otherwise: Collection[str]) -> Collection[str]:
    """A name or several as several; None stands for the others."""
    return otherwise if given is None else [given] if isinstance(given, str) else given


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`{"a": {"b": 1}}` -> `a/b`: 1, as Tune flattens results."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
