"""[hparams]: the hyperparameters of a run, and which of their values do not go together.

A knob is added here, as a field with its default and range, and in docs/experiment_file.md; what it does is in
training: loss.py (the objective), optimizer.py (groups of parameters), knobs.py (the model), lora.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from nerbb_ray.config import keys
from nerbb_ray.config.class_weights import class_weights

# what not every model has
OF_THE_MODEL = (
    *("hidden_dropout", "attention_dropout", "classifier_dropout", "lr_head", "lr_layer_decay"),
    *("freeze_layers", "reinit_layers", "lora_rank", "lora_targets"),
)
Mode = Literal["min", "max"]
MODE_OF_MONITOR: dict[str, Mode] = {"val_loss": "min", "val_acc": "max", "val_f1": "max"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HParams(keys.Checked):
    """[hparams]: the hyperparameters of one run.

    `mode` may be left out: it follows from `monitor`. Lengths are in sub-tokens, warm-up and cool-down in epochs.
    A dropout of None (`auto`) is that of the model's own configuration.
    """

    section = "hparams"
    batch_size: int = keys.integer(16, low=1)
    max_seq_length: int = keys.integer(128, low=8)
    max_epochs: int = keys.integer(250, low=1)
    early_stopping: bool = keys.boolean(True)
    monitor: str = keys.choice("val_loss", *MODE_OF_MONITOR)
    min_delta: float = keys.number(0.0, low=0)
    patience: int = keys.integer(0, low=0)
    mode: Literal["min", "max"] = keys.choice(None, "min", "max")
    lr_warmup_epochs: int = keys.integer(2, low=0)
    lr_max: float = keys.number(2e-5, low=0, open_low=True)
    lr_schedule: str = keys.choice("constant", "constant", "linear", "cosine", "cosine_with_hard_restarts", "hybrid")
    lr_num_cycles: int = keys.integer(4, low=1)
    lr_cooldown_restarts: bool = keys.boolean(True)
    lr_cooldown_epochs: int = keys.integer(7, low=0)
    lr_head: float = keys.number(1.0, low=0, open_low=True)
    lr_layer_decay: float = keys.number(1.0, low=0, high=1, open_low=True)
    weight_decay: float = keys.number(0.01, low=0)
    adam_beta2: float = keys.number(0.999, low=0, high=1, open_high=True)
    max_grad_norm: float = keys.number(0.0, low=0)
    label_smoothing: float = keys.number(0.0, low=0, high=1, open_high=True)
    focal_gamma: float = keys.number(0.0, low=0)
    loss_weights: str = class_weights()
    hidden_dropout: float | None = keys.optional(float, high=1, open_high=True)
    attention_dropout: float | None = keys.optional(float, high=1, open_high=True)
    classifier_dropout: float | None = keys.optional(float, high=1, open_high=True)
    freeze_layers: int = keys.integer(0, low=0)
    reinit_layers: int = keys.integer(0, low=0)
    lora_rank: int = keys.integer(0, low=0)
    lora_alpha: float | None = keys.optional(float, open_low=True)
    lora_targets: str = keys.text("auto", "auto", "all")

    def __post_init__(self) -> None:
        # named: a zero-argument super() does not work in a dataclass with slots
        keys.Checked.__post_init__(self)
        if self.mode is None:
            object.__setattr__(self, "mode", MODE_OF_MONITOR[self.monitor])

    @property
    def changes_model(self) -> bool:
        """Whether something of the model is to be other than it is, which not every model has."""
        return any(getattr(self, key) != type(self).__dataclass_fields__[key].default for key in OF_THE_MODEL)


class CrossProblem(NamedTuple):
    """A rule between several keys of a section that does not hold: `key` is to change, `involved` are all of them."""

    key: str
    involved: frozenset[str]
    rule: str
    value: Any
    section: str = "hparams"


class Rule(NamedTuple):
    """What some hyperparameters must not be together.

    Args:
        key: the one to change.
        others: that it depends on.
        broken: whether these hyperparameters break it.
        words: what must be, with the names of hyperparameters in braces for their values.
    """

    key: str
    others: tuple[str, ...]
    broken: Callable[[HParams], bool]
    words: str


_FROZEN_ANYWAY = "must be 0 with lora_rank = {lora_rank}: with adapters, the weights of all layers stay as they were"
RULES = (
    Rule(
        "early_stopping",
        ("lr_schedule",),
        lambda h: h.lr_schedule == "hybrid" and h.early_stopping,
        "must be False with lr_schedule = hybrid, which has a fixed number of epochs (preset = hybrid sets both)",
    ),
    Rule(
        "lr_cooldown_epochs",
        ("max_epochs", "lr_schedule"),
        lambda h: h.lr_schedule == "hybrid" and h.lr_cooldown_epochs > h.max_epochs,
        "must be <= max_epochs = {max_epochs} with lr_schedule = hybrid",
    ),
    Rule(
        "label_smoothing",
        ("focal_gamma",),
        lambda h: h.focal_gamma > 0 and h.label_smoothing > 0,
        "must be 0 with focal_gamma = {focal_gamma}: the focal loss is defined for one true label",
    ),
    Rule("freeze_layers", ("lora_rank",), lambda h: h.lora_rank > 0 and h.freeze_layers > 0, _FROZEN_ANYWAY),
    Rule(
        "reinit_layers",
        ("lora_rank",),
        lambda h: h.lora_rank > 0 and h.reinit_layers > 0,
        f"{_FROZEN_ANYWAY}, and new ones would never be trained",
    ),
    Rule(
        "lora_alpha",
        ("lora_rank",),
        lambda h: h.lora_alpha is not None and not h.lora_rank,
        "must come with lora_rank > 0",
    ),
    Rule(
        "lora_targets",
        ("lora_rank",),
        lambda h: h.lora_targets != "auto" and not h.lora_rank,
        "must come with lora_rank > 0",
    ),
)


def cross_problems(hparams: HParams) -> list[CrossProblem]:
    """Every rule between hyperparameters that these ones break."""
    problems = []
    expected = MODE_OF_MONITOR[hparams.monitor]
    if hparams.mode != expected:
        rule = f"must be {expected} for monitor = {hparams.monitor} (or left out: it follows from monitor)"
        problems.append(CrossProblem("mode", frozenset({"mode", "monitor"}), rule, hparams.mode))
    for key, others, broken, words in RULES:
        if broken(hparams):
            said = words.format(**{name: getattr(hparams, name) for name in others})
            problems.append(CrossProblem(key, frozenset({key, *others}), said, getattr(hparams, key)))
    return problems
