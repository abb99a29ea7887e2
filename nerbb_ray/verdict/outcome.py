"""What a comparison of runs has found, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nerbb_ray.results.seed_mean import SeedMean


@dataclass(frozen=True, slots=True)
class Difference:
    """The best run against another one, over the shared seeds.

    Args:
        mean: how much better the best is, in units of the metric; never negative.
        ci95: 95 % confidence interval of it (Student t); not corrected for the number of comparisons.
        p_t: of the paired t test, two-sided.
        p_exact: of the sign-flip permutation test, two-sided.
        p_holm: p_t after Holm's correction over all pairs of runs.
        aso: upper bound of the violation ratio; below 0.5 the best is almost stochastically dominant.
        better: whether the best is better, at 5 %.
        more_seeds: about how many more would show a difference of this size with 80 % probability; None if it is shown
            already, or more than 1,000 were needed.
    """

    run: str
    mean: float
    ci95: tuple[float, float]
    p_t: float
    p_exact: float
    p_holm: float
    aso: float
    better: bool
    more_seeds: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the seeds of an experiment say about its runs.

    Args:
        metric: its full name.
        seeds: those that all compared runs have finished.
        best: the run with the best mean over them; None without any value.
        means: of every compared run over the shared seeds, the best first.
        differences: of the best to every other compared run, in the same order; empty for less than two seeds.
        tie_set: the runs that cannot be told from the best, itself included.
        left_out: run -> why it is not compared.
        best_of: run -> expected best of 1, 2, ... seeds.
        sentences: what can be said, the most important first.
    """

    metric: str
    seeds: tuple[int, ...]
    best: str | None
    means: Mapping[str, SeedMean]
    differences: tuple[Difference, ...]
    tie_set: tuple[str, ...]
    left_out: Mapping[str, str]
    best_of: Mapping[str, tuple[float, ...]]
    sentences: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
