"""The adaptive stopping rule, and the learning rates that follow from it. Pure: standard library only.

The worker that trains a trial, Tune's scheduler and `nerbb show_schedule` all use `advance`; nobody else decides.

Source: Stollenwerk 2022, Adaptive Fine-Tuning of Transformer-Based Language Models for Named Entity Recognition,
https://arxiv.org/abs/2202.02617
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from nerbb_ray.config.spec import HParams

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


def start(hparams: HParams) -> AdaptiveState:
    """The state before the first epoch."""
    return _hybrid(AdaptiveState(), hparams)


def advance(state: AdaptiveState, value: float | None, hparams: HParams) -> AdaptiveState:
    """Feed the monitored value of one epoch to the rule.

    Improvement: strictly better than the best by more than `min_delta`. With lr_schedule constant, `patience` + 1
    epochs without one start the cool-down; an improvement during the cool-down goes back to lr_max at once if
    `lr_cooldown_restarts` (else it does not count). The trial ends after `patience` + `lr_cooldown_epochs` + 1 epochs
    without improvement, after `max_epochs`, or at once when the value is not finite.

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
    state = _remember_best(state, value, hparams)
    if hparams.early_stopping and value is not None:
        state = _judge(state, value, hparams)
    state = _hybrid(replace(state, epoch=coming), hparams)
    if state.reason is None and coming >= hparams.max_epochs:
        state = replace(state, reason=Reason.MAX_EPOCHS)
    return replace(state, stage=Stage.STOPPED) if state.reason else state


def _remember_best(state: AdaptiveState, value: float | None, hparams: HParams) -> AdaptiveState:
    if value is None or (state.best_value is not None and not _improves(value, state.best_value, 0.0, hparams.mode)):
        return state
    return replace(state, best_value=value, best_epoch=state.epoch)


def _judge(state: AdaptiveState, value: float, hparams: HParams) -> AdaptiveState:
    """Rules 2 to 4: improvement, cool-down, restart, stop."""
    cooling = state.stage is Stage.COOLDOWN
    coming = state.epoch + 1
    improved = state.best is None or _improves(value, state.best, hparams.min_delta, hparams.mode)
    if improved and not (cooling and not hparams.lr_cooldown_restarts):
        state = replace(state, best=value, wait=0)
        if cooling:
            state = replace(state, stage=Stage.WARMUP_OR_CONSTANT, stage_start=coming, warm=True)
        return state
    state = replace(state, wait=state.wait + 1)
    limit = hparams.patience + 1
    has_cooldown = hparams.lr_schedule == "constant" and hparams.lr_cooldown_epochs > 0
    if state.wait >= limit + hparams.lr_cooldown_epochs:
        return replace(state, reason=Reason.COOLDOWN_FINISHED if has_cooldown else Reason.NO_IMPROVEMENT)
    if has_cooldown and state.wait == limit:
        return replace(state, stage=Stage.COOLDOWN, stage_start=coming)
    return state


def _improves(value: float, best: float, min_delta: float, mode: str) -> bool:
    return value < best - min_delta if mode == "min" else value > best + min_delta


def _hybrid(state: AdaptiveState, hparams: HParams) -> AdaptiveState:
    """The hybrid schedule cools down in exactly the last epochs, whatever the monitored values are."""
    begin = hparams.max_epochs - hparams.lr_cooldown_epochs
    if hparams.lr_schedule != "hybrid" or hparams.lr_cooldown_epochs == 0 or state.epoch < begin:
        return state
    return replace(state, stage=Stage.COOLDOWN, stage_start=begin)


def learning_rates(state: AdaptiveState, hparams: HParams, steps_per_epoch: int) -> tuple[float, ...]:
    """The learning rate of every optimizer step of the coming epoch. *Shape:* (steps_per_epoch,)"""
    first = (state.epoch - state.stage_start) * steps_per_epoch
    if state.stage is Stage.COOLDOWN:
        length = hparams.lr_cooldown_epochs * steps_per_epoch
        return tuple(hparams.lr_max * cooldown_factor(first + i, length) for i in range(steps_per_epoch))
    return tuple(
        hparams.lr_max
        * lr_factor(
            first + i,
            schedule=hparams.lr_schedule,
            warmup_steps=0 if state.warm else hparams.lr_warmup_epochs * steps_per_epoch,
            total_steps=hparams.max_epochs * steps_per_epoch,
            num_cycles=hparams.lr_num_cycles,
        )
        for i in range(steps_per_epoch)
    )


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
    state = start(hparams)
    rates, stages, seen = [], [], []
    while state.stage is not Stage.STOPPED:
        rates.append(learning_rates(state, hparams, steps_per_epoch))
        stages.append(state.stage)
        seen.append(float(values[min(state.epoch, len(values) - 1)]))
        state = advance(state, seen[-1], hparams)
    best = -1 if state.best_epoch is None else state.best_epoch
    reason = state.reason.value if state.reason else ""
    return Replay(tuple(rates), tuple(stages), tuple(seen), len(rates), best, reason)


def rates_of(hparams: HParams, history: Sequence[float | None], epochs: int, steps_per_epoch: int) -> Iterator[float]:
    """The learning rate of every step of the first epochs of a trial with this history."""
    state = start(hparams)
    for value in history[:epochs]:
        yield from learning_rates(state, hparams, steps_per_epoch)
        state = advance(state, value, hparams)


def replay_state(hparams: HParams, history: Iterable[float | None]) -> AdaptiveState:
    """The state after a history of monitored values: how a scheduler without memory knows where a trial stands."""
    state = start(hparams)
    for value in history:
        state = advance(state, value, hparams)
    return state


def lr_factor(step: int, *, schedule: str, warmup_steps: int, total_steps: int, num_cycles: int = 1) -> float:
    """Factor of an optimizer step that is not part of a cool-down.

    Args:
        step: counted from 0 since training began; the first step of a warm-up has factor 0.
        schedule: a value of `lr_schedule`; hybrid is constant until its cool-down.
        total_steps: max_epochs * steps per epoch; unused by constant and hybrid.
        num_cycles: waves of a cosine, or restarts of cosine_with_hard_restarts.
    """
    if step < warmup_steps:
        return step / warmup_steps
    if schedule in ("constant", "hybrid"):
        return 1.0
    if schedule == "linear":
        return max(0.0, (total_steps - step) / max(1, total_steps - warmup_steps))
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    if schedule == "cosine":
        return max(0.0, 0.5 * (1 + math.cos(2 * math.pi * num_cycles * progress)))
    if schedule == "cosine_with_hard_restarts":
        return 0.0 if progress >= 1 else max(0.0, 0.5 * (1 + math.cos(math.pi * ((num_cycles * progress) % 1))))
    raise ValueError(f"unknown lr_schedule: {schedule!r}")


def cooldown_factor(step: int, cooldown_steps: int) -> float:
    """Factor of a cool-down step, counted from 0 since the cool-down began: from 1 down to 1 / cooldown_steps."""
    return (cooldown_steps - step) / cooldown_steps
