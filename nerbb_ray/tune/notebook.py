"""The trials while they run, in a notebook: one output of the cell that changes in its place."""

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

from nerbb_ray.live.page import search_html
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.screen_rows import Row
from nerbb_ray.tune.search_progress import SearchProgress
from nerbb_ray.tune.trial_plan import TrialPlan

EVERY_S = 0.5


def in_notebook() -> bool:
    """Whether the output of this process is the cell of a notebook."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookProgress(SearchProgress):
    """Shows trials as Tune tells of them."""

    def __init__(self, plan: TrialPlan, book: JobBook, slots: int = 1) -> None:
        super().__init__(plan, book, slots)
        self._handle: Any = None
        self._shown_at = -math.inf

    def begun(self, row: Row, *, again: bool) -> None:  # noqa: ARG002  # the table shows it
        self._show()

    def epoch(self, row: Row, report: Mapping[str, Any], doing: str) -> None:  # noqa: ARG002
        self._show()

    def ended(self, row: Row) -> None:  # noqa: ARG002
        self._show(at_once=True)

    def over(self) -> None:
        self._show(at_once=True)

    def _show(self, *, at_once: bool = False) -> None:
        """In the place of what was shown before; not more often than anybody can read."""
        now = time.monotonic()
        if not at_once and now - self._shown_at < EVERY_S:
            return
        from IPython.display import HTML, display

        self._shown_at, html = now, HTML(search_html(self.state()))
        if self._handle is None:
            self._handle = display(html, display_id=True)
        else:
            self._handle.update(html)
