"""Runs with folds: over which pairs of fold and seed they are compared, and what is said of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nerbb_ray.config.spec import Member, member_of
from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.overview import joined
from nerbb_ray.report.verdict import statistics_section
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, TrialResult
from nerbb_ray.verdict.pairs import paired_by_seed
from nerbb_ray.verdict.shared_keys import shared
from nerbb_ray.verdict.table import to_json
from nerbb_ray.verdict.verdict import verdict
from nerbb_ray.verdict.words import verdict_text

F1, TEST = SELECTION_METRIC, TEST_METRIC
A, B = (0.70, 0.80, 0.60, 0.75, 0.72), (0.74, 0.82, 0.65, 0.78, 0.77)


def of_folds(values: Sequence[float | None]) -> dict[tuple[int, int], float | None]:
    """Of the folds of one seed; None: failed."""
    return {(43, fold): value for fold, value in enumerate(values, start=1)}


def result(
    split_seed: int = 42, **runs: Sequence[float | None] | Mapping[tuple[int, int], float | None]
) -> ExperimentResult:
    params = {"folds": "5", "split_seed": str(split_seed)}
    trials = [
        TrialResult(
            run, seed, "failed" if f1 is None else "ok", {} if f1 is None else {F1: f1, TEST: f1}, params, fold=fold
        )
        for run, values in runs.items()
        for (seed, fold), f1 in (values if isinstance(values, Mapping) else of_folds(values)).items()
    ]
    return ExperimentResult.of("exp", trials)


def test_a_run_with_failed_folds_takes_nothing_from_complete_ones() -> None:
    found = verdict(result(runA=A, runB=B, runC=(0.71, None, None, None, None)))
    assert found.left_out == {"runC": "4 of 5 pairs of fold and seed are missing"}
    assert found.plain[0].startswith("runB is very likely better than runA: +")
    assert found.differences == verdict(result(runA=A, runB=B)).differences


def test_runs_without_a_common_fold_leave_the_others_alone() -> None:
    found = verdict(result(runA=A, runB=B, runC=(0.9, None, None), runD={(44, 2): 0.9}))
    assert (tuple(found.means), found.differences[0].seeds) == (("runB", "runA"), (5, 5))
    assert set(found.left_out) == {"runC", "runD"}


def test_means_are_those_of_what_was_compared() -> None:
    """The best fold of the run that is ahead is one that the other one lacks."""
    found = verdict(result(runA=(0.70, 0.60, 0.99), runB=(0.71, 0.63, None)))
    assert (found.best, found.means["runA"].n) == ("runB", 2)
    assert found.means["runA"].mean == pytest.approx(0.65)
    assert found.differences[0].mean == pytest.approx(found.means["runB"].mean - found.means["runA"].mean)
    assert "the runs are compared over the 2 pairs of fold and seed that all have; runA has more" in found.plain
    assert found.means["runB"].failed == 1, "nothing of it is left out"
    assert not any("compared over" in line for line in verdict(result(runA=A, runB=B)).plain)


def test_one_pair_is_no_seed() -> None:
    plain = verdict(result(runA=(0.5,), runB=(0.6,))).plain
    assert plain[0].startswith("runB is ahead with one pair of fold and seed: that says nothing")


def test_folds_of_another_split_seed_are_not_compared_on_val() -> None:
    found = verdict(ExperimentResult("both", (*result(runA=A).runs, *result(split_seed=7, runB=B).runs)))
    assert (tuple(found.means), found.differences) == (("runB",), ())
    assert "split_seed = 42" in found.left_out["runA"]
    without = ExperimentResult.of("exp", [TrialResult("runB", seed, "ok", {F1: 0.9}) for seed in (43, 44)])
    assert "folds = 5" in verdict(ExperimentResult("both", (*result(runA=A).runs, *without.runs))).left_out["runA"]


def test_on_test_other_folds_are_compared_but_not_fold_by_fold() -> None:
    one = result(runA=A)
    other = ExperimentResult("both", (*one.runs, *result(split_seed=7, runB=B).runs))
    assert [(d.test, d.seeds) for d in verdict(other, TEST).differences] == [("welch", (5, 5))]
    same = ExperimentResult("both", (*one.runs, *result(runB=B).runs))
    assert [d.test for d in verdict(same, TEST).differences] == ["paired"]
    assert [d.test for d in verdict(same).differences] == ["paired"]


def test_experiments_with_other_folds_are_joined_for_test_only() -> None:
    one, other = result(runA=A), replace(result(split_seed=7, runB=B), name="other")
    with pytest.raises(ResultError, match=r"same data; got .*split_seed = 42; .*split_seed = 7"):
        joined(one, other)
    assert [run.run for run in joined(one, other, "test").runs] == ["runA", "other:runB"]


def with_seeds(values: Sequence[float], *luck: float) -> dict[tuple[int, int], float | None]:
    """Every fold with a seed for each luck."""
    return {(43 + k, fold): f1 + one for k, one in enumerate(luck) for fold, f1 in enumerate(values, start=1)}


def test_the_exact_test_flips_whole_folds() -> None:
    """Against scipy, of the means over the seeds of a fold."""
    found = verdict(result(runA=with_seeds(A, 0, 0, 0.01), runB=with_seeds(B, 0.01, -0.01, 0)))
    expected = stats.permutation_test(
        (np.array(B), np.array(A) + 0.01 / 3), lambda a, b: np.mean(a - b), permutation_type="samples"
    )
    assert found.differences[0].p_exact == pytest.approx(expected.pvalue)
    assert found.differences[0].p_exact == 2 / 2**5, "five folds, not fifteen pairs"


def test_equal_differences_are_as_many_as_there_are_folds() -> None:
    found = verdict(result(runA=with_seeds([0.5] * 5, 0, 0), runB=with_seeds([0.625] * 5, 0, 0))).differences[0]
    assert (found.p_t, found.p_exact, found.more_seeds) == (2 / 2**5, 2 / 2**5, None)
    assert np.isnan([*found.ci95, found.degrees]).all()


def test_what_has_no_interval_is_shown_without_one() -> None:
    equal = result(runA=[0.5] * 5, runB=[0.625] * 5)
    page, text = verdict(equal)._repr_html_(), verdict_text(verdict(equal), "exp")
    assert "0.1250 [-]" in page
    shown = (page, text, statistics_section(equal), to_json(equal))
    assert not any(re.search(r"\bnan\b", one, re.IGNORECASE) for one in shown), "but in dominant"


def test_the_exact_test_of_equal_runs_is_wrong_as_seldom_as_it_says() -> None:
    """Seeds of a fold share its effect on the difference of two runs."""
    random, wrong = np.random.default_rng(4), 0
    for _ in range(300):
        effects = random.normal(0, 0.01, 6)
        of_seeds = [random.normal(0, 0.002, 6) + effects for _ in range(2)]
        folds = list(range(1, 7)) * 2
        pairs = paired_by_seed([np.concatenate(of_seeds), np.zeros(12)], 1 / 5, folds)
        wrong += pairs.exact(0, 1) < 0.05
    assert wrong <= stats.binom.ppf(0.999, 300, 0.05)


def test_the_report_says_which_test_it_was() -> None:
    section = statistics_section(result(runA=with_seeds(A, 0, 0.01), runB=with_seeds(B, 0.01, 0)))
    assert "paired t test over the pairs of fold and seed" in section
    assert "k fold models" in section
    assert "Welch" not in section
    assert "k seeds" not in section


def keys(*found: int) -> dict[Member, float]:
    return {member_of(43, fold): 0.5 for fold in found}


@pytest.mark.parametrize(
    ("values", "compared", "left_out"),
    [
        ({}, 0, {}),
        ({"A": {}}, 0, {}),
        ({"A": keys(1, 2)}, 2, {}),
        ({"A": keys(1), "B": keys(1)}, 1, {}),
        # it still runs: fewer than two are complete
        ({"A": keys(1, 2, 3), "B": keys(1, 2)}, 2, {}),
        ({"A": keys(1, 2, 3, 4, 5), "B": keys(1, 2, 3, 4), "C": keys(1)}, 4, {"C": "3 of 4"}),
        ({"A": keys(1, 2, 3), "B": keys(2), "C": keys(2)}, 1, {}),
        ({"A": keys(1, 2, 3), "B": keys(1, 2, 3), "C": keys(2, 3), "D": {}}, 3, {"C": "1 of 3"}),
        ({"A": keys(1, 2, 3), "B": keys(2, 3, 4), "C": keys(2, 3, 4)}, 3, {"A": "1 of 3"}),
        ({"A": keys(1, 2), "B": keys(3, 4)}, 0, {"A": "nothing in common", "B": "nothing in common"}),
        # dropped first, but it has what the others have in common
        ({"A": keys(1, 2, 3, 4), "B": keys(3, 4, 5, 6, 7), "C": keys(1, 2, 5), "D": keys(3, 4)}, 2, {"C": "2 of 2"}),
        ({"A": {43: 0.5, 44: 0.5}, "B": {43: 0.5, 44: 0.5}, "C": {43: 0.5}}, 2, {"C": "1 of 2 seeds is missing"}),
    ],
)
def test_what_is_compared(values: dict[str, dict[Member, float]], compared: int, left_out: dict[str, str]) -> None:
    kept, missing = shared(values)
    assert {len(found) for found in kept.values()} == ({compared} if compared else set())
    assert set(missing) == set(left_out)
    assert all(missing[run].startswith(why) for run, why in left_out.items())


@given(st.dictionaries(st.sampled_from("ABCDE"), st.sets(st.integers(1, 5)), max_size=5))
@settings(max_examples=200, deadline=None)
def test_every_run_is_compared_over_the_same_pairs_or_has_a_reason(folds: dict[str, set[int]]) -> None:
    values = {run: keys(*found) for run, found in folds.items()}
    kept, missing = shared(values)
    assert sorted([*kept, *missing]) == sorted(run for run, found in folds.items() if found)
    assert len({tuple(found) for found in kept.values()}) <= 1
    pairs = [len(folds[a] & folds[b]) for a in folds for b in folds if a < b]
    if kept and len(folds) > 1 and max(pairs) > 1:
        assert len(next(iter(kept.values()))) > 1
        assert len(kept) > 1
    # complete runs keep all that they have
    most = max(map(len, folds.values()), default=0)
    complete = [run for run, found in folds.items() if most and len(found) == most]
    if len(complete) > 1 and all(folds[run] == folds[complete[0]] for run in complete):
        assert all(set(kept[run]) == set(values[run]) for run in complete)
