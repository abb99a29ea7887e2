"""How sure the difference of two means over seeds is: Welch's t, moderated by the variances of the other runs. Pure.

Three seeds say little of a run's variance, but the runs of an experiment often vary alike. The variance of a pair is
therefore shrunk towards a prior that is fitted to the variances of the **other** runs (Smyth 2004, the moderated t of
limma), behind a test for equal variances. With few seeds that test hardly ever says no, and a yes proves nothing: where
it decides alone, the error probability doubles if one run is less steady than the others. So it weighs: the degrees of
freedom of the prior are multiplied by the p of the F test that the pair varies no more than the others (or twice the p
that it varies no less, where that is smaller). A pair that varies as the others do borrows most of them, one that
varies otherwise nothing: what is left is Welch's t with Welch's degrees of freedom (1947). That needs no further test
to be robust: heavy tails make variances differ, and less is borrowed. benchmarks/bench_verdict.py has the null
calibration and the power.

Source: G. Smyth 2004, Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments, Statistical Applications in Genetics and Molecular Biology 3, https://doi.org/10.2202/1544-6115.1027;
B. Welch 1947, The generalization of 'Student's' problem when several different population variances are involved,
Biometrika 34.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, fdtrc, polygamma, stdtr, stdtrit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# No two runs vary exactly alike, whatever a few variances seem to say. Eight degrees of freedom have most of what there
# is to gain, and keep the error probability where the best run is five times as noisy as 50 others.
MOST_BORROWED = 8.0
SMALLEST = 1e-5  # variances below this share of their median are scores that come in steps, as in limma
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Spreads:
    """What is known of every run. *Shape:* (runs,)

    Args:
        variances: with the n - 1 denominator; NaN for a single seed.
        counts: seeds.
    """

    means: Floats
    variances: Floats
    counts: Ints

    @classmethod
    def of(cls, samples: Sequence[ArrayLike]) -> "Spreads":
        """Of the values of every run; none may be empty."""
        tables = [cls.of_table(np.asarray(sample, dtype=float)[None]) for sample in samples]
        return cls(
            np.concatenate([one.means for one in tables]),
            np.concatenate([one.variances for one in tables]),
            np.concatenate([one.counts for one in tables]),
        )

    @classmethod
    def of_table(cls, values: Floats) -> "Spreads":
        """Of runs with the same number of seeds. *Shape:* (runs, seeds)"""
        runs, seeds = values.shape
        means = values.mean(axis=1)
        if seeds < 2:
            return cls(means, np.full(runs, np.nan), np.full(runs, seeds))
        found = values.var(axis=1, ddof=1)
        # equal values have no variance, whatever rounding makes of them
        noise = (ROUNDING * np.maximum(1.0, np.abs(values).max(axis=1))) ** 2
        return cls(means, np.where(found > noise, found, 0.0), np.full(runs, seeds))


@dataclass(frozen=True, slots=True)
class Errors:
    """How far the difference of the means of two runs may be off. *Shape:* (pairs,)

    Args:
        error: its standard error; 0 if all values of both runs are the same and no other run tells anything.
        own: degrees of freedom of the pair itself (Welch).
        borrowed: degrees of freedom that the other runs lend.
    """

    error: Floats
    own: Floats
    borrowed: Floats

    @property
    def degrees(self) -> Floats:
        return self.own + self.borrowed

    def p(self, differences: ArrayLike) -> Floats:
        """Two-sided; NaN where the error is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(np.asarray(differences, dtype=float)) / self.error
        return np.where(self.error > 0, 2 * stdtr(self.degrees, -t), np.nan)

    def half_width(self, confidence: float = 0.95) -> Floats:
        """Of the interval of the difference; NaN where the error is 0."""
        return np.where(self.error > 0, stdtrit(self.degrees, (1 + confidence) / 2) * self.error, np.nan)


def pair_errors(spreads: Spreads, first: ArrayLike, second: ArrayLike, lends: ArrayLike | None = None) -> Errors:
    """Errors of the differences of pairs of runs with two seeds or more.

    Args:
        first, second: numbers of the runs of every pair. *Shape:* (pairs,)
        lends: whether a run's variance may tell something of other runs' (all that have two seeds). *Shape:* (runs,)
    """
    a, b = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    degrees = spreads.counts.astype(np.float64) - 1
    of_a, of_b = (spreads.variances[run] / spreads.counts[run] for run in (a, b))
    scale = 1 / spreads.counts[a] + 1 / spreads.counts[b]
    pair = (of_a + of_b) / scale
    own = _welch_degrees(of_a, of_b, degrees[a], degrees[b])
    may = degrees > 0 if lends is None else np.asarray(lends, dtype=bool) & (degrees > 0)
    prior = _prior_of_others(spreads.variances, degrees, may, a, b)
    # nothing to borrow from, or nothing but runs whose values are all the same
    there = (prior.degrees > 0) & (prior.variance > 0)
    usual = np.where(there, prior.variance, 1.0)
    more = fdtrc(degrees[a] + degrees[b], np.where(there, prior.known, 1.0), pair / usual)
    alike = np.minimum(more, 2 * (1 - more))
    lent = np.minimum(np.minimum(prior.degrees, prior.known), MOST_BORROWED)
    borrowed = np.where(there, alike * lent, 0.0)
    shrunk = (borrowed * usual + own * pair) / (borrowed + own)
    return Errors(np.sqrt(shrunk * scale), own, borrowed)


