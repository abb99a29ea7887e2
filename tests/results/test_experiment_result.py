"""Means over seeds, the best of them, and what one may ask for."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit

from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.metric_names import split_name
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.shares import is_share
from nerbb_ray.results.trial_result import RunResult, Status, TrialResult

VAL, TEST = "val/entity/micro/f1", "test/entity/micro/f1"
scores = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12)


def trial(run: str, seed: int, val: float = 0.5, status: Status = "ok", **more: float) -> TrialResult:
    metrics = {VAL: val, TEST: val / 2, "val/loss": 1.0, "test/token/all/acc": 0.9, "test/token/U-boat/precision": 0.25}
    return TrialResult(run, seed, status, metrics={**metrics, **more})


@settings(deadline=None)
@given(scores)
def test_interval_of_what_is_no_share_is_that_of_scipy(values: list[float]) -> None:
    mean = SeedMean.of(values, share=False)
    sem = stats.sem(np.array(values))
    assert mean.sem == pytest.approx(sem, rel=1e-6, abs=1e-6)
    assert mean.sd == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-6)
    assert mean.logit is None
    if mean.ci95 is not None:
        low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=sem)
        assert mean.ci95 == pytest.approx((low, high), rel=1e-6, abs=1e-6)


shares = st.lists(st.integers(0, 1000).map(lambda k: k / 1000), min_size=2, max_size=12)


@settings(deadline=None)
@given(shares)
def test_interval_of_a_share_is_that_of_its_logit_and_cannot_leave_0_and_1(values: list[float]) -> None:
    mean = SeedMean.of(values)
    if len(values) == 2 or len(set(values)) == 1:
        assert (mean.ci95, mean.logit) == (None, None)
        return
    assert mean.ci95 is not None
    assert mean.logit is not None
    assert 0 <= mean.ci95[0] <= mean.mean <= mean.ci95[1] <= 1
    # the delta method: the slope of the logit at the mean
    sem = stats.sem(values) * float(numeric_slope(mean.mean))
    low, high = stats.t.interval(0.95, len(values) - 1, loc=logit(mean.mean), scale=sem)
    assert mean.logit.ci95 == pytest.approx((low, high), rel=1e-4)
    assert mean.ci95 == pytest.approx((expit(low), expit(high)), abs=1e-6)


def numeric_slope(p: float) -> float:
    step = 1e-6 * p * (1 - p)
    return float((logit(p + step) - logit(p - step)) / (2 * step))


@pytest.mark.parametrize(("mean", "sd"), [(0.6, 0.02), (0.97, 0.02), (0.03, 0.02)])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_interval_covers_the_truth_in_95_of_100_cases(mean: float, sd: float, n: int) -> None:
    # of beta distributions: close to 0 and 1 they are skewed
    size = mean * (1 - mean) / sd**2 - 1
    values = np.random.default_rng(n).beta(mean * size, (1 - mean) * size, (2000, n))
    intervals = [found for seeds in values if (found := SeedMean.of(seeds).ci95) is not None]
    covered = np.mean([low <= mean <= high for low, high in intervals])
    assert 0.92 <= covered <= 0.98


@pytest.mark.parametrize(
    ("values", "failed", "near_zero", "rate", "text"),
    [
        ([0.5, 0.6, 0.55], 0, 0, 0.0, ""),
        ([0.5, 0.6, 0.0], 0, 1, 1 / 3, "1 of 3 seeds near 0"),
        ([0.5, 0.6], 1, 0, 1 / 3, "1 of 3 seeds failed"),
        ([0.5, 0.6, 0.02], 1, 1, 0.5, "1 of 4 seeds failed, 1 near 0"),
        ([0.5, 0.06, 0.4], 0, 0, 0.0, ""),  # bad, but it has learned something
        ([0.0, 0.0], 0, 0, 0.0, ""),  # nothing says that more was possible
    ],
)
def test_seeds_that_fail_are_said_beside_the_mean(
    values: list[float], failed: int, near_zero: int, rate: float, text: str
) -> None:
    mean = SeedMean.of(values, failed=failed)
    assert (mean.failed, mean.near_zero, mean.failures) == (failed, near_zero, text)
    assert mean.failure_rate == pytest.approx(rate)
    assert mean.with_interval().endswith(f"({text})" if text else mean.with_interval())


def test_failures_come_from_the_trials_of_a_run() -> None:
    states: list[Status] = ["ok", "ok", "failed", "diverged", "running", "interrupted"]
    run = RunResult("runA", tuple(trial("runA", 43 + k, 0.5 + k / 100, status) for k, status in enumerate(states)))
    assert run.mean(VAL).failures == "2 of 4 seeds failed"
    assert run.mean(VAL).failure_rate == 0.5


@pytest.mark.parametrize(
    ("metric", "share"),
    [
        (VAL, True),
        ("test/token/all/acc", True),
        ("val/loss", False),
        ("val_loss", False),
        (f"{VAL[:-2]}support", False),
    ],
)
def test_what_lies_between_0_and_1(metric: str, share: bool) -> None:
    assert is_share(metric) == share


@settings(deadline=None)
@given(scores)
def test_numbers_of_a_mean_are_in_order(values: list[float]) -> None:
    mean = SeedMean.of(values)
    if mean.ci95 is not None:
        assert mean.ci95[0] <= mean.mean <= mean.ci95[1]
    assert mean.min <= mean.mean <= mean.max
    assert mean.sem <= mean.sd


@settings(deadline=None)
@given(scores, st.permutations(range(3)))
def test_order_of_seeds_does_not_matter(values: list[float], order: list[int]) -> None:
    shuffled = [value for k in order for value in values[k::3]]
    assert SeedMean.of(shuffled).mean == pytest.approx(SeedMean.of(values).mean, rel=1e-12, abs=1e-9)
    assert SeedMean.of(shuffled).sem == pytest.approx(SeedMean.of(values).sem, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "n_total", "text", "long_text", "n"),
    [
        ([], 3, "-", "-", 0),
        ([math.nan], 1, "-", "-", 0),
        ([0.9011], 1, "0.9011", "0.9011", 1),
        ([0.9011, math.nan], 2, "0.9011", "0.9011", 1),
        ([0.90, 0.91], 2, "0.9050 +- 0.0050", "0.9050 (0.9000, 0.9100)", 2),
        ([0.5, 0.5, 0.5], 4, "0.5000 +- 0.0000", "0.5000 (3 equal values)", 3),
        ([0.8, math.inf, 0.9], 3, "0.8500 +- 0.0500", "0.8500 (0.8000, 0.9000)", 2),
        ([0.8, 0.81, 0.82], 3, "0.8100 +- 0.0058", "0.8100 +- 0.0058 [0.784, 0.834]", 3),
    ],
)
def test_mean_as_text(values: list[float], n_total: int, text: str, long_text: str, n: int) -> None:
    mean = SeedMean.of(values, n_total)
    assert (str(mean), mean.with_interval()) == (text, long_text)
    assert (mean.n, mean.n_total) == (n, n_total)


def test_mean_of_one_value_has_no_uncertainty() -> None:
    mean = SeedMean.of([0.7])
    assert (mean.mean, mean.min, mean.max, mean.ci95) == (0.7, 0.7, 0.7, None)
    assert math.isnan(mean.sd)
    assert math.isnan(mean.sem)


@pytest.mark.parametrize("status", ["failed", "diverged", "interrupted", "running"])
def test_seed_that_did_not_end_ok_is_counted_but_not_averaged(status: Status) -> None:
    run = RunResult("runA", (trial("runA", 43, 0.4), trial("runA", 44, 0.9, status), trial("runA", 45, 0.6)))
    mean = run.mean(VAL)
    assert mean.mean == pytest.approx(0.5)
    assert (mean.n, mean.n_total, run.n_ok) == (2, 3, 2)


def test_seed_that_never_started_is_counted() -> None:
    result = ExperimentResult.of("exp", [trial("runA", 43)], n_seeds=5)
    assert result.runs[0].mean(VAL).n_total == 5


def test_undefined_metric_of_an_ok_trial_does_not_count() -> None:
    run = RunResult("runA", (trial("runA", 43), trial("runA", 44, **{TEST: math.nan})))
    assert run.mean(TEST).n == 1
    assert run.mean(VAL).n == 2


def test_best_run_is_chosen_by_the_mean_on_val_and_best_trial_by_its_own_value() -> None:
    result = ExperimentResult.of(
        "exp",
        [
            trial("lucky", 43, 0.9, **{TEST: 0.1}),
            trial("steady", 43, 0.7, **{TEST: 0.2}),
            trial("lucky", 44, 0.1, **{TEST: 0.99}),
            trial("steady", 44, 0.6, **{TEST: 0.4}),
            trial("broken", 43, 1.0, "diverged"),
        ],
    )
    assert [run.run for run in result.runs] == ["lucky", "steady", "broken"]
    assert result.best_run().run == "steady"
    assert result.best_trial().name == "lucky-43"
    assert result.get() == 0.1
    average = result.get(average=True)
    assert isinstance(average, SeedMean)
    assert average.mean == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ({"phase": "val"}, 0.5),
        ({"metric": "loss", "phase": "val"}, 1.0),
        ({"metric": "acc"}, 0.9),
        ({"metric": "precision", "level": "token", "label": "U-boat"}, 0.25),
    ],
)
def test_get_finds_metrics_of_both_levels_and_splits(asked: dict[str, str], value: float) -> None:
    result = ExperimentResult.of("exp", [trial("runA", 43)])
    assert result.get(**asked) == value
    average = result.get(**asked, average=True)
    assert isinstance(average, SeedMean)
    assert (average.mean, average.n) == (value, 1)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"phase": "train"}, "no metric train/entity/micro/f1: phase must be one of test, val; got 'train'"),
        ({"level": "chunk"}, "level must be one of entity, token; got 'chunk'"),
        ({"label": "PER"}, "label must be one of micro; got 'PER'"),
        ({"metric": "f2", "phase": "val"}, "metric must be one of f1; got 'f2'"),
        ({"metric": "loss"}, "no metric test/loss: "),
    ],
)
def test_get_of_an_unknown_metric_lists_what_exists(asked: dict[str, str], message: str, average: bool) -> None:
    result = ExperimentResult.of("exp", [trial("runA", 43)])
    with pytest.raises(ResultError) as caught:
        result.get(**asked, average=average)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ([], "no trial at all"),
        ([trial("runA", 43, status="failed"), trial("runA", 44, status="diverged")], "1 failed, 1 diverged"),
        ([trial("runA", 43, math.nan), trial("runB", 43, math.nan)],
         "is undefined in all of its trials (2 ok), so none is the best: take the metrics of a given run from MLflow"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("average", [True, False])
def test_nothing_to_choose_from_is_said(trials: list[TrialResult], message: str, average: bool) -> None:
    with pytest.raises(ResultError) as caught:
        ExperimentResult.of("exp", trials).get(average=average)
    assert "experiment exp" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("others", [[], [trial("runB", 43, status="failed"), trial("runA", 44, status="diverged")]])
@pytest.mark.parametrize("average", [True, False])
def test_single_candidate_is_the_best_without_any_f1(others: list[TrialResult], average: bool) -> None:
    result = ExperimentResult.of("exp", [trial("runA", 43, math.nan), *others])
    assert (result.best_run().run, result.best_trial().name) == ("runA", "runA-43")
    value = result.get("acc", average=average)
    assert (value.mean if isinstance(value, SeedMean) else value) == 0.9


def test_average_of_a_single_run_needs_no_f1_but_the_best_of_its_trials_does() -> None:
    result = ExperimentResult.of("exp", [trial("runA", 43, math.nan), trial("runA", 44, math.nan)])
    average = result.get("acc", average=True)
    assert isinstance(average, SeedMean)
    assert (average.mean, average.n) == (0.9, 2)
    with pytest.raises(ResultError, match="so none is the best"):
        result.best_trial()


def test_trials_keep_the_order_of_runs_and_seeds() -> None:
    result = ExperimentResult.of("exp", [trial("b", 44), trial("a", 43), trial("b", 43)])
    assert [t.name for t in result.trials] == ["b-43", "b-44", "a-43"]
    assert all(x.seed < y.seed for run in result.runs for x, y in pairwise(run.trials))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("val/loss", ("val", "", "", "loss")),
        ("test/entity/micro/f1", ("test", "entity", "micro", "f1")),
        ("test/token/LOC/GPE/precision", ("test", "token", "LOC/GPE", "precision")),
    ],
)
def test_name_of_a_metric_comes_apart(name: str, parts: tuple[str, str, str, str]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("nope", "no metric nope: phase must be one of test, val; got 'nope'"),
        ("val/entity/PER/f1", "label must be one of micro; got 'PER'"),
        ("test/token/all/f1", "metric must be one of acc; got 'f1'"),
        (None, "metric must be a text; got None"),
        (["f1"], r"metric must be a text; got \['f1'\]"),
    ],
)
def test_mean_of_an_unknown_metric_lists_what_exists(metric: str, message: str) -> None:
    (run,) = ExperimentResult.of("exp", [trial("runA", 43), trial("runA", 44)]).runs
    with pytest.raises(ResultError, match=message):
        run.mean(metric)


def test_mean_of_a_run_without_an_ok_trial_is_of_nothing() -> None:
    (run,) = ExperimentResult.of("exp", [TrialResult("runA", 43, "failed")]).runs
    assert run.mean(TEST).n == 0


@pytest.mark.parametrize("asked", [{"metric": ["f1"]}, {"metric": None}, {"level": 5}, {"phase": ["val"]}])
def test_name_of_a_metric_has_parts_that_are_texts(asked: dict[str, object]) -> None:
    result = ExperimentResult.of("exp", [trial("runA", 43)])
    with pytest.raises(ResultError, match=f"{next(iter(asked))} must be a text; got"):
        result.get(**asked)
