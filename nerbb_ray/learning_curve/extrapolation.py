"""What twice as many sentences would bring, with its interval; or why that cannot be told. Pure.

The interval is a Bayesian bootstrap (Rubin 1981) over the sizes and over the seeds of each size: every draw weights
them anew, fits a power law, and adds what a new measurement would scatter: the noise of the seeds, and what the points
scatter around the law beyond that (another size is another choice of sentences).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit  # scipy.stats would take a second to import

from nerbb_ray.learning_curve.power_law import PARAMETERS, Floats, PowerLaws, fit

DRAWS = 2000
LEVEL = 0.95
FEWEST_SIZES = PARAMETERS + 1
FEWEST_SEEDS = 2
FEWEST_DEGREES = 4  # of freedom, for the noise of the seeds
FACTOR = 2.0
LEARNED = 0.05  # a lower score is not on the law yet: the model has not found the task
ROUNDING = 1e-12
WIDEST = 0.15  # an interval of a gain that is wider says nothing


@dataclass(frozen=True, slots=True)
class Point:
    """The scores of the seeds at one size, each in [0, 1]."""

    sentences: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Law:
    """The fitted law, `1 - score = a (n / scale)^-b + c`, and its band at `sizes`."""

    a: float
    b: float
    c: float
    scale: float
    sizes: tuple[int, ...]
    band: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """
    Args:
        used: the points that the law is fitted to.
        sentences: for which the score is told.
        score: of a measurement with as many seeds.
        gain: over the largest size, as the law has it.
        law: None where there is none to show.
        unsure: why nothing can be told; score and gain are None then.
    """

    used: tuple[Point, ...]
    sentences: int
    score: Interval | None = None
    gain: Interval | None = None
    law: Law | None = None
    unsure: str | None = None


def extrapolate(points: Sequence[Point], factor: float = FACTOR, draws: int = DRAWS) -> Extrapolation:
    """What `factor` times as many sentences as the largest size would give.

    The same points give the same result.

    Raises:
        ValueError: factor <= 1, or there are no points.
    """
    if factor <= 1 or not points:
        raise ValueError(f"factor must be > 1, and there must be points; got {factor}, {len(points)} points")
    ordered = sorted(points, key=lambda point: point.sentences)
    used, target = _learned(ordered), round(factor * ordered[-1].sentences)
    if reason := _too_little(used):
        return Extrapolation(tuple(used), target, unsure=reason)
    random = np.random.default_rng(0)
    sizes = np.array([point.sentences for point in used], dtype=np.float64)
    means = np.array([point.mean for point in used])
    laws = fit(sizes, 1 - _drawn_means(used, draws, random), random.exponential(size=(draws, len(used))) + 1e-9)
    whole = fit(sizes, 1 - means[None], np.ones((1, len(used))))
    scatter = _scatter(used, means - (1 - _at(whole, sizes)[0]))
    noise = scatter * random.standard_t(len(used) - PARAMETERS + _degrees(_seeds(used)), size=draws)
    score = _interval(1 - whole.errors(target), 1 - laws.errors(target) + noise)
    # where it starts is not known exactly either
    gains = laws.errors(sizes[-1]) - laws.errors(target) + noise + scatter * random.normal(size=draws)
    gain = _interval(whole.errors(sizes[-1]) - whole.errors(target), gains, low=-1)
    law = _law(whole, laws, sizes, target)
    if gain.high - gain.low > WIDEST:
        width = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f} points"
        return Extrapolation(tuple(used), target, law=law, unsure=f"it could be anything from {width}")
    return Extrapolation(tuple(used), target, score, gain, law)


def _learned(ordered: Sequence[Point]) -> list[Point]:
    """The largest sizes, down to the first at which the models have learned nothing yet."""
    used: list[Point] = []
    for point in reversed(ordered):
        if point.mean < LEARNED:
            break
        used.insert(0, point)
    return used


def _too_little(used: Sequence[Point]) -> str | None:
    sizes = len({point.sentences for point in used})
    if reason := too_few(sizes, _seeds(used), f" with a score of at least {LEARNED:g}"):
        return reason
    scores = [score for point in used for score in point.scores]
    if max(scores) - min(scores) <= ROUNDING:
        return "all models have the same score at all sizes, so that nothing tells how far others would be from it"
    if _accelerates(used):
        return (
            "the score rises faster with every size, which no power law does: the later sentences of the file may be "
            "of another kind (shuffle it), or there are too few of any kind yet"
        )
    if _bends_less(used):
        return "the score rises by as much with every doubling, where any power law bends: it would foresee too little"
    return None


def too_few(sizes: int, seeds: Sequence[int], learned: str = "") -> str | None:
    """Why nothing can be told of so many different sizes of the training data, whatever their scores are.

    Args:
        seeds: of each.
        learned: which sizes count.
    """
    if sizes < FEWEST_SIZES:
        add = "add fractions (--fractions, or prune_ratio_train in a file that has several)"
        return f"a law needs {FEWEST_SIZES} sizes of the training data{learned}; got {sizes}: {add}"
    if _degrees(seeds) < FEWEST_DEGREES:
        add = "add seeds (--seeds, or multiple_runs in a file that has fractions)"
        return f"an interval needs several seeds at most sizes, such as {FEWEST_SEEDS + 1}: {add}"
    return None


def _accelerates(used: Sequence[Point]) -> bool:
    """Whether the score is convex in the logarithm of the size, at 5 %: the t-test of a parabola's curvature."""
    x = np.log([point.sentences for point in used])
    design = np.stack([np.ones_like(x), x - x.mean(), (x - x.mean()) ** 2], axis=1)
    y = np.array([point.mean for point in used])
    solution, *_ = np.linalg.lstsq(design, y, rcond=None)
    freedom = len(used) - design.shape[1]
    variance = max(float(((y - design @ solution) ** 2).sum()) / freedom, _noise_of_seeds(used))
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[2, 2])

    return bool(solution[2] > error * stdtrit(freedom, 0.95))


