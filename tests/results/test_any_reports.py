"""What the callback reads from the reports of a trainable that knows nothing of nerbb_ray."""

import json
from collections import UserList
from typing import Any

import numpy as np
import pytest
import torch

from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.results.any_reports import AnyReports
from tests.fixtures.fake_tune import FakeTrial

CONFIG = {"lr": 0.1, "seed": 1}


@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.array, torch.tensor])
def test_numbers_of_every_library_are_kept(kind) -> None:
    report = {"loss": kind(0.5), "ok": np.True_, "name": np.str_("a"), "all": np.ones(2), "training_iteration": 3}
    assert AnyReports().point(report) == (2, {"loss": 0.5})


def test_nested_metrics_have_the_names_that_schedulers_see() -> None:
    last = {"val": {"loss": np.float32(0.5), "f1": {"micro": 1}}, "config": CONFIG, "pid": 7, "training_iteration": 1}
    assert AnyReports().point(last) == (0, {"val/loss": 0.5, "val/f1/micro": 1.0})
    ended = AnyReports(metrics=["val/loss", "val"]).ended(FakeTrial("a", CONFIG, last_result=last), "completed")
    assert ended.metrics == {"val/loss": 0.5}


def test_one_metric_may_be_named_alone() -> None:
    assert AnyReports(metrics="loss").point({"loss": 1, "l": 2}) == (0, {"loss": 1.0})


@pytest.mark.parametrize(
    ("argument", "value"),
    [("group_by", 3), ("group_by", [1]), ("seed_key", None), ("metrics", {1: 2}), ("metrics", 3), ("metrics", [None])],
)
def test_arguments_that_would_leave_mlflow_empty_are_refused(argument: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"{argument} must be"):
        SeedMeanCallback("sqlite:///nowhere.db", "exp", **{argument: value})


def test_a_configuration_of_any_values_can_wait_on_disk() -> None:
    config = {"lr": np.float32(0.5), "seed": np.int64(3), "model": {"layers": np.int64(2), "sizes": UserList([1])}}
    tracked = AnyReports().trial(FakeTrial("a", config))
    assert (tracked.run, tracked.seed) == ("lr=0.5,model/layers=2,model/sizes=[1]", 3)
    assert json.loads(json.dumps(tracked.params)) == {k: str(v) for k, v in tracked.params.items()}
    assert tracked.params["model/layers"] == "2"


def test_a_key_that_no_trial_has_is_said(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert AnyReports(group_by="lrate").trial(FakeTrial("a", CONFIG)).run == "None"
    assert caplog.text.count("group_by: a trial has no key 'lrate'; its configuration has lr, seed") == 1
    AnyReports(group_by=["lr"]).trial(FakeTrial("b", CONFIG))
    assert "no key 'lr';" not in caplog.text


@pytest.mark.parametrize("seeds", [("a", "b", None), (0.5, 1.5, "1.5x"), (1, 2.0, np.int64(3))])
def test_seeds_that_are_no_numbers_are_told_apart(seeds: tuple[Any, ...]) -> None:
    found = [AnyReports().trial(FakeTrial("a", {"lr": 1, "seed": seed})).seed for seed in seeds]
    assert len(set(found)) == 3
    assert all(type(seed) is int for seed in found)
    assert found == [AnyReports().trial(FakeTrial("a", {"lr": 1, "seed": seed})).seed for seed in seeds]
