"""A metric over the seeds of a run: mean, spread, uncertainty. Pure."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeedMean:
    """A metric over the seeds of a run.

    Args:
        mean: of the `n` values; NaN without any.
        sd: standard deviation with the n - 1 denominator; NaN for n < 2.
        sem: standard error of the mean, sd / sqrt(n); NaN for n < 2.
        ci95: 95 % confidence interval of the mean (Student t with n - 1 degrees of freedom); None for n < 2.
        n: seeds with a value.
        n_total: seeds of the run, with those that failed, diverged, still run or have an undefined value.
    """

    mean: float
    sd: float
    sem: float
    ci95: tuple[float, float] | None
    min: float
    max: float
    n: int
    n_total: int

    @classmethod
    def of(cls, values: Iterable[float], n_total: int | None = None) -> "SeedMean":
        """Values that are not finite are undefined: they count for `n_total` only.

        Args:
            n_total: the number of values if left out.
        """
        given = list(values)
        total = len(given) if n_total is None else n_total
        n = len(finite := [value for value in given if math.isfinite(value)])
        if n == 0:
            return cls(math.nan, math.nan, math.nan, None, math.nan, math.nan, 0, total)
        low, high = min(finite), max(finite)
        # the rounding of a sum must not carry the mean of equal values past them
        mean = min(max(statistics.fmean(finite), low), high)
        if n == 1:
            return cls(mean, math.nan, math.nan, None, low, high, 1, total)
        sd = statistics.stdev(finite)
        sem = sd / math.sqrt(n)
        half = _t_quantile_975(n - 1) * sem
        return cls(mean, sd, sem, (mean - half, mean + half), low, high, n, total)

    def __str__(self) -> str:
        if self.n == 0:
            return "-"
        return f"{self.mean:.4f}" if self.n == 1 else f"{self.mean:.4f} +- {self.sem:.4f}"

    def with_interval(self) -> str:
        """`0.8123 +- 0.0045 [0.793, 0.832]`: mean, sem and 95 % interval; less where it is undefined."""
        return str(self) if self.ci95 is None else f"{self} [{self.ci95[0]:.3f}, {self.ci95[1]:.3f}]"


def _t_quantile_975(degrees_of_freedom: int) -> float:
    # scipy.special, because importing scipy.stats costs a second
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, 0.975))
