"""The fit of the power law against scipy's, against laws that are known, and in its bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from nerbb_ray.learning_curve.power_law import EXPONENTS, fit

SIZES = np.array([50.0, 75, 100, 150, 200, 300, 400])


@given(
    a=st.floats(0.01, 0.5),
    b=st.sampled_from(list(EXPONENTS)),
    c=st.floats(0, 0.4),
)
def test_law_without_noise_is_found_again(a: float, b: float, c: float) -> None:
    errors = a * (SIZES / 400) ** -b + c
    found = fit(SIZES, errors[None], np.ones((1, 7)))
    assert found.errors(800)[0] == pytest.approx(a * 2**-b + c, abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), st.lists(st.floats(0.01, 9), min_size=7, max_size=7))
def test_parameters_stay_in_their_bounds_and_more_data_never_harm(errors: list[float], weights: list[float]) -> None:
    found = fit(SIZES, np.array([errors]), np.array([weights]))
    assert found.a[0] >= 0
    assert 0 <= found.c[0] <= 1
    assert EXPONENTS[0] <= found.b[0] <= EXPONENTS[-1]
    values = [found.errors(size)[0] for size in (50, 400, 800, 10**9)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("seed", range(8))
def test_no_worse_than_scipy_in_the_same_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.uniform(0.03, 0.1) * (SIZES / 400) ** -random.uniform(0.2, 0.9) + random.uniform(0.05, 0.3)
    errors = truth + random.normal(0, 0.01, 7)

    def law(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
        return a * (n / 400) ** -b + c

    bounds = ([0, EXPONENTS[0], 0], [np.inf, EXPONENTS[-1], 1])
    theirs, _ = curve_fit(law, SIZES, errors, p0=[0.3, 0.5, 0.2], bounds=bounds)
    ours = fit(SIZES, errors[None], np.ones((1, 7)))
    of_theirs = float(((law(SIZES, *theirs) - errors) ** 2).sum())
    of_ours = float(((law(SIZES, ours.a[0], ours.b[0], ours.c[0]) - errors) ** 2).sum())
    assert of_ours <= of_theirs * 1.02 + 1e-9  # the exponents are a grid


def test_rows_are_fitted_apart() -> None:
    errors = np.stack([0.3 * (SIZES / 400) ** -0.5, np.full(7, 0.4)])
    both = fit(SIZES, errors, np.ones((2, 7)))
    for row in range(2):
        one = fit(SIZES, errors[row : row + 1], np.ones((1, 7)))
        assert (both.a[row], both.b[row], both.c[row]) == (one.a[0], one.b[0], one.c[0])


def test_weights_are_repetitions() -> None:
    random = np.random.default_rng(0)
    errors = np.clip(0.3 * (SIZES / 400) ** -0.5 + random.normal(0, 0.02, 7), 0, 1)
    weighted = fit(SIZES, errors[None], np.array([[1.0, 2, 1, 1, 3, 1, 1]]))
    numbers = [0, 1, 1, 2, 3, 4, 4, 4, 5, 6]
    repeated = fit(SIZES[numbers], errors[None, numbers], np.ones((1, 10)))
    assert weighted.errors(800)[0] == pytest.approx(repeated.errors(800)[0])
