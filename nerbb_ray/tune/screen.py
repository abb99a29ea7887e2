"""The trials while they run: a live table on a terminal, plain lines elsewhere."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from nerbb_ray.forecast.text import shown_range
from nerbb_ray.live.frame import frame
from nerbb_ray.live.short import clock
from nerbb_ray.live.state import SearchState
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.results.trial_result import SELECTION_METRIC
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.screen_rows import Row
from nerbb_ray.tune.search_progress import SearchProgress
from nerbb_ray.tune.trial_plan import TrialPlan

PER_SECOND = 2  # frames


class Screen(SearchProgress):
    """Shows trials as Tune tells of them.

    Args:
        book: has the trials behind Tune's configurations.
        slots: trials at the same time.
        console: where to, standard error if left out; a terminal that can move its cursor gets a live table, anything
            else a line per event.
    """

    def __init__(self, plan: TrialPlan, book: JobBook, slots: int = 1, console: Console | None = None) -> None:
        super().__init__(plan, book, slots)
        self.last = SearchState(name=plan.spec.name, total=self.total + self.earlier, trials=[])
        self.console = console = console or Console(stderr=True)
        self.moves = console.is_terminal and not console.is_dumb_terminal
        self.live = Live(console=console, get_renderable=self.frame, refresh_per_second=PER_SECOND, transient=True)

    def frame(self) -> Group:
        """The table as it is now, as large as the terminal has room for."""
        width, height = self.console.size
        with suppress(RuntimeError):  # a trial has come while this thread was drawing: the next frame will have it
            self.last = self.state()
        return Group(*frame(self.last, width, height - 1))

    @never_raises
    def setup(self, **_: Any) -> None:
        if self.moves:
            self.live.start()
        else:
            at_most = "" if self.plan.known_beforehand else "at most "
            self._print(f"trials to run: {at_most}{self.total}")

    def begun(self, row: Row, *, again: bool) -> None:
        self._line(row, "started again" if again else "started")

    def epoch(self, row: Row, report: Mapping[str, Any], doing: str) -> None:
        shown = row.shown
        best = f" (best {_number(shown.best_f1)})" if math.isfinite(shown.best_f1) else ""
        self._line(
            row,
            f"epoch {shown.epochs}, {doing}, LR {shown.lr:.2e}, val loss {_number(shown.val_loss)}, "
            f"val F1 {_number(report[SELECTION_METRIC])}{best}, {clock(row.seconds)}",
        )

    def ended(self, row: Row) -> None:
        if row.shown.state == "failed":
            self._line(row, f"failed; see {row.job.log}")
            return
        end = self._ends_in()
        reason = row.report.get("reason", "")
        self._line(row, f"{row.shown.state} after {clock(row.seconds)}: {reason}" + (f"; {end}" if end else ""))

    def over(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back; safe to call twice."""
        if self.live.is_started:
            self.live.stop()
            self.console.print(self.frame())

    def _ends_in(self) -> str:
        """`the search ends in about 12 min (8 min to 17 min)`"""
        left = self.left_s()
        return "" if left is None else f"the search ends in {shown_range(*left)}"

    def _line(self, row: Row, text: str) -> None:
        if not self.moves:
            self._print(f"{row.shown.name}: {text}")

    def _print(self, line: str) -> None:
        self.console.print(Text(line), highlight=False, soft_wrap=True)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"
