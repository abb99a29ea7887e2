"""The trials while they run, in a notebook: one output of the cell that changes in its place."""

import math
import sys
import time
from typing import Any, cast

from ray.tune import Callback

from nerbb_ray.config.trials import TrialSpec, most_trials
from nerbb_ray.forecast.remaining import Eta
from nerbb_ray.live.page import search_html
from nerbb_ray.live.state import SearchState, ShownTrial, State
from nerbb_ray.results.experiment_result import SELECTION_METRIC
from nerbb_ray.results.reports import is_epoch
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.tune.job import JobBook, varying_keys
from nerbb_ray.tune.trial_plan import TrialPlan

EVERY_S = 0.5
STAGES: dict[str, State] = {"WARMUP_OR_CONSTANT": "training", "COOLDOWN": "cool-down", "STOPPED": "testing"}


def in_notebook() -> bool:
    """Whether the output of this process is the cell of a notebook."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookProgress(Callback):  # type: ignore[misc]  # Ray has no types
    """Shows trials as Tune tells of them.

    Args:
        book: has the trials behind Tune's configurations.
        slots: trials at the same time.
    """

    def __init__(self, plan: TrialPlan, book: JobBook, slots: int = 1) -> None:
        self._plan, self._book, self._started = plan, book, time.monotonic()
        self._total = most_trials(plan.spec) - plan.known
        self._eta = Eta(self._total, slots)
        self._trials: dict[str, ShownTrial] = {}
        self._begun: dict[str, float] = {}
        self._keys = varying_keys(plan.spec)
        self._handle: Any = None
        self._shown_at = -math.inf

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        # Tune pickles its callbacks; the notebook stays here
        return Callback, ()

    def state(self) -> SearchState:
        """What is shown."""
        now = time.monotonic()
        for name, trial in self._trials.items():
            if trial.running:
                trial.elapsed_s = now - self._begun[name]
        running = sum(trial.running for trial in self._trials.values())
        self._eta.total = min(self._total, self._eta.ended + running + self._plan.to_come())
        left = self._eta.remaining_s()
        return SearchState(
            name=self._plan.spec.name,
            total=self._total + self._plan.known,
            at_most=not self._plan.known_beforehand,
            earlier=self._plan.known,
            trials=list(self._trials.values()),
            elapsed_s=now - self._started,
            left_s=None if left is None or self._eta.ended >= self._eta.total else left[1],
        )

    @never_raises
    def on_trial_start(self, trial: Any, **_: Any) -> None:
        self._shown(trial).state = "loading"
        self._show()

    @never_raises
    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        if not is_epoch(result):
            return
        shown, f1 = self._shown(trial), result[SELECTION_METRIC]
        shown.state, shown.epochs = STAGES[result["stage"]], result["epoch"] + 1
        shown.val_loss, shown.lr = result["val/loss"], result["lr"]
        if math.isfinite(f1) and not f1 <= shown.best_f1:
            shown.best_f1 = f1
        elapsed = time.monotonic() - self._begun[shown.name]
        self._eta.epoch(shown.run, shown.name, shown.epochs, elapsed, shown.of_epochs)
        self._show()

    @never_raises
    def on_trial_complete(self, trial: Any, **_: Any) -> None:
        last = trial.last_result or {}
        state = "diverged" if last.get("diverged") else "cut" if last.get("cut") else "done"
        self._end(trial, cast("State", state))

    @never_raises
    def on_trial_error(self, trial: Any, **_: Any) -> None:
        self._end(trial, "failed")

    @never_raises
    def on_experiment_end(self, **_: Any) -> None:
        for shown in self._trials.values():
            if shown.running:
                shown.state = "interrupted"
        self._show(at_once=True)

    def _end(self, trial: Any, state: State) -> None:
        shown = self._shown(trial)
        shown.state, shown.elapsed_s = state, time.monotonic() - self._begun[shown.name]
        self._eta.end(shown.run, shown.name, shown.elapsed_s if state in ("done", "diverged") else None)
        self._show(at_once=True)

    def _shown(self, trial: Any) -> ShownTrial:
        spec = self._book.of(trial.config).trial
        if spec.name not in self._trials:
            self._trials[spec.name] = self._new(spec)
            self._begun[spec.name] = time.monotonic()
        return self._trials[spec.name]

    def _new(self, spec: TrialSpec) -> ShownTrial:
        params = {key: value for key, value in spec.params().items() if key in self._keys}
        of_epochs = None if spec.hparams.early_stopping else spec.hparams.max_epochs
        return ShownTrial(spec.run, spec.seed, params=params, of_epochs=of_epochs)

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
