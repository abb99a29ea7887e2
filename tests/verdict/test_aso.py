"""Almost stochastic order against its definition: integrals over the quantile functions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from nerbb_ray.verdict.significance import almost_stochastic_order, violation_ratio

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=6)


def integrated(better: list[float], worse: list[float]) -> float:
    """The violation ratio by its definition, over a grid that is finer than every step of both quantile functions."""
    steps = len(better) * len(worse) * 7
    t = (np.arange(steps) + 0.5) / steps
    first, second = (np.sort(v)[np.ceil(t * len(v)).astype(int) - 1] for v in (np.array(better), np.array(worse)))
    squared = (first - second) ** 2.0
    return float(squared[first < second].sum() / squared.sum()) if squared.any() else 0.5


@given(SCORES, SCORES)
@settings(max_examples=100, deadline=None)
def test_ratio_is_that_of_the_integrals(better: list[float], worse: list[float]) -> None:
    ratio = violation_ratio(better, worse)
    assert ratio == pytest.approx(integrated(better, worse), abs=1e-9)
    assert ratio + violation_ratio(worse, better) == pytest.approx(1)


@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [
        ([2, 3, 4], [1, 2, 3], 0.0),
        ([1, 2, 3], [2, 3, 4], 1.0),
        ([1, 2], [2, 1], 0.5),
        ([0.5], [0.5], 0.5),
        ([0, 4], [1, 2], 0.2),  # squares 1 below and 4 above
        ([0, 4], [1, 1, 2, 2], 0.2),
        ([3], [1, 4], 0.2),
    ],
)
def test_ratio_by_hand(better: list[float], worse: list[float], expected: float) -> None:
    assert violation_ratio(better, worse) == pytest.approx(expected)


def test_ratio_of_large_samples_is_that_of_their_distributions() -> None:
    """N(0.5, 1.5) against N(0, 1): their quantile functions cross once."""
    random = np.random.default_rng(0)
    drawn = violation_ratio(random.normal(0.5, 1.5, 60_000), random.normal(0, 1, 60_000))
    first, second = stats.norm(0.5, 1.5), stats.norm(0, 1)

    def squared(t: float) -> float:
        return float((first.ppf(t) - second.ppf(t)) ** 2)

    # 0.5 + 1.5 z = z at z = -1
    below, _ = integrate.quad(squared, 1e-12, stats.norm.cdf(-1.0))
    above, _ = integrate.quad(squared, stats.norm.cdf(-1.0), 1 - 1e-12)
    assert drawn == pytest.approx(below / (below + above), abs=0.003)


@pytest.mark.parametrize(("shift", "low", "high"), [(2.0, 0.0, 0.05), (0.0, 0.5, 1.0), (-2.0, 0.95, 1.0)])
def test_bound_says_whether_one_distribution_dominates(shift: float, low: float, high: float) -> None:
    random = np.random.default_rng(1)
    bound = almost_stochastic_order(random.normal(shift, 1, 50), random.normal(0, 1, 50))
    assert low <= bound <= high


def test_bound_is_the_ratio_and_its_bootstrap_error() -> None:
    """Dror et al. 2019, equation 8, with resampling and quantiles of numpy."""
    random = np.random.default_rng(2)
    a, b = random.normal(0.4, 1, 20), random.normal(0, 1, 20)
    samples = [(random.choice(a, 20), random.choice(b, 20)) for _ in range(2000)]
    scale = math.sqrt(20 * 20 / 40)
    sigma = np.std([scale * (integrated(*pair) - integrated(a, b)) for pair in samples])
    expected = integrated(a, b) - sigma / scale * stats.norm.ppf(0.05)
    assert almost_stochastic_order(a, b, draws=4000) == pytest.approx(min(1.0, expected), abs=0.02)
    assert almost_stochastic_order(a, b) == almost_stochastic_order(a, b)


def test_bound_grows_with_the_confidence() -> None:
    a, b = np.array([0.5, 0.7, 0.9, 1.1, 1.2]), np.array([0.4, 0.75, 0.8, 0.9, 1.0])
    bounds = [almost_stochastic_order(a, b, confidence) for confidence in (0.5, 0.8, 0.95)]
    assert bounds == sorted(bounds)
    assert bounds[0] == pytest.approx(violation_ratio(a, b))
