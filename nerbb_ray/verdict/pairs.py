"""The tests of all pairs of runs: of unpaired seeds, and of what is really paired. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from nerbb_ray.verdict.moderation import MOST_BORROWED, Spreads, pair_errors
from nerbb_ray.verdict.outcome import Test
from nerbb_ray.verdict.significance import (
    ALPHA,
    MAX_SEEDS,
    ROUNDING,
    paired_t,
    permutation,
    seeds_needed,
    sign_flip,
    smallest_exact_p,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Of every pair of runs, in the order of itertools.combinations. *Shape:* (pairs,)

    Args:
        p: two-sided.
        half_width: of the 95 % interval of the difference; NaN where no value varies.
        exact: numbers of two runs -> p of the exact test.
        more_seeds: numbers of two runs -> about how many would show their difference; None for more than 1,000.
    """

    p: Floats
    half_width: Floats
    degrees: Floats
    tests: Sequence[Test]
    exact: Callable[[int, int], float]
    more_seeds: Callable[[int, int], int | None]


def unpaired(scores: Sequence[Floats]) -> Pairs:
    """Welch's t, moderated. Where no value of both runs varies, nothing tells the error: p is that of the exact test.

    Args:
        scores: of every run, two values or more, higher is better.
    """
    numbers = list(combinations(range(len(scores)), 2))
    first, second = np.array(numbers).T
    spreads = Spreads.of(scores)
    errors = pair_errors(spreads, first, second)

    def exact(i: int, j: int) -> float:
        return permutation(scores[i], scores[j])

    p = errors.p(spreads.means[first] - spreads.means[second])
    certain = np.isnan(p)
    p[certain] = [exact(*numbers[k]) for k in np.flatnonzero(certain)]

    def more_seeds(i: int, j: int) -> int | None:
        k, n, m = numbers.index((i, j)), len(scores[i]), len(scores[j])
        error, own, borrowed = errors.error[k], errors.own[k], errors.borrowed[k]
        difference = abs(float(spreads.means[i] - spreads.means[j]))
        if error == 0:
            enough = (
                more for more in range(1, MAX_SEEDS) if smallest_exact_p(n + more, m + more) * len(numbers) < ALPHA
            )
            return next(enough) if difference > 0 else None

        def after(more: int) -> tuple[float, float]:
            left = (1 / (n + more) + 1 / (m + more)) / (1 / n + 1 / m)
            growth = (n + m + 2 * more - 2) / (n + m - 2)
            return float(error * np.sqrt(left)), float(own * growth + min(MOST_BORROWED, borrowed * growth))

        return seeds_needed(difference, after, len(numbers))

    tests: list[Test] = ["moderated" if borrowed > 0 else "welch" for borrowed in errors.borrowed]
    degrees = np.where(certain, np.nan, errors.degrees)
    return Pairs(p, errors.half_width(), degrees, tests, exact, more_seeds)


def paired_by_seed(scores: Sequence[Floats], overlap: float = 0.0, folds: Sequence[int] | None = None) -> Pairs:
    """Student's t of the differences; of equal ones, p is that of the exact test, which flips the signs of whole folds.

    Args:
        scores: of every run, the same number of values, two or more, in the same order.
        overlap: of folds, what is held out over what is trained on: differences of models that have training data in
            common are correlated, and the variance of their mean is (1 / n + overlap) of theirs instead of 1 / n
            (corrected resampled t test; Nadeau and Bengio 2003, Inference for the Generalization Error, section 4).
        folds: of every value: the differences of the seeds of a fold have the same held-out sentences in common, so
            that their signs are not independent. None: every value is one for itself.
    """
    numbers = list(combinations(range(len(scores)), 2))
    n = len(scores[0])
    differences = [scores[i] - scores[j] for i, j in numbers]
    errors = np.array([one.std(ddof=1) for one in differences]) * np.sqrt(1 / n + overlap)
    units = np.arange(n) if folds is None else np.unique(np.array(folds), return_inverse=True)[1]
    sizes = np.bincount(units)

    def exact(i: int, j: int) -> float:
        return sign_flip(np.bincount(units, weights=scores[i] - scores[j]) / sizes)

    equal = errors <= ROUNDING * np.maximum(1.0, np.abs([one.mean() for one in differences]))
    p = np.array([paired_t(one, overlap) for one in differences])
    p[equal] = [exact(*numbers[k]) for k in np.flatnonzero(equal)]

    def more_seeds(i: int, j: int) -> int | None:
        k = numbers.index((i, j))
        if overlap:  # more seeds are no other folds
            return None
        mean, error = abs(float(differences[k].mean())), errors[k]
        if equal[k]:
            enough = (more for more in range(1, MAX_SEEDS) if 2.0 ** (1 - n - more) * len(numbers) < ALPHA)
            return next(enough) if mean > ROUNDING else None
        return seeds_needed(mean, lambda more: (float(error * np.sqrt(n / (n + more))), n + more - 1.0), len(numbers))

    return Pairs(
        p=p,
        half_width=np.where(equal, np.nan, stdtrit(n - 1, 0.975) * errors),
        degrees=np.where(equal, np.nan, n - 1.0),
        tests=["paired"] * len(numbers),
        exact=exact,
        more_seeds=more_seeds,
    )
