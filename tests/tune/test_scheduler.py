"""The adaptive rule as a scheduler of Tune: ours and anybody's."""

import math
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.schedulers import TrialScheduler

from nerbb_ray.config.spec import HParams
from nerbb_ray.training.adaptive import AdaptiveRule, replay, replay_state, rule_of
from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler

STOP, CONTINUE = TrialScheduler.STOP, TrialScheduler.CONTINUE
HPARAMS = HParams(max_epochs=9, lr_cooldown_epochs=2)
VALUES = [1.0, 0.8, 0.9, 0.7, 0.75]


def trial(name: str = "a") -> Any:
    return SimpleNamespace(trial_id=name, config={})


def decisions(scheduler: AdaptiveStoppingScheduler, reports: list[dict[str, Any]], name: str = "a") -> list[str]:
    return [scheduler.on_trial_result(None, trial(name), report) for report in reports]


@pytest.mark.parametrize(("ends_itself", "last"), [(False, STOP), (True, CONTINUE)])
def test_it_stops_when_the_rule_does_unless_the_trial_ends_itself(ends_itself: bool, last: str) -> None:
    values = replay(HPARAMS, VALUES, 1).values
    reports = [{"history": list(values[: n + 1]), "ends_itself": ends_itself} for n in range(len(values))]
    scheduler = AdaptiveStoppingScheduler(rule=lambda _: rule_of(HPARAMS))
    assert decisions(scheduler, reports) == [CONTINUE] * (len(values) - 1) + [last]


def test_with_histories_it_remembers_nothing() -> None:
    rule = AdaptiveRule(max_epochs=3, early_stopping=False)
    # a new scheduler, as after a restart of the driver, decides the same
    assert decisions(AdaptiveStoppingScheduler(rule=rule), [{"history": [0.5, 0.4, 0.3]}]) == [STOP]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 3), st.integers(0, 4), st.booleans())
def test_plain_values_are_judged_as_their_history_is(values, patience, cooldown, restarts) -> None:
    hparams = HParams(patience=patience, lr_cooldown_epochs=cooldown, lr_cooldown_restarts=restarts, max_epochs=20)
    seen = replay(hparams, values, 1).values
    plain = AdaptiveStoppingScheduler("score", "min", rule_of(hparams))
    assert decisions(plain, [{"score": value} for value in seen]) == [CONTINUE] * (len(seen) - 1) + [STOP]


def test_metric_and_mode_may_come_from_the_tune_config() -> None:
    scheduler = AdaptiveStoppingScheduler(rule=AdaptiveRule(cooldown_epochs=0, max_epochs=9))
    assert scheduler.set_search_properties("acc", "max")
    assert decisions(scheduler, [{"acc": value} for value in (0.5, 0.6, 0.7, 0.6)]) == [CONTINUE] * 3 + [STOP]


def test_its_own_metric_wins() -> None:
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    assert scheduler.set_search_properties("acc", "max")
    assert decisions(scheduler, [{"loss": 1.0, "acc": 0.0}, {"loss": 2.0, "acc": 1.0}]) == [CONTINUE, STOP]


@pytest.mark.parametrize("report", [{}, {"done": True}, {"loss": "high"}, {"loss": None}, {"raised": True}])
def test_reports_without_the_metric_are_not_judged(report) -> None:
    assert decisions(AdaptiveStoppingScheduler("loss", "min"), [report] * 400) == [CONTINUE] * 400


def test_a_value_that_is_not_finite_ends_the_trial() -> None:
    assert decisions(AdaptiveStoppingScheduler("loss", "min"), [{"loss": 1.0}, {"loss": float("nan")}])[1] == STOP


@pytest.mark.parametrize("report", [{"acc": 1.0}, {"acc": 1.0, "history": "abc"}, {"acc": 1.0, "history": None}])
def test_without_a_metric_anywhere_it_refuses_with_what_to_give(report: dict[str, Any]) -> None:
    scheduler = AdaptiveStoppingScheduler(rule=AdaptiveRule())
    assert scheduler.set_search_properties(None, None)
    with pytest.raises(ValueError, match=r"no metric to judge by: give it one, .* the TuneConfig, or .* 'history'"):
        decisions(scheduler, [report])


