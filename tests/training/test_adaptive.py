"""The stopping rule and its learning rates, against reference traces and against the rule's own words."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.config.spec import HParams
from nerbb_ray.training.adaptive import (
    AdaptiveRule,
    Stage,
    advance,
    learning_rates,
    replay,
    replay_state,
    rule_of,
    start,
)

# learning rates worked out apart from this code: where they came from stands in the file
GOLDEN = json.loads((Path(__file__).parent / "golden" / "adaptive_traces.json").read_text())
VALUES = st.lists(st.floats(0.01, 2, allow_nan=False), min_size=1, max_size=40)
RULES = st.builds(
    HParams,
    patience=st.integers(0, 3),
    lr_cooldown_epochs=st.integers(0, 5),
    lr_cooldown_restarts=st.booleans(),
    min_delta=st.sampled_from([0.0, 0.05]),
    lr_warmup_epochs=st.integers(0, 3),
    max_epochs=st.integers(1, 40),
    monitor=st.sampled_from(["val_loss", "val_f1"]),
    lr_max=st.just(1.0),
)


RULE = AdaptiveRule()


def hparams(**changes):
    values = {"lr_max": 1.0, "lr_cooldown_epochs": 3, "lr_warmup_epochs": 2, "max_epochs": 50}
    return HParams(**(values | changes))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_golden_trace_is_reproduced(case: dict[str, Any]) -> None:
    params = dict(case["params"])
    steps = params.pop("steps_per_epoch")
    result = replay(HParams(**params), case["val_loss"], steps)
    assert (result.epochs, result.best_epoch) == (case["epochs"], case["epoch_best"])
    assert case["lr_per_step"]
    for epoch, expected in case["lr_per_step"].items():
        assert result.learning_rates[int(epoch)] == pytest.approx(expected, abs=1e-4), epoch


def test_the_example_of_the_specification() -> None:
    losses = [1, 0.8, 0.6, 0.7, 0.65, 0.55, 0.56, 0.57, 0.58, 0.59]
    result = replay(hparams(), losses, 4)
    assert (result.epochs, result.best_epoch, result.reason) == (10, 5, "cool-down finished")
    assert result.learning_rates[7] == pytest.approx([1, 0.9167, 0.8333, 0.75], abs=1e-4)
    cooling = [epoch for epoch, stage in enumerate(result.stages) if stage is Stage.COOLDOWN]
    assert cooling == [4, 5, 7, 8, 9]


@pytest.mark.parametrize(
    ("changes", "values", "epochs", "best", "reason"),
    [
        ({"lr_cooldown_epochs": 0, "patience": 2}, [1, 2], 4, 0, "no improvement"),
        ({"lr_cooldown_epochs": 0}, [1, 1], 2, 0, "no improvement"),
        ({"monitor": "val_f1"}, [0.1, 0.5, 0.4, 0.6, 0.5], 8, 3, "cool-down finished"),
        ({"monitor": "val_acc", "min_delta": 0.1}, [0.5, 0.55], 5, 1, "cool-down finished"),
        ({"max_epochs": 2}, [1, 0.5], 2, 1, "max_epochs reached"),
        ({"early_stopping": False, "max_epochs": 6}, [1, 2], 6, 0, "max_epochs reached"),
        ({"lr_schedule": "linear", "patience": 1}, [1, 2], 6, 0, "no improvement"),
        ({}, [1, 0.5, math.nan], 3, 1, "diverged"),
        ({}, [math.inf], 1, -1, "diverged"),
        ({"early_stopping": False}, [1, math.nan], 2, 0, "diverged"),
        ({"max_epochs": 1}, [1], 1, 0, "max_epochs reached"),
    ],
)
def test_when_training_stops(changes, values, epochs, best, reason) -> None:
    result = replay(hparams(**changes), values, 2)
    assert (result.epochs, result.best_epoch, result.reason) == (epochs, best, reason)


def test_an_improvement_counts_only_if_it_is_strictly_larger_than_min_delta() -> None:
    assert replay(hparams(min_delta=0.25, lr_cooldown_epochs=0), [1, 0.75], 1).epochs == 2
    assert replay(hparams(min_delta=0.25, lr_cooldown_epochs=0), [1, 0.74], 1).epochs == 3


def test_a_restart_goes_back_to_the_maximum_without_a_new_warm_up() -> None:
    # the cool-down begins while the warm-up of 5 epochs would still last
    result = replay(hparams(lr_warmup_epochs=5), [1, 2, 0.5, 0.4], 2)
    assert result.stages[2] is Stage.COOLDOWN
    assert result.learning_rates[3] == (1.0, 1.0)
    assert result.learning_rates[4] == (1.0, 1.0)


def test_hybrid_cools_down_in_exactly_the_last_epochs() -> None:
    params = hparams(lr_schedule="hybrid", early_stopping=False, max_epochs=5, lr_cooldown_epochs=2)
    result = replay(params, [1.0], 2)
    assert [stage.value for stage in result.stages] == ["WARMUP_OR_CONSTANT"] * 3 + ["COOLDOWN"] * 2
    assert result.learning_rates[3:] == ((1.0, 0.75), (0.5, 0.25))
    whole = hparams(lr_schedule="hybrid", early_stopping=False, max_epochs=2, lr_cooldown_epochs=2)
    assert replay(whole, [1.0], 2).learning_rates == ((1.0, 0.75), (0.5, 0.25))


def test_an_epoch_without_a_value_is_neither_better_nor_worse() -> None:
    state = advance(start(RULE), None, RULE)
    assert (state.epoch, state.wait, state.best_epoch, state.reason) == (1, 0, None, None)


def test_a_stopped_trial_cannot_be_advanced() -> None:
    rule = rule_of(hparams(max_epochs=1))
    state = advance(start(rule), 1.0, rule)
    with pytest.raises(ValueError, match="stopped"):
        advance(state, 1.0, rule)


@pytest.mark.parametrize(("values", "steps"), [([], 1), ([1.0], 0)])
def test_replay_refuses_what_it_cannot_run(values, steps) -> None:
    with pytest.raises(ValueError, match="at least one"):
        replay(hparams(), values, steps)


@given(rule=RULES, values=VALUES)
def test_every_trial_ends_by_the_rule(rule: HParams, values: list[float]) -> None:
    result = replay(rule, values, 2)
    seen = result.values
    best = min(seen) if rule.mode == "min" else max(seen)
    assert 1 <= result.epochs <= rule.max_epochs
    assert result.best_epoch == seen.index(best)
    if result.epochs < rule.max_epochs:
        # no value of the last patience + cool-down + 1 epochs beats the best before them by more than min_delta,
        # unless the cool-down ran without restarts, in which nothing counts
        tail = rule.patience + rule.lr_cooldown_epochs + 1
        before, after = seen[:-tail], seen[-tail:]
        if not (rule.lr_cooldown_epochs and not rule.lr_cooldown_restarts):
            sign = 1 if rule.mode == "min" else -1
            assert before
            assert not min(sign * v for v in after) < min(sign * v for v in before) - rule.min_delta


@given(rule=RULES, values=VALUES)
def test_a_scheduler_that_only_knows_the_history_sees_the_same_state(rule: HParams, values: list[float]) -> None:
    result = replay(rule, values, 3)
    for epoch in range(result.epochs):
        state = replay_state(rule_of(rule), result.values[:epoch])
        assert state.stage is result.stages[epoch]
        assert learning_rates(state, rule, 3) == result.learning_rates[epoch]
    assert replay_state(rule_of(rule), result.values).stage is Stage.STOPPED


@given(rule=RULES, values=VALUES)
def test_learning_rates_stay_between_zero_and_the_maximum(rule: HParams, values: list[float]) -> None:
    result = replay(rule, values, 3)
    assert all(0 <= rate <= rule.lr_max for rates in result.learning_rates for rate in rates)
    assert all(result.learning_rates[e][0] == 0 for e in (0,) if rule.lr_warmup_epochs)


@pytest.mark.parametrize(
    ("part", "value", "allowed"),
    [
        ("mode", "MIN", "one of min, max"),
        ("mode", "minimize", "one of min, max"),
        ("mode", None, "one of min, max"),
        ("min_delta", math.nan, "a number >= 0"),
        ("min_delta", math.inf, "a number >= 0"),
        ("min_delta", -0.1, "a number >= 0"),
        ("patience", -1, "an integer >= 0"),
        ("patience", 1.5, "an integer >= 0"),
        ("cooldown_epochs", -1, "an integer >= 0"),
        ("max_epochs", 0, "an integer >= 1"),
        ("max_epochs", None, "an integer >= 1"),
        ("restarts", "no", "True or False"),
        ("early_stopping", 1, "True or False"),
        ("schedule", "konstant", "one of constant, linear"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(part: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match=f"^{part} of an AdaptiveRule must be {allowed}.*; got {value!r}$"):
        AdaptiveRule(**{part: value})


@pytest.mark.parametrize(
    ("together", "message"),
    [
        ({}, "early_stopping of an AdaptiveRule must be False with lr_schedule = hybrid"),
        ({"early_stopping": False, "max_epochs": 3}, "cooldown_epochs of an AdaptiveRule must be <= max_epochs = 3"),
    ],
)
def test_a_hybrid_rule_is_held_to_what_the_experiment_file_is(together: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptiveRule(schedule="hybrid", **together)
    AdaptiveRule(schedule="hybrid", early_stopping=False)


def test_a_rule_keeps_plain_numbers() -> None:
    given = AdaptiveRule(patience=np.int64(2), min_delta=np.float32(0.5), max_epochs=np.int64(9))
    assert repr(given) == repr(AdaptiveRule(patience=2, min_delta=0.5, max_epochs=9))
