"""Tune's trials in MLflow: a parent run per run of the grid with means over its seeds, a child run per trial.

Nothing is raised into Tune, and a server that is down or hangs does not hold it up (see outbox). What MLflow does not
take waits on disk; it is tried again with the next event, at the end, and when the experiment is started again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune import Callback

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.logs import without_password
from nerbb_ray.mlflow_store.delivery import open_outbox
from nerbb_ray.mlflow_store.events import Ended, Epoch, Event, Files, RunClosed, Started
from nerbb_ray.results.experiment_result import TrialResult
from nerbb_ray.results.reports import TrialJob, TuneTrial, curve_point, failure_of, is_epoch, is_final, result_of
from nerbb_ray.results.safe_hook import never_raises

log = logging.getLogger(__name__)


class SeedMeanCallback(Callback):  # type: ignore[misc]  # Ray has no types
    """Writes an experiment to MLflow while it runs.

    After a restart of the driver it goes on with the MLflow runs that are there: it finds them by their tags. What an
    earlier driver could not deliver comes first.

    Args:
        tracking_uri: `sqlite:////absolute/path.db`, or a server.
        experiment: its name in MLflow.
        artifact_location: absolute folder for the artifacts of a new experiment; a server has its own place.
        retry_after_s: pause between two attempts to reach a server that is down.
        spool: folder for what MLflow cannot take, one per experiment; None keeps it in memory only.
        patience_s: how long a trial's event waits for MLflow before it goes on behind Tune's back.
        notes: says at the end why runs have fewer seeds than they were to have, with a trial of each.
    """

    def __init__(
        self,
        tracking_uri: str,
        experiment: str,
        artifact_location: str | None = None,
        retry_after_s: float = 30.0,
        spool: str | Path | None = None,
        patience_s: float = 5.0,
        notes: Callable[[], Sequence[tuple[TrialSpec, str]]] = list,
    ) -> None:
        where = (experiment, artifact_location, retry_after_s)
        self._arguments = (without_password(tracking_uri), *where, spool, patience_s)
        self._outbox = open_outbox(spool, tracking_uri, *where, patience_s)
        self._notes = notes
        self._open: dict[str, TrialJob] = {}
        self._last_of_run: dict[str, TrialJob] = {}
        self._clock_ms = 0

    def __reduce__(self) -> tuple[type["SeedMeanCallback"], tuple[Any, ...]]:
        # Tune pickles its callbacks into a file; connections, what waits and passwords stay here
        return type(self), self._arguments

    @property
    def undelivered(self) -> Sequence[Event]:
        """What MLflow has not taken so far."""
        return self._outbox.undelivered

    @never_raises
    def on_trial_start(self, *, trial: TuneTrial, **_info: Any) -> None:
        job = TrialJob.of(trial)
        self._open[trial.trial_id] = self._last_of_run[job.spec.run] = job
        self._outbox.put(Started(job.spec, self._now_ms()))

    @never_raises
    def on_trial_result(self, *, trial: TuneTrial, result: dict[str, Any], **_info: Any) -> None:
        if not is_epoch(result):
            return
        job = TrialJob.of(trial)
        now = self._now_ms()
        self._outbox.put(Epoch(job.spec, now, result["epoch"], curve_point(result)))
        if is_final(result):
            outcome = result_of(job, result)
            self._end(trial, job, outcome, result.get("artifacts", {}), (outcome.log,))

    @never_raises
    def on_trial_complete(self, *, trial: TuneTrial, **_info: Any) -> None:
        if trial.trial_id in self._open:
            self._interrupt(trial)

    @never_raises
    def on_trial_error(self, *, trial: TuneTrial, **_info: Any) -> None:
        job = TrialJob.of(trial)
        self._last_of_run[job.spec.run] = job
        outcome = failure_of(job, trial)
        self._end(trial, job, outcome, {}, (outcome.log, trial.error_file))

    @never_raises
    def on_experiment_end(self, *, trials: Sequence[TuneTrial], **_info: Any) -> None:
        for unfinished in trials:
            if unfinished.trial_id in self._open:
                self._interrupt(unfinished)
        closing = {job.spec.run: (job.spec, "") for job in self._last_of_run.values()}
        closing |= {trial.run: (trial, note) for trial, note in self._notes()}
        for trial, note in closing.values():
            self._outbox.put(RunClosed(trial, self._now_ms(), note))
        if not self._outbox.close():
            log.info("MLflow has everything")

    def _interrupt(self, trial: TuneTrial) -> None:
        job = TrialJob.of(trial)
        so_far = result_of(job, trial.last_result)
        self._end(trial, job, replace(so_far, status="interrupted", error="stopped before its end"), {}, (so_far.log,))

    def _end(
        self,
        trial: TuneTrial,
        job: TrialJob,
        outcome: TrialResult,
        texts: dict[str, str],
        paths: tuple[str | None, ...],
    ) -> None:
        """The files first: a trial that MLflow shows as ended is there with all that belongs to it."""
        # the log of a trial on another machine cannot be seen from here
        existing = tuple(dict.fromkeys(path for path in paths if path and Path(path).is_file()))
        self._outbox.put(Files(job.spec, self._now_ms(), texts, existing))
        self._outbox.put(Ended(job.spec, self._now_ms(), outcome))
        self._open.pop(trial.trial_id, None)

    def _now_ms(self) -> int:
        # no two events at the same time: MLflow lists its runs by time
        self._clock_ms = max(self._clock_ms + 1, int(time.time() * 1000))
        return self._clock_ms
