"""The moderated t test against scipy, against its formulas by plain loops, and against runs whose truth is known."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from nerbb_ray.verdict.moderation import MOST_BORROWED, Spreads, fit_prior, pair_errors, trigamma_inverse
from nerbb_ray.verdict.pairs import unpaired
from nerbb_ray.verdict.significance import holm

SAMPLES = st.lists(
    st.lists(st.floats(0, 1).map(lambda x: round(x, 4)), min_size=2, max_size=6, unique=True), min_size=2, max_size=6
)


@given(SAMPLES)
@settings(max_examples=60, deadline=None)
def test_two_runs_alone_have_the_welch_test_of_scipy(samples: list[list[float]]) -> None:
    first, second = samples[:2]
    errors = pair_errors(Spreads.of([first, second]), [0], [1])
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert errors.borrowed[0] == 0
    assert errors.degrees[0] == pytest.approx(expected.df)
    assert errors.p(np.mean(first) - np.mean(second))[0] == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("x", [1e-6, 0.01, 0.5, 1.0, 1.6449340668, 40.0, 1e7])
def test_inverse_of_trigamma_is_its_root(x: float) -> None:
    root = optimize.brentq(lambda y: math.log(special.polygamma(1, y) / x), 1e-9, 1e9, xtol=1e-14)
    assert trigamma_inverse([x])[0] == pytest.approx(root, rel=1e-6)


@pytest.mark.parametrize(("degrees", "spread"), [(4.0, 1.0), (10.0, 0.02)])
def test_prior_that_made_the_variances_is_found(degrees: float, spread: float) -> None:
    """Smyth 2004: 1 / variance is chi-squared / (d0 s0^2); what is seen of it is spread^2 times F(d, d0)."""
    random = np.random.default_rng(8)
    true = degrees * spread**2 / random.chisquare(degrees, 30_000)
    seen = true * random.chisquare(3, 30_000) / 3
    prior = fit_prior(seen, np.full(30_000, 3.0))
    assert prior.degrees == pytest.approx(degrees, rel=0.1)
    assert prior.variance == pytest.approx(spread**2, rel=0.05)
    equal = fit_prior(spread**2 * random.chisquare(3, 30_000) / 3, np.full(30_000, 3.0))
    assert equal.degrees > 100
    assert equal.variance == pytest.approx(spread**2, rel=0.05)


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=5, unique=True), min_size=3, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_pair_borrows_from_all_others_what_a_loop_over_them_gives(samples: list[list[float]]) -> None:
    spreads = Spreads.of(samples)
    pairs = list(combinations(range(len(samples)), 2))
    errors = pair_errors(spreads, *np.array(pairs).T)
    variances = [np.var(one, ddof=1) for one in samples]
    for k, (i, j) in enumerate(pairs):
        others = [run for run in range(len(samples)) if run not in (i, j)]
        prior = fit_prior([variances[run] for run in others], [len(samples[run]) - 1 for run in others])
        n, m = len(samples[i]), len(samples[j])
        own = (variances[i] / n + variances[j] / m) / (1 / n + 1 / m)
        more = stats.f(n + m - 2, prior.known).sf(own / prior.variance)
        lent = min(more, 2 * (1 - more)) * min(float(prior.degrees), float(prior.known), MOST_BORROWED)
        assert errors.borrowed[k] == pytest.approx(lent, rel=1e-3, abs=1e-6)
        shrunk = (lent * prior.variance + errors.own[k] * own) / (lent + errors.own[k])
        assert errors.error[k] == pytest.approx(math.sqrt(shrunk * (1 / n + 1 / m)), rel=1e-3)


@pytest.mark.parametrize(("sd", "borrows"), [(1.0, True), (30.0, False), (1 / 30, False)])
def test_a_pair_borrows_from_those_that_vary_as_it_does(sd: float, borrows: bool) -> None:
    values = np.random.default_rng(1).standard_normal((8, 5))
    values[:2] *= sd
    errors = pair_errors(Spreads.of_table(values), [0], [1])
    assert (errors.borrowed[0] > 1) == borrows
    assert errors.borrowed[0] >= 0.01 or not borrows


def test_what_may_not_lend_is_not_asked() -> None:
    values = np.random.default_rng(1).standard_normal((5, 4))
    only = pair_errors(Spreads.of_table(values[:4]), [0], [1])
    values[4] *= 50
    left_out = pair_errors(Spreads.of_table(values), [0], [1], lends=np.array([True] * 4 + [False]))
    assert (left_out.error[0], left_out.degrees[0]) == pytest.approx((only.error[0], only.degrees[0]))


def test_values_that_do_not_vary_say_nothing_of_the_error() -> None:
    errors = pair_errors(Spreads.of([[0.1 + 0.2] * 3, [0.3, 0.1 + 0.2, 0.3]]), [0], [1])
    assert errors.error[0] == 0
    assert np.isnan(errors.p(0.1)[0])
    assert np.isnan(errors.half_width()[0])


def said_wrongly(values: np.ndarray, worse: frozenset[int]) -> bool:
    best, pairs = int(values.mean(axis=1).argmax()), list(combinations(range(len(values)), 2))
    adjusted = holm([float(p) for p in unpaired(list(values)).p])
    return any(p < 0.05 and best in pair and not worse & set(pair) for p, pair in zip(adjusted, pairs, strict=True))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    ("sds", "failing"),
    [((1,) * 6, 0.0), ((5, 1, 1, 1, 1, 1), 0.0), ((0.2, 1, 1, 1, 1, 1), 0.0), ((1,) * 6, 0.5), ((1,) * 6, 1.0)],
)
def test_equal_runs_are_called_different_in_5_of_100_experiments_at_most(
    sds: tuple[float, ...], failing: float, seeds: int
) -> None:
    random = np.random.default_rng(seeds)
    wrong = 0
    for _ in range(400):
        values = 0.7 + 0.01 * np.array(sds)[:, None] * random.standard_normal((6, seeds))
        values[0, random.random(seeds) < failing] = 0.0
        wrong += said_wrongly(values, frozenset({0} if failing else ()))
    assert wrong <= stats.binom.ppf(0.999, 400, 0.05)


def test_more_pairs_are_told_apart_than_by_welch_alone() -> None:
    random = np.random.default_rng(0)
    ours = alone = 0
    for _ in range(100):
        values = np.arange(6)[:, None] * 0.03 + 0.01 * random.standard_normal((6, 3))
        pairs = list(combinations(range(6), 2))
        ours += sum(p < 0.05 for p in holm([float(p) for p in unpaired(list(values)).p]))
        welch = [float(stats.ttest_ind(values[i], values[j], equal_var=False).pvalue) for i, j in pairs]
        alone += sum(p < 0.05 for p in holm(welch))
    assert ours > 1.2 * alone
