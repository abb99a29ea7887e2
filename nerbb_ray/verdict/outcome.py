"""What a comparison of runs has found, as plain data."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nerbb_ray.config.spec import Member, seed_and_fold
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.marks import legend, mark_of, shown_metric

with lazy_modules():  # for notebooks
    from nerbb_ray.html import document

Test = Literal["welch", "moderated", "paired"]
POWER_FACTOR = 2.8  # z(0.975) + z(0.8): a difference of so many standard errors is found in 80 % of cases at 5 %


@dataclass(frozen=True, slots=True)
class Difference:
    """The best run against another one.

    Args:
        seeds: of the best and of the other run.
        mean: how much better the best is, in units of the metric; never negative.
        ci95: 95 % confidence interval of it (Student t); not corrected for the number of comparisons, and not beyond
            what the metric can differ; NaN where no value varies.
        test: which t test: Welch's, moderated by the variances of the other runs, or paired; of folds, corrected for
            the training sentences that they have in common.
        degrees: its degrees of freedom; NaN where no value varies.
        p_t: of that test, two-sided.
        p_exact: of the permutation test (paired: of signs; with folds, of those of whole folds), two-sided.
        p_holm: p_t after Holm's correction over all pairs of runs.
        aso: upper bound of the violation ratio; below 0.5 the best is almost stochastically dominant, but equal runs
            get below 0.5 quite often, too.
        better: whether the best is better, at 5 %.
        more_seeds: about how many more would show a difference of this size with 80 % probability; None if it is shown
            already, or more than 1,000 were needed.
    """

    run: str
    seeds: tuple[int, int]
    mean: float
    ci95: tuple[float, float]
    test: Test
    degrees: float
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
        seeds_of: run -> those of its seeds that count; of every compared run.
        best: the run with the best mean; None without any value.
        means: of every compared run, the best first.
        differences: of the best to every other compared run, in the same order; empty for less than two seeds.
        tie_set: the runs that cannot be told from the best, itself included.
        left_out: run -> why it is not compared.
        best_of: run -> expected best of 1, 2, ... seeds.
        trial_seconds: how long a trial took, on average; None if that is not known.
        folds: that the runs were compared on, pair by pair of fold and seed; 0: by seeds.
        notes: what a reader should know of the numbers.
        plain: what can be said to people, the most important first.
        statistics: what is behind it.
    """

    metric: str
    seeds_of: Mapping[str, tuple[Member, ...]]
    best: str | None
    means: Mapping[str, SeedMean]
    differences: tuple[Difference, ...]
    tie_set: tuple[str, ...]
    left_out: Mapping[str, str]
    best_of: Mapping[str, tuple[float, ...]]
    trial_seconds: float | None = None
    folds: int = 0
    notes: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()

    def __repr__(self) -> str:
        if self.best is None:
            return f"<Verdict {self.metric}: nothing to compare>"
        tied = [run for run in self.tie_set if run != self.best]
        others = len(self.means) - 1
        if not self.differences:
            said = "one seed"
        elif tied:
            said = f"{'the other run' if others == 1 else f'{len(tied)} of {others} others'} cannot be told from it"
        else:
            said = f"better than {'the other run' if others == 1 else f'all {others} others'}"
        return f"<Verdict {self.metric}: best {self.best} {self.means[self.best].brief()}; {said}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the words, and the runs with their means and how far they are behind."""
        tied = self.tie_set if self.differences else ()
        marks = {run: mark_of(run, self.best, tied) for run in self.means}
        behind = {d.run: _with_interval(d) for d in self.differences}
        rows = [
            [marks[run], run, mean.with_interval().replace("+-", "\u00b1"), behind.get(run, "")]
            for run, mean in self.means.items()
        ]
        said = legend(marks.values(), self.metric)
        titles = ["", "run", shown_metric(self.metric), "behind"]
        listed = document.table(titles, rows, numeric=(2, 3), caption=said) if rows else ""
        return "".join(map(document.sentence, self.plain)) + listed

    @property
    def seeds(self) -> tuple[Member, ...]:
        """Those that count of any run."""
        found = {seed for seeds in self.seeds_of.values() for seed in seeds}
        return tuple(sorted(found, key=seed_and_fold))

    @property
    def fewest_seeds(self) -> int:
        """Of a compared run."""
        return min(map(len, self.seeds_of.values()), default=0)

    @property
    def sentences(self) -> tuple[str, ...]:
        return (*self.plain, *self.statistics)

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "seeds": self.seeds, "sentences": self.sentences}


def _with_interval(d: Difference) -> str:
    known = all(map(math.isfinite, d.ci95))
    return f"{d.mean:.4f} [{d.ci95[0]:.3f}, {d.ci95[1]:.3f}]" if known else f"{d.mean:.4f} [-]"
