"""Tests of paired differences, one per seed, and what they can show. Pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXACT_UP_TO = 16  # seeds: beyond, sign flips are drawn instead of counted
FLIPS = 20_000
POWER = 0.8
MAX_SEEDS = 1000
ALPHA = 0.05
ROUNDING = 1e-12


def paired_t(differences: ArrayLike) -> float:
    """Two-sided p of the paired t test: 1 if all differences are 0.

    Scores of small data come in steps, so that two or three differences may well be the same. That says nothing of
    their spread, and p is that of the exact test then, not 0.
    """
    from scipy.special import stdtr

    values = np.asarray(differences, dtype=float)
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    if _same_everywhere(mean, error):
        return 1.0 if abs(mean) < ROUNDING else smallest_exact_p(len(values))
    return float(2 * stdtr(len(values) - 1, -abs(mean) / error))


def _same_everywhere(mean: float, spread: float) -> bool:
    """Equal differences have a spread of rounding errors."""
    return spread <= ROUNDING * max(1.0, abs(mean))


def sign_flip(differences: ArrayLike, seed: int = 0) -> float:
    """Two-sided p of the paired permutation test: how often random signs give a mean as far from 0.

    All 2^n signs are counted for n <= 16; beyond, 20,000 are drawn, and the smallest p is 1 / 20,001.
    """
    values = np.asarray(differences, dtype=float)
    n = len(values)
    if n <= EXACT_UP_TO:
        # the first sign can stay: all signs turned round give the same distance from 0
        bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1
        sums = np.abs((1 - 2 * bits) @ values)
        return float(np.mean(sums >= abs(values.sum()) * (1 - 1e-9) - 1e-15))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (FLIPS, n))
    as_far = int((np.abs(signs @ values) >= abs(values.sum()) * (1 - 1e-9)).sum())
    return (as_far + 1) / (FLIPS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): adjusted p values in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def seeds_needed(mean: float, sd: float, n: int, comparisons: int = 1) -> int | None:
    """How many seeds beyond `n` a paired t test at 5 % (Bonferroni) needs to see such a difference in 80 % of cases.

    Returns:
        None for more than 1,000 in all.
    """
    from scipy.special import nctdtr, stdtrit

    if mean <= ROUNDING:
        return None
    if _same_everywhere(mean, sd):
        return next(more for more in range(1, MAX_SEEDS) if smallest_exact_p(n + more) * comparisons < ALPHA)
    totals = range(max(3, n + 1), MAX_SEEDS + 1)

    def power(total: int) -> float:
        limit = stdtrit(total - 1, 1 - ALPHA / comparisons / 2)
        found = 1 - float(nctdtr(total - 1, mean / sd * math.sqrt(total), limit))
        return 1.0 if math.isnan(found) else found  # scipy gives up where it is all but 1

    enough = bisect_left(totals, POWER, key=power)
    return totals[enough] - n if enough < len(totals) else None


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
    from scipy.special import ndtri

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
