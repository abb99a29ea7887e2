"""`[search] scheduler = asha | median`: Ray's own scheduler looks at the first seed of every run, beside our own rules.

It compares single trials, epoch by epoch, and a trial that it stops is asked to end, as one that a race cuts. All that
it compares has the same seed, so that no run goes on because of a lucky one; a run whose first seed was cut gets no
further ones, and the further seeds of the others are trained to their end (see trial_plan). With folds, that is the
first fold of the first seed.

Sources: Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning (ASHA),
https://arxiv.org/abs/1810.05934; Golovin et al. 2017, Google Vizier (median stopping rule).
"""

import math
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule, TrialScheduler

from nerbb_ray.config.spec import ExperimentSpec, member_of
from nerbb_ray.results.reports import is_epoch, is_final
from nerbb_ray.training.adaptive import rule_of
from nerbb_ray.training.stop_request import ask_to_end
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler

EPOCHS, VALUE = "epochs_done", "value"  # of the results that Ray's scheduler sees; higher is better


def scheduler_of(spec: ExperimentSpec, book: JobBook) -> AdaptiveStoppingScheduler:
    """The scheduler of an experiment: our own rule, and what `[search] scheduler` asks for beside it."""

    def rule(trial: Any) -> Any:
        return rule_of(book.of(trial.config).trial.hparams)

    if spec.search.scheduler is None:
        return AdaptiveStoppingScheduler(rule=rule)
    return FirstSeedCuts(spec, book, rule=rule)


def rays_own(spec: ExperimentSpec) -> Any:
    """Ray's scheduler: a trial may be cut from `grace_epochs` epochs on."""
    longest = max(run.most_epochs for run in spec.runs)
    options: dict[str, Any] = {"time_attr": EPOCHS, "metric": VALUE, "mode": "max"}
    options["grace_period"] = min(spec.search.grace_epochs, longest)
    if spec.search.scheduler == "asha":
        return AsyncHyperBandScheduler(**options, max_t=longest, stop_last_trials=False)
    return MedianStoppingRule(**options, min_time_slice=math.inf)  # else it would pause trials for others


class FirstSeedCuts(AdaptiveStoppingScheduler):
    """Hands the first seed of every run on to Ray's scheduler.

    A driver that starts again begins with an empty scheduler: the trials that have ended before are not compared with.
    """

    def __init__(self, spec: ExperimentSpec, book: JobBook, **options: Any) -> None:
        super().__init__(**options)
        self._spec, self._book, self._inner = spec, book, rays_own(spec)
        self._asked: set[str] = set()

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        if self._is_first(trial):
            self._inner.on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        action = super().on_trial_result(tune_controller, trial, result)
        value = self._value(result)
        if self._is_first(trial) and is_epoch(result) and not is_final(result) and math.isfinite(value):
            self._look(tune_controller, trial, {EPOCHS: result["epoch"] + 1, VALUE: value})
        return action

    def _look(self, tune_controller: Any, trial: Any, seen: dict[str, float]) -> None:
        if trial.trial_id in self._asked:  # it ends after this epoch
            return
        if self._inner.on_trial_result(tune_controller, trial, seen) == TrialScheduler.STOP:
            self._asked.add(trial.trial_id)
            name = self._spec.search.scheduler
            reached = f"{self._spec.search.metric} {abs(seen[VALUE]):.4f}"
            ask_to_end(
                self._book.of(trial.config).states,
                f"cut by {name} after {seen[EPOCHS]} epochs: {reached} is behind other runs with this seed",
            )

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        super().on_trial_complete(tune_controller, trial, result)
        value = self._value(result)
        if self._is_first(trial):
            seen = {EPOCHS: result["epoch"] + 1, VALUE: value} if is_epoch(result) and math.isfinite(value) else {}
            if seen or self._spec.search.scheduler == "asha":
                self._inner.on_trial_complete(tune_controller, trial, seen)

    def _is_first(self, trial: Any) -> bool:
        return member_of(trial.config["seed"], trial.config.get("fold")) == next(iter(self._spec.members))

    def _value(self, result: dict[str, Any]) -> float:
        """Higher is better; NaN without one."""
        value = result.get(self._spec.search.metric)
        if not isinstance(value, int | float):
            return math.nan
        return -value if self._spec.search.metric == "val/loss" else float(value)
