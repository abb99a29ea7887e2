"""Tune's trials in MLflow: a parent run per configuration with means over its seeds, a child run per trial.

Nothing is raised into Tune, and a server that is down or hangs does not hold it up (see outbox). What MLflow does not
take waits on disk; it is tried again with the next event, at the end, and when the experiment is started again.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback

from nerbb_ray.logs import without_password
from nerbb_ray.mlflow_store.class_values import TABLE, values_table
from nerbb_ray.mlflow_store.delivery import open_outbox
from nerbb_ray.mlflow_store.events import Ended, Ensembled, Epoch, Event, Files, Order, RunClosed, Started
from nerbb_ray.results import log_probs
from nerbb_ray.results.any_reports import AnyReports
from nerbb_ray.results.reports import Reports, TrackedTrial, TuneTrial
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.results.trial_result import TrialResult

log = logging.getLogger(__name__)


class SeedMeanCallback(LoggerCallback):  # type: ignore[misc]  # Ray has no types
    """Writes the trials of any Tuner to MLflow while they run.

    Trials that differ in their seed only are the children of one MLflow run, which has mean, standard deviation,
    standard error, 95 % interval and number of values of every metric over them. After a restart of the driver it goes
    on with the MLflow runs that are there: it finds them by their tags. What an earlier driver could not deliver comes
    first.

    Args:
        tracking_uri: `sqlite:////absolute/path.db`, or a server.
        experiment: its name in MLflow.
        group_by: what seeds of one configuration have in common: a key of the configuration, several, or a function of
            it that gives a name; None: all keys but that of the seed.
        seed_key: of the configuration.
        metrics: a name or several, of those that are kept, nested ones as `val/loss`; None: every number that the
            trainable reports.
        artifact_location: absolute folder for the artifacts of a new experiment; a server has its own place.
        retry_after_s: pause between two attempts to reach a server that is down.
        spool: folder for what MLflow cannot take, one per experiment; None keeps it in memory only.
        patience_s: how long a trial's event waits for MLflow before it goes on behind Tune's back.
        reports: how the reports of trials are read, if not as `group_by`, `seed_key` and `metrics` say.
        driver: the number of this driver among all that have run the experiment; MLflow knows by it what is newer.
        notes: says at the end why runs have fewer seeds than they were to have, with a trial of each.
        ensembles: makes at the end those of the seeds of runs, from what became of the trials.

    Raises:
        TypeError, ValueError: an argument is none of these.
    """

    def __init__(
        self,
        tracking_uri: str,
        experiment: str,
        *,
        group_by: str | Sequence[str] | Callable[[Mapping[str, Any]], str] | None = None,
        seed_key: str = "seed",
        metrics: str | Sequence[str] | None = None,
        artifact_location: str | None = None,
        retry_after_s: float = 30.0,
        spool: str | Path | None = None,
        patience_s: float = 5.0,
        reports: Reports | None = None,
        driver: int | None = None,
        notes: Callable[[], Sequence[tuple[TrackedTrial, str]]] = list,
        ensembles: Callable[[Sequence[TrialResult]], Sequence[tuple[TrackedTrial, RunEnsemble]]] = lambda _: (),
    ) -> None:
        _check_place(tracking_uri, experiment)
        self._reports: Reports = reports or AnyReports(group_by, seed_key, metrics)
        # without somebody who counts the drivers, the time of their start has to do
        self._driver = time.time_ns() // 1000 if driver is None else driver
        self._arguments = {
            "artifact_location": artifact_location,
            "retry_after_s": retry_after_s,
            "spool": spool,
            "patience_s": patience_s,
            "reports": self._reports,
        }
        self._where = (without_password(tracking_uri), experiment)
        self._outbox = open_outbox(spool, tracking_uri, experiment, artifact_location, retry_after_s, patience_s)
        self._notes, self._ensembles = notes, ensembles
        self._outcomes: dict[str, TrialResult] = {}
        self._open: dict[str, TrackedTrial] = {}
        self._last_of_run: dict[str, TrackedTrial] = {}
        self._clock_ms = self._events = 0

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its callbacks into a file; connections, what waits and passwords stay here. So does the number of
        # this driver: whoever goes on with the copy is another one, whose events are newer
        return _restored, (self._where, self._arguments)

    def get_state(self) -> dict[str, Any] | None:
        """What a restored search needs: which trial has which number."""
        return self._reports.numbers.state() if isinstance(self._reports, AnyReports) else None

    def set_state(self, state: dict[str, Any]) -> None:
        if isinstance(self._reports, AnyReports):
            self._reports.numbers.restore(state)

    @property
    def undelivered(self) -> Sequence[Event]:
        """What MLflow has not taken so far."""
        return self._outbox.undelivered

    @never_raises
    def on_trial_start(self, *, trial: TuneTrial, **_info: Any) -> None:
        tracked = self._reports.trial(trial)
        self._open[trial.trial_id] = self._last_of_run[tracked.run] = tracked
        self._outbox.put(Started(tracked, *self._now()))

    @never_raises
    def on_trial_result(self, *, trial: TuneTrial, result: dict[str, Any], **_info: Any) -> None:
        point = self._reports.point(result)
        if point is None:
            return
        tracked = self._reports.trial(trial)
        step, values = point
        self._outbox.put(Epoch(tracked, *self._now(), step, values))
        outcome = self._reports.outcome(trial, result)
        if outcome is not None:
            said = str(Path(outcome.checkpoint, log_probs.FILE)) if outcome.checkpoint else None
            self._end(trial, outcome, self._reports.texts(result), (outcome.log, said))

    @never_raises
    def on_trial_complete(self, *, trial: TuneTrial, **_info: Any) -> None:
        if trial.trial_id in self._open:
            outcome = self._reports.ended(trial, "completed")
            self._end(trial, outcome, {}, (outcome.log,))

    @never_raises
    def on_trial_error(self, *, trial: TuneTrial, **_info: Any) -> None:
        tracked = self._reports.trial(trial)
        self._last_of_run[tracked.run] = tracked
        outcome = self._reports.ended(trial, "failed")
        self._end(trial, outcome, {}, (outcome.log, trial.error_file))

    @never_raises
    def on_experiment_end(self, *, trials: Sequence[TuneTrial], **_info: Any) -> None:
        for unfinished in trials:
            if unfinished.trial_id in self._open:
                outcome = self._reports.ended(unfinished, "interrupted")
                self._end(unfinished, outcome, {}, (outcome.log,))
        closing = {tracked.run: (tracked, "") for tracked in self._last_of_run.values()}
        closing |= {tracked.run: (tracked, note) for tracked, note in self._notes()}
        for tracked, note in closing.values():
            self._outbox.put(RunClosed(tracked, *self._now(), note))
        self._put_ensembles()
        if not self._outbox.close():
            log.info("MLflow has everything")

    @never_raises
    def _put_ensembles(self) -> None:
        for tracked, ensemble in self._ensembles(list(self._outcomes.values())):
            self._outbox.put(Ensembled(tracked, *self._now(), ensemble))

    def _end(
        self, trial: TuneTrial, outcome: TrialResult, texts: dict[str, str], paths: tuple[str | None, ...]
    ) -> None:
        """The files first: a trial that MLflow shows as ended is there with all that belongs to it."""
        # the files of a trial on another machine cannot be seen from here
        existing = tuple(dict.fromkeys(path for path in paths if path and Path(path).is_file()))
        tracked = self._reports.trial(trial)
        self._outcomes[tracked.name] = outcome
        if not outcome.foreign and (table := values_table(outcome.metrics)):
            texts = {**texts, TABLE: table}
        if texts or existing:
            self._outbox.put(Files(tracked, *self._now(), texts, existing))
        self._outbox.put(Ended(tracked, *self._now(), outcome))
        self._open.pop(trial.trial_id, None)

    def _now(self) -> tuple[int, Order]:
        # no two events at the same time: MLflow lists its runs by time
        self._clock_ms = max(self._clock_ms + 1, int(time.time() * 1000))
        self._events += 1
        return self._clock_ms, (self._driver, self._events)


def _check_place(tracking_uri: str, experiment: str) -> None:
    """Tune would go on without a word in MLflow."""
    for name, value, such_as in (
        ("tracking_uri", tracking_uri, "sqlite:////absolute/path.db or the address of a server"),
        ("experiment", experiment, "a name"),
    ):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a text: {such_as}; got {value!r}")
        if not value.strip():
            raise ValueError(f"{name} must not be empty: {such_as}; got {value!r}")


def _restored(where: tuple[str, str], arguments: dict[str, Any]) -> SeedMeanCallback:
    return SeedMeanCallback(*where, **arguments)
