"""The spread of a metric over the folds and the seeds of a run, and what it says of the mean. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoldSpread:
    """The spread of a metric over folds and over seeds, apart: a random-effects model of folds, and seeds within folds.

    Args:
        folds, seeds: how many; the most that a fold has.
        sd_folds: standard deviation of the true means of folds, by the method of moments; 0 where the folds differ less
            than the seeds alone would make them. With one seed per fold, that of the values, which is both. NaN for one
            fold.
        sd_seeds: standard deviation of the seeds within a fold; NaN with one seed per fold.
        means: of the folds.
        sem: standard error of the mean of all, s / sqrt(k), where s is the standard deviation of the means of the k
            folds of a repeat. Other repeats cut the same sentences again: they tell s better, but add no other
            sentences, so that k stays what it is. NaN for one fold.
        degrees: of freedom, k - 1.
    Source: Searle, Casella and McCulloch 1992, Variance Components (one-way, unbalanced); that both matter: Bouthillier
    et al. 2021, Accounting for Variance in Machine Learning Benchmarks.
    """

    folds: int
    seeds: int
    sd_folds: float
    sd_seeds: float
    means: tuple[float, ...]
    sem: float = math.nan
    degrees: int = 0

    @classmethod
    def of(cls, values: Sequence[float], folds: Sequence[int], k: int = 0) -> "FoldSpread":
        """
        Args:
            values: those that are not finite are left out.
            folds: of each value, from 1, those of the repeats after each other.
            k: folds of a repeat; 0: all are of one.
        """
        groups: dict[int, list[float]] = {}
        for value, fold in zip(values, folds, strict=True):
            if math.isfinite(value):
                groups.setdefault(fold, []).append(value)
        sizes, number = [len(group) for group in groups.values()], len(groups)
        n, means = sum(sizes), tuple(statistics.fmean(group) for group in groups.values())
        within = math.fsum(
            (value - mean) ** 2 for group, mean in zip(groups.values(), means, strict=True) for value in group
        )
        sd_seeds = math.sqrt(within / (n - number)) if n > number else math.nan
        if number < 2:
            return cls(number, max(sizes, default=0), math.nan, sd_seeds, means)
        grand = math.fsum(size * mean for size, mean in zip(sizes, means, strict=True)) / n
        between = math.fsum(size * (mean - grand) ** 2 for size, mean in zip(sizes, means, strict=True)) / (number - 1)
        usual_size = (n - sum(size**2 for size in sizes) / n) / (number - 1)
        noise = sd_seeds**2 if n > number else 0.0
        sd_folds = math.sqrt(max(0.0, (between - noise) / usual_size))
        sem, degrees = _error_of_the_mean(dict(zip(groups, means, strict=True)), k)
        return cls(number, max(sizes), sd_folds, sd_seeds, means, sem, degrees)

    def __str__(self) -> str:
        """`sd 0.0210 over 5 folds, 0.0080 over 3 seeds of a fold`"""
        if math.isnan(self.sd_folds):
            return f"{self.folds} fold"
        if math.isnan(self.sd_seeds):
            return f"sd {self.sd_folds:.4f} over {self.folds} folds with one seed each"
        return f"sd {self.sd_folds:.4f} over {self.folds} folds, {self.sd_seeds:.4f} over {self.seeds} seeds of a fold"


def _error_of_the_mean(means: Mapping[int, float], k: int) -> tuple[float, int]:
    """(standard error, degrees of freedom)

    Args:
        means: of the folds, by their number.
        k: folds of a repeat; 0: all are of one.
    """
    repeats: dict[int, list[float]] = {}
    for fold, mean in means.items():
        repeats.setdefault((fold - 1) // k if k else 0, []).append(mean)
    largest = max(map(len, repeats.values()))  # folds may have failed
    if largest < 2:
        return math.nan, 0
    if len(repeats) == 1:
        return statistics.stdev(means.values()) / math.sqrt(largest), largest - 1
    several = [of_one for of_one in repeats.values() if len(of_one) > 1]
    squares = math.fsum((len(of_one) - 1) * statistics.variance(of_one) for of_one in several)
    return math.sqrt(squares / sum(len(of_one) - 1 for of_one in several) / largest), largest - 1
