"""What a reader is told of the numbers: failing seeds, training that was cut short, what a test split can show."""

import math
from collections.abc import Sequence

import pytest

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, TrialResult
from nerbb_ray.training.adaptive import Reason
from nerbb_ray.verdict.notes import AT_THE_CAP, smallest_difference, still_rising
from nerbb_ray.verdict.verdict import verdict

RISING, FLAT = (0.1, 0.2, 0.3, 0.35, 0.4, 0.44, 0.47, 0.5), (0.1, 0.3, 0.5, 0.5, 0.5, 0.49, 0.5, 0.503)


def trained(curve: Sequence[float], reason: str = AT_THE_CAP, seed: int = 43, max_epochs: int = 8) -> TrialResult:
    params = {"max_epochs": str(max_epochs)}
    return TrialResult("runA", seed, "ok", {}, params, epochs=8, reason=reason, val_f1_curve=tuple(curve))


def test_the_reason_is_that_of_the_training() -> None:
    assert Reason.MAX_EPOCHS.value == AT_THE_CAP


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ([trained(RISING), trained(RISING, seed=44)], "max_epochs = 8 with val F1 still rising (by 6.0 points"),
        ([trained(RISING), trained(RISING, seed=44, max_epochs=9)], "max_epochs = 8, 9 with"),
        ([trained(FLAT), trained(FLAT, seed=44)], ""),
        ([trained(RISING), trained(RISING, Reason.COOLDOWN_FINISHED.value, 44)], ""),  # one has ended by itself
        ([trained((math.nan, math.nan, 0.0, 0.2))], "(by 20.0 points"),
        ([trained(())], ""),  # nobody knows
        ([trained((0.5,))], ""),
        ([], ""),
    ],
)
def test_training_that_was_cut_short_is_said(trials: list[TrialResult], said: str) -> None:
    notes = list(still_rising(ExperimentResult.of("exp", trials)))
    assert len(notes) == bool(said)
    assert said in "".join(notes)


def result(**runs: Sequence[float | None]) -> ExperimentResult:
    """None is a failed seed."""
    trials = [
        TrialResult(run, seed, "failed" if f1 is None else "ok", {} if f1 is None else {SELECTION_METRIC: f1})
        for run, values in runs.items()
        for seed, f1 in enumerate(values, start=43)
    ]
    return ExperimentResult.of("exp", trials)


def test_failing_seeds_are_said_with_their_rate() -> None:
    notes = verdict(result(runA=(0.5, 0.6, None, 0.0), runB=(0.7, 0.71, 0.72, 0.7), runC=(0.3, None, 0.4))).notes
    assert notes == (
        "runA: 1 of 4 seeds failed, 1 near 0 (50%); runC: 1 of 3 seeds failed (33%). Where seeds fail, the mean is one "
        "of two kinds of models, and its interval covers the truth in 70 to 85 % of cases, not in 95 %",
    )
    assert verdict(result(runA=(0.5, 0.6), runB=(0.7, 0.71))).notes == ()
    many = verdict(result(**{f"run{k}": (0.5, 0.6, None) for k in range(6)})).notes
    assert "; and 3 more runs. Where seeds fail" in many[0]


def test_what_a_test_split_can_show_is_said() -> None:
    metrics = {SELECTION_METRIC: 0.4, TEST_METRIC: 0.5, "test/entity/micro/support": 1000.0}
    found = verdict(ExperimentResult.of("exp", [TrialResult("runA", 43, "ok", metrics)]))
    # 2.8 sqrt(0.5 x 0.5 / 1000)
    assert found.notes == (
        "the test split has 1000 entities: between two models, it hardly shows differences of F1 below about "
        "4.4 points",
    )
    assert smallest_difference(0.5, 1000) == pytest.approx(0.04427, abs=1e-5)
    assert smallest_difference(0.9, 4000) < smallest_difference(0.9, 1000) < smallest_difference(0.5, 1000)


def test_a_tiny_test_split_has_plain_numbers() -> None:
    metrics = {SELECTION_METRIC: 0.4, TEST_METRIC: 0.5, "test/entity/micro/support": 1.0}
    found = verdict(ExperimentResult.of("exp", [TrialResult("runA", 43, "ok", metrics)]))
    assert found.notes[0].endswith("below about 140 points")