def test_trials_with_a_history_need_no_metric() -> None:
    reports = [{"history": []}, {"raised": True}, {"history": [1.0]}, {"history": [1.0, 2.0]}]
    scheduler = AdaptiveStoppingScheduler(rule=AdaptiveRule(cooldown_epochs=0))
    assert decisions(scheduler, reports) == [CONTINUE] * 3 + [STOP]


def test_a_history_without_an_epoch_leaves_the_metric_to_judge_by() -> None:
    reports = [{"loss": value, "history": []} for value in (1.0, 0.5, 0.6)]
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    assert decisions(scheduler, reports) == [CONTINUE, CONTINUE, STOP]


def test_a_history_that_goes_on_after_its_end_is_judged_as_replay_state_does() -> None:
    rule, history = AdaptiveRule(cooldown_epochs=0), [1.0, 2.0, 0.5]
    assert decisions(AdaptiveStoppingScheduler(rule=rule), [{"history": history}]) == [STOP]
    assert replay_state(rule, history) == replay_state(rule, history[:2])


def test_the_mode_of_another_metric_is_not_taken() -> None:
    scheduler = AdaptiveStoppingScheduler("loss", rule=AdaptiveRule(mode="min", cooldown_epochs=0))
    assert scheduler.set_search_properties("acc", "max")
    reports = [{"loss": loss, "acc": 0.5} for loss in (3.0, 2.0, 1.0, 2.0)]
    assert decisions(scheduler, reports) == [CONTINUE] * 3 + [STOP]


@pytest.mark.parametrize("metric", ["acc", None])
def test_the_mode_of_its_own_metric_may_come_from_the_tune_config(metric: str | None) -> None:
    scheduler = AdaptiveStoppingScheduler("acc", rule=AdaptiveRule(cooldown_epochs=0))
    assert scheduler.set_search_properties(metric, "max")
    assert decisions(scheduler, [{"acc": value} for value in (1.0, 2.0, 1.0)]) == [CONTINUE, CONTINUE, STOP]


def test_values_of_some_epochs_that_are_told_twice_count_once() -> None:
    """The metric is in every second report, and the trial goes on from a checkpoint of iteration 6."""
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(patience=2, cooldown_epochs=0))
    losses = {2: 1.0, 4: 0.5, 6: 0.6, 8: 0.7, 10: 0.8}

    def report(number: int) -> dict[str, Any]:
        return {"training_iteration": number} | ({"loss": losses[number]} if number in losses else {})

    assert decisions(scheduler, [report(number) for number in range(1, 9)]) == [CONTINUE] * 8
    assert decisions(scheduler, [report(number) for number in (7, 8, 9, 10)]) == [CONTINUE] * 3 + [STOP]


def test_trials_are_judged_each_by_itself() -> None:
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    assert decisions(scheduler, [{"loss": 1.0}], "a") == [CONTINUE]
    assert decisions(scheduler, [{"loss": 2.0}], "b") == [CONTINUE]
    assert decisions(scheduler, [{"loss": 3.0}], "a") == [STOP]


def test_epochs_that_are_told_twice_count_once() -> None:
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(patience=1, cooldown_epochs=0))
    reports = [{"loss": loss, "training_iteration": n} for n, loss in ((1, 1.0), (2, 2.0), (2, 2.0), (2, 2.0))]
    assert decisions(scheduler, reports) == [CONTINUE] * 4
    assert decisions(scheduler, [{"loss": 2.0, "training_iteration": 3}]) == [STOP]


