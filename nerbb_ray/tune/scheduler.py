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
from itertools import count
from numbers import Integral
from pathlib import Path
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nerbb_ray.results.plain_number import plain_number
from nerbb_ray.results.reports import is_epoch
from nerbb_ray.training.adaptive import AdaptiveRule, Stage, replay_state

HISTORY = "history"  # of a report: the values of all epochs so far
ENDS_ITSELF = "ends_itself"  # of a report: the trial returns from its loop


class AdaptiveStoppingScheduler(FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Stops a trial when the rule says so.

    Every report is an epoch with a value of the metric, a number of whatever library; reports without one are not
    judged (Tune refuses them unless TUNE_DISABLE_STRICT_METRIC_CHECKING=1). A trial that reports the values of all of
    its epochs under `history`, as a list of numbers, is judged by these: then nothing is lost if the driver starts
    again, or the trial itself from a checkpoint, since Tune never saves a scheduler's state. Without a history, epochs
    that are told twice are known by their `training_iteration`.

    A trial whose reports say `ends_itself` is left to end by itself: to stop one that has workers of its own (Ray
    Train) could leave their resources taken for ever.

    Args:
        metric: its name in the reports; left out: that of the TuneConfig. Trials that all report a `history` need none.
        mode: min or max; left out: that of the TuneConfig if the metric is, too, else that of the rule.
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
        self._values: dict[str, list[tuple[int, float]]] = {}  # of each trial: iteration and value

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """The metric and mode of a TuneConfig, where the scheduler has none of its own."""
        judged = self._metric or metric
        # the mode of another metric says nothing about this one
        if metric in (None, judged):
            self._mode = self._mode or mode
        taken = bool(super().set_search_properties(None, None, **spec))
        self._metric = judged  # where there is none, Ray's own scheduler takes a name that nobody reports
        return taken

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
        if self._metric is None:
            _refuse(result)
            return []
        value = plain_number(result.get(self._metric))
        if value is None:
            return []
        known = self._values.get(trial.trial_id, [])
        iteration = result.get("training_iteration")
        number = int(iteration) if isinstance(iteration, Integral) else known[-1][0] + 1 if known else 1
        # a trial that was started again tells some epochs twice
        known = [*((earlier, seen) for earlier, seen in known if earlier < number), (number, value)]
        self._values[trial.trial_id] = known
        return [seen for _, seen in known]

    def _stopped(self, trial: Any, history: Sequence[float | None]) -> bool:
        """Whether the rule has ended the trial, now or before."""
        return replay_state(self._rule_of(trial), history).stage is Stage.STOPPED

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
        saved = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        self._values = {trial: list(map(_entry, values, count(1))) for trial, values in saved.items()}


def _entry(saved: Any, number: int) -> tuple[int, float]:
    """Iteration and value; before version 0.13 only values were saved, one of each iteration."""
    return (int(saved[0]), float(saved[1])) if isinstance(saved, list) else (number, float(saved))


def _refuse(result: dict[str, Any]) -> None:
    """Of a report that there is nothing in to judge by, or ever will be."""
    if is_epoch(result) and not _is_empty(result.get(HISTORY)):
        raise ValueError(
            "AdaptiveStoppingScheduler has no metric to judge by: give it one, as in "
            "AdaptiveStoppingScheduler('loss', 'min', rule), or the TuneConfig, or report the values of all epochs as "
            "a list of numbers under 'history'"
        )


def _is_empty(history: Any) -> bool:
    """Whether a trial reports its history, which has no epoch yet."""
    return hasattr(history, "__len__") and len(history) == 0


def _numbers(reported: Any) -> list[float | None] | None:
    """The values of a trial's `history`; None if that is no list of numbers, others may mean something else by it, or
    has none."""
    values = reported.tolist() if hasattr(reported, "tolist") else reported  # an array, a tensor, a column of a table
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        return None
    found = [plain_number(value) for value in values]
    if not found:
        return None
    is_ours = all(number is not None or value is None for number, value in zip(found, values, strict=True))
    return found if is_ours else None
