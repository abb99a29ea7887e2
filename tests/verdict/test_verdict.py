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

from nerbb_ray.results.experiment_result import SELECTION_METRIC, ExperimentResult, TrialResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.significance import holm, paired_t, seeds_needed, sign_flip, smallest_exact_p
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


@pytest.mark.parametrize(("n", "p"), [(1, 1.0), (2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_smallest_p_is_that_of_differences_of_one_sign(n: int, p: float) -> None:
    assert smallest_exact_p(n) == p
    assert sign_flip(1 + np.arange(n)) == p


@pytest.mark.parametrize(("mean", "n", "comparisons"), [(1.0, 3, 1), (0.6, 5, 1), (1.0, 3, 6)])
def test_seeds_needed_are_what_a_simulation_needs(mean: float, n: int, comparisons: int) -> None:
    more = seeds_needed(mean, 1.0, n, comparisons)
    assert more is not None
    random = np.random.default_rng(5)
    powers = [
        np.mean(stats.ttest_1samp(random.normal(mean, 1, (20_000, size)), 0, axis=1).pvalue < 0.05 / comparisons)
        for size in (n + more - 1, n + more)
    ]
    assert powers[0] < 0.81
    assert powers[1] > 0.79


@pytest.mark.parametrize(
    ("mean", "sd", "more"),
    [(0.0, 1.0, None), (0.01, 1.0, None), (1.0, 0.0, 3), (1000.0, 1.0, 1), (0.09, 1.0, 968)],
)
def test_seeds_needed_at_the_borders(mean: float, sd: float, more: int | None) -> None:
    found = seeds_needed(mean, sd, 3)
    assert found == (pytest.approx(more, abs=5) if more else more)


def test_the_verdict_is_made_of_these_numbers() -> None:
    scores = {"runA": [0.70, 0.72, 0.69, 0.71], "runB": [0.80, 0.83, 0.79, 0.82], "runC": [0.79, 0.84, 0.78, 0.82]}
    found = compare(values_of(**scores), F1)
    assert (found.best, found.seeds, tuple(found.means)) == ("runB", (43, 44, 45, 46), ("runB", "runC", "runA"))
    assert found.tie_set == ("runB", "runC")
    closest, furthest = found.differences
    assert (closest.run, closest.better, furthest.run, furthest.better) == ("runC", False, "runA", True)
    p_values = [stats.ttest_rel(scores[a], scores[b]).pvalue for a, b in (("runB", "runC"), ("runB", "runA"))]
    assert [d.p_t for d in found.differences] == pytest.approx(p_values)
    ac = stats.ttest_rel(scores["runA"], scores["runC"])
    assert [d.p_holm for d in found.differences] == pytest.approx([p_values[0], min(3 * p_values[1], 1)])
    assert p_values[1] < ac.pvalue
    interval = stats.ttest_rel(scores["runB"], scores["runA"]).confidence_interval()
    assert furthest.ci95 == pytest.approx((interval.low, interval.high))
    assert (furthest.mean, furthest.aso, furthest.more_seeds) == (pytest.approx(0.105), 0.0, None)
    assert closest.more_seeds is None or closest.more_seeds > 20
    assert found.best_of["runA"][0] == pytest.approx(0.705)


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


def test_only_seeds_that_all_runs_finished_are_compared() -> None:
    found = verdict(result({"runA": {43: 0.5, 44: 0.6, 45: 0.9}, "runB": {43: 0.4, 44: 0.5, 46: 0.9}}, runB=45))
    assert (found.seeds, found.best) == ((43, 44), "runA")
    assert found.means["runA"].mean == pytest.approx(0.55)


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
        ({"runA": {43: 0.5, 44: 0.4}, "runB": {45: 0.6, 46: 0.7}}, (43, 44), ("runA",), {"runB"}),
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
    assert all(set(values[run]) >= set(found.seeds) for run in found.means)
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


def experiments(seed: int, means: Sequence[float], n: int, number: int = 2000) -> list[Verdict]:
    """Verdicts on runs with these true means: lucky seeds are lucky for all runs, noise comes on top."""
    random = np.random.default_rng(seed)
    luck, noise = random.normal(0, 0.02, (number, 1, n)), random.normal(0, 0.01, (number, len(means), n))
    scores = np.array(means)[:, None] + luck + noise
    return [compare(values_of(**dict(zip("ABCDEF", runs, strict=False))), F1) for runs in scores]


@pytest.mark.parametrize(("n", "gap"), [(3, 0.005), (8, 0.0)])
def test_intervals_cover_the_truth_in_95_of_100_experiments(n: int, gap: float) -> None:
    truth = {"A": 0.8, "B": 0.8 - gap}
    found = experiments(n, list(truth.values()), n)
    differences, means = [], []
    for one in found:
        (difference,) = one.differences
        low, high = difference.ci95
        differences.append(low <= truth[one.best or ""] - truth[difference.run] <= high)
        means += [m.ci95 is not None and m.ci95[0] <= truth[run] <= m.ci95[1] for run, m in one.means.items()]
    assert 0.93 <= np.mean(differences) <= 0.97
    assert 0.93 <= np.mean(means) <= 0.97


@pytest.mark.parametrize(("means", "n"), [((0.8, 0.8, 0.8, 0.8), 5), ((0.8, 0.8, 0.7), 4)])
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
        assert smallest_exact_p(n) == pytest.approx(p, abs=0.0005)
        # squared t is noncentral F
        power = stats.ncf(1, n - 1, n * effect**2).sf(stats.t.ppf(0.975, n - 1) ** 2)
        assert power == pytest.approx(0.8, abs=0.03)
