"""The adaptive stopping rule as a scheduler of Ray Tune, for any Tuner.

    from nerbb_ray.training.adaptive import AdaptiveRule
    from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler

    rule = AdaptiveRule(patience=1, cooldown_epochs=3)
    tune.TuneConfig(scheduler=AdaptiveStoppingScheduler("val_loss", "min", rule))

The learning rate follows in the worker, by the same rule: see docs/ray_parts.md.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nerbb_ray.training.adaptive import AdaptiveRule, Stage, advance, start

HISTORY = "history"  # of a report: the values of all epochs so far
ENDS_ITSELF = "ends_itself"  # of a report: the trial returns from its loop


class AdaptiveStoppingScheduler(FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Stops a trial when the rule says so.

    Every report is an epoch with a value of the metric; reports without one are not judged. A trial that reports the
    values of all of its epochs under `history` is judged by these: then nothing is lost if the driver starts again, or
    the trial itself from a checkpoint, since Tune never saves a scheduler's state.

    A trial whose reports say `ends_itself` is left to end by itself: to stop one that has workers of its own (Ray
    Train) could leave their resources taken for ever.

    Args:
        metric: its name in the reports; left out: that of the TuneConfig.
        mode: min or max; left out: that of the TuneConfig, else that of the rule.
        rule: of all trials, or a function of a trial of Tune's.
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

    def _history(self, trial: Any, result: dict[str, Any]) -> list[float | None]:
        if HISTORY in result:
            return list(result[HISTORY])
        value = result.get(self._metric or "")
        if not isinstance(value, int | float) or isinstance(value, bool):
            return []
        values = self._values.setdefault(trial.trial_id, [])
        # a trial that was started again tells some epochs twice
        del values[max(0, result.get("training_iteration", len(values) + 1) - 1) :]
        values.append(float(value))
        return list(values)

    def _stopped(self, trial: Any, history: list[float | None]) -> bool:
        """Whether the rule has ended the trial, now or before."""
        rule = self._rule(trial) if callable(self._rule) else self._rule
        if self._mode is not None:
            rule = replace(rule, mode=self._mode)
        state = start(rule)
        for value in history:
            if state.stage is not Stage.STOPPED:
                state = advance(state, value, rule)
        return state.stage is Stage.STOPPED

    def save(self, checkpoint_path: str) -> None:
        """The values seen so far, for whoever calls this: Tune does not."""
        Path(checkpoint_path).write_text(json.dumps(self._values), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Go on with what `save` wrote."""
        self._values = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
