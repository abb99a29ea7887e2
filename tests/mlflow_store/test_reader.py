"""Results read back from MLflow are those that the trials reported."""

import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.entities import Metric, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.validation import _validate_metric_name

from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store import schema as records
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.names import read_name, write_name
from nerbb_ray.mlflow_store.reader import (
    delete_experiment_runs,
    find_result,
    finished_curves,
    list_experiments,
    load_result,
)
from nerbb_ray.verdict.verdict import verdict

VAL, TEST = "val/entity/micro/f1", "test/entity/micro/f1"
LABELS = ("C++ (std)", "U-boat", "LOC/GPE", "5 %", "a:b", "..", "ä ö", "x//y")


def test_result_read_back_is_the_one_that_was_reported(
    driver: Any, tracking_uri: str, name: str, tmp_path: Path
) -> None:
    driver.multiple_runs = 3
    labels = {f"test/entity/{label}/f1": 0.5 for label in LABELS}
    driver.finish(driver.start("runB", 43), 4, 0.6, labels)
    driver.finish(driver.start("runA", 43), 2, 0.8)
    failing, diverging = driver.start("runB", 44), driver.start("runA", 44)
    (tmp_path / "error.txt").write_text("RuntimeError: boom\n")
    driver.fail(failing, tmp_path / "error.txt")
    driver.finish(diverging, 0, 0.9, diverged=True)
    driver.report(driver.start("runB", 45), 0)
    result = load_result(tracking_uri, name)
    assert [run.run for run in result.runs] == ["runA", "runB"]
    assert {t.name: t.status for t in result.trials} == {
        "runB-43": "ok",
        "runB-44": "failed",
        "runB-45": "running",
        "runA-43": "ok",
        "runA-44": "diverged",
    }
    trials = {t.name: t for t in result.trials}
    trial = trials["runB-43"]
    assert {**trial.metrics, **labels} == trial.metrics
    assert (trial.metrics[VAL], trial.metrics["val/loss"], trial.metrics[TEST]) == (0.6, 1.0, 0.3)
    assert math.isnan(trial.metrics["test/entity/LOC/f1"])
    assert (trial.epochs, trial.best_epoch, trial.duration_s) == (5, 0, 50.0)
    assert (trial.checkpoint, trial.reason) == ("/store/runB-43", "cool-down finished")
    assert trial.params["lr_max"] == "2e-05"
    assert (trials["runB-44"].error, trials["runB-44"].log) == ("RuntimeError: boom", str(tmp_path / "error.txt"))
    assert trials["runB-45"].epochs == 1
    assert [(run.n_ok, run.n_total) for run in result.runs] == [(1, 3), (1, 3)]
    assert result.best_run().run == "runA"
    assert result.get() == 0.4


def test_curves_are_those_of_the_epochs_without_the_chosen_weights(driver: Any, tracking_uri: str, name: str) -> None:
    done, running, diverged = driver.start("runA", 43), driver.start("runA", 44), driver.start("runB", 43)
    for epoch in range(3):
        driver.report(done, epoch)
    driver.finish(done, 3, 0.6)
    driver.report(running, 0)
    driver.finish(diverged, 0, 0.9, diverged=True)
    found = finished_curves(tracking_uri, name, "val/loss")
    assert found == {("runA", 43): [1, 1 / 2, 1 / 3, 1 / 4]}
    assert finished_curves(tracking_uri, name, "val/entity/LOC/nothing") == {("runA", 43): []}


def test_only_some_curves_are_read_where_some_are_enough(driver: Any, tracking_uri: str, name: str) -> None:
    driver.multiple_runs = 5
    for seed in range(43, 48):
        driver.finish(driver.start("runA", seed), 0, 0.6)
    assert list(finished_curves(tracking_uri, name, "val/loss", most=2)) == [("runA", 43), ("runA", 46)]


@pytest.mark.parametrize(("reason", "told"), [("max_epochs reached", True), ("cool-down finished", False)])
def test_f1_that_still_rises_at_max_epochs_is_told(
    driver: Any, tracking_uri: str, name: str, reason: str, told: bool
) -> None:
    for seed in (43, 44):
        trial = driver.start("runA", seed)
        for epoch in range(7):
            driver.report(trial, epoch)
        driver.finish(trial, 7, 0.44, reason=reason)
    result = load_result(tracking_uri, name)
    assert {len(trial.val_f1_curve) for trial in result.trials} == {8 if told else 0}
    rising = [note for note in verdict(result).notes if "with val F1 still rising" in note]
    assert len(rising) == told
    assert all("raise it" in note for note in rising)


def test_infinite_loss_is_read_back_as_infinite(driver: Any, tracking_uri: str, name: str) -> None:
    driver.finish(driver.start(), 0, 0.6, {"val/loss": math.inf, "test/loss": -math.inf}, diverged=True)
    metrics = load_result(tracking_uri, name).trials[0].metrics
    assert (metrics["val/loss"], metrics["test/loss"]) == (math.inf, -math.inf)


def test_unknown_experiment_is_refused_with_the_nearest_names(driver: Any, tracking_uri: str, name: str) -> None:
    driver.start()
    with pytest.raises(ResultError) as caught:
        load_result(tracking_uri, f"{name}x")
    assert f"experiment '{name}x' has no results; did you mean" in str(caught.value)
    assert name in str(caught.value).split("did you mean")[1]


