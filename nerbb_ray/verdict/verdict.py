"""Which run is better than which, as far as the seeds can tell. Pure.

Runs are compared by the means over their own seeds, with Welch's t, moderated by the variances of the other runs (see
moderation). Seeds are not paired: a seed that is lucky for one run is hardly ever lucky for another (in recorded
experiments the correlation is 0.1 to 0.2), and pairing would cost half of the degrees of freedom. A run is called worse
than the best if the test says so after Holm's correction over **all** pairs of runs: the best is chosen by the same
numbers, and a correction for the comparisons with it alone would call equal runs different too often. The exact
permutation test stands beside it: it assumes only that equal runs have the same distribution.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.config.spec import Member, seed_and_fold
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import folds_in
from nerbb_ray.results.run_order import by_number
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.shares import is_share
from nerbb_ray.results.trial_result import SELECTION_METRIC, RunResult
from nerbb_ray.verdict.notes import notes_on
from nerbb_ray.verdict.outcome import Difference, Verdict
from nerbb_ray.verdict.pairs import Pairs, paired_by_seed, unpaired
from nerbb_ray.verdict.shared_keys import Values, shared
from nerbb_ray.verdict.significance import ALPHA, almost_stochastic_order, expected_best, holm
from nerbb_ray.verdict.words import plain_sentences, statistics_sentences


def lower_is_better(metric: str) -> bool:
    return metric.endswith("/loss")


def verdict(result: ExperimentResult, metric: str = SELECTION_METRIC) -> Verdict:
    """Compare all runs of an experiment.

    Left out, with a reason, is a run without any value of the metric, one that was not evaluated on the data of the run
    with the highest mean, and one with a single seed while others have two; with folds one that lacks what others have
    (see `shared`). A run that a race has dropped is left out if it has fewer seeds than others, or is not shown to be
    worse by these tests.
    """
    whole = result
    result, other_data = _on_the_same_data(result, metric)
    values = {
        run.run: {
            trial.member: trial.metrics[metric]
            for trial in run.ok_trials
            if math.isfinite(trial.metrics.get(metric, math.nan))
        }
        for run in result.runs
    }
    left_out = other_data | {run: "no seed with a value" for run, found in values.items() if not found}
    # it was dropped for its bad luck so far, too: few seeds that were chosen by their values say less than they seem to
    most = max(map(len, values.values()), default=0)
    left_out |= {run.run: _why_out(run) for run in result.runs if run.out and len(values[run.run]) < max(1, most)}
    folds = folds_of(result)
    found = compare(_without(values, left_out), metric, left_out, paired=folds > 0, folds=folds)
    # the race tests one-sided: what it has dropped is not to be called tied
    lost = {run.run: _why_out(run) for run in result.runs if run.out and run.run in found.tie_set[1:]}
    if lost:
        still = _without(values, {**left_out, **lost})
        found = compare(still, metric, left_out | lost, paired=folds > 0, folds=folds)
    return _with_circumstances(found, whole)


def _why_out(run: RunResult) -> str:
    """Of a run that a race or a scheduler has ended."""
    return run.note or "cut"


def _without(values: Values, left_out: Mapping[str, str]) -> dict[str, Mapping[Member, float]]:
    return {run: found for run, found in values.items() if run not in left_out}


def _with_circumstances(found: Verdict, result: ExperimentResult) -> Verdict:
    """With what the trials say beside their values: failures, durations, and what to know of the numbers."""
    runs = {run.run: run for run in result.runs}
    durations = [trial.duration_s for trial in result.trials if trial.ok and trial.duration_s]
    found = replace(
        found,
        means={run: _mean_of_all(runs[run], found) or mean for run, mean in found.means.items()},
        trial_seconds=math.fsum(durations) / len(durations) if durations else None,
        notes=tuple(notes_on(result, found)),
    )
    return _in_words(found)


def _mean_of_all(run: RunResult, found: Verdict) -> SeedMean | None:
    """With the seeds that failed; None where not all values of a run are compared: the difference is not theirs."""
    mean = run.mean_if_any(found.metric)
    return mean if mean.n == len(found.seeds_of[run.run]) else None


def _in_words(found: Verdict) -> Verdict:
    return replace(found, plain=tuple(plain_sentences(found)), statistics=tuple(statistics_sentences(found)))


def _on_the_same_data(result: ExperimentResult, metric: str) -> tuple[ExperimentResult, dict[str, str]]:
    """The runs that were evaluated on what the best of them was, and why the others are left out."""
    split = metric.partition("/")[0]
    data = {
        run.run: {trial.evaluated_on((split,), folds=split != "test") for trial in run.ok_trials}
        for run in result.runs
        if run.n_ok
    }
    sign = -1.0 if lower_is_better(metric) else 1.0
    means = {run.run: sign * run.mean_if_any(metric).mean for run in result.runs if run.mean_if_any(metric).n}
    if not means:
        return result, {}
    wanted = data[min(means, key=lambda run: (-means[run], by_number(run)))]
    others = {
        run: f"evaluated on other data ({'; '.join(', '.join(one) for one in sorted(found))})"
        for run, found in data.items()
        if found != wanted
    }
    return ExperimentResult(result.name, tuple(run for run in result.runs if run.run not in others)), others


def folds_of(result: ExperimentResult) -> int:
    """On how many folds all runs were trained, so that they are compared pair by pair; 0 without, or if the folds of
    some hold out other sentences."""
    ok = [trial for trial in result.trials if trial.ok]
    found = {(folds_in(trial.params), trial.known_identity().cut_into()) for trial in ok}
    return found.pop()[0] if len(found) == 1 else 0


def compare(
    values: Values, metric: str, left_out: Mapping[str, str] | None = None, *, paired: bool = False, folds: int = 0
) -> Verdict:
    """Compare runs by their values, run -> seed -> value; with folds run -> seed and fold -> value.

    Args:
        left_out: what was not to be compared from the beginning.
        paired: only for what is really paired, such as folds of the same data: runs are compared key by key, over
            those of the complete runs (see `shared`).
        folds: of which each is held out once; they have training data in common, which the test takes into account.
    """
    shares, sign = is_share(metric), -1.0 if lower_is_better(metric) else 1.0
    values, few = shared(values) if paired else _with_two_seeds(values)
    keys = {run: sorted(found, key=seed_and_fold) for run, found in values.items()}
    scores = {run: sign * np.array([values[run][key] for key in keys[run]]) for run in values}
    runs = sorted(scores, key=lambda run: (-scores[run].mean(), by_number(run)))
    ordered = [scores[run] for run in runs]
    enough = len(runs) > 1 and min(map(len, ordered)) > 1
    overlap = 1 / (folds - 1) if folds else 0.0
    of_each = [seed_and_fold(key)[1] for key in keys[runs[0]]] if folds and runs else None
    pairs = (paired_by_seed(ordered, overlap, of_each) if paired else unpaired(ordered)) if enough else None
    differences = _differences(runs, ordered, pairs, shares=shares) if pairs else ()
    return _in_words(
        Verdict(
            metric=metric,
            seeds_of={run: tuple(keys[run]) for run in runs},
            best=runs[0] if runs else None,
            means={run: _mean(values[run], shares, folds) for run in runs},
            differences=differences,
            tie_set=tuple(run for run in runs if not any(d.run == run and d.better for d in differences)),
            left_out={**(left_out or {}), **few},
            folds=folds,
            best_of={run: tuple(sign * best for best in expected_best(scores[run])) for run in runs},
        )
    )


def _mean(found: Mapping[Member, float], shares: bool, folds: int) -> SeedMean:
    of_each = [seed_and_fold(key)[1] for key in found] if folds else None
    return SeedMean.of(found.values(), share=shares, folds=of_each, k=folds)


def _with_two_seeds(values: Values) -> tuple[Values, dict[str, str]]:
    """Leave out the runs with a single seed, if others have more."""
    values = {run: found for run, found in values.items() if found}
    if max(map(len, values.values()), default=0) < 2:
        return values, {}
    few = {run: "only 1 seed" for run, found in values.items() if len(found) < 2}
    return _without(values, few), few


def _differences(
    runs: Sequence[str], scores: Sequence[NDArray[np.float64]], pairs: Pairs, *, shares: bool
) -> tuple[Difference, ...]:
    """Of the best run, the first one, to all others."""
    adjusted = dict(zip(combinations(range(len(runs)), 2), holm([float(p) for p in pairs.p]), strict=True))
    best, found = scores[0], []
    for i, run in enumerate(runs[1:], start=1):
        # that of the first run to the i-th is the (i - 1)th pair
        mean, half, p_holm = float(best.mean() - scores[i].mean()), float(pairs.half_width[i - 1]), adjusted[0, i]
        better = p_holm < ALPHA and mean > 0
        ends = np.array([mean - half, mean + half])
        low, high = np.clip(ends, -1, 1) if shares else ends
        found.append(
            Difference(
                run=run,
                seeds=(len(best), len(scores[i])),
                mean=mean,
                ci95=(float(low), float(high)),
                test=pairs.tests[i - 1],
                degrees=float(pairs.degrees[i - 1]),
                p_t=float(pairs.p[i - 1]),
                p_exact=pairs.exact(0, i),
                p_holm=p_holm,
                aso=almost_stochastic_order(best, scores[i]),
                better=better,
                more_seeds=None if better else pairs.more_seeds(0, i),
            )
        )
    return tuple(found)