def paired_errors(differences: Floats, overlap: float) -> Errors:
    """Errors of the means of paired differences.

    Args:
        differences: *Shape:* (pairs of runs, keys)
        overlap: see `pairs.paired_by_seed`.
    """
    n = differences.shape[1]
    error = differences.std(axis=1, ddof=1) * np.sqrt(1 / n + overlap)
    own = np.full(len(error), n - 1.0)
    return Errors(error, own, np.zeros_like(own))


def _welch_degrees(of_a: Floats, of_b: Floats, degrees_a: Floats, degrees_b: Floats) -> Floats:
    """Welch 1947; the smaller ones, if neither run varies."""
    below = of_a**2 / degrees_a + of_b**2 / degrees_b
    return np.where(below > 0, (of_a + of_b) ** 2 / np.where(below > 0, below, 1.0), np.minimum(degrees_a, degrees_b))


@dataclass(frozen=True, slots=True)
class Prior:
    """A scaled inverse chi-squared distribution of variances. *Shape:* of all fields the same

    Args:
        degrees: how much they are alike; infinite: equal but for chance; 0: nothing is known.
        known: degrees of freedom of the variances that it was fitted to: no prior knows more than these.
    """

    degrees: Floats
    variance: Floats
    known: Floats


def fit_prior(variances: ArrayLike, degrees: ArrayLike) -> Prior:
    """The prior of some variances by the moments of their logarithms (Smyth 2004, section 6.2)."""
    values, known = np.asarray(variances, dtype=float), np.asarray(degrees, dtype=float)
    return _fitted(_moments(values, known, np.ones(len(values))).sum(axis=0))


def _prior_of_others(variances: Floats, degrees: Floats, lends: NDArray[np.bool_], a: Ints, b: Ints) -> Prior:
    """For every pair, the prior of the runs that are not in it."""
    moments = _moments(np.where(lends, variances, 1.0), np.where(lends, degrees, 1.0), lends.astype(float))
    return _fitted(moments.sum(axis=0) - moments[a] - moments[b])


def _moments(variances: Floats, degrees: Floats, counts: Floats) -> Floats:
    """What the fit needs of every variance, so that sums of it are all that the fit needs.

    Returns:
        count, degrees, degrees x variance, e, e squared, trigamma; 0 for a count of 0. *Shape:* (runs, 6)
    """
    counted = counts > 0
    median = np.median(variances[counted]) if counted.any() else 0.0
    # equal values would have a logarithm of minus infinity
    floor = np.maximum(variances, SMALLEST * median if median > 0 else 1.0)
    e = np.log(floor) - digamma(degrees / 2) + np.log(degrees / 2)
    columns = (np.ones_like(e), degrees, degrees * variances, e, e**2, polygamma(1, degrees / 2))
    return np.stack(columns, axis=1) * counts[:, None]


def _fitted(sums: Floats) -> Prior:
    """*Shape:* (..., 6) -> (...)"""
    count, known, weighted, e, squares, trigamma = np.moveaxis(np.asarray(sums), -1, 0)
    runs, known = np.maximum(np.rint(count), 1.0), np.where(np.rint(count) > 0, known, 0.0)
    mean = e / runs
    pooled = np.maximum(weighted, 0.0) / np.where(known > 0, known, 1.0)
    excess = (squares - runs * mean**2) / np.maximum(runs - 1, 1.0) - trigamma / runs
    # of a single variance nobody knows how much others differ: it counts for what it is
    alike = (excess <= 1e-9) | (runs < 2)
    degrees = np.where(alike, np.inf, 2 * trigamma_inverse(np.where(alike, 1.0, excess)))
    half = np.where(alike, 1.0, degrees / 2)
    variance = np.where(alike, pooled, np.exp(mean + digamma(half) - np.log(half)))
    return Prior(np.where(known > 0, degrees, 0.0), variance, known)


def trigamma_inverse(values: ArrayLike) -> Floats:
    """y with trigamma(y) = x, for x > 0, by Newton's method on 1 / trigamma, which is nearly linear (Smyth 2004)."""
    x = np.asarray(values, dtype=float)
    y = 0.5 + 1 / x
    for _ in range(20):  # it converges monotonically, in 4 steps or so
        found = polygamma(1, y)
        step = found * (1 - found / x) / polygamma(2, y)
        y = y + step
        if np.max(np.abs(step) / y, initial=0.0) < 1e-12:
            break
    result: Floats = np.asarray(y)
    return result
