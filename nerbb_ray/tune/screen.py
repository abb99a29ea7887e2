"""The trials while they run: a live table on a terminal, plain lines elsewhere."""

import math
import time
from contextlib import suppress
from typing import Any

from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from nerbb_ray.config.trials import any_trial_of, most_trials
from nerbb_ray.forecast.remaining import Eta
from nerbb_ray.forecast.text import shown_range
from nerbb_ray.live.frame import frame
from nerbb_ray.live.short import clock
from nerbb_ray.live.state import SearchState, State
from nerbb_ray.results.experiment_result import SELECTION_METRIC
from nerbb_ray.results.reports import is_epoch
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.tune.job import JobBook, varying_keys
from nerbb_ray.tune.screen_rows import Row, shown_params, shown_trial, take_report
from nerbb_ray.tune.trial_plan import TrialPlan

PER_SECOND = 2  # frames


class Screen(Callback):  # type: ignore[misc]  # Ray has no types
    """Shows trials as Tune tells of them.

    Args:
        book: has the trials behind Tune's configurations.
        slots: trials at the same time.
        console: where to, standard error if left out; a terminal that can move its cursor gets a live table, anything
            else a line per event.
    """

    def __init__(self, plan: TrialPlan, book: JobBook, slots: int = 1, console: Console | None = None) -> None:
        self.plan, self.book, self.started = plan, book, time.monotonic()
        self.earlier, self.earlier_best = plan.known, _best_of(plan)
        self.total = most_trials(plan.spec) - plan.known
        self.eta = Eta(self.total, slots)
        self.keys = varying_keys(plan.spec)
        self.rows: dict[str, Row] = {}
        self.last = SearchState(name=plan.spec.name, total=self.total + self.earlier, trials=[])
        self.console = console = console or Console(stderr=True)
        self.moves = console.is_terminal and not console.is_dumb_terminal
        self.live = Live(console=console, get_renderable=self.frame, refresh_per_second=PER_SECOND, transient=True)

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        # Tune pickles its callbacks; a terminal stays here
        return Callback, ()

    def frame(self) -> Group:
        """The table as it is now, as large as the terminal has room for."""
        width, height = self.console.size
        with suppress(RuntimeError):  # a trial has come while this thread was drawing: the next frame will have it
            self.last = self.state()
        return Group(*frame(self.last, width, height - 1))

    def state(self) -> SearchState:
        """What is shown."""
        left = self._left_s()
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

    @never_raises
    def setup(self, **_: Any) -> None:
        if self.moves:
            self.live.start()
        else:
            at_most = "" if self.plan.known_beforehand else "at most "
            self._print(f"trials to run: {at_most}{self.total}")

    @never_raises
    def on_trial_start(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        with suppress(OSError):  # of an earlier attempt
            row.job.activity.unlink(missing_ok=True)
        self._line(row, "started" if row.shown.state == "waiting" else "started again")
        row.shown.state = "loading"

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
        best = f" (best {_number(shown.best_f1)})" if math.isfinite(shown.best_f1) else ""
        self._line(
            row,
            f"epoch {shown.epochs}, {doing}, LR {shown.lr:.2e}, val loss {_number(shown.val_loss)}, "
            f"val F1 {_number(result[SELECTION_METRIC])}{best}, {clock(row.seconds)}",
        )

    @never_raises
    def on_trial_complete(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        state: State = "diverged" if row.report.get("diverged") else "cut" if row.report.get("cut") else "done"
        self._end(row, state, None if state == "cut" else row.seconds)
        end = self._ends_in()
        reason = row.report.get("reason", "")
        self._line(row, f"{state} after {clock(row.seconds)}: {reason}" + (f"; {end}" if end else ""))

    @never_raises
    def on_trial_error(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        self._end(row, "failed", None)
        self._line(row, f"failed; see {row.job.log}")

    @never_raises
    def on_experiment_end(self, **_: Any) -> None:
        for row in self.rows.values():
            if row.ended is None:  # Ctrl-C
                row.ended, row.shown.state = time.monotonic(), "interrupted"
        self.close()

    def close(self) -> None:
        """Give the terminal back; safe to call twice."""
        if self.live.is_started:
            self.live.stop()
            self.console.print(self.frame())

    def _end(self, row: Row, state: State, seconds: float | None) -> None:
        row.ended, row.shown.state = time.monotonic(), state
        self.eta.end(row.shown.run, row.shown.name, seconds)

    def _left_s(self) -> tuple[float, float, float] | None:
        """(low, expected, high) seconds until the end, if there is something left to do and it is known."""
        limit = self.plan.seconds_left()
        running = sum(row.ended is None and row.shown.running for row in list(self.rows.values()))
        self.eta.total = min(self.total, self.eta.ended + running + self.plan.to_come())
        left = self.eta.remaining_s()
        if left is None or self.eta.ended >= self.eta.total:
            return None
        low, expected, high = (second if limit is None else min(second, limit) for second in left)
        return low, expected, high

    def _ends_in(self) -> str:
        """`ends in about 12 min (8 min to 17 min)`"""
        left = self._left_s()
        return "" if left is None else f"ends in {shown_range(*left)}"

    def _row(self, trial: Any) -> Row:
        job = self.book.of(trial.config)
        if job.trial.name not in self.rows:
            self.rows[job.trial.name] = Row(job, shown_trial(job.trial, self.keys), time.monotonic())
        return self.rows[job.trial.name]

    def _line(self, row: Row, text: str) -> None:
        if not self.moves:
            self._print(f"{row.shown.name}: {text}")

    def _print(self, line: str) -> None:
        self.console.print(Text(line), highlight=False, soft_wrap=True)


def _best_of(plan: TrialPlan) -> tuple[str, float] | None:
    """The best trial of earlier calls, if they were asked for their F1."""
    if plan.spec.search.metric != SELECTION_METRIC:
        return None
    found = [(run, value) for run, values in plan.values.items() for value in values.values() if math.isfinite(value)]
    return max(found, key=lambda pair: pair[1], default=None)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"