def test_its_state_can_be_saved(tmp_path) -> None:
    rule = AdaptiveRule(patience=1, cooldown_epochs=0)
    first, second = AdaptiveStoppingScheduler("loss", "min", rule), AdaptiveStoppingScheduler("loss", "min", rule)
    decisions(first, [{"loss": 1.0}, {"loss": 2.0}])
    first.save(str(tmp_path / "state"))
    second.restore(str(tmp_path / "state"))
    assert decisions(second, [{"loss": 2.0}]) == [STOP]


def test_a_state_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "state").write_text('{"a": [1.0, 2.0]}')
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(patience=1, cooldown_epochs=0))
    scheduler.restore(str(tmp_path / "state"))
    assert decisions(scheduler, [{"loss": 2.0}]) == [STOP]


def test_a_mode_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="min or max"):
        AdaptiveStoppingScheduler("loss", "low")


KINDS = [np.float64, np.float32, np.int64, np.array, torch.tensor, Fraction, lambda value: np.array([value])]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_every_library_are_judged(kind) -> None:
    reports = [{"loss": kind(value)} for value in (3, 2, 4)]
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    assert decisions(scheduler, reports) == [CONTINUE, CONTINUE, STOP]


@pytest.mark.parametrize("value", [np.float32("nan"), torch.tensor(math.inf), np.array(math.nan)])
def test_a_value_of_a_library_that_is_not_finite_ends_the_trial(value) -> None:
    assert decisions(AdaptiveStoppingScheduler("loss", "min"), [{"loss": value}]) == [STOP]


NO_NUMBERS = [
    True,
    np.True_,
    torch.tensor(True),
    "1",
    np.str_("1"),
    1j,
    np.ones(2),
    torch.ones(2),
    {},
    [],
    pytest.param(10**400, id="huge"),
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_not_judged(value) -> None:
    assert decisions(AdaptiveStoppingScheduler("loss", "min"), [{"loss": value}] * 20) == [CONTINUE] * 20


@pytest.mark.parametrize(
    "history", [None, "abc", b"abc", 3, [{"loss": 1}], ["1"], {"loss": [1]}, np.array(1.0)], ids=repr
)
def test_a_history_of_something_else_leaves_the_metric_to_judge_by(history) -> None:
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    reports = [{"loss": value, "history": history} for value in (1.0, 0.5, 0.6)]
    assert decisions(scheduler, reports) == [CONTINUE, CONTINUE, STOP]


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, lambda values: [np.float32(v) for v in values]])
def test_a_history_may_be_any_list_of_numbers(kind) -> None:
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    reports = [{"loss": 0.0, "history": kind([1.0, 0.5, 0.6][:n])} for n in (1, 2, 3)]
    assert decisions(scheduler, reports) == [CONTINUE, CONTINUE, STOP]


def test_a_history_may_have_epochs_without_a_value() -> None:
    scheduler = AdaptiveStoppingScheduler(rule=AdaptiveRule(cooldown_epochs=0))
    assert decisions(scheduler, [{"history": [None, 1.0]}, {"history": [None, 1.0, 2.0]}]) == [CONTINUE, STOP]


@pytest.mark.parametrize("iteration", [None, "second", 2.0, np.int64(2)])
def test_any_number_of_the_iteration_is_lived_with(iteration) -> None:
    scheduler = AdaptiveStoppingScheduler("loss", "min", AdaptiveRule(cooldown_epochs=0))
    assert decisions(scheduler, [{"loss": 1.0}, {"loss": 2.0, "training_iteration": iteration}]) == [CONTINUE, STOP]


@pytest.mark.parametrize(("argument", "value"), [("metric", 3), ("rule", {"patience": 1}), ("rule", AdaptiveRule)])
def test_arguments_of_another_kind_are_refused(argument: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"{argument} must be"):
        AdaptiveStoppingScheduler(**{argument: value})


def test_a_function_that_gives_no_rule_is_named() -> None:
    with pytest.raises(TypeError, match="must give an AdaptiveRule for every trial; got None"):
        decisions(AdaptiveStoppingScheduler("loss", "min", lambda _: None), [{"loss": 1.0}])
