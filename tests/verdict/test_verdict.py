"""The verdict against scipy, against tables by hand, and against simulated experiments whose truth is known."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import SELECTION_METRIC, TrialResult
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.significance import holm, paired_t, permutation, seeds_needed, sign_flip, smallest_exact_p
from nerbb_ray.verdict.verdict import compare, verdict

F1 = SELECTION_METRIC
DIFFERENCES = st.lists(st.integers(-20, 20).map(lambda k: k / 64), min_size=2, max_size=9)


def values_of(**runs: Sequence[float]) -> dict[str, dict[int, float]]:
    return {run: dict(enumerate(values, start=43)) for run, values in runs.items()}


@given(DIFFERENCES)
@settings(max_examples=80, deadline=None)
def test_t_test_is_that_of_scipy(differences: list[float]) -> None:
    if len(set(differences)) > 1:
        expected = stats.ttest_rel(differences, [0.0] * len(differences)).pvalue
        assert paired_t(differences) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("differences", "p"),
    [([0.0, 0.0, 0.0], 1.0), ([0.25, 0.25], 0.5), ([-0.1] * 3, 0.25), ([0.1] * 6, 1 / 32), ([1e-16, -1e-16], 1.0)],
)
def test_equal_differences_do_not_count_as_certainty(differences: list[float], p: float) -> None:
    assert paired_t(differences) == pytest.approx(p)


@given(DIFFERENCES)
@settings(max_examples=40, deadline=None)
def test_sign_flips_are_those_of_scipy(differences: list[float]) -> None:
    found = stats.permutation_test(
        (differences, np.zeros(len(differences))),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert sign_flip(differences) == pytest.approx(found.pvalue, abs=1e-12)


def test_drawn_sign_flips_come_close_to_all_of_them() -> None:
    differences = np.random.default_rng(3).normal(0.4, 1, 17)
    bits = (np.arange(2**17)[:, None] >> np.arange(17)) & 1
    exact = np.mean(np.abs((1 - 2 * bits) @ differences) >= abs(differences.sum()) - 1e-12)
    assert sign_flip(differences) == pytest.approx(exact, abs=0.02)
    assert sign_flip([1.0] * 30) == 1 / 20_001


SCORES = st.lists(st.integers(0, 40).map(lambda k: k / 64), min_size=2, max_size=5)


@given(SCORES, SCORES)
@settings(max_examples=60, deadline=None)
def test_permutations_are_those_of_scipy(first: list[float], second: list[float]) -> None:
    found = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.abs(np.mean(a, axis=axis) - np.mean(b, axis=axis)),
        permutation_type="independent",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert permutation(first, second) == pytest.approx(found.pvalue, abs=1e-12)


def test_drawn_permutations_come_close_to_all_of_them() -> None:
    random = np.random.default_rng(4)
    first, second = random.normal(0.7, 1, 9), random.normal(0, 1, 9)
    exact = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a) - np.mean(b), permutation_type="independent", n_resamples=np.inf
    )
    assert permutation(first, second) == pytest.approx(exact.pvalue, abs=0.01)
    assert permutation(np.arange(30), np.arange(100, 130)) == 1 / 20_001


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # the example of R's p.adjust
        ([0.5, 0.4, 0.6], [1.0, 1.0, 1.0]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.001, 0.2, 0.011], [0.003, 0.2, 0.022]),
    ],
)
def test_holm_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("n", "m", "p"), [(1, 1, 1.0), (2, 2, 1 / 3), (3, 3, 0.1), (4, 4, 1 / 35), (2, 3, 0.1), (1, 4, 0.2)]
)
def test_smallest_p_is_that_of_values_that_do_not_overlap(n: int, m: int, p: float) -> None:
    assert smallest_exact_p(n, m) == pytest.approx(p)
    assert permutation(np.arange(n), 100 + np.arange(m)) == pytest.approx(p)


@pytest.mark.parametrize(("mean", "n", "comparisons"), [(1.0, 3, 1), (0.6, 5, 1), (1.0, 3, 6)])
def test_seeds_needed_are_what_a_simulation_needs(mean: float, n: int, comparisons: int) -> None:
    """Of two runs with the same number of seeds and the same variance."""
    more = seeds_needed(mean, lambda more: (math.sqrt(2 / (n + more)), 2.0 * (n + more - 1)), comparisons)
    assert more is not None
    random = np.random.default_rng(5)
    powers = []
    for size in (n + more - 1, n + more):
        first, second = random.normal(mean, 1, (20_000, size)), random.normal(0, 1, (20_000, size))
        powers.append(np.mean(stats.ttest_ind(first, second, axis=1).pvalue < 0.05 / comparisons))
    assert powers[0] < 0.81
    assert powers[1] > 0.79


@pytest.mark.parametrize(("mean", "more"), [(0.0, None), (0.01, None), (1000.0, 1), (0.126, 986)])
def test_seeds_needed_at_the_borders(mean: float, more: int | None) -> None:
    found = seeds_needed(mean, lambda more: (math.sqrt(2 / (3 + more)), 2.0 * (2 + more)))
    assert found == (pytest.approx(more, abs=8) if more else more)


def test_the_verdict_is_made_of_these_numbers() -> None:
    scores = {"runA": [0.70, 0.72, 0.69, 0.71], "runB": [0.80, 0.83, 0.79, 0.82], "runC": [0.79, 0.84, 0.78, 0.82]}
    found = compare(values_of(**scores), F1)
    assert (found.best, found.seeds, tuple(found.means)) == ("runB", (43, 44, 45, 46), ("runB", "runC", "runA"))
    assert found.tie_set == ("runB", "runC")
    closest, furthest = found.differences
    assert (closest.run, closest.better, furthest.run, furthest.better) == ("runC", False, "runA", True)
    samples = {run: list(values) for run, values in scores.items()}
    p_exact = stats.permutation_test(
        (samples["runB"], samples["runA"]), lambda a, b: np.mean(a) - np.mean(b), n_resamples=np.inf
    )
    assert furthest.p_exact == pytest.approx(p_exact.pvalue)
    # the pair of the best and the last has the smallest p of all three, the other one the largest
    assert [d.p_holm for d in found.differences] == pytest.approx([closest.p_t, 3 * furthest.p_t])
    assert {d.test for d in found.differences} == {"moderated"}
    half = stats.t.ppf(0.975, furthest.degrees) * furthest.mean / stats.t.isf(furthest.p_t / 2, furthest.degrees)
    assert furthest.ci95 == pytest.approx((furthest.mean - half, furthest.mean + half))
    assert (furthest.mean, furthest.aso, furthest.more_seeds) == (pytest.approx(0.105), 0.0, None)
    assert closest.more_seeds is None or closest.more_seeds > 20
    assert found.best_of["runA"][0] == pytest.approx(0.705)


@pytest.mark.parametrize("seeds", [(4, 4), (3, 5)])
def test_two_runs_are_compared_by_the_welch_test_of_scipy(seeds: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(0.8, 0.01, seeds[0]), random.normal(0.79, 0.03, seeds[1])
    (difference,) = compare(values_of(runA=first, runB=second), F1).differences
    best, other = (first, second) if first.mean() > second.mean() else (second, first)
    expected = stats.ttest_ind(best, other, equal_var=False)
    interval = expected.confidence_interval()
    assert (difference.test, difference.degrees) == ("welch", pytest.approx(expected.df))
    assert (difference.p_t, difference.p_holm) == pytest.approx((expected.pvalue, expected.pvalue))
    assert difference.ci95 == pytest.approx((interval.low, interval.high))
    assert sorted(difference.seeds) == sorted(seeds)


def test_what_is_really_paired_is_compared_by_the_paired_test_of_scipy() -> None:
    """Folds: one is easier than another, for all runs."""
    folds = {"runA": [0.70, 0.80, 0.60, 0.75], "runB": [0.72, 0.81, 0.63, 0.77], "runC": [0.71, 0.83]}
    found = compare(values_of(**{run: folds[run] for run in ("runA", "runB")}), F1, paired=True)
    (difference,) = found.differences
    expected = stats.ttest_rel(folds["runB"], folds["runA"])
    interval = expected.confidence_interval()
    assert (difference.test, difference.degrees) == ("paired", 3)
    assert (difference.p_t, difference.p_exact) == pytest.approx((expected.pvalue, 2**-3))
    assert difference.ci95 == pytest.approx((interval.low, interval.high))
    assert difference.better
    assert not compare(values_of(**{run: folds[run] for run in ("runA", "runB")}), F1).differences[0].better
    with_another = compare(values_of(**folds), F1, paired=True)
    assert with_another.left_out == {"runC": "2 of 4 seeds are missing"}
    assert with_another.differences == found.differences


def test_intervals_of_a_difference_stay_within_what_it_can_be() -> None:
    (difference,) = compare(values_of(runA=[0.1, 0.9], runB=[0.95, 0.99]), F1).differences
    assert difference.ci95 == (-1, 1)
    (loss,) = compare(values_of(runA=[1.0, 9.0], runB=[0.1, 0.2]), "val/loss").differences
    assert loss.ci95[1] > 1


def test_equal_values_are_no_certainty() -> None:
    found = compare(values_of(runA=[0.5, 0.5, 0.5], runB=[0.6, 0.6, 0.6]), F1)
    (difference,) = found.differences
    assert (difference.p_t, difference.better) == (pytest.approx(0.1), False)
    assert np.isnan(difference.ci95).all()
    assert all(mean.ci95 is None for mean in found.means.values())
    # with four seeds each the exact test can say it
    assert compare(values_of(runA=[0.5] * 4, runB=[0.6] * 4), F1).differences[0].better


def test_a_loss_is_better_when_it_is_lower() -> None:
    found = compare(values_of(runA=[0.5, 0.6, 0.55], runB=[0.3, 0.41, 0.36]), "val/loss")
    (difference,) = found.differences
    assert (found.best, difference.run, difference.better) == ("runB", "runA", True)
    assert difference.mean == pytest.approx(0.58 / 3)
    assert found.means["runB"].mean == pytest.approx(1.07 / 3)
    assert found.best_of["runB"][-1] < found.best_of["runB"][0]


def result(values: Mapping[str, Mapping[int, float]], **failed: int) -> ExperimentResult:
    ok = [TrialResult(run, seed, "ok", {F1: v}) for run, found in values.items() for seed, v in found.items()]
    return ExperimentResult.of("exp", [*ok, *(TrialResult(run, n, "failed", {F1: 0.9}) for run, n in failed.items())])


def test_every_run_is_compared_over_its_own_seeds() -> None:
    found = verdict(result({"runA": {43: 0.5, 44: 0.6, 45: 0.9}, "runB": {43: 0.4, 46: 0.9}}, runB=45))
    assert found.seeds_of == {"runA": (43, 44, 45), "runB": (43, 46)}
    assert (found.best, found.differences[0].seeds) == ("runA", (3, 2))
    assert found.means["runA"].mean == pytest.approx(2 / 3)
    assert found.means["runB"].failures == "1 of 3 seeds failed"


@pytest.mark.parametrize(
    ("values", "seeds", "compared", "left_out"),
    [
        ({}, (), (), {}),
        ({"runA": {43: math.nan}}, (), (), {"runA"}),
        ({"runA": {43: 0.5}}, (43,), ("runA",), set()),
        ({"runA": {43: 0.5}, "runB": {43: 0.6}}, (43,), ("runB", "runA"), set()),
        (
            {"runA": {43: 0.5, 44: 0.4}, "runB": {43: 0.6, 44: 0.7}, "runC": {43: 0.9}},
            (43, 44),
            ("runB", "runA"),
            {"runC"},
        ),
        ({"runA": {43: 0.5, 44: 0.4}, "runB": {45: 0.6, 46: 0.7}}, (43, 44, 45, 46), ("runB", "runA"), set()),
        ({"runA": {43: 0.5, 44: 0.4}, "runB": {43: math.nan, 44: math.inf}}, (43, 44), ("runA",), {"runB"}),
    ],
)
def test_what_is_not_compared_has_a_reason(
    values: dict[str, dict[int, float]], seeds: tuple[int, ...], compared: tuple[str, ...], left_out: set[str]
) -> None:
    found = verdict(result(values))
    assert (found.seeds, tuple(found.means), set(found.left_out)) == (seeds, compared, set(left_out))
    assert all(found.left_out.values())
    assert set(found.tie_set) <= set(compared)


@given(st.dictionaries(st.sampled_from("ABCD"), st.dictionaries(st.integers(1, 5), st.integers(0, 4)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_run_is_compared_or_left_out_and_the_best_has_the_highest_mean(
    values: dict[str, dict[int, float]],
) -> None:
    found = verdict(result(values))
    assert sorted([*found.means, *found.left_out]) == sorted(run for run, scores in values.items() if scores)
    assert all(set(values[run]) == set(seeds) for run, seeds in found.seeds_of.items())
    assert found.best is None or found.means[found.best].mean == max(mean.mean for mean in found.means.values())
    assert all(d.mean >= 0 and 0 <= d.p_t <= d.p_holm <= 1 and 0 <= d.aso <= 1 for d in found.differences)
    assert set(found.tie_set) == set(found.means) - {d.run for d in found.differences if d.better}


def test_what_a_race_has_dropped_is_worse_or_left_out_but_never_tied() -> None:
    values = {
        "runA": {43: 0.80, 44: 0.82, 45: 0.81, 46: 0.79},
        "runB": {43: 0.81, 44: 0.80, 45: 0.80, 46: 0.80},
        "far": {43: 0.40, 44: 0.41, 45: 0.42, 46: 0.40},
        "unsteady": {43: 0.50, 44: 0.79, 45: 0.40, 46: 0.78},
        "early": {43: 0.30, 44: 0.32, 45: 0.31},
    }
    notes = {run: f"dropped after {len(values[run])} seeds" for run in ("far", "unsteady", "early")}
    raced = ExperimentResult.of("exp", result(values).trials, n_seeds=8, notes=notes)
    found = verdict(raced)
    assert found.seeds == (43, 44, 45, 46)
    assert found.tie_set == ("runA", "runB")
    assert [d.run for d in found.differences if d.better] == ["far"]
    assert found.left_out == {run: notes[run] for run in ("early", "unsteady")}


def test_a_run_whose_first_seed_was_cut_is_left_out_with_that_as_the_reason() -> None:
    whole = [TrialResult(run, seed, "ok", metrics={F1: 0.5}) for run in ("runA", "runB") for seed in (43, 44)]
    cut, note = TrialResult("runC", 43, "cut", metrics={F1: 0.4}), "dropped: its first seed was cut (asha)"
    found = verdict(ExperimentResult.of("exp", [*whole, cut], n_seeds=2, notes={"runC": note}))
    assert found.left_out == {"runC": note}
    assert verdict(ExperimentResult.of("exp", [*whole, cut], n_seeds=2)).left_out == {"runC": "cut"}


def experiments(seed: int, means: Sequence[float], n: int, number: int = 2000) -> list[Verdict]:
    """Verdicts on runs with these true means: a little of a seed's luck is that of all runs, as in recorded ones."""
    random = np.random.default_rng(seed)
    luck, noise = random.normal(0, 0.004, (number, 1, n)), random.normal(0, 0.01, (number, len(means), n))
    scores = np.array(means)[:, None] + luck + noise
    return [compare(values_of(**dict(zip("ABCDEF", runs, strict=False))), F1) for runs in scores]


