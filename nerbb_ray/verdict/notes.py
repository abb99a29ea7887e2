"""What to know of the numbers of a comparison: seeds that fail, training cut short, a small test split. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import TEST_METRIC, RunResult, TrialResult
from nerbb_ray.verdict.outcome import POWER_FACTOR, Verdict

AT_THE_CAP = "max_epochs reached"  # why a trial stopped, as the training says it
RISE = 0.005  # of F1, that is more than the noise of an epoch
LAST_PART = 4  # the last quarter of the epochs
LISTED = 3
SUPPORT = "test/entity/micro/support"


def notes_on(result: ExperimentResult, found: Verdict) -> Iterator[str]:
    """The most important first."""
    runs = {run.run: run for run in result.runs}
    yield from _fewer_pairs(runs, found)
    yield from _failures({run: runs[run].mean_if_any(found.metric) for run in runs if runs[run].n_ok})
    yield from still_rising(result)
    if found.best is not None:
        yield from _test_split(runs[found.best])


def _fewer_pairs(runs: Mapping[str, RunResult], found: Verdict) -> Iterator[str]:
    """Where a run has more pairs of fold and seed than it is compared over, its means elsewhere are others."""
    more = [run for run, seeds in found.seeds_of.items() if runs[run].mean_if_any(found.metric).n > len(seeds)]
    if found.folds and more:
        n = found.fewest_seeds
        pairs = "pair of fold and seed that all of them have" if n == 1 else "pairs of fold and seed that all have"
        names = ", ".join(more[:LISTED]) + (f" and {len(more) - LISTED} more" if len(more) > LISTED else "")
        yield f"the runs are compared over the {n} {pairs}; {names} {'has' if len(more) == 1 else 'have'} more"


def _failures(means: dict[str, SeedMean]) -> Iterator[str]:
    unsteady = [f"{run}: {mean.failures} ({mean.failure_rate:.0%})" for run, mean in means.items() if mean.failures]
    if unsteady:
        more = f"; and {len(unsteady) - LISTED} more runs" if len(unsteady) > LISTED else ""
        kind = next(iter(means.values())).kind
        yield (
            f"{'; '.join(unsteady[:LISTED])}{more}. Where {kind} fail, the mean is one of two kinds of models, and its "
            "interval covers the truth in 70 to 85 % of cases, not in 95 %"
        )


def still_rising(result: ExperimentResult) -> Iterator[str]:
    """Whether `max_epochs` is too low: all trials ended there, and F1 was still rising where its curve is known."""
    ok = [trial for trial in result.trials if trial.ok]
    curves = [trial.val_f1_curve for trial in ok if len(trial.val_f1_curve) > 1]
    if not curves or not ended_at_the_cap(ok):
        return
    rise = math.fsum(map(_rise, curves)) / len(curves)
    if rise > RISE:
        caps = sorted({int(str(trial.params.get("max_epochs", trial.epochs or 0))) for trial in ok})
        yield (
            f"all trials ended at max_epochs = {', '.join(map(str, caps))} with val F1 still rising "
            f"(by {100 * rise:.1f} points in the last quarter of the epochs): raise it"
        )


def ended_at_the_cap(trials: Sequence[TrialResult]) -> bool:
    """Whether all of them did, and there is one."""
    return bool(trials) and all(trial.reason == AT_THE_CAP for trial in trials)


def _rise(curve: Sequence[float]) -> float:
    """How much higher the best of the last quarter is than all before; undefined F1 counts as 0."""
    values = [value if math.isfinite(value) else 0.0 for value in curve]
    part = max(1, len(values) // LAST_PART)
    return max(values[-part:]) - max(values[:-part])


def _test_split(run: RunResult) -> Iterator[str]:
    f1, support = run.mean_if_any(TEST_METRIC), run.mean_if_any(SUPPORT)
    if f1.n and support.n and support.mean >= 1 and 0 < f1.mean < 1:
        smallest = smallest_difference(f1.mean, support.mean)
        yield (
            f"the test split has {support.mean:.0f} entities: between two models, it hardly shows differences of F1 "
            f"below about {_two_digits(100 * smallest)} points"
        )


def _two_digits(points: float) -> str:
    """`4.4`, `14`, `140`: never 1.4e+02"""
    return f"{points:.2g}" if points < 99.5 else f"{points:.0f}"


def smallest_difference(f1: float, entities: float) -> float:
    """What a test of two models on a split finds in 80 % of cases at 5 %, about.

    An entity is found or not, with probability F1: a binomial standard error for either model. The two agree on much,
    which makes that of the difference smaller: with a correlation of 1/2 it is sqrt(F1 (1 - F1) / entities). For the
    seven systems of the WNUT 2017 shared task, the bootstrap over sentences gives 0.8 to 1.2 times this number
    (benchmarks/bench_verdict.py). `nerbb compare --phase test` has it from the sentences themselves.

    Source: D. Card, P. Henderson, U. Khandelwal, R. Jia, K. Mahowald, D. Jurafsky 2020, With little power comes great
    responsibility, https://aclanthology.org/2020.emnlp-main.745
    """
    return POWER_FACTOR * math.sqrt(f1 * (1 - f1) / entities)
