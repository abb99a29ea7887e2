"""How many epochs trials will take: what they are told, what earlier trials took, or a guess. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.results.trial_result import TrialResult

# what decides when a trial ends, besides data and model
RULE = (
    "early_stopping",
    "monitor",
    "patience",
    "min_delta",
    "max_epochs",
    "lr_schedule",
    "lr_warmup_epochs",
    "lr_cooldown_epochs",
    "lr_cooldown_restarts",
)
LEARNING_STEPS = 40.0  # of the guess: small data take more epochs, roughly with the root of the steps
ALIKE = 1.6  # sizes and learning rates that differ by no more than this factor


@dataclass(frozen=True, slots=True)
class Epochs:
    """Of the trials of a run.

    Args:
        values: equally probable numbers.
        source: where they come from, in words.
    """

    values: tuple[int, ...]
    source: str

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return str(low) if low == high else f"{low} to {high}"


def expected_epochs(trial: TrialSpec, steps: int, earlier: Sequence[TrialResult]) -> Epochs:
    """The epochs of a trial.

    Args:
        steps: its optimizer steps per epoch.
        earlier: trials that ended ok.
    """
    hparams = trial.hparams
    if not hparams.early_stopping:
        return Epochs((hparams.max_epochs,), "max_epochs")
    found = [one for one in earlier if one.epochs and follows(one, hparams)]
    if not found:
        return _guess(hparams, steps)
    # the more alike the better, as long as there are any
    size = [one for one in found if _near(_relative_size(one, trial))]
    rate = [one for one in size or found if _near(float(str(one.params["lr_max"])) / hparams.lr_max)]
    unlike = [word for word, some in (("another size", size), ("other learning rates", rate)) if not some]
    values = tuple(sorted(one.epochs for one in rate or size or found if one.epochs))
    more = f" (data of {' and '.join(unlike)})".replace("data of other", "other") if unlike else ""
    return Epochs(values, f"{len(values)} earlier trials with the same stopping rule{more}")


def _relative_size(one: TrialResult, trial: TrialSpec) -> float:
    """The steps per epoch of an earlier trial, in those of this one; 0 for other data, whose size is not known."""
    params = one.params
    if params.get("dataset_name") != trial.dataset.dataset_name:
        return 0.0
    ratio = float(str(params["prune_ratio_train"])) / trial.dataset.prune_ratio_train
    return ratio * trial.hparams.batch_size / int(str(params["batch_size"]))


def _near(factor: float) -> bool:
    return 1 / ALIKE <= factor <= ALIKE


def follows(trial: TrialResult, hparams: HParams) -> bool:
    """Whether a trial had the same stopping rule."""
    return all(str(trial.params.get(key)) == str(getattr(hparams, key)) for key in RULE)


def _guess(hparams: HParams, steps: int) -> Epochs:
    learning = 4 + LEARNING_STEPS / math.sqrt(steps)
    fixed = hparams.lr_warmup_epochs + hparams.patience
    cooldown = hparams.lr_cooldown_epochs * (1.5 if hparams.lr_cooldown_restarts else 1)
    values = (fixed + cooldown + learning * factor for factor in (0.5, 0.75, 1, 1.5, 2.5))
    return Epochs(tuple(min(hparams.max_epochs, round(value)) for value in values), "a guess from the size of the data")
