"""Which run is better than which, as far as the seeds can tell. Pure.

Runs are compared over the seeds that all of them finished, seed by seed: a seed that is lucky for one run is lucky for
the others as well, so that differences vary less than values. A run is called worse than the best if the paired t test
says so after Holm's correction over **all** pairs of runs: the best is chosen by the same numbers, and a correction for
the comparisons with it alone would call equal runs different too often. The exact sign-flip test stands beside it: it
assumes nothing of the distribution, but n seeds cannot get below p = 2 / 2^n.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.results.experiment_result import SELECTION_METRIC, ExperimentResult, by_number
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.outcome import Difference, Verdict
from nerbb_ray.verdict.significance import (
    ALPHA,
    almost_stochastic_order,
    expected_best,
    holm,
    paired_t,
    seeds_needed,
    sign_flip,
)
from nerbb_ray.verdict.words import sentences


def lower_is_better(metric: str) -> bool:
    return metric.endswith("/loss")


def verdict(result: ExperimentResult, metric: str = SELECTION_METRIC) -> Verdict:
    """Compare all runs of an experiment.

    Left out, with a reason, is a run without any value of the metric, one that was not evaluated on the data of the run
    with the highest mean, and one that shares less than two seeds with the others while these share more. A run that a
    race has dropped is left out if it has fewer seeds than others, or is not shown to be worse by these tests.
    """
    result, other_data = _on_the_same_data(result, metric)
    values = {
        run.run: {
            trial.seed: trial.metrics[metric]
            for trial in run.ok_trials
            if math.isfinite(trial.metrics.get(metric, math.nan))
        }
        for run in result.runs
    }
    left_out = {run: "no seed with a value" for run, found in values.items() if not found}
    # seeds that a dropped run never got would be lost to the others, too
    most = max(map(len, values.values()), default=0)
    left_out |= {run.run: run.note or "cut" for run in result.runs if run.out and 0 < len(values[run.run]) < most}
    values, few = _with_shared_seeds({run: found for run, found in values.items() if run not in left_out})
    found = compare(values, metric, other_data | left_out | few)
    # the race knows the spread of all runs and tests one-sided: what it has dropped is not to be called tied
    lost = {run.run: run.note or "cut" for run in result.runs if run.out and run.run in found.tie_set[1:]}
    if lost:
        rest = {run: known for run, known in values.items() if run not in lost}
        found = compare(rest, metric, other_data | left_out | few | lost)
    return found


def _on_the_same_data(result: ExperimentResult, metric: str) -> tuple[ExperimentResult, dict[str, str]]:
    """The runs that were evaluated on what the best of them was, and why the others are left out."""
    split = metric.partition("/")[0]
    data = {run.run: {trial.evaluated_on((split,)) for trial in run.ok_trials} for run in result.runs if run.n_ok}
    sign = -1.0 if lower_is_better(metric) else 1.0
    means = {run.run: sign * run.mean(metric).mean for run in result.runs if run.mean(metric).n}
    if not means:
        return result, {}
    wanted = data[min(means, key=lambda run: (-means[run], by_number(run)))]
    others = {
        run: f"evaluated on other data ({'; '.join(', '.join(one) for one in sorted(found))})"
        for run, found in data.items()
        if found != wanted
    }
    return ExperimentResult(result.name, tuple(run for run in result.runs if run.run not in others)), others


def _with_shared_seeds(values: dict[str, dict[int, float]]) -> tuple[dict[str, dict[int, float]], dict[str, str]]:
    """Leave out the runs with the fewest seeds until the others share two, or as many as the fullest run has."""
    left_out: dict[str, str] = {}
    wanted = min(2, max((len(found) for found in values.values()), default=0))
    while len(values) > 1 and len(_shared(values)) < wanted:
        fewest = min(reversed(values), key=lambda run: len(values[run]))
        count = len(values[fewest])
        left_out[fewest] = f"only {count} {'seed' if count == 1 else 'seeds'}, not those of the others"
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
    runs = sorted(scores, key=lambda run: (-scores[run].mean(), by_number(run))) if seeds else []
    differences = _differences(runs, scores) if len(seeds) > 1 else ()
    found = Verdict(
        metric=metric,
        seeds=seeds,
        best=runs[0] if runs else None,
        means={run: SeedMean.of(values[run][seed] for seed in seeds) for run in runs},
        differences=differences,
        tie_set=tuple(run for run in runs if not any(d.run == run and d.better for d in differences)),
        left_out=dict(left_out or {}),
        best_of={run: tuple(sign * best for best in expected_best(scores[run])) for run in runs},
    )
    return replace(found, sentences=tuple(sentences(found)))


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
