"""Which run is better than which, as far as the seeds can tell. Pure.

Runs are compared over the seeds that all of them finished, seed by seed: a seed that is lucky for one run is lucky for
the others as well, so that differences vary less than values. A run is called worse than the best if the paired t test
says so after Holm's correction over **all** pairs of runs: the best is chosen by the same numbers, and a correction for
the comparisons with it alone would call equal runs different too often. The exact sign-flip test stands beside it: it
assumes nothing of the distribution, but n seeds cannot get below p = 2 / 2^n.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nerbb_ray.tracking.aso import almost_stochastic_order
from nerbb_ray.tracking.best_of import expected_best
from nerbb_ray.tracking.results import SELECTION_METRIC, ExperimentResult, SeedMean

EXACT_UP_TO = 16  # seeds: beyond, sign flips are drawn instead of counted
FLIPS = 20_000
POWER = 0.8
MAX_SEEDS = 1000
ALPHA = 0.05
ROUNDING = 1e-12


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
    """

    metric: str
    seeds: tuple[int, ...]
    best: str | None
    means: Mapping[str, SeedMean]
    differences: tuple[Difference, ...]
    tie_set: tuple[str, ...]
    left_out: Mapping[str, str]
    best_of: Mapping[str, tuple[float, ...]]

    def __str__(self) -> str:
        from nerbb_ray.tracking.verdict_text import sentences

        return "\n".join(sentences(self))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def lower_is_better(metric: str) -> bool:
    return metric.endswith("/loss")


def verdict(result: ExperimentResult, metric: str = SELECTION_METRIC) -> Verdict:
    """Compare all runs of an experiment.

    A run without any value of the metric is left out, and so is, with a reason, one that shares less than two seeds
    with the others while these share more.
    """
    values = {
        run.run: {
            trial.seed: trial.metrics[metric]
            for trial in run.ok_trials
            if math.isfinite(trial.metrics.get(metric, math.nan))
        }
        for run in result.runs
    }
    left_out = {run: "no seed with a value" for run, found in values.items() if not found}
    values, few = _with_shared_seeds({run: found for run, found in values.items() if found})
    return compare(values, metric, left_out | few)


def _with_shared_seeds(values: dict[str, dict[int, float]]) -> tuple[dict[str, dict[int, float]], dict[str, str]]:
    """Leave out the runs with the fewest seeds until the others share two, or as many as the fullest run has."""
    left_out: dict[str, str] = {}
    wanted = min(2, max((len(found) for found in values.values()), default=0))
    while len(values) > 1 and len(_shared(values)) < wanted:
        fewest = min(reversed(values), key=lambda run: len(values[run]))
        left_out[fewest] = f"only {len(values[fewest])} seeds, not those of the others"
        values = {run: found for run, found in values.items() if run != fewest}
    return values, left_out


def _shared(values: Mapping[str, Mapping[int, float]]) -> tuple[int, ...]:
    return tuple(sorted(set.intersection(*(set(found) for found in values.values())))) if values else ()


def compare(
    values: Mapping[str, Mapping[int, float]], metric: str, left_out: Mapping[str, str] | None = None
) -> Verdict:
    """Compare runs by their values, run -> seed -> value."""
    seeds = _shared(values)
    sign = -1.0 if lower_is_better(metric) else 1.0
    scores = {run: sign * np.array([found[seed] for seed in seeds]) for run, found in values.items()}
    runs = sorted(scores, key=lambda run: -scores[run].mean()) if seeds else []
    differences = _differences(runs, scores) if len(seeds) > 1 else ()
    return Verdict(
        metric=metric,
        seeds=seeds,
        best=runs[0] if runs else None,
        means={run: SeedMean.of(values[run][seed] for seed in seeds) for run in runs},
        differences=differences,
        tie_set=tuple(run for run in runs if not any(d.run == run and d.better for d in differences)),
        left_out=dict(left_out or {}),
        best_of={run: tuple(sign * best for best in expected_best(scores[run])) for run in runs},
    )


def _differences(runs: Sequence[str], scores: Mapping[str, NDArray[np.float64]]) -> tuple[Difference, ...]:
    pairs = list(combinations(runs, 2))
    adjusted = dict(zip(pairs, holm([paired_t(scores[a] - scores[b]) for a, b in pairs]), strict=True))
    found = []
    for run in runs[1:]:
        difference = scores[runs[0]] - scores[run]
        mean, p_holm = SeedMean.of(difference), adjusted[runs[0], run]
        better = p_holm < ALPHA and mean.mean > 0
        found.append(
            Difference(
                run=run,
                mean=mean.mean,
                ci95=mean.ci95 or (math.nan, math.nan),
                p_t=paired_t(difference),
                p_exact=sign_flip(difference),
                p_holm=p_holm,
                aso=almost_stochastic_order(scores[runs[0]], scores[run]),
                better=better,
                more_seeds=None if better else seeds_needed(mean.mean, mean.sd, len(difference), len(pairs)),
            )
        )
    return tuple(found)


def paired_t(differences: ArrayLike) -> float:
    """Two-sided p of the paired t test: 1 if all differences are 0.

    Scores of small data come in steps, so that two or three differences may well be the same. That says nothing of their
    spread, and p is that of the exact test then, not 0.
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
        return float(1 - nctdtr(total - 1, mean / sd * math.sqrt(total), limit))

    enough = bisect_left(totals, POWER, key=power)
    return totals[enough] - n if enough < len(totals) else None


def smallest_exact_p(n: int) -> float:
    """The smallest p that the exact two-sided sign-flip test can give with n seeds."""
    return min(1.0, 2.0 ** (1 - n))
