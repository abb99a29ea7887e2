"""The adaptive stopping rule, and the learning rates that follow from it. Pure: standard library only.

The worker that trains a trial, Tune's scheduler and `nerbb show_schedule` all use `advance`; nobody else decides.

Source: Stollenwerk 2022, Adaptive Fine-Tuning of Transformer-Based Language Models for Named Entity Recognition,
https://arxiv.org/abs/2202.02617
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from nerbb_ray.config.hparams import HParams
from nerbb_ray.training.adaptive_rule import AdaptiveRule as AdaptiveRule
from nerbb_ray.training.adaptive_rule import rule_of as rule_of
from nerbb_ray.training.schedules import cooldown_factor, lr_factor

# what a trial's `monitor` is called among the metrics
MONITORED = {"val_loss": "val/loss", "val_acc": "val/token/all/acc", "val_f1": "val/entity/micro/f1"}


class Stage(StrEnum):
    """What the learning rate does in the coming epoch."""

    WARMUP_OR_CONSTANT = "WARMUP_OR_CONSTANT"
    COOLDOWN = "COOLDOWN"
    STOPPED = "STOPPED"


class Reason(StrEnum):
    """Why a trial stopped."""

    COOLDOWN_FINISHED = "cool-down finished"
    NO_IMPROVEMENT = "no improvement"
    MAX_EPOCHS = "max_epochs reached"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True)
class AdaptiveState:
    """Everything the rule remembers; `dataclasses.asdict` of it is its checkpoint.

    Args:
        epoch: epochs that have been validated, which is the 0-based number of the coming epoch.
        stage: of the coming epoch.
        stage_start: the epoch in which that stage began.
        warm: whether a restart has ended warm-up for good.
        best: the value that an improvement must beat; None before the first.
        wait: epochs since the last improvement.
        best_value, best_epoch: of the epoch that is best by monitor and mode alone, without min_delta, which is the one
            whose weights are kept; None if no value was measured yet.
        reason: why the trial stopped; None while it runs.
    """

    epoch: int = 0
    stage: Stage = Stage.WARMUP_OR_CONSTANT
    stage_start: int = 0
    warm: bool = False
    best: float | None = None
    wait: int = 0
    best_value: float | None = None
    best_epoch: int | None = None
    reason: Reason | None = None


def start(rule: AdaptiveRule) -> AdaptiveState:
    """The state before the first epoch."""
    return _hybrid(AdaptiveState(), rule)


def advance(state: AdaptiveState, value: float | None, rule: AdaptiveRule) -> AdaptiveState:
    """Feed the monitored value of one epoch to the rule.

    Improvement: strictly better than the best by more than `min_delta`. With the schedule constant, `patience` + 1
    epochs without one start the cool-down; an improvement during the cool-down goes back to the full rate at once if
    `restarts` (else it does not count). The trial ends after `patience` + `cooldown_epochs` + 1 epochs without
    improvement, after `max_epochs`, or at once when the value is not finite.

    Args:
        value: reduced over all workers, the same float on each; None if the validation split has nothing to measure:
            such an epoch is neither better nor worse.
    Raises:
        ValueError: the trial has stopped already.
    """
    if state.stage is Stage.STOPPED:
        raise ValueError("the trial has stopped: there is no epoch to advance to")
    coming = state.epoch + 1
    if value is not None and not math.isfinite(value):
        return replace(state, epoch=coming, stage=Stage.STOPPED, reason=Reason.DIVERGED)
    state = _remember_best(state, value, rule)
    if rule.early_stopping and value is not None:
        state = _judge(state, value, rule)
    state = _hybrid(replace(state, epoch=coming), rule)
    if state.reason is None and coming >= rule.max_epochs:
        state = replace(state, reason=Reason.MAX_EPOCHS)
    return replace(state, stage=Stage.STOPPED) if state.reason else state


def _remember_best(state: AdaptiveState, value: float | None, rule: AdaptiveRule) -> AdaptiveState:
    if value is None or (state.best_value is not None and not rule.improves(value, state.best_value, 0.0)):
        return state
    return replace(state, best_value=value, best_epoch=state.epoch)


def _judge(state: AdaptiveState, value: float, rule: AdaptiveRule) -> AdaptiveState:
    """Improvement, cool-down, restart, stop."""
    cooling = state.stage is Stage.COOLDOWN
    coming = state.epoch + 1
    improved = state.best is None or rule.improves(value, state.best, rule.min_delta)
    if improved and not (cooling and not rule.restarts):
        state = replace(state, best=value, wait=0)
        if cooling:
            state = replace(state, stage=Stage.WARMUP_OR_CONSTANT, stage_start=coming, warm=True)
        return state
    state = replace(state, wait=state.wait + 1)
    limit = rule.patience + 1
    if state.wait >= limit + rule.cooldown_epochs:
        return replace(state, reason=Reason.COOLDOWN_FINISHED if rule.cools_down else Reason.NO_IMPROVEMENT)
    if rule.cools_down and state.wait == limit:
        return replace(state, stage=Stage.COOLDOWN, stage_start=coming)
    return state


def _hybrid(state: AdaptiveState, rule: AdaptiveRule) -> AdaptiveState:
    """The hybrid schedule cools down in exactly the last epochs, whatever the monitored values are."""
    begin = rule.max_epochs - rule.cooldown_epochs
    if rule.schedule != "hybrid" or rule.cooldown_epochs == 0 or state.epoch < begin:
        return state
    return replace(state, stage=Stage.COOLDOWN, stage_start=begin)


def replay_state(rule: AdaptiveRule, history: Iterable[float | None]) -> AdaptiveState:
    """The state after a history of monitored values: how a scheduler without memory knows where a trial stands.

    Values after the one that has stopped the trial change nothing.
    """
    state = start(rule)
    for value in history:
        if state.stage is Stage.STOPPED:
            break
        state = advance(state, value, rule)
    return state


def lr_factors(
    state: AdaptiveState, rule: AdaptiveRule, steps_per_epoch: int, *, warmup_epochs: int = 0, num_cycles: int = 1
) -> tuple[float, ...]:
    """The factor on the full learning rate of every optimizer step of the coming epoch. *Shape:* (steps_per_epoch,)

    Args:
        warmup_epochs: in which the rate rises linearly from 0, when training begins.
        num_cycles: of the cosine schedules.
    """
    steps = range(
        (state.epoch - state.stage_start) * steps_per_epoch, (state.epoch - state.stage_start + 1) * steps_per_epoch
    )
    if state.stage is Stage.COOLDOWN:
        return tuple(cooldown_factor(step, rule.cooldown_epochs * steps_per_epoch) for step in steps)
    warmup_steps, total_steps = (
        epochs * steps_per_epoch for epochs in (0 if state.warm else warmup_epochs, rule.max_epochs)
    )
    return tuple(
        lr_factor(
            step, schedule=rule.schedule, warmup_steps=warmup_steps, total_steps=total_steps, num_cycles=num_cycles
        )
        for step in steps
    )


def learning_rates(state: AdaptiveState, hparams: HParams, steps_per_epoch: int) -> tuple[float, ...]:
    """The learning rate of every optimizer step of the coming epoch. *Shape:* (steps_per_epoch,)"""
    warmup, cycles = hparams.lr_warmup_epochs, hparams.lr_num_cycles
    factors = lr_factors(state, rule_of(hparams), steps_per_epoch, warmup_epochs=warmup, num_cycles=cycles)
    return tuple(hparams.lr_max * factor for factor in factors)


@dataclass(frozen=True, slots=True)
class Replay:
    """What the rule makes of a list of monitored values.

    Args:
        learning_rates: per epoch, of every optimizer step. *Shape:* (epochs, steps_per_epoch)
        stages: per epoch, the stage in which it was trained.
        values: per epoch, the monitored value.
        epochs: how many were trained.
        best_epoch: 0-based; -1 if no value was finite.
        reason: why it stopped.
    """

    learning_rates: tuple[tuple[float, ...], ...]
    stages: tuple[Stage, ...]
    values: tuple[float, ...]
    epochs: int
    best_epoch: int
    reason: str


def replay(hparams: HParams, values: Sequence[float], steps_per_epoch: int) -> Replay:
    """Run rule and schedule over monitored values until the rule stops; the last value repeats as often as needed.

    Raises:
        ValueError: no value, or steps_per_epoch < 1.
    """
    if len(values) == 0 or steps_per_epoch < 1:
        raise ValueError(f"at least one value and one step are needed, but got {len(values)=}, {steps_per_epoch=}")
    rule = rule_of(hparams)
    state = start(rule)
    rates, stages, seen = [], [], []
    while state.stage is not Stage.STOPPED:
        rates.append(learning_rates(state, hparams, steps_per_epoch))
        stages.append(state.stage)
        seen.append(float(values[min(state.epoch, len(values) - 1)]))
        state = advance(state, seen[-1], rule)
    best = -1 if state.best_epoch is None else state.best_epoch
    reason = state.reason.value if state.reason else ""
    return Replay(tuple(rates), tuple(stages), tuple(seen), len(rates), best, reason)


def rates_of(hparams: HParams, history: Sequence[float | None], epochs: int, steps_per_epoch: int) -> Iterator[float]:
    """The learning rate of every step of the first epochs of a trial with this history."""
    rule = rule_of(hparams)
    state = start(rule)
    for value in history[:epochs]:
        yield from learning_rates(state, hparams, steps_per_epoch)
        state = advance(state, value, rule)
