"""What the adaptive stopping rule of a training is told: patience, cool-down, cap. What it does with it: adaptive."""

from dataclasses import dataclass, fields

from nerbb_ray.config.hparams import HParams, cross_problems
from nerbb_ray.config.keys import keys_of

# what a part of the rule is called in [hparams], where it is not the same
KEYS = {"cooldown_epochs": "lr_cooldown_epochs", "restarts": "lr_cooldown_restarts", "schedule": "lr_schedule"}


def key_of(part: str) -> str:
    """The key of [hparams] that a part of the rule has its value from."""
    return KEYS.get(part, part)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveRule:
    """When a training cools down, goes back, and stops.

    Args:
        patience: epochs without improvement that are forgiven.
        min_delta: an improvement must be larger than this.
        cooldown_epochs: length of the cool-down; 0: none.
        restarts: whether an improvement during the cool-down goes back to the full learning rate.
        max_epochs: a cap.
        mode: whether lower (min) or higher (max) values are better.
        early_stopping: whether the values decide at all; if not, training takes `max_epochs`.
        schedule: of the learning rate after warm-up, a value of `lr_schedule`: only `constant` cools down by the
            values, and `hybrid` in exactly its last epochs.

    Raises:
        ValueError: a value is not allowed; each has the range of its key in [hparams].
    """

    patience: int = 0
    min_delta: float = 0.0
    cooldown_epochs: int = 7
    restarts: bool = True
    max_epochs: int = 250
    mode: str = "min"
    early_stopping: bool = True
    schedule: str = "constant"

    def __post_init__(self) -> None:
        allowed = keys_of(HParams)
        for part in fields(self):
            value, key = getattr(self, part.name), allowed[key_of(part.name)]
            # None is a value of some keys, but of no part of a rule
            if value is None or not key.check(value):
                words = "True or False" if part.type is bool else key.rule
                raise ValueError(f"{part.name} of an AdaptiveRule must be {words}; got {value!r}")
            object.__setattr__(self, part.name, key.plain(value))
        self._check_together()

    def _check_together(self) -> None:
        own = {key_of(part.name): part.name for part in fields(self)}
        hparams = HParams(**{key: getattr(self, name) for key, name in own.items()})
        for problem in cross_problems(hparams):
            if own.keys() >= problem.involved:
                raise ValueError(f"{own[problem.key]} of an AdaptiveRule {problem.rule}; got {problem.value!r}")

    @property
    def cools_down(self) -> bool:
        """Whether the values decide on a cool-down."""
        return self.schedule == "constant" and self.cooldown_epochs > 0

    def improves(self, value: float, best: float, min_delta: float) -> bool:
        """Whether a value is better than the best by more than `min_delta`."""
        return value < best - min_delta if self.mode == "min" else value > best + min_delta


def rule_of(hparams: HParams) -> AdaptiveRule:
    """The rule of a run."""
    return AdaptiveRule(**{part.name: getattr(hparams, key_of(part.name)) for part in fields(AdaptiveRule)})
