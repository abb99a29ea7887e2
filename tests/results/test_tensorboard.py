"""Curves that TensorBoard's own reader finds in the files."""

import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nerbb_ray.results.reports import LoopReports
from nerbb_ray.results.tensorboard import CurveCallback

NOBODY = LoopReports({}.__getitem__)  # the driver of the test says who reports


def curves(folder: Path) -> dict[str, dict[int, float]]:
    accumulator = EventAccumulator(str(folder)).Reload()
    tags = accumulator.Tags()["scalars"]
    return {tag: {event.step: event.value for event in accumulator.Scalars(tag)} for tag in tags}


@pytest.fixture
def callback(tmp_path: Path) -> CurveCallback:
    return CurveCallback(tmp_path, NOBODY)


def test_curves_lie_under_run_and_seed_and_end_with_the_chosen_checkpoint(driver: Any, tmp_path: Path) -> None:
    trial = driver.start("runA(lr_max=2e-05,batch_size=16)", 43)
    driver.report(trial, 0)
    driver.finish(trial, 1, 0.75)
    found = curves(tmp_path / "runA(lr_max=2e-05,batch_size=16)" / "43")
    assert found["val/loss"] == {0: 1.0, 1: 0.5, 2: 1.0}
    assert found["val/entity/micro/f1"] == {0: 0.0, 1: 0.25, 2: 0.75}
    assert found["test/entity/micro/f1"] == {2: 0.375}
    assert set(found["lr"]) == {0, 1}
    assert "test/entity/LOC/f1" not in found, "NaN has no place in a curve"


def test_resumed_trial_replaces_the_epochs_after_its_checkpoint(driver: Any, drive: Any, tmp_path: Path) -> None:
    trial = driver.start()
    for epoch in range(4):
        driver.report(trial, epoch)
    driver.end()
    again = drive(CurveCallback(tmp_path, NOBODY))
    again.report(again.start(), 2, **{"train/loss": 9.0})
    again.end()
    assert curves(tmp_path / "runA" / "43")["train/loss"] == {0: 2.0, 1: 1.0, 2: 9.0}


def test_trials_do_not_mix(driver: Any, tmp_path: Path) -> None:
    first, second = driver.start(seed=43), driver.start(seed=44)
    driver.report(first, 0, lr=0.25)
    driver.report(second, 0, lr=0.5)
    driver.end()
    assert curves(tmp_path / "runA" / "43")["lr"] == {0: 0.25}
    assert curves(tmp_path / "runA" / "44")["lr"] == {0: 0.5}


def test_values_that_are_not_finite_are_left_out(driver: Any, tmp_path: Path) -> None:
    trial = driver.start()
    driver.report(trial, 0, **{"train/loss": math.inf, "val/loss": math.nan})
    driver.end()
    assert not {"train/loss", "val/loss"} & set(curves(tmp_path / "runA" / "43"))


def test_folder_that_cannot_be_written_never_stops_the_search(
    drive: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    driver = drive(CurveCallback(tmp_path / "file", NOBODY))
    trial = driver.start()
    driver.finish(trial, 0, 0.5)
    driver.end()
    assert "CurveCallback.on_trial_result failed" in caplog.text


def test_callback_can_be_pickled(driver: Any) -> None:
    driver.report(driver.start(), 0)
    driver.callback._reports = LoopReports(dict.fromkeys)
    copy = pickle.loads(pickle.dumps(driver.callback))
    assert copy.__reduce__() == driver.callback.__reduce__()
    driver.end()