@pytest.mark.parametrize(("n", "gap"), [(3, 0.005), pytest.param(8, 0.0, marks=pytest.mark.slow)])
def test_intervals_cover_the_truth_in_95_of_100_experiments(n: int, gap: float) -> None:
    truth = {"A": 0.8, "B": 0.8 - gap}
    found = experiments(n, list(truth.values()), n)
    differences, means = [], []
    for one in found:
        (difference,) = one.differences
        low, high = difference.ci95
        differences.append(low <= truth[one.best or ""] - truth[difference.run] <= high)
        means += [m.ci95 is not None and m.ci95[0] <= truth[run] <= m.ci95[1] for run, m in one.means.items()]
    assert 0.93 <= np.mean(differences) <= 0.985  # shared luck makes them a little too wide
    assert 0.93 <= np.mean(means) <= 0.97


@pytest.mark.parametrize(
    ("means", "n"), [pytest.param((0.8, 0.8, 0.8, 0.8), 5, marks=pytest.mark.slow), ((0.8, 0.8, 0.7), 4)]
)
def test_equal_runs_are_called_different_in_5_of_100_experiments_at_most(means: tuple[float, ...], n: int) -> None:
    equal = {run for run, mean in zip("ABCD", means, strict=False) if mean == max(means)}
    found = experiments(11, means, n, 1000)
    wrong = sum(any(d.better and d.run in equal for d in one.differences) for one in found)
    # 5 % of 1,000, and what chance adds in 999 of 1,000 cases
    assert wrong <= stats.binom.ppf(0.999, 1000, 0.05)