def _bends_less(used: Sequence[Point]) -> bool:
    """Whether a straight line in the logarithm of the size is closer to the points than any law, at 5 %."""
    x, y = np.array([point.sentences for point in used], np.float64), np.array([point.mean for point in used])
    law = fit(x, 1 - y[None], np.ones((1, len(x))))
    of_law = float(((1 - _at(law, x)[0] - y) ** 2).sum())
    of_line = float(((np.polyval(np.polyfit(np.log(x), y, 1), np.log(x)) - y) ** 2).sum())
    freedom = len(x) - 2
    variance = max(of_line / freedom, _noise_of_seeds(used))
    return of_law - of_line > variance * float(stdtrit(freedom, 0.9)) ** 2


def _degrees(seeds: Sequence[int]) -> int:
    """Of freedom, of the noise of the seeds of every size."""
    return sum(number - 1 for number in seeds)


def _seeds(used: Sequence[Point]) -> list[int]:
    return [len(point.scores) for point in used]


def _drawn_means(used: Sequence[Point], draws: int, random: np.random.Generator) -> Floats:
    """Weighted means over the seeds, spread like means of so many. *Shape:* (draws, points)"""
    columns = []
    for point in used:
        scores = np.array(point.scores)
        weights = random.dirichlet(np.ones(len(scores)), size=draws)
        # Dirichlet weights have the variance 1 / (k (k + 1)) (sum of squares); that of a mean is 1 / (k (k - 1))
        k = len(scores)
        wider = np.sqrt((k + 1) / (k - 1)) if k > 1 else 1.0
        columns.append(point.mean + wider * (weights @ scores - point.mean))
    means: Floats = np.clip(np.stack(columns, axis=1), 0, 1)
    return means


def _scatter(used: Sequence[Point], residuals: Floats) -> float:
    """Standard deviation of a mean over the seeds around the law: by the residuals, and at least by the seeds."""
    around = float((residuals**2).sum()) / (len(used) - PARAMETERS + 1)
    return float(np.sqrt(max(_noise_of_seeds(used), around)))


def _noise_of_seeds(used: Sequence[Point]) -> float:
    """Variance of a mean over the seeds, pooled over the sizes."""
    squares = sum(len(point.scores) * float(np.var(point.scores)) for point in used)
    return squares / _degrees(_seeds(used)) / float(np.mean([len(point.scores) for point in used]))


def _at(laws: PowerLaws, sizes: Floats) -> Floats:
    """*Shape:* (fits, sizes)"""
    return np.stack([laws.errors(size) for size in sizes], axis=1)


def _interval(value: Floats, draws: Floats, low: float = 0.0) -> Interval:
    tail = (1 - LEVEL) / 2
    ends = np.clip(np.quantile(draws, [tail, 1 - tail]), low, 1)
    middle = float(value[0])
    return Interval(middle, min(float(ends[0]), middle), max(float(ends[1]), middle))


def _law(whole: PowerLaws, laws: PowerLaws, sizes: Floats, target: int) -> Law:
    shown = tuple(sorted({round(size) for size in np.geomspace(sizes[0], target, 24)}))
    band = tuple(_interval(1 - whole.errors(size), 1 - laws.errors(size)) for size in shown)
    return Law(float(whole.a[0]), float(whole.b[0]), float(whole.c[0]), whole.scale, shown, band)
