"""Curves that TensorBoard's own reader finds in the files."""

import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, metadata
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.hparams.list_session_groups import Handler

from nerbb_ray.results.reports import LoopReports
from nerbb_ray.results.tensorboard import CurveCallback
from nerbb_ray.results.trial_result import TEST_METRIC

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


def test_hparams_page_has_parameters_metrics_and_status_of_every_trial(driver: Any, tmp_path: Path) -> None:
    """As TensorBoard's own page asks for it."""
    driver.finish(driver.start(seed=43), 0, 0.75)
    broken = driver.start("runB", 44)
    driver.report(broken, 0)
    driver.fail(broken, tmp_path / "error.txt")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(tmp_path))
    context = Context(TBContext(data_provider=provider, logdir=str(tmp_path)))
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=10,
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE],
        col_params=[api_pb2.ColParams(metric=api_pb2.MetricName(tag=TEST_METRIC))],
    )
    found = Handler(RequestContext(), context, "", request).run().session_groups
    groups = {group.name: group for group in found}
    assert set(groups) == {"runA-43", "runB-44"}
    params = groups["runA-43"].hparams
    assert params["lr_max"].number_value == pytest.approx(2e-5)
    assert params["pretrained_model_name"].string_value == "model"
    assert params["seed"].number_value == 43
    (metric,) = [value for value in groups["runA-43"].metric_values if value.name.tag == TEST_METRIC]
    assert metric.value == 0.375
    status = {name: group.sessions[0].status for name, group in groups.items()}
    assert status == {"runA-43": api_pb2.STATUS_SUCCESS, "runB-44": api_pb2.STATUS_FAILURE}


def test_what_varies_comes_first_on_the_hparams_page(driver: Any, tmp_path: Path) -> None:
    """Of thirty parameters it shows five as columns, and those that differ before those that do not."""
    driver.finish(driver.start(seed=43), 0, 0.75)
    (path,) = tmp_path.glob("events.*")
    accumulator = EventAccumulator(str(path)).Reload()
    about = metadata.parse_experiment_plugin_data(accumulator.PluginTagToContent("hparams")[metadata.EXPERIMENT_TAG])
    backend_context._sort_and_reduce_to_hparams_limit(about, 3)  # as the page does
    assert [(info.name, info.differs) for info in about.hparam_infos] == [
        ("run", True),
        ("seed", True),
        ("adam_beta2", False),
    ]


def test_time_is_no_curve(driver: Any, tmp_path: Path) -> None:
    driver.finish(driver.start(), 0, 0.75)
    assert "elapsed_s" not in curves(tmp_path / "runA" / "43")


def test_callback_can_be_pickled(driver: Any) -> None:
    driver.report(driver.start(), 0)
    driver.callback._reports = LoopReports(dict.fromkeys)
    copy = pickle.loads(pickle.dumps(driver.callback))
    assert copy.__reduce__() == driver.callback.__reduce__()
    driver.end()
