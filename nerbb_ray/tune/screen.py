"""The trials while they run: a live table on a terminal, plain lines elsewhere."""

import time
from dataclasses import dataclass
from typing import Any

from ray.tune import Callback
from rich.console import Console
from rich.live import Live
from rich.table import Table

from nerbb_ray.config.spec import Member
from nerbb_ray.config.trials import most_trials
from nerbb_ray.forecast.remaining import Eta
from nerbb_ray.forecast.text import shown_range
from nerbb_ray.results.reports import is_epoch
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.trial_plan import TrialPlan

ROWS_AT_MOST = 30  # a longer table scrolls out of a terminal; what is finished goes first
STAGES = {"WARMUP_OR_CONSTANT": "training", "COOLDOWN": "cool-down", "STOPPED": "stopped"}


@dataclass
class Row:
    """What is shown of a trial."""

    run: str
    member: Member
    state: str = "waiting"
    report: dict[str, Any] | None = None
    started: float | None = None
    ended: float | None = None

    @property
    def name(self) -> str:
        """`runA-43`."""
        return f"{self.run}-{self.member}"

    @property
    def seconds(self) -> float:
        """Since its start."""
        return 0.0 if self.started is None else (self.ended or time.monotonic()) - self.started

    @property
    def elapsed(self) -> str:
        if self.started is None:
            return ""
        seconds = int(self.seconds)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def cells(self) -> list[str]:
        report = self.report
        if report is None:
            return [self.run, str(self.member), self.state, "", "", "", "", "", self.elapsed]
        stage = STAGES[report["stage"]] if self.state == "running" else ""
        return [self.run, str(self.member), self.state, *_progress(report, stage), self.elapsed]


def _progress(report: dict[str, Any], stage: str) -> list[str]:
    return [
        str(report["epoch"] + 1),
        stage,
        f"{report['lr']:.2e}",
        _number(report["val/loss"]),
        _number(report["val/entity/micro/f1"]),
    ]


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"


class Screen(Callback):  # type: ignore[misc]  # Ray has no types
    """Shows trials as Tune tells of them.

    Args:
        book: has the trials behind Tune's configurations.
        slots: trials at the same time.
        console: where to, standard error if left out; a terminal gets a live table, anything else a line per event.
    """

    def __init__(self, plan: TrialPlan, book: JobBook, slots: int = 1, console: Console | None = None) -> None:
        self.plan, self.book = plan, book
        self.total = most_trials(plan.spec) - plan.known
        self.eta = Eta(self.total, slots)
        known = plan.open_trials() if plan.known_beforehand else []
        self.rows = {trial.name: Row(trial.run, trial.member) for trial in known}
        self.console = console = console or Console(stderr=True)
        self.live = Live(console=console, get_renderable=self.table, refresh_per_second=2, transient=True)
        self.started = time.monotonic()

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        # Tune pickles its callbacks; a terminal stays here
        return Callback, ()

    def table(self) -> Table:
        """The table as it is now."""
        rows = sorted(self.rows.values(), key=lambda row: (row.state != "running", row.state != "waiting"))
        hidden = len(rows) - ROWS_AT_MOST
        shown = rows[:ROWS_AT_MOST]
        table = Table(
            *("run", "seed", "state", "epoch", "stage", "LR", "val loss", "val F1", "elapsed"),
            caption="; ".join(filter(None, [f"and {hidden} more" if hidden > 0 else "", self._end()])) or None,
        )
        for row in (row for row in self.rows.values() if row in shown):
            table.add_row(*row.cells())
        return table

    @never_raises
    def setup(self, **_: Any) -> None:
        if self.console.is_terminal:
            self.live.start()
        else:
            at_most = "" if self.plan.known_beforehand else "at most "
            self.console.print(f"trials to run: {at_most}{self.total}")

    @never_raises
    def on_trial_start(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        if row.started is None:
            row.started = time.monotonic()
        row.state = "running"
        self._line(trial, "started")

    @never_raises
    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        if not is_epoch(result):
            return
        row = self._row(trial)
        row.report = result
        hparams = self.book.of(trial.config).trial.hparams
        cap = None if hparams.early_stopping else hparams.max_epochs
        self.eta.epoch(row.run, row.name, result["epoch"] + 1, row.seconds, cap)
        epoch, stage, rate, loss, f1 = _progress(result, STAGES[result["stage"]])
        self._line(trial, f"epoch {epoch}, {stage}, LR {rate}, val loss {loss}, val F1 {f1}, {row.elapsed}")

    @never_raises
    def on_trial_complete(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        row.ended = time.monotonic()
        report = row.report or {}
        row.state = "diverged" if report.get("diverged") else "cut" if report.get("cut") else "done"
        reason = row.report.get("reason", "") if row.report else ""
        self.eta.end(row.run, row.name, None if row.state == "cut" else row.seconds)
        self._line(trial, f"{row.state} after {row.elapsed}: {reason}" + (f"; {end}" if (end := self._end()) else ""))

    @never_raises
    def on_trial_error(self, trial: Any, **_: Any) -> None:
        row = self._row(trial)
        row.ended, row.state = time.monotonic(), "failed"
        self.eta.end(row.run, row.name, None)
        self._line(trial, f"failed; see {self.book.of(trial.config).log}")

    @never_raises
    def on_experiment_end(self, **_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back; safe to call twice."""
        if self.live.is_started:
            self.live.stop()
            self.console.print(self.table())

    def _end(self) -> str:
        """`ends in about 12 min (8 min to 17 min)`"""
        limit = self.plan.seconds_left()
        open_trials = sum(row.state == "running" for row in self.rows.values()) + self.plan.to_come()
        self.eta.total = min(self.total, self.eta.ended + open_trials)
        left = self.eta.remaining_s()
        if left is None or self.eta.ended >= self.eta.total:
            return ""
        low, expected, high = (second if limit is None else min(second, limit) for second in left)
        return f"ends in {shown_range(low, expected, high)}"

    def _row(self, trial: Any) -> Row:
        spec = self.book.of(trial.config).trial
        return self.rows.setdefault(spec.name, Row(spec.run, spec.member))

    def _line(self, trial: Any, text: str) -> None:
        if not self.console.is_terminal:
            self.console.print(f"{self._row(trial).name}: {text}", highlight=False, soft_wrap=True)
