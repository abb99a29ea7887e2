"""The ensemble of a run's seeds, as results know it. Plain data; `ensembles` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nerbb_ray.config.spec import Member

LEVEL = "ensemble"
# <split>/ensemble/<name>
F1, GAIN, ECE, MEAN_F1, MEAN_ECE = "f1", "gain", "ece", "mean_f1", "mean_ece"
LOW, HIGH = "ci95_low", "ci95_high"


@dataclass(frozen=True, slots=True)
class RunEnsemble:
    """One model of all seeds of a run whose predictions are here: the mean of their probabilities.

    Args:
        seeds: of its members; empty: there is none.
        decoding: how its tags are found, chosen on the validation data.
        metrics: by split: `val/ensemble/f1` (strict entity micro F1), `/f1_ci95_low`, `/f1_ci95_high` (bootstrap over
            sentences), `/mean_f1` (mean of its members), `/gain` (the difference), `/gain_ci95_low`,
            `/gain_ci95_high`, `/ece` (expected calibration error), `/mean_ece` (mean of its members).
        note: which seeds are not in it, and why.
    """

    seeds: tuple[Member, ...]
    decoding: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    note: str | None = None

    def value(self, split: str, name: str) -> float:
        """NaN where it is not known."""
        return self.metrics.get(f"{split}/{LEVEL}/{name}", float("nan"))

    def interval(self, split: str, name: str) -> tuple[float, float]:
        """The 95 % interval of `f1` or `gain`."""
        return self.value(split, f"{name}_{LOW}"), self.value(split, f"{name}_{HIGH}")


def is_ensemble_metric(name: str) -> bool:
    """Whether a metric of a run in MLflow is one of its ensemble."""
    parts = name.split("/")
    return len(parts) == 3 and parts[0] in ("val", "test") and parts[1] == LEVEL
