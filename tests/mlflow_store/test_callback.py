"""What MLflow holds after the hooks of Tune have been called, read with MLflow's own client."""

import json
import logging
import math
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from mlflow.entities import Experiment, Run
from mlflow.tracking import MlflowClient

from nerbb_ray.mlflow_store import writer
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.mlflow_store.schema import trial_result
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.verdict import verdict

VAL, TEST = "val/entity/micro/f1", "test/entity/micro/f1"


class View:
    """The active MLflow runs of one experiment."""

    def __init__(self, tracking_uri: str, name: str) -> None:
        self.client = MlflowClient(tracking_uri)
        self.name = name

    @property
    def experiment(self) -> Experiment:
        found = self.client.get_experiment_by_name(self.name)
        assert found is not None
        return found

    @property
    def runs(self) -> list[Run]:
        return list(self.client.search_runs([self.experiment.experiment_id]))

    def one(self, run_name: str) -> Run:
        (found,) = [run for run in self.runs if run.info.run_name == run_name]
        return found

    def curve(self, run_name: str, metric: str) -> dict[int, float]:
        history = self.client.get_metric_history(self.one(run_name).info.run_id, metric)
        assert len({point.step for point in history}) == len(history), "two values for one step"
        return {point.step: point.value for point in history}

    def files(self, run_name: str) -> set[str]:
        return {file.path for file in self.client.list_artifacts(self.one(run_name).info.run_id)}

    def text(self, run_name: str, file: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            run_id = self.one(run_name).info.run_id
            return Path(self.client.download_artifacts(run_id, file, folder)).read_text(encoding="utf-8")

    def table(self, run_name: str, file: str) -> dict[str, dict[str, float | None]]:
        """By the first column."""
        table = json.loads(self.text(run_name, file))
        return {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["data"]}


@pytest.fixture
def always_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts that take long are told less often, as they would be on a busy machine."""
    monkeypatch.setattr(writer, "QUICK_S", math.inf)


@pytest.fixture
def view(tracking_uri: str, name: str) -> View:
    return View(tracking_uri, name)


@pytest.fixture
def error_file(tmp_path: Path) -> Path:
    path = tmp_path / "error.txt"
    path.write_text("Failure # 1\n\x1b[36mray::train()\x1b[39m (pid=1)\n  File x\nValueError: no such thing\n")
    return path


def test_trial_has_its_parameters_curves_and_final_metrics(driver: Any, view: View) -> None:
    trial = driver.start()
    driver.report(trial, 0)
    driver.report(trial, 1)
    driver.finish(trial, 2, 0.8)
    run = view.one("runA-43")
    assert run.info.status == "FINISHED"
    assert run.data.params == {key: str(value) for key, value in driver.spec("runA", 43).params().items()}
    assert run.data.params["seed"] == "43"
    assert view.curve("runA-43", "train/loss") == {0: 2.0, 1: 1.0, 2: pytest.approx(2 / 3)}
    assert view.curve("runA-43", "lr") == {0: 1e-5, 1: 1e-5, 2: 1e-5}
    assert set(view.curve("runA-43", "val/token/all/acc")) == {0, 1, 2}
    assert view.curve("runA-43", TEST) == {3: 0.4}
    assert run.data.metrics["epochs"] == 3
    assert run.data.metrics["elapsed_s"] == 30
    assert run.data.tags["nerbb.checkpoint"] == "/store/runA-43"
    assert not {"pid", "done"} & set(run.data.metrics)


def test_latest_value_is_that_of_the_chosen_checkpoint_and_the_curve_keeps_every_epoch(driver: Any, view: View) -> None:
    trial = driver.start()
    for epoch in range(3):
        driver.report(trial, epoch)
    driver.finish(trial, 3, 0.8)
    assert view.curve("runA-43", "val/loss") == {0: 1.0, 1: 0.5, 2: pytest.approx(1 / 3), 3: 0.25, 4: 1.0}
    assert view.one("runA-43").data.metrics["val/loss"] == 1.0
    assert view.one("runA-43").data.metrics[VAL] == 0.8


def test_parent_has_the_mean_over_its_seeds_and_no_uncertainty_of_one(driver: Any, view: View) -> None:
    first, second = driver.start(seed=43), driver.start(seed=44)
    driver.finish(first, 0, 0.6)
    parent = view.one("runA")
    assert parent.info.status == "RUNNING"
    assert parent.data.metrics[f"{TEST}/mean"] == 0.3
    assert parent.data.metrics[f"{TEST}/n"] == 1
    assert not {f"{TEST}/{name}" for name in ("sd", "sem", "ci95_low", "ci95_high")} & set(parent.data.metrics)
    driver.finish(second, 0, 0.8)
    parent = view.one("runA")
    expected = SeedMean.of([0.3, 0.4])
    assert parent.info.status == "FINISHED"
    values = (expected.mean, expected.sd, expected.sem, 2)
    assert [parent.data.metrics[f"{TEST}/{key}"] for key in ("mean", "sd", "sem", "n")] == pytest.approx(values)
    assert f"{TEST}/ci95_low" not in parent.data.metrics, "two values are no interval"
    assert not [name for name in parent.data.metrics if "LOC" in name], "the table has the classes"
    assert "seed" not in parent.data.params
    assert view.one("runA-44").data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_undefined_metric_is_kept_as_nan(driver: Any, view: View) -> None:
    driver.finish(driver.start(), 0, 0.8, {"test/entity/micro/precision": math.nan})
    assert math.isnan(view.one("runA-43").data.metrics["test/entity/micro/precision"])
    assert math.isnan(trial_result(view.one("runA-43")).metrics["test/entity/LOC/f1"])


def test_failed_seed_is_named_and_not_in_the_mean(driver: Any, view: View, error_file: Path) -> None:
    driver.finish(driver.start(seed=43), 0, 0.6)
    bad = driver.start(seed=44)
    driver.report(bad, 0)
    driver.fail(bad, error_file)
    child, parent = view.one("runA-44"), view.one("runA")
    assert (child.info.status, parent.info.status) == ("FAILED", "FAILED")
    assert child.data.tags["nerbb.status"] == "failed"
    assert child.data.tags["nerbb.error"] == "ValueError: no such thing"
    assert child.data.tags["nerbb.log"] == str(error_file)
    assert view.files("runA-44") == {"error.txt"}
    assert parent.data.metrics[f"{VAL}/n"] == 1


def test_diverged_seed_is_not_in_the_mean(driver: Any, view: View) -> None:
    driver.finish(driver.start(seed=43), 0, 0.6)
    driver.finish(driver.start(seed=44), 0, 0.9, diverged=True, history=[math.nan], best_epoch=-1)
    child, parent = view.one("runA-44"), view.one("runA")
    assert child.data.tags["nerbb.status"] == "diverged"
    assert child.data.tags["nerbb.error"] == "val_loss is nan in epoch 0 (counted from 0)"
    assert "best_epoch" not in child.data.metrics
    assert parent.info.status == "FAILED"
    assert parent.data.metrics[f"{VAL}/mean"] == 0.6


def test_artifacts_are_texts_pictures_and_the_log(driver: Any, view: View, tmp_path: Path) -> None:
    log = tmp_path / "runA-43.log"
    log.write_text("all of it")
    driver.finish(driver.start(log=str(log)), 0, 0.6)
    names = {"confusion_matrix_entity.csv", "confusion_matrix_entity.png", "classification_report.txt", "runA-43.log"}
    names |= {"values_by_class.json"}
    assert view.files("runA-43") == names
    (folder,) = (tmp_path / "artifacts 100 % #1").glob("*/artifacts")
    assert (folder / "classification_report.txt").read_text(encoding="utf-8") == "report ä\n"


def test_interrupted_trial_and_its_run_are_marked(driver: Any, view: View) -> None:
    driver.multiple_runs = 3
    driver.finish(driver.start(seed=43), 0, 0.6)
    driver.report(driver.start(seed=44), 0)
    driver.end()
    assert view.one("runA-44").data.tags["nerbb.status"] == "interrupted"
    assert (view.one("runA-44").info.status, view.one("runA").info.status) == ("KILLED", "KILLED")
    assert view.one("runA-43").info.status == "FINISHED"


def test_new_driver_goes_on_with_the_same_runs(
    driver: Any, drive: Any, view: View, tracking_uri: str, name: str
) -> None:
    done, cut = driver.start(seed=43), driver.start(seed=44)
    driver.finish(done, 0, 0.6)
    driver.report(cut, 0)
    driver.report(cut, 1)
    before = {run.info.run_name: run.info.run_id for run in view.runs}
    second = drive(SeedMeanCallback(tracking_uri, name))  # the first one is gone without a word
    resumed = second.start(seed=44)
    second.report(resumed, 1, lr=5.0)  # lost by Tune, but not by MLflow
    second.finish(resumed, 2, 0.8)
    second.end()
    assert {run.info.run_name: run.info.run_id for run in view.runs} == before
    assert view.curve("runA-44", "lr") == {0: 1e-5, 1: 1e-5, 2: 1e-5}
    assert view.one("runA").data.metrics[f"{VAL}/mean"] == pytest.approx(0.7)
    assert view.one("runA").info.status == "FINISHED"


@pytest.mark.parametrize("new_callback", [False, True])
@pytest.mark.parametrize("end", ["interrupted", "failed", "killed"])
@pytest.mark.parametrize("first_epoch", [2, 3])  # 2: the checkpoint is older than what MLflow knows
def test_trial_that_goes_on_has_one_run_with_one_whole_curve(
    driver: Any,
    drive: Any,
    view: View,
    error_file: Path,
    tracking_uri: str,
    name: str,
    new_callback: bool,
    end: str,
    first_epoch: int,
) -> None:
    driver.multiple_runs = 1
    trial = driver.start()
    for epoch in range(3):
        driver.report(trial, epoch)
    if end == "failed":
        driver.fail(trial, error_file)
    elif end == "interrupted":
        driver.end()
    before = {run.info.run_name: run.info.run_id for run in view.runs}
    second = drive(SeedMeanCallback(tracking_uri, name), 1) if new_callback else driver
    again = second.start()
    assert view.one("runA-43").info.status == view.one("runA").info.status == "RUNNING"
    for epoch in range(first_epoch, 5):
        second.report(again, epoch)
    second.finish(again, 5, 0.8)
    second.end()
    assert {run.info.run_name: run.info.run_id for run in view.runs} == before
    assert view.curve("runA-43", "train/loss") == {epoch: pytest.approx(2 / (epoch + 1)) for epoch in range(6)}
    assert view.curve("runA-43", VAL) == {**{epoch: 0.5 - 0.5 / (epoch + 1) for epoch in range(6)}, 6: 0.8}
    assert view.one("runA-43").data.tags["nerbb.error"] == ""
    assert view.one("runA-43").info.status == view.one("runA").info.status == "FINISHED"


def test_trial_that_begins_anew_leaves_nothing_of_its_earlier_attempt(
    driver: Any, drive: Any, view: View, tracking_uri: str, name: str, error_file: Path
) -> None:
    trial = driver.start()
    for epoch in range(4):
        driver.report(trial, epoch)
    driver.fail(trial, error_file)
    driver.end()
    second = drive(SeedMeanCallback(tracking_uri, name))
    again = second.start()
    assert view.one("runA-43").info.status == "RUNNING"
    second.report(again, 0, lr=3.0)
    second.finish(again, 1, 0.7, lr=3.0)
    assert view.curve("runA-43", "lr") == {0: 3.0, 1: 3.0}
    assert view.one("runA-43").data.metrics["val/loss"] == 1.0
    assert view.one("runA-43").data.tags["nerbb.error"] == ""
    assert view.one("runA-43").data.tags["nerbb.status"] == "ok"


def test_last_report_that_comes_twice_changes_nothing(
    driver: Any, drive: Any, view: View, tracking_uri: str, name: str
) -> None:
    trial = driver.start()
    driver.report(trial, 0)
    driver.finish(trial, 1, 0.6)
    second = drive(SeedMeanCallback(tracking_uri, name))
    second.finish(second.start(), 1, 0.6)
    assert view.curve("runA-43", TEST) == {2: 0.3}
    assert view.one("runA-43").info.status == "FINISHED"


def test_labels_that_mlflow_refuses_are_stored(driver: Any, view: View) -> None:
    driver.finish(driver.start(), 0, 0.6, {"test/entity/C++ (std)/f1": 0.5, "test/entity/U-boat/f1": 0.25})
    driver.report(driver.start(seed=44), 0, **{"val/entity/C++ (std)/f1": 0.125})
    assert view.one("runA-44").data.metrics["val/entity/C:2b::2b: :28:std:29:/f1"] == 0.125
    metrics = trial_result(view.one("runA-43")).metrics
    assert metrics["test/entity/C++ (std)/f1"] == 0.5
    assert metrics["test/entity/U-boat/f1"] == 0.25


def test_report_that_makes_no_sense_is_logged_and_never_raised(driver: Any, caplog: pytest.LogCaptureFixture) -> None:
    trial = driver.start()
    driver.callback.on_trial_result(iteration=0, trials=[], trial=trial, result={"epoch": object()})
    driver.callback.on_trial_start(iteration=0, trials=[], trial=None)
    driver.end()
    assert "on_trial_start failed" in caplog.text


def test_refused_event_does_not_keep_the_others_back(driver: Any, view: View, caplog: pytest.LogCaptureFixture) -> None:
    trial = driver.start()
    driver.finish(trial, 0, 0.6, artifacts={"no/such/folder.txt": "text"})
    assert view.one("runA-43").info.status == "FINISHED"
    driver.end()
    assert "1 records could not be delivered" in caplog.text
    assert "Files of trial runA-43" in caplog.text


def test_server_that_is_down_neither_raises_nor_blocks_and_is_reported(
    drive: Any, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    started = time.monotonic()
    driver = drive(SeedMeanCallback(f"http://127.0.0.1:{closed_port}", "exp"))
    trial = driver.start()
    for epoch in range(20):
        driver.report(trial, epoch)
    driver.finish(trial, 20, 0.6)
    driver.end()
    assert time.monotonic() - started < 20
    kinds = [type(event).__name__ for event in driver.callback.undelivered]
    assert kinds == ["Started", *["Epoch"] * 21, "Files", "Ended", "RunClosed"]
    assert f"MLflow at http://127.0.0.1:{closed_port} cannot be reached" in caplog.text
    assert "25 records could not be delivered" in caplog.text
    assert "Ended of trial runA-43" in caplog.text


def test_new_database_is_made_without_a_word_on_the_screen(tmp_path: Path) -> None:
    code = (
        "import sys; from nerbb_ray.mlflow_store.schema import open_client;"
        "client = open_client(sys.argv[1]);"
        "client.set_terminated(client.create_run(client.create_experiment('exp')).info.run_id)"
    )
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    done = subprocess.run([sys.executable, "-c", code, uri], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")


def test_callback_can_be_pickled_with_what_it_was_made_of(callback: SeedMeanCallback) -> None:
    copy = pickle.loads(pickle.dumps(callback))
    assert copy.__reduce__() == callback.__reduce__()


def test_parent_has_the_interval_of_three_seeds_on_both_scales(driver: Any, view: View) -> None:
    for trial, f1 in zip([driver.start(seed=seed) for seed in (43, 44, 45)], (0.6, 0.8, 0.7), strict=True):
        driver.finish(trial, 0, f1)
    metrics = view.one("runA").data.metrics
    expected = SeedMean.of([0.3, 0.4, 0.35])
    assert expected.ci95 is not None
    assert expected.logit is not None
    assert [metrics[f"{TEST}/{key}"] for key in ("ci95_low", "ci95_high")] == pytest.approx(expected.ci95)
    keys = ("logit_mean", "logit_sem", "logit_ci95_low", "logit_ci95_high")
    values = (expected.logit.mean, expected.logit.sem, *expected.logit.ci95)
    assert not [name for name in metrics if "logit" in name], "the table has them"
    table = view.table("runA", "means_over_seeds.json")
    assert [table[TEST][key] for key in keys] == pytest.approx(values)
    assert [table["val/loss"][key] for key in keys] == [None] * 4
    assert table["test/entity/LOC/f1"]["n"] == 0


def test_final_values_of_classes_are_a_table_and_no_bars(driver: Any, view: View) -> None:
    """What has no curve would be a page of single bars in MLflow."""
    chosen = {"test/entity/LOC/recall": 0.25, "val/entity/LOC/f1": 0.75, "test/token/LOC/f1": 0.5}
    trial = driver.start()
    driver.report(trial, 0, **{"val/entity/LOC/f1": 0.5})
    driver.finish(trial, 1, 0.8, chosen)
    run = view.one("runA-43")
    assert not [name for name in run.data.metrics if name.startswith("test/") and "LOC" in name]
    assert view.curve("runA-43", "val/entity/LOC/f1") == {0: 0.5, 2: 0.75}, "a curve ends with the chosen weights"
    assert {name: trial_result(run).metrics[name] for name in chosen} == chosen
    shown = json.loads(view.text("runA-43", "values_by_class.json"))
    assert ["test", "entity", "LOC", None, 0.25, None, None] in shown["data"]
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "values_by_class.json", "type": "table"}]


def test_parent_has_few_metrics_whatever_the_classes(driver: Any, view: View) -> None:
    splits, levels, kinds = ("val", "test"), ("entity", "token"), ("precision", "recall", "f1", "support")
    labels = ("micro", "macro", *(f"C{number}" for number in range(30)))
    names = [f"{s}/{lv}/{label}/{kind}" for s in splits for lv in levels for label in labels for kind in kinds]
    for seed in (43, 44):
        driver.finish(driver.start(seed=seed), 0, 0.5, dict.fromkeys(names, 0.5) | {VAL: 0.5, TEST: 0.25})
    parent = view.one("runA")
    assert len(parent.data.metrics) < 100
    assert parent.data.metrics["test/entity/macro/f1/mean"] == 0.5
    assert len(view.table("runA", "means_over_seeds.json")) == len(names) + 2  # those that every trial here has
    assert len(trial_result(view.one("runA-43")).metrics) == len(names) + 3  # and the accuracy, of its curve


def test_description_of_runs_is_verdict_and_table(driver: Any, view: View) -> None:
    driver.multiple_runs = 3
    for run, f1s in {"runA": (0.4, 0.42, 0.41), "runB(lr_max=3e-05)": (0.8, 0.82, 0.81)}.items():
        for seed, f1 in enumerate(f1s, start=43):
            driver.finish(driver.start(run, seed), 0, f1)
    driver.end()
    text = view.one("runA").data.tags["mlflow.note.content"]
    lines = [token for token in MarkdownIt().enable("table").parse(text) if token.type == "inline"]
    cells = ["".join(part.content for part in token.children or ()) for token in lines]
    assert "runB(lr_max=3e-05) is" in cells[0]
    best = cells.index("runB(lr_max=3e-05)")
    assert cells[best - 1 : best + 4] == ["*", "runB(lr_max=3e-05)", "3/3", "0.8100 ± 0.0058", "0.4050 ± 0.0029"]
    assert best < cells.index("runA")
    assert "**`runA`**" in text
    assert "mlflow.note.content" in view.experiment.tags


def test_data_set_is_an_input_of_the_run(driver: Any, view: View) -> None:
    driver.identity = Identity(data="f" * 64)
    driver.finish(driver.start(), 0, 0.5)
    driver.finish(driver.start(seed=44), 0, 0.5)
    (found,) = view.one("runA").inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("data", "f" * 36)
    assert json.loads(found.dataset.source)["sha256"] == "f" * 64


def test_verdicts_of_many_runs_do_not_take_the_time_of_the_search(
    driver: Any, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writes to every run: with one trial at a time, 200 runs of 5 seeds would be 200,000 writings."""

    monkeypatch.setattr(writer, "QUICK_S", 0.0)  # as if it had taken long
    monkeypatch.setattr(writer, "VERDICT_SHARE", 1e-6)
    driver.multiple_runs = 2
    for seed in (43, 44):
        for run, value in {"runA": 0.1, "runB": 0.9}.items():
            driver.finish(driver.start(run, seed), 0, value + seed / 1000)
    # only the first one, of one run, was at once
    assert "not two runs" in view.one("runA").data.tags["nerbb.verdict_words"]
    driver.end()
    assert view.one("runA").data.tags["nerbb.verdict"] == "worse"


def test_what_comes_at_the_end_is_in_the_verdict_which_is_found_once(
    drive: Any, tracking_uri: str, name: str, view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes change it; ensembles, one of each run, do not."""

    note = "dropped after 1 of 2 seeds: behind runA"

    def tracked(run: str) -> Any:
        return driver.reports.trial(next(trial for trial in driver.trials if trial.config["run"] == run))

    made = RunEnsemble((43, 44), "as it is", {"test/ensemble/f1": 0.9, "test/ensemble/gain": 0.1})
    callback = SeedMeanCallback(
        tracking_uri,
        name,
        artifact_location=str(tmp_path / "artifacts"),
        notes=lambda: [(tracked("runB"), note)],
        ensembles=lambda _: [(tracked(run), made) for run in ("runA", "runB", "runC")],
    )
    driver = drive(callback)
    for run, seed, value in (
        ("runB", 43, 0.3),
        ("runC", 43, 0.7),
        ("runA", 43, 0.8),
        ("runC", 44, 0.6),
        ("runA", 44, 0.8),
    ):
        driver.finish(driver.start(run, seed), 0, value + seed / 1000)
    judged: list[int] = []
    monkeypatch.setattr(writer, "verdict", lambda result: judged.append(len(result.runs)) or verdict(result))
    driver.end()
    assert view.one("runB").data.tags["nerbb.verdict_words"] == note
    assert all("+10.0" in view.one(run).data.tags["mlflow.note.content"] for run in ("runA", "runB", "runC"))
    assert judged == [3]


@pytest.mark.usefixtures("always_judged")
def test_parents_say_how_they_stand_against_the_best_as_seeds_come_in(
    driver: Any, view: View, tracking_uri: str, name: str
) -> None:
    driver.multiple_runs = 4
    scores = {"runA": (0.70, 0.72, 0.69, 0.73), "runB": (0.80, 0.83, 0.79, 0.82), "runC": (0.79, 0.84, 0.78, 0.82)}

    def standings() -> dict[str, tuple[str, str]]:
        return {
            run: tuple(view.one(run).data.tags[f"nerbb.{key}"] for key in ("verdict", "verdict_words"))
            for run in scores
        }

    for number in range(4):
        for run, values in scores.items():
            driver.finish(driver.start(run, 43 + number), 0, values[number])
        if number == 0:
            assert {kind for kind, _ in standings().values()} == {"not compared"}
            assert "one seed" in standings()["runA"][1]
    found = verdict(load_result(tracking_uri, name))
    assert {run: kind for run, (kind, _) in standings().items()} == {"runA": "worse", "runB": "best", "runC": "tied"}
    words = {run: said for run, (_, said) in standings().items()}
    assert words["runB"] == str(found)
    assert words["runB"].startswith("runB is almost certainly better than 1 of 2 other runs; runC may be as good.")
    assert words["runA"].startswith("runB is better than runA (+10.0 points")
    assert "runC cannot be told from runB, which is ahead by 0." in words["runC"]
    assert "(95 % CI -3.6 to 4.1, p = .880, 4 seeds)" in words["runC"]
    for difference in found.differences:
        metrics = view.one(difference.run).data.metrics
        assert metrics["verdict/behind"] == pytest.approx(difference.mean)
        assert metrics["verdict/p_holm"] == pytest.approx(difference.p_holm)
    assert view.one("runB").data.metrics["verdict/behind"] == 0


@pytest.mark.usefixtures("always_judged")
def test_verdict_waits_for_the_seeds_that_run(driver: Any, view: View) -> None:
    for seed in (43, 44):
        first, second = driver.start("runA", seed), driver.start("runB", seed)
        driver.finish(first, 0, 0.5 + seed / 1000)
        assert ("nerbb.verdict" in view.one("runA").data.tags) == (seed > 43)
        driver.finish(second, 0, 0.6)
    assert view.one("runB").data.tags["nerbb.verdict"] == "best"
