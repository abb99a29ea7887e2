"""The expected best of k trials, by looking at all draws."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.verdict.significance import expected_best


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_it_is_the_mean_over_all_draws_with_replacement(values: list[float]) -> None:
    expected = [np.mean([max(draw) for draw in product(values, repeat=k)]) for k in range(1, len(values) + 1)]
    assert expected_best(values) == pytest.approx(expected, abs=1e-9)


def test_it_begins_at_the_mean_and_rises_to_less_than_the_best() -> None:
    values = np.random.default_rng(0).normal(0.8, 0.02, 20)
    curve = expected_best(values)
    assert curve[0] == pytest.approx(values.mean())
    assert list(curve) == sorted(curve)
    assert curve[-1] < values.max()


def test_nothing_has_no_best() -> None:
    assert expected_best([]) == ()