def test_runs_that_differ_are_told_apart() -> None:
    found = experiments(17, (0.85, 0.8), 6, 200)
    assert np.mean([one.best == "A" and one.differences[0].better for one in found]) > 0.95


def test_runs_on_other_data_are_not_compared() -> None:
    def trials(run: str, f1: float, **params: object) -> list[TrialResult]:
        return [
            TrialResult(
                run, seed, "ok", {F1: f1}, identity=Identity(params={"prune_ratio_val": "1.0", **params}, data="ab")
            )
            for seed in (43, 44)
        ]

    found = ExperimentResult.of(
        "exp",
        [
            *trials("runA", 0.5, prune_ratio_train=0.1),
            *trials("runB", 0.6, prune_ratio_train=0.2, prune_ratio_test=0.5),
            *trials("runC", 0.55, prune_ratio_val=0.5),
        ],
    )
    assert tuple(verdict(found).means) == ("runB", "runA")
    assert "prune_ratio_val = 0.5" in verdict(found).left_out["runC"]


def test_what_n_seeds_can_show_is_in_the_docs_as_it_is(root: Path) -> None:
    rows = re.findall(r"^\| (\d+) \| (\.\d+) \| ([\d.]+) \|$", (root / "docs/verdict.md").read_text(), re.MULTILINE)
    assert [int(n) for n, _, _ in rows] == [2, 3, 4, 5, 6, 8, 10]
    for n, p, effect in ((int(n), float(p), float(effect)) for n, p, effect in rows):
        assert smallest_exact_p(n, n) == pytest.approx(p, rel=0.05)
        # squared t is noncentral F; two runs of the same variance
        degrees = 2 * (n - 1)
        power = stats.ncf(1, degrees, n * effect**2 / 2).sf(stats.t.ppf(0.975, degrees) ** 2)
        assert power == pytest.approx(0.8, abs=0.03)
