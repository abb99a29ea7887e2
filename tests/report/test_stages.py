"""The stages of a trial are found again from what MLflow has of it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.config.spec import HParams
from nerbb_ray.report.stages import chosen_epoch, hparams_of, stages
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.adaptive import MONITORED, Replay, Stage, replay

VALUE = st.floats(0, 1)
HPARAMS = st.builds(
    HParams,
    max_epochs=st.integers(8, 20),
    early_stopping=st.booleans(),
    monitor=st.sampled_from(sorted(MONITORED)),
    min_delta=st.sampled_from([0.0, 0.1]),
    patience=st.integers(0, 3),
    lr_cooldown_restarts=st.booleans(),
    lr_cooldown_epochs=st.integers(0, 7),
)


def curves(hparams: HParams, outcome: Replay) -> dict[str, dict[int, float]]:
    """As MLflow has them."""
    values = dict(enumerate(outcome.values))
    return {"lr": {e: rates[-1] for e, rates in enumerate(outcome.learning_rates)}, MONITORED[hparams.monitor]: values}


@given(HPARAMS, st.lists(VALUE, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_stages_are_those_of_the_training(hparams: HParams, values: list[float]) -> None:
    outcome = replay(hparams, values, 3)
    assert list(stages(hparams, curves(hparams, outcome)).values()) == list(outcome.stages)


@given(HPARAMS)
@settings(max_examples=30, deadline=None)
def test_hyperparameters_are_read_back_from_texts(hparams: HParams) -> None:
    params = {key: str(getattr(hparams, key)) for key in HParams.__slots__}
    assert hparams_of(TrialResult("runA", 43, "ok", params=params)) == hparams


@pytest.mark.parametrize("change", [{"patience": "many"}, {"monitor": "val_mcc"}, {"lr_max": "-1"}])
def test_hyperparameters_of_another_version_are_not_guessed(change: dict[str, str]) -> None:
    params = {key: str(getattr(HParams(), key)) for key in HParams.__slots__}
    assert hparams_of(TrialResult("runA", 43, "ok", params=params | change)) is None
    del params["patience"]
    assert hparams_of(TrialResult("runA", 43, "ok", params=params)) is None


def test_trial_that_diverged_in_its_last_epoch_has_a_stage_there() -> None:
    outcome = replay(HParams(), [1.0, 0.9, math.nan], 3)
    assert list(stages(HParams(), curves(HParams(), outcome))) == [0, 1, 2]


def test_epoch_whose_value_was_undefined_counts_neither_as_better_nor_as_worse() -> None:
    hparams = HParams(monitor="val_f1", patience=0, lr_cooldown_epochs=2)
    values = [math.nan, 0.5, math.nan, 0.4, 0.4, 0.4]
    found = stages(hparams, {"lr": dict.fromkeys(range(6), 1e-5), MONITORED["val_f1"]: dict(enumerate(values))})
    assert list(found.values()) == [Stage.WARMUP_OR_CONSTANT] * 4 + [Stage.COOLDOWN] * 2


def test_stages_end_where_the_curves_end() -> None:
    assert stages(HParams(), {}) == {}
    assert list(stages(HParams(), {"lr": {0: 1e-5, 1: 1e-5}, "val/loss": {0: 1.0}})) == [0, 1]


TESTED = {"val/loss": 0.5, "test/loss": 0.6}


@pytest.mark.parametrize(
    ("status", "metrics", "checkpoint", "best", "chosen"),
    [
        ("ok", TESTED, "best", 3, 3),
        ("ok", TESTED, "last", 3, 9),
        ("ok", TESTED, "best", None, 9),
        ("diverged", TESTED, "best", 3, 3),
        ("diverged", {"val/loss": 0.5}, "best", 3, None),
        ("failed", {"val/loss": 0.5}, "best", None, None),
        ("running", {"val/loss": 0.5}, "last", None, None),
    ],
)
def test_chosen_epoch_is_the_one_whose_weights_were_tested(
    status: str, metrics: dict[str, float], checkpoint: str, best: int | None, chosen: int | None
) -> None:
    params = {"evaluate_checkpoint": checkpoint}  # of a result of 0.5
    trial = TrialResult("runA", 43, status, metrics, params, epochs=10, best_epoch=best)  # type: ignore[arg-type]
    assert chosen_epoch(trial) == chosen


def test_the_epoch_that_a_trial_says_it_kept_is_the_chosen_one() -> None:
    params = {"evaluate_checkpoint": "best_f1"}
    assert chosen_epoch(TrialResult("runA", 43, "ok", TESTED, params, epochs=10, best_epoch=3, kept_epoch=7)) == 7
