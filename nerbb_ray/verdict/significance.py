"""Tests of a difference of two runs beside Student's t, what they can show, and how far seeds tell distributions. Pure.

Welch's t, moderated by the other runs, is in `moderation`.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import nctdtr, ndtri, stdtr, stdtrit

EXACT_UP_TO = 20_000  # ways to share out values or signs: beyond, as many are drawn instead of counted
POWER = 0.8
MAX_SEEDS = 1000
ALPHA = 0.05
ROUNDING = 1e-12


def paired_t(differences: ArrayLike, overlap: float = 0.0) -> float:
    """Two-sided p of the paired t test: 1 if all differences are 0. For what is really paired, such as folds.

    Scores of small data come in steps, so that two or three differences may well be the same. That says nothing of
    their spread, and p is that of the exact test then, not 0.

    Args:
        overlap: see `pairs.paired_by_seed`.
    """
    values = np.asarray(differences, dtype=float)
    mean, error = values.mean(), values.std(ddof=1) * math.sqrt(1 / len(values) + overlap)
    if error <= ROUNDING * max(1.0, abs(mean)):  # equal differences have a spread of rounding errors
        return 1.0 if abs(mean) < ROUNDING else min(1.0, 2.0 ** (1 - len(values)))
    return float(2 * stdtr(len(values) - 1, -abs(mean) / error))


def sign_flip(differences: ArrayLike, seed: int = 0) -> float:
    """Two-sided p of the paired permutation test: how often random signs give a mean as far from 0.

    All 2^n signs are counted for n <= 15; beyond, 20,000 are drawn, and the smallest p is 1 / 20,001.
    """
    values = np.asarray(differences, dtype=float)
    n = len(values)
    if 2 ** (n - 1) <= EXACT_UP_TO:
        # the first sign can stay: all signs turned round give the same distance from 0
        bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1
        return float(_as_far((1 - 2 * bits) @ values, values.sum()).mean())
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (EXACT_UP_TO, n))
    return float((_as_far(signs @ values, values.sum()).sum() + 1) / (EXACT_UP_TO + 1))


def permutation(first: ArrayLike, second: ArrayLike, seed: int = 0) -> float:
    """Two-sided p of the permutation test: how often values shared out by chance differ as much in their means.

    All ways to share them out are counted up to 20,000 (8 seeds each); beyond, so many are drawn.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    values, n, m = np.concatenate([a, b]), len(a), len(b)
    centred = values - values.mean()  # the mean of the first is then as far from 0 as the difference says
    if math.comb(n + m, n) <= EXACT_UP_TO:
        return float(_as_far(_choices(n, n + m) @ centred, centred[:n].sum()).mean())
    random = np.random.default_rng(seed)
    drawn = random.permuted(np.tile(centred, (EXACT_UP_TO, 1)), axis=1)[:, :n].sum(axis=1)
    return float((_as_far(drawn, centred[:n].sum()).sum() + 1) / (EXACT_UP_TO + 1))


@lru_cache(maxsize=8)
def _choices(n: int, total: int) -> NDArray[np.float64]:
    """All ways to choose n of some values, as sums of them. *Shape:* (ways, total), of 0 and 1"""
    chosen = np.array(list(combinations(range(total), n)))
    table = np.zeros((len(chosen), total))
    np.put_along_axis(table, chosen, 1.0, axis=1)
    return table


def _as_far(sums: NDArray[np.float64], observed: float) -> NDArray[np.bool_]:
    """Whether sums are as far from 0 as one of them, but for rounding."""
    return np.abs(sums) >= abs(observed) * (1 - 1e-9) - 1e-15


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): adjusted p values in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def seeds_needed(difference: float, after: Callable[[int], tuple[float, float]], comparisons: int = 1) -> int | None:
    """How many more seeds a t test at 5 % (Bonferroni) needs to see such a difference in 80 % of cases.

    Args:
        after: so many more seeds -> standard error of the difference, and its degrees of freedom.
    Returns:
        None for more than 1,000.
    """
    if difference <= ROUNDING:
        return None

    def power(more: int) -> float:
        error, degrees = after(more)
        limit = stdtrit(degrees, 1 - ALPHA / comparisons / 2)
        found = 1 - float(nctdtr(degrees, difference / error, limit))
        return 1.0 if math.isnan(found) else found  # scipy gives up where it is all but 1

    counts = range(1, MAX_SEEDS + 1)
    enough = bisect_left(counts, POWER, key=power)
    return counts[enough] if enough < len(counts) else None


def smallest_exact_p(n: int, m: int) -> float:
    """The smallest p that the exact two-sided permutation test can give with n and m seeds."""
    return min(1.0, (2 if n == m else 1) / math.comb(n + m, n))


DRAWS = 1000


def violation_ratio(better: ArrayLike, worse: ArrayLike) -> float:
    """The share of the squared distance between two quantile functions where `better` is below `worse`.

    Returns:
        From 0 (at least as high at every quantile) to 1 (the other way round); 0.5 if the values are the same.
    """
    first, second = _quantiles(np.sort(np.atleast_2d(better)), np.sort(np.atleast_2d(worse)))
    return float(_ratio(first, second)[0])


def almost_stochastic_order(
    better: ArrayLike, worse: ArrayLike, confidence: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> float:
    """Upper confidence bound of the violation ratio: below 0.5, `better` is almost stochastically dominant.

    With few scores the bootstrap knows little of the tails: read it beside the other tests, not instead of them.

    Args:
        better, worse: higher is better. *Shape:* (n,), (m,)
        draws: bootstrap samples that give the standard error of the ratio.
    """
    a, b = np.asarray(better, dtype=float), np.asarray(worse, dtype=float)
    random = np.random.default_rng(seed)
    first, second = _quantiles(np.sort(random.choice(a, (draws, len(a)))), np.sort(random.choice(b, (draws, len(b)))))
    spread = float(_ratio(first, second).std())
    return float(np.clip(violation_ratio(a, b) + spread * ndtri(confidence), 0.0, 1.0))


def _quantiles(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both quantile functions on one grid of equal steps, on which both are exact: they are constant in between.

    *Shape:* (draws, n), (draws, m) -> (draws, lcm(n, m)) twice
    """
    steps = int(np.lcm(first.shape[1], second.shape[1]))
    return first.repeat(steps // first.shape[1], axis=1), second.repeat(steps // second.shape[1], axis=1)


def _ratio(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    squared = (first - second) ** 2
    whole = squared.sum(axis=1)
    violated = np.where(first < second, squared, 0.0).sum(axis=1)
    return np.where(whole > 0, violated / np.where(whole > 0, whole, 1.0), 0.5)


def expected_best(values: ArrayLike) -> tuple[float, ...]:
    """The expected maximum of 1, 2, ..., n draws, with replacement, from n values.

    To compare the best of 8 trials of one run with the best of 3 of another one, compare both at k = 3. *Shape:* (n,)
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    size = len(ordered)
    # the maximum of k draws is at most the i-th value with probability (i/n)^k
    below = np.arange(size + 1)[:, None] / max(1, size)
    chances = np.diff(below ** np.arange(1, size + 1), axis=0)
    return tuple(float(value) for value in ordered @ chances) if size else ()
