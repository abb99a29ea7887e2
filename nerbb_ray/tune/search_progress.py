"""The trials of a search while they run, as Tune tells of them: what a screen or a notebook shows."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ray.tune import Callback

from nerbb_ray.config.trials import any_trial_of, most_trials
from nerbb_ray.forecast.remaining import Eta
from nerbb_ray.live.state import SearchState, State
from nerbb_ray.results.reports import is_epoch
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.results.trial_result import SELECTION_METRIC
from nerbb_ray.tune.job import JobBook, varying_keys
from nerbb_ray.tune.screen_rows import Row, shown_params, shown_trial, take_report
from nerbb_ray.tune.trial_plan import TrialPlan


class SearchProgress(Callback):  # type: ignore[misc]  # Ray has no types
    """Knows how a search stands. Who shows it overrides what is to be done at an event, which does nothing here.

    Args:
        book: has the trials behind Tune's configurations.
        slots: trials at the same time.
    """

    def __init__(self, plan: TrialPlan, book: JobBook, slots: int = 1) -> None:
        self.plan, self.book, self.started = plan, book, time.monotonic()
        self.earlier, self.earlier_best = plan.known, _best_of(plan)
        self.total = most_trials(plan.spec) - plan.known
        self.eta = Eta(self.total, slots)
        self.keys = varying_keys(plan.spec)
        self.rows: dict[str, Row] = {}

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        # Tune pickles its callbacks; a terminal or a notebook stays here
        return Callback, ()

    def begun(self, row: Row, *, again: bool) -> None:
        """A trial has begun, or begun again."""

    def epoch(self, row: Row, report: Mapping[str, Any], doing: str) -> None:
        """A trial has reported an epoch.

        Args:
            doing: what the learning rate did in it.
        """

    def ended(self, row: Row) -> None:
        """A trial is over, in one way or another."""

    def over(self) -> None:
        """So is the search."""

    def state(self) -> SearchState:
        """What is shown."""
        left = self.left_s()
        return SearchState(
            name=self.plan.spec.name,
            total=self.total + self.earlier,
            at_most=not self.plan.known_beforehand,
            earlier=self.earlier,
            earlier_best=self.earlier_best,
            trials=[row.now() for row in list(self.rows.values())],
            planned=self._planned(),
            elapsed_s=time.monotonic() - self.started,
            left_s=None if left is None else left[1],
        )

    def _planned(self) -> dict[str, dict[str, Any]]:
        """Runs that are known, with what is shown of their parameters."""
        spec = self.plan.spec
        return {run.name: shown_params(any_trial_of(spec, run), self.keys) for run in list(self.plan.runs.values())}

    def left_s(self) -> tuple[float, float, float] | None:
        """(low, expected, high) seconds until the end, if there is something left to do and it is known."""
        limit = self.plan.limits.seconds_left()
        running = sum(row.ended is None and row.shown.running for row in list(self.rows.values()))
        self.eta.total = min(self.total, self.eta.ended + running + self.plan.to_come())
        left = self.eta.remaining_s()
        if left is None or self.eta.ended >= self.eta.total:
            return None
        low, expected, high = (second if limit is None else min(second, limit) for second in left)
        return low, expected, high

    @never_raises
    def on_trial_start(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        with suppress(OSError):  # of an earlier attempt
            row.job.activity.unlink(missing_ok=True)
        again = row.shown.state != "waiting"
        row.shown.state = "loading"
        self.begun(row, again=again)

    @never_raises
    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        if not is_epoch(result):
            return
        row = self._row(trial)
        row.report = result
        shown, hparams = row.shown, row.job.trial.hparams
        doing = take_report(shown, result, row.job.trial)
        cap = None if hparams.early_stopping else hparams.max_epochs
        self.eta.epoch(shown.run, shown.name, shown.epochs, row.seconds, cap)
        self.epoch(row, result, doing)

    @never_raises
    def on_trial_complete(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        state: State = "diverged" if row.report.get("diverged") else "cut" if row.report.get("cut") else "done"
        self._end(row, state, None if state == "cut" else row.seconds)

    @never_raises
    def on_trial_error(self, trial: Any, **_: Any) -> None:
        self._end(self._row(trial), "failed", None)

    @never_raises
    def on_experiment_end(self, **_: Any) -> None:
        for row in self.rows.values():
            if row.ended is None:  # Ctrl-C
                row.ended, row.shown.state = time.monotonic(), "interrupted"
        self.over()

    def _end(self, row: Row, state: State, seconds: float | None) -> None:
        row.ended, row.shown.state = time.monotonic(), state
        self.eta.end(row.shown.run, row.shown.name, seconds)
        self.ended(row)

    def _row(self, trial: Any) -> Row:
        job = self.book.of(trial.config)
        if job.trial.name not in self.rows:
            self.rows[job.trial.name] = Row(job, shown_trial(job.trial, self.keys), time.monotonic())
        return self.rows[job.trial.name]


def _best_of(plan: TrialPlan) -> tuple[str, float] | None:
    """The best trial of earlier calls, if they were asked for their F1."""
    if plan.spec.search.metric != SELECTION_METRIC:
        return None
    found = [(run, value) for run, values in plan.values.items() for value in values.values() if math.isfinite(value)]
    return max(found, key=lambda pair: pair[1], default=None)
