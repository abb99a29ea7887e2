"""What is told of twice as many sentences: in simulations with known laws, in its bounds, and when nothing is told."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.learning_curve.extrapolation import Interval, Point, extrapolate

SIZES = (50, 75, 100, 150, 200, 300, 400)


def simulated(
    random: np.random.Generator, a: float, b: float, c: float, *, sd: float, around: float, seeds: int = 3
) -> tuple[list[Point], float, float]:
    """Points of a law, (a new measurement at 800, the law's own gain from 400 to 800)

    Args:
        sd: of the seeds at 400 sentences; with less data they scatter more.
        around: of the sizes, what the choice of the sentences does.
    """

    def score(n: float) -> float:
        return 1 - (a * (n / 400) ** -b + c)

    def measured(n: int) -> tuple[float, ...]:
        middle = score(n) + random.normal(0, around)
        return tuple(np.clip(middle + random.normal(0, sd * (n / 400) ** -0.3, seeds), 0, 1).tolist())

    points = [Point(n, measured(n)) for n in SIZES]
    return points, float(np.mean(measured(800))), score(800) - score(400)


def inside(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


def test_intervals_cover_what_is_measured_later_in_simulations_with_noise_of_seeds_and_sentences() -> None:
    random = np.random.default_rng(1)
    told, scores, gains, laws = 0, 0, 0, 0
    for _ in range(150):
        points, later, gain = simulated(
            random,
            random.uniform(0.05, 0.35),
            random.uniform(0.2, 1.2),
            random.uniform(0, 0.4),
            sd=random.choice([0.005, 0.01, 0.02, 0.03]),
            around=random.choice([0, 0.005, 0.015]),
            seeds=int(random.integers(3, 6)),
        )
        found = extrapolate(points, draws=400)
        if found.score is None or found.gain is None:
            continue
        told += 1
        scores += inside(found.score, later)
        gains += inside(found.gain, later - points[-1].mean)
        laws += inside(found.gain, gain)
    assert told > 90
    assert 0.80 <= scores / told <= 0.98
    assert 0.80 <= gains / told <= 0.98
    assert laws / told >= 0.85  # the mean over endless seeds and sentences is easier to cover


scores_of_a_point = st.lists(st.floats(0, 1), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(SIZES), scores_of_a_point, min_size=1))
def test_whatever_the_scores_are_there_is_an_interval_inside_of_the_bounds_or_a_reason(given_scores) -> None:
    points = [Point(size, tuple(scores)) for size, scores in given_scores.items()]
    found = extrapolate(points, draws=100)
    assert found.sentences == 2 * max(given_scores)
    if found.unsure is not None:
        assert found.score is None
        assert found.gain is None
        return
    assert found.score is not None
    assert found.gain is not None
    assert 0 <= found.score.low <= found.score.value <= found.score.high <= 1
    assert -1 <= found.gain.low <= found.gain.value <= found.gain.high <= 1
    assert found.gain.value >= 0  # a power law never falls
    assert all(map(math.isfinite, (found.score.low, found.score.high, found.gain.low, found.gain.high)))


def test_same_points_in_any_order_say_the_same() -> None:
    points, _, _ = simulated(np.random.default_rng(0), 0.2, 0.5, 0.2, sd=0.01, around=0.005)
    assert extrapolate(points) == extrapolate(points[::-1])


def test_less_noise_makes_intervals_narrower() -> None:
    def width(sd: float) -> float:
        points, _, _ = simulated(np.random.default_rng(3), 0.1, 0.5, 0.2, sd=sd, around=0)
        found = extrapolate(points)
        assert found.gain is not None
        return found.gain.high - found.gain.low

    assert width(0.001) < width(0.005) < width(0.02)


def scores(*means: float, spread: float = 0.01) -> list[Point]:
    """Three seeds at each of the sizes."""
    return [
        Point(size, (mean - spread, mean, mean + spread)) for size, mean in zip(SIZES, means, strict=False)
    ]  # fmt: skip


LAW = [1 - (0.2 * (n / 400) ** -0.5 + 0.2) for n in SIZES]


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (scores(*LAW[:3]), "needs 4 sizes"),
        (scores(0.0, 0.01, 0.0, 0.02, 0.4, 0.5, 0.55), "needs 4 sizes"),  # those that have learned nothing do not count
        ([Point(size, (value,)) for size, value in zip(SIZES, LAW, strict=True)], "--seeds"),
        (scores(0.2, 0.205, 0.21, 0.22, 0.25, 0.33, 0.45, spread=0.005), "rises faster with every size"),
        (scores(*[0.5] * 7, spread=0), "the same score at all sizes"),
        (scores(0.5, 0.3, 0.6, 0.4, 0.7, 0.2, 0.6, spread=0.2), "could be anything"),
    ],
)
def test_says_when_it_cannot_tell(points: Sequence[Point], reason: str) -> None:
    found = extrapolate(points)
    assert found.unsure is not None
    assert reason in found.unsure
    assert found.gain is None


@pytest.mark.parametrize(("factor", "points"), [(1.0, scores(*LAW)), (2.0, [])])
def test_nothing_to_extrapolate_is_an_error(factor: float, points: Sequence[Point]) -> None:
    with pytest.raises(ValueError, match="factor must be > 1"):
        extrapolate(points, factor)


@pytest.mark.parametrize(("per_doubling", "sd", "fewest"), [(0.08, 0.002, 19), (0.08, 0.01, 10), (0.0, 0.01, 0)])
def test_a_score_that_rises_by_as_much_with_every_doubling_is_refused(per_doubling, sd, fewest) -> None:
    """No power law does, so that its gain would be foreseen too small, the surer the less the seeds scatter."""
    random = np.random.default_rng(3)
    refused = 0
    for _ in range(20):
        scores = [0.4 + per_doubling * math.log2(n / 50) + random.normal(0, sd, 3) for n in SIZES]
        points = [Point(n, tuple(map(float, found))) for n, found in zip(SIZES, scores, strict=True)]
        refused += "with every doubling" in (extrapolate(points, draws=50).unsure or "")
    assert refused >= fewest
    assert per_doubling or refused <= 4


def test_power_laws_are_hardly_ever_refused_for_being_straight() -> None:
    random = np.random.default_rng(4)
    refused = 0
    for b in (0.05, 0.1, 0.3, 0.5):
        for _ in range(10):
            points, _, _ = simulated(random, 0.4, b, 0.1, sd=0.01, around=0.0)
            refused += "with every doubling" in (extrapolate(points, draws=50).unsure or "")
    assert refused <= 3
