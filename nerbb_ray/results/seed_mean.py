"""A metric over the seeds of a run: mean, spread, uncertainty. Pure."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nerbb_ray.results.fold_spread import FoldSpread

NEAR_ZERO = 0.1  # of the best seed: below, a seed has not learned what the others have
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class LogitMean:
    """A mean on the logit scale, log(m / (1 - m)), where nothing ends at 0 and 1.

    Args:
        mean: the logit of the mean.
        sem: its standard error, sem / (m (1 - m)) by the delta method.
        ci95: mean +- t(n - 1, 0.975) sem.
    """

    mean: float
    sem: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SeedMean:
    """A metric over the seeds of a run.

    Args:
        mean: of the `n` values; NaN without any.
        sd: standard deviation with the n - 1 denominator; NaN for n < 2.
        sem: standard error of the mean, sd / sqrt(n), with folds that of `folds`; NaN for n < 2.
        ci95: 95 % confidence interval of the mean, in the metric's own unit. Of a share it is that of `logit`, turned
            back: it cannot leave [0, 1]. Of a loss, Student's t. None for n < 3, where it would say no more than
            the values, and for values that are all the same: they do not tell how far others would be.
        n: seeds with a value.
        n_total: seeds of the run, with those that failed, diverged, still run or have an undefined value.
        failed: seeds that ended without a value.
        near_zero: of the `n`, those below a tenth of the best one.
        logit: the interval on the scale on which it was made; None where there is none, or of a loss.
        folds: how much of the spread is that of the folds, and of the seeds; None without folds.
    """

    mean: float
    sd: float
    sem: float
    ci95: tuple[float, float] | None
    min: float
    max: float
    n: int
    n_total: int
    failed: int = 0
    near_zero: int = 0
    logit: LogitMean | None = None
    folds: FoldSpread | None = None

    @classmethod
    def of(
        cls,
        values: Iterable[float],
        n_total: int | None = None,
        *,
        failed: int = 0,
        share: bool = True,
        folds: Sequence[int] | None = None,
        k: int = 0,
    ) -> "SeedMean":
        """Values that are not finite are undefined: they count for `n_total` only.

        Args:
            n_total: the number of values if left out.
            failed: seeds that ended without a value.
            share: whether values between 0 and 1 are shares. Others never are.
            folds: of every value, if the seeds were trained on folds: the seeds of one fold have its data in common, so
                that sem and interval are those of the mean over the folds.
            k: how many of the folds are those of a repeat; 0: all of them.
        """
        given = list(values)
        total = len(given) if n_total is None else n_total
        n = len(finite := [value for value in given if math.isfinite(value)])
        spread = None if folds is None else FoldSpread.of(given, folds, k)
        if n == 0:
            return cls(math.nan, math.nan, math.nan, None, math.nan, math.nan, 0, total, failed, folds=spread)
        low, high = min(finite), max(finite)
        share = share and 0 <= low <= high <= 1
        near_zero = sum(value < NEAR_ZERO * high for value in finite) if share else 0
        # the rounding of a sum must not carry the mean of equal values past them
        mean = min(max(statistics.fmean(finite), low), high)
        if n == 1:
            return cls(mean, math.nan, math.nan, None, low, high, 1, total, failed, folds=spread)
        sd = statistics.stdev(finite)
        sem, degrees = (sd / math.sqrt(n), n - 1) if spread is None else (spread.sem, spread.degrees)
        varies = not _equal(low, high) if spread is None else not _equal(min(spread.means), max(spread.means))
        ci95, logit = _interval(mean, sem, degrees, share=share) if varies else (None, None)
        return cls(mean, sd, sem, ci95, low, high, n, total, failed, near_zero, logit, spread)

    def __repr__(self) -> str:
        return f"<SeedMean {self.with_interval()}, n={self.n}/{self.n_total}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the mean, its interval, and of how many seeds."""
        seeds = f"{self.n} of {self.n_total} {self.kind}" if self.n != self.n_total else f"{self.n} {self.kind}"
        return f"<b>{self._uncertain().replace('+-', chr(0xB1))}</b> ({self.failures or seeds})"

    @property
    def kind(self) -> str:
        """What the values are of, in words."""
        return "seeds" if self.folds is None else "fold models"

    @property
    def failure_rate(self) -> float:
        """Share of the seeds that ended, in which the run failed or stayed near 0; NaN before any has."""
        ended = self.n + self.failed
        return (self.failed + self.near_zero) / ended if ended else math.nan

    @property
    def failures(self) -> str:
        """`1 of 8 seeds near 0`, `1 of 8 seeds failed, 2 near 0`; empty without any."""
        seeds = f"of {self.n + self.failed} {self.kind}"
        if self.failed and self.near_zero:
            return f"{self.failed} {seeds} failed, {self.near_zero} near 0"
        if self.failed:
            return f"{self.failed} {seeds} failed"
        return f"{self.near_zero} {seeds} near 0" if self.near_zero else ""

    def __str__(self) -> str:
        """`0.8123 +- 0.0045`: mean and sem; the mean alone where there is no sem."""
        if self.n == 0:
            return "-"
        return f"{self.mean:.4f} +- {self.sem:.4f}" if math.isfinite(self.sem) else f"{self.mean:.4f}"

    def brief(self) -> str:
        """As lists show it where there is no room for an interval: of two seeds, both values."""
        return self._uncertain() if self.n == 2 else str(self)

    def with_interval(self) -> str:
        """`0.8123 +- 0.0045 [0.793, 0.832]`: mean, sem and 95 % interval, then what failed.

        Of two seeds both values, `0.6842 (0.6637, 0.7047)`; of equal ones how many: `0.5000 (3 equal values)`.
        """
        return self._uncertain() + (f" ({self.failures})" if self.n and self.failures else "")

    def _uncertain(self) -> str:
        if self.ci95 is not None:
            return f"{self} [{self.ci95[0]:.3f}, {self.ci95[1]:.3f}]"
        if self.n < 2:
            return str(self)
        values = f"{self.n} equal values" if _equal(self.min, self.max) else f"{self.min:.4f}, {self.max:.4f}"
        return f"{self.mean:.4f} ({values})"


def _interval(
    mean: float, sem: float, degrees: int, *, share: bool
) -> tuple[tuple[float, float] | None, LogitMean | None]:
    """The 95 % interval of a mean, and where it comes from.

    The logit is that of the mean, not the mean of the values' logits: single values of 0 or 1 need no correction, and
    what is covered is the mean that stands beside it (benchmarks/bench_verdict.py measures how often).
    """
    slope = mean * (1 - mean)
    if degrees < 2 or (share and slope <= 0):
        return None, None
    half = _t_quantile_975(degrees) * sem
    if not share:
        return (mean - half, mean + half), None
    logit, half = math.log(mean / (1 - mean)), half / slope
    low, high = logit - half, logit + half
    return (_expit(low), _expit(high)), LogitMean(logit, sem / slope, (low, high))


def _equal(low: float, high: float) -> bool:
    """But for rounding."""
    return high - low <= ROUNDING * max(1.0, abs(low), abs(high))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def _t_quantile_975(degrees_of_freedom: int) -> float:
    # scipy.special, because importing scipy.stats costs a second
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, 0.975))
