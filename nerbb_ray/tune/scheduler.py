"""The adaptive stopping rule as a scheduler of Ray Tune, for any Tuner.

    from nerbb_ray.training.adaptive import AdaptiveRule
    from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler

    rule = AdaptiveRule(patience=1, cooldown_epochs=3)
    tune.TuneConfig(scheduler=AdaptiveStoppingScheduler("val_loss", "min", rule))

The learning rate follows in the worker, by the same rule: see docs/ray_parts.md.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nerbb_ray.results.plain_number import plain_number
from nerbb_ray.training.adaptive import AdaptiveRule, Stage, advance, start

HISTORY = "history"  # of a report: the values of all epochs so far
ENDS_ITSELF = "ends_itself"  # of a report: the trial returns from its loop


class AdaptiveStoppingScheduler(FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Stops a trial when the rule says so.

    Every report is an epoch with a value of the metric, a number of whatever library; reports without one are not
    judged. A trial that reports the values of all of its epochs under `history`, as a list of numbers, is judged by
    these: then nothing is lost if the driver starts again, or the trial itself from a checkpoint, since Tune never
    saves a scheduler's state.

    A trial whose reports say `ends_itself` is left to end by itself: to stop one that has workers of its own (Ray
    Train) could leave their resources taken for ever.

    Args:
        metric: its name in the reports; left out: that of the TuneConfig.
        mode: min or max; left out: that of the TuneConfig, else that of the rule.
        rule: of all trials, or a function of a trial of Tune's.

    Raises:
        TypeError, ValueError: an argument is none of these.
    """

    def __init__(
        self,
        metric: str | None = None,
        mode: str | None = None,
        rule: AdaptiveRule | Callable[[Any], AdaptiveRule] | None = None,
    ) -> None:
        super().__init__()
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode must be min or max; got {mode!r}")
        if not isinstance(metric, str | None):
            raise TypeError(f"metric must be the name of a metric; got {metric!r}")
        # the class itself can be called, too, but makes no rule of a trial
        if isinstance(rule, type) or not (rule is None or callable(rule) or isinstance(rule, AdaptiveRule)):
            raise TypeError(f"rule must be an AdaptiveRule, or a function of a trial that gives one; got {rule!r}")
        self._metric, self._mode, self._rule = metric, mode, AdaptiveRule() if rule is None else rule
        self._values: dict[str, list[float]] = {}

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """The metric and mode of a TuneConfig, where the scheduler has none of its own."""
        if metric and self._metric is None:
            self._metric = metric
        if mode and self._mode is None:
            self._mode = mode
        return bool(super().set_search_properties(None, None, **spec))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:  # noqa: ARG002
        history = self._history(trial, result)
        if not history:
            return str(TrialScheduler.CONTINUE)
        stopped = self._stopped(trial, history)
        if stopped and not result.get(ENDS_ITSELF):
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:  # noqa: ARG002
        self._values.pop(trial.trial_id, None)

    def _history(self, trial: Any, result: dict[str, Any]) -> Sequence[float | None]:
        reported = _numbers(result.get(HISTORY))
        if reported is not None:
            return reported
        value = plain_number(result.get(self._metric or ""))
        if value is None:
            return []
        values = self._values.setdefault(trial.trial_id, [])
        # a trial that was started again tells some epochs twice
        iteration = result.get("training_iteration")
        del values[max(0, int(iteration) - 1 if isinstance(iteration, Integral) else len(values)) :]
        values.append(value)
        return values

    def _stopped(self, trial: Any, history: Sequence[float | None]) -> bool:
        """Whether the rule has ended the trial, now or before."""
        rule = self._rule_of(trial)
        state = start(rule)
        for value in history:
            if state.stage is not Stage.STOPPED:
                state = advance(state, value, rule)
        return state.stage is Stage.STOPPED

    def _rule_of(self, trial: Any) -> AdaptiveRule:
        rule = self._rule(trial) if callable(self._rule) else self._rule
        if not isinstance(rule, AdaptiveRule):
            raise TypeError(f"the function `rule` must give an AdaptiveRule for every trial; got {rule!r} for {trial}")
        return rule if self._mode is None else replace(rule, mode=self._mode)

    def save(self, checkpoint_path: str) -> None:
        """The values seen so far, for whoever calls this: Tune does not."""
        Path(checkpoint_path).write_text(json.dumps(self._values), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Go on with what `save` wrote."""
        self._values = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))


def _numbers(reported: Any) -> list[float | None] | None:
    """The values of a trial's `history`; None if that is no list of numbers: others may mean something else by it."""
    values = reported.tolist() if hasattr(reported, "tolist") else reported  # an array, a tensor, a column of a table
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        return None
    found = [plain_number(value) for value in values]
    is_ours = all(number is not None or value is None for number, value in zip(found, values, strict=True))
    return found if is_ours else None
