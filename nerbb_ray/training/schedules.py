"""Learning-rate schedules as pure functions: optimizer step -> factor on `lr_max`.

linear, cosine and cosine_with_hard_restarts equal `transformers.get_scheduler`; constant and the cool-down are those of
adaptive fine-tuning (Stollenwerk 2022, https://arxiv.org/abs/2202.02617).
"""

import math


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
