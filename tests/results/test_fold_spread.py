"""The mean over folds: its standard error and interval, with one repeat and with several."""

import math

import numpy as np
import pytest
from scipy import stats

from nerbb_ray.results.fold_spread import FoldSpread
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, RunResult, TrialResult

FOLDS = (0.70, 0.74, 0.68, 0.77, 0.72)


@pytest.mark.parametrize("k", [0, 5])
def test_one_repeat_is_the_t_interval_of_the_means_of_folds(k: int) -> None:
    values = [mean + luck for luck in (-0.01, 0.01) for mean in FOLDS]
    found = SeedMean.of(values, share=False, folds=[1, 2, 3, 4, 5] * 2, k=k)
    assert found.sem == pytest.approx(stats.sem(FOLDS))
    assert found.ci95 == pytest.approx(stats.t.interval(0.95, 4, np.mean(FOLDS), stats.sem(FOLDS)))
    assert found == SeedMean.of(values, share=False, folds=[1, 2, 3, 4, 5] * 2), "whether it is said or not"


def test_repeats_pool_the_variance_within_them_and_add_no_sentences() -> None:
    other = [value + 0.05 for value in (0.71, 0.69, 0.75, 0.70, 0.73)]  # nothing between repeats counts
    found = SeedMean.of([*FOLDS, *other], share=False, folds=range(1, 11), k=5)
    sem = math.sqrt((np.var(FOLDS, ddof=1) + np.var(other, ddof=1)) / 2 / 5)
    mean = np.mean([FOLDS, other])
    assert (found.mean, found.sem) == pytest.approx((mean, sem))
    assert found.ci95 == pytest.approx(stats.t.interval(0.95, 4, mean, sem))


def test_a_repeat_that_has_only_begun_changes_the_mean_alone() -> None:
    whole, begun = FoldSpread.of(FOLDS, range(1, 6), 5), FoldSpread.of([*FOLDS, 0.9], range(1, 7), 5)
    assert (begun.sem, begun.degrees) == pytest.approx((whole.sem, 4))
    apart = FoldSpread.of([0.5, 0.6], [1, 6], 5)
    assert math.isnan(apart.sem), "a fold of each repeat tells nothing of other sentences"


def test_two_folds_have_no_interval_however_many_repeats() -> None:
    found = SeedMean.of([0.7, 0.74, 0.71, 0.73], folds=[1, 2, 3, 4], k=2)
    assert (found.ci95, found.folds.degrees) == (None, 1)
    assert math.isfinite(found.sem)


def test_intervals_cover_the_truth_with_repeats() -> None:
    """The score of other sentences; folds are means of the same sentences, cut anew in each repeat."""
    random = np.random.default_rng(5)
    covered = []
    for _ in range(600):
        sentences = random.normal(0.7, 0.1, 60)
        cuts = [random.permutation(sentences).reshape(5, 12).mean(axis=1) for _ in range(4)]
        found = SeedMean.of(np.concatenate(cuts).tolist(), share=False, folds=range(1, 21), k=5)
        covered.append(found.ci95 is not None and found.ci95[0] <= 0.7 <= found.ci95[1])
    assert np.mean(covered) >= 0.93


def test_a_run_knows_how_many_folds_a_repeat_has() -> None:
    trials = tuple(
        TrialResult("runA", 43, "ok", {SELECTION_METRIC: value}, {"folds": "5", "repeats": "2"}, fold=fold)
        for fold, value in enumerate([*FOLDS, *FOLDS], start=1)
    )
    found = RunResult("runA", trials).mean(SELECTION_METRIC)
    assert found.sem == pytest.approx(stats.sem(FOLDS))