def test_store_without_a_database_has_no_experiments_and_gets_none(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    uri = f"sqlite:///{database}"
    assert list_experiments(uri) == ()
    assert delete_experiment_runs(uri, "exp") == 0
    assert find_result(uri, "exp") is None
    with pytest.raises(ResultError, match="there are none"):
        load_result(uri, "exp")
    assert not database.exists()


def test_server_that_is_down_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ResultError, match=r"http://127.0.0.1:9 cannot be read: .*set MLFLOW_TRACKING_URI"):
        find_result("http://127.0.0.1:9", "exp")


def test_damaged_database_is_an_error_that_speaks_of_the_file(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(
        ResultError, match=rf"cannot be read: .*restore {re.escape(str(database))} from a copy"
    ) as caught:
        find_result(f"sqlite:///{database}", "exp")
    assert "server" not in str(caught.value)


def test_runs_come_in_the_order_of_their_numbers(driver: Any, tracking_uri: str, name: str) -> None:
    for run in ("run10", "runB", "run2", "run1(lr_max=10)", "run1(lr_max=9)", "runA"):
        driver.start(run)
    assert [run.run for run in load_result(tracking_uri, name).runs] == [
        "run1(lr_max=9)", "run1(lr_max=10)", "run2", "run10", "runA", "runB",
    ]  # fmt: skip


def test_list_has_one_line_per_experiment(
    driver: Any, drive: Any, tracking_uri: str, name: str, tmp_path: Path
) -> None:
    for run, seed, f1 in [("runA", 43, 0.6), ("runA", 44, 0.7), ("runB", 43, 0.5)]:
        driver.finish(driver.start(run, seed), 0, f1)
    drive(SeedMeanCallback(tracking_uri, f"{name} unfinished", artifact_location=str(tmp_path))).start()
    MlflowClient(tracking_uri).create_experiment(f"{name} of somebody else", tmp_path.as_uri())
    lines = {line.name: line for line in list_experiments(tracking_uri) if line.name.startswith(name)}
    assert set(lines) == {name, f"{name} unfinished"}
    line = lines[name]
    assert (line.runs, line.n_ok, line.n_total, line.best_run) == (2, 3, 4, "runA")
    assert str(line.val_f1) == "0.6500 +- 0.0500"
    assert line.test_f1.mean == pytest.approx(0.325)
    assert abs(line.started.timestamp() - time.time()) < 120
    assert (lines[f"{name} unfinished"].best_run, str(lines[f"{name} unfinished"].val_f1)) == (None, "-")


def test_deleted_runs_are_gone_and_others_stay(
    driver: Any, drive: Any, tracking_uri: str, name: str, tmp_path: Path
) -> None:
    other = drive(SeedMeanCallback(tracking_uri, f"{name} other", artifact_location=str(tmp_path)))
    for one in (driver, other):
        one.finish(one.start(), 0, 0.6)
    assert delete_experiment_runs(tracking_uri, name) == 2
    assert load_result(tracking_uri, name).trials == ()
    assert len(load_result(tracking_uri, f"{name} other").trials) == 1
    assert delete_experiment_runs(tracking_uri, name) == 0
    again = drive(SeedMeanCallback(tracking_uri, name))
    again.finish(again.start(), 0, 0.9)
    assert load_result(tracking_uri, name).get(phase="val") == 0.9


def test_experiment_in_the_bin_is_taken_out_when_it_runs_again(
    driver: Any, drive: Any, tracking_uri: str, name: str
) -> None:
    driver.start()
    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(ResultError):
        load_result(tracking_uri, name)
    drive(SeedMeanCallback(tracking_uri, name)).start()
    assert len(load_result(tracking_uri, name).trials) == 1


def test_runs_of_many_trials_are_read_in_pages(
    driver: Any, tracking_uri: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "RUNS_PER_PAGE", 3)
    for seed in range(43, 50):
        driver.start(seed=seed)
    assert [trial.seed for trial in load_result(tracking_uri, name).trials] == list(range(43, 50))


def test_trials_are_read_with_one_query_for_all(
    tracking_uri: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(tracking_uri)
    experiment = client.create_experiment(name, tmp_path.as_uri(), tags={"nerbb.kind": "experiment"})
    for k in range(20):
        tags = {"nerbb.kind": "trial", "nerbb.run": f"run{k % 5}", "nerbb.seed": str(k)}
        run = client.create_run(experiment, tags=tags)
        client.log_batch(run.info.run_id, [Metric(VAL, k, 0, 0)], tags=[RunTag("nerbb.status", "ok")])
    calls: list[str] = []
    search = MlflowClient.search_runs
    monkeypatch.setattr(MlflowClient, "search_runs", lambda *args, **kw: calls.append("") or search(*args, **kw))
    assert load_result(tracking_uri, name).best_trial().seed == 19
    assert len(calls) == 1


@settings(deadline=None)
@given(st.lists(st.text(min_size=0, max_size=8), min_size=1, max_size=5).map("/".join))
def test_names_come_back_and_mlflow_takes_them(name: str) -> None:
    assert read_name(write_name(name)) == name
    _validate_metric_name(write_name(name))


@pytest.mark.parametrize("name", ["test/entity/micro/f1", "val/loss", "test/token/U-boat/f1", "lr", "a b.c_d"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert write_name(name) == name
