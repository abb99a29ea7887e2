"""Events reach MLflow in the end, whatever happens to it and to the driver on the way."""

import http.server
import itertools
import math
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fixtures.fake_tune import at, tracked
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.delivery import deliver_waiting, open_outbox
from nerbb_ray.mlflow_store.events import Ended, Epoch, Event, Files, RunClosed, Started, from_dict, to_dict
from nerbb_ray.mlflow_store.outbox import Outbox
from nerbb_ray.mlflow_store.reader import find_result
from nerbb_ray.mlflow_store.schema import open_client
from nerbb_ray.mlflow_store.spool import Spool
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.results.trial_result import TrialResult

LIMIT_S = 60.0
F1 = "test/entity/micro/f1"


def spec(seed: int, run: str = "runA") -> TrialSpec:
    return TrialSpec(
        run=run,
        seed=seed,
        dataset=DatasetParams(dataset_name="data"),
        model=ModelParams(pretrained_model_name="model"),
        hparams=HParams(),
        settings=Settings(multiple_runs=2),
    )


def story() -> list[Event]:
    """Seed 43 is interrupted and goes on; seed 44 fails and begins anew; each event at a second of its own."""
    time_ms = itertools.count(1_700_000_000_000, 1000).__next__
    first, second = spec(43), spec(44)

    def epoch(trial: TrialSpec, number: int, attempt: float = 0.0) -> Epoch:
        return Epoch(tracked(trial), *at(time_ms()), number, {"lr": 1e-5, "val/loss": 1 / (number + 1) + attempt})

    def ended(trial: TrialSpec, status: Any, **more: Any) -> Ended:
        return Ended(
            tracked(trial),
            time_ms(),
            (1, time_ms()),
            TrialResult(trial.run, trial.seed, status, log=f"/{trial.name}.log", **more),
        )

    return [
        Started(tracked(first), *at(time_ms())),
        Started(tracked(second), *at(time_ms())),
        epoch(first, 0),
        epoch(second, 0),
        epoch(first, 1),
        epoch(second, 1),
        ended(first, "interrupted", epochs=2),
        ended(second, "failed", error="ValueError: no"),
        RunClosed(tracked(first), *at(time_ms())),
        Started(tracked(first), *at(time_ms())),
        epoch(first, 1),
        Started(tracked(second), *at(time_ms())),
        epoch(first, 2),
        epoch(second, 0, attempt=5.0),
        Files(tracked(first), *at(time_ms()), {"report.txt": "Größe\n"}),
        ended(first, "ok", epochs=3, best_epoch=2, metrics={"val/loss": 0.25, F1: 0.5, "test/entity/LOC/f1": math.nan}),
        Files(tracked(second), *at(time_ms()), {"report.txt": "two\n"}),
        ended(second, "ok", epochs=1, best_epoch=0, metrics={"val/loss": 6.0, F1: 0.75}),
        RunClosed(tracked(second), *at(time_ms())),
    ]


class Database:
    """An MLflow database that can be taken away and put back."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mlflow.db"
        self.uri = f"sqlite:///{self.path}"
        self.away = folder / "away"

    def set_up(self, up: bool) -> None:
        if up and self.away.exists():
            self.path.rmdir()
            self.away.rename(self.path)
        elif not up and not self.away.exists():
            self.path.rename(self.away)
            self.path.mkdir()  # else MLflow would make a new database

    def state(self, experiment: str) -> dict[str, Any]:
        """Everything that is told of the runs of an experiment, without the identities that MLflow gives them."""
        client = MlflowClient(self.uri)
        found = client.get_experiment_by_name(experiment)
        assert found is not None
        runs = list(client.search_runs([found.experiment_id]))
        names = {run.info.run_id: run.info.run_name for run in runs}
        assert len(set(names.values())) == len(runs), "a trial has two runs"
        return {str(run.info.run_name): _told(client, run, names) for run in runs}


def _told(client: MlflowClient, run: Run, names: dict[str, Any]) -> dict[str, Any]:
    run_id, info = run.info.run_id, run.info
    tags = {key: names.get(value, value) for key, value in run.data.tags.items()}
    metrics: dict[str, Any] = {key: repr(value) for key, value in run.data.metrics.items()}
    if tags["nerbb.kind"] == "trial":
        history = {key: client.get_metric_history(run_id, key) for key in metrics}
        metrics = {key: [(p.step, p.timestamp, repr(p.value)) for p in points] for key, points in history.items()}
    files = [file.path for file in client.list_artifacts(run_id)]
    return {"tags": tags, "params": run.data.params, "metrics": metrics, "files": files, "status": info.status,
            "start": info.start_time, "end": info.end_time}  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Every access opens it anew, so that it is away at once when it is taken away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
        database = Database(tmp_path_factory.mktemp("movable"))
        open_client(database.uri).search_experiments(max_results=1)
        yield database


@pytest.fixture(autouse=True)
def _up_again(database: Database) -> Iterator[None]:
    yield
    database.set_up(True)


@cache
def undisturbed(database: Database) -> dict[str, Any]:
    outbox = open_outbox(None, database.uri, "undisturbed", str(database.path.parent / "artifacts"))
    for event in story():
        outbox.put(event)
    assert outbox.close() == ()
    return database.state("undisturbed")


NUMBERS = itertools.count()
N_EVENTS = len(story())
FATES = st.lists(
    st.sampled_from(["up", "up", "down", "down", "kill", "end", "repeat"]), min_size=N_EVENTS, max_size=N_EVENTS
)


@pytest.mark.slow
@settings(deadline=None, max_examples=6)
@given(fates=FATES)
def test_mlflow_ends_in_the_same_state_whatever_happens(database: Database, fates: list[str]) -> None:
    name = f"disturbed {next(NUMBERS)}"
    with tempfile.TemporaryDirectory() as folder:
        waiting = Path(folder, "waiting")

        def begin() -> tuple[Outbox[Event], Spool[Event]]:
            spool = Spool(waiting, to_dict, from_dict)
            writer = MlflowWriter(database.uri, name, f"{folder}/artifacts")
            return Outbox(writer.deliver, "MLflow", spool, retry_after_s=0, patience_s=LIMIT_S), spool

        outbox, spool = begin()
        for event, fate in zip(story(), fates, strict=True):
            database.set_up(fate != "down")
            outbox.put(event)
            assert outbox.wait(LIMIT_S)
            if fate == "repeat":  # as after a kill between the delivery and its mark
                outbox.put(event)
            if fate == "end":
                outbox.close()
            if fate in ("kill", "end"):
                spool.close()
                outbox, spool = begin()
        database.set_up(True)
        outbox.close()
        assert outbox.undelivered == ()
        assert database.state(name) == undisturbed(database)
        assert not waiting.exists()


def test_curve_goes_on_where_it_stopped_whoever_tells_it(database: Database) -> None:
    state = undisturbed(database)
    first, second = state["runA-43"], state["runA-44"]
    curve = [(step, value) for step, _, value in first["metrics"]["val/loss"]]
    assert curve == [(0, "1.0"), (1, "0.5"), (2, repr(1 / 3)), (3, "0.25")]
    assert [(step, value) for step, _, value in second["metrics"]["val/loss"]] == [(0, "6.0"), (1, "6.0")]
    assert {run["status"] for run in state.values()} == {"FINISHED"}
    assert state["runA"]["metrics"][f"{F1}/mean"] == "0.625"


DRIVER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from fixtures.fake_tune import Driver
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
driver = Driver(SeedMeanCallback(sys.argv[2], "killed", spool=sys.argv[3]), multiple_runs=1)
trial = driver.start()
driver.report(trial, 0)
driver.report(trial, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_driver_that_is_killed_while_mlflow_is_down_loses_nothing(
    drive: Any, database: Database, closed_port: int, tmp_path: Path
) -> None:
    waiting = tmp_path / "waiting"
    here = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", DRIVER, here, f"http://127.0.0.1:{closed_port}", str(waiting)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    driver = drive(
        SeedMeanCallback(database.uri, "killed", artifact_location=str(tmp_path / "artifacts"), spool=waiting), 1
    )
    trial = driver.start()
    driver.report(trial, 2)
    driver.finish(trial, 3, 0.8)
    driver.end()
    state = database.state("killed")
    assert sorted(state) == ["runA", "runA-43"]
    assert [(step, value) for step, _, value in state["runA-43"]["metrics"]["val/loss"]] == [
        (0, "1.0"), (1, "0.5"), (2, repr(1 / 3)), (3, "0.25"), (4, "1.0"),
    ]  # fmt: skip
    assert state["runA"]["status"] == "FINISHED"
    assert not waiting.exists()


@pytest.fixture
def finished(drive: Any, closed_port: int, tmp_path: Path) -> Path:
    """Where the events of an experiment wait that ran from its beginning to its end without MLflow."""
    waiting = tmp_path / "waiting"
    log = tmp_path / "runA-43.log"
    log.write_text("deleted before it is delivered")
    driver = drive(SeedMeanCallback(f"http://127.0.0.1:{closed_port}", "exp", spool=waiting))
    driver.finish(driver.start(seed=43, log=str(log)), 0, 0.6)
    driver.finish(driver.start(seed=44, log=str(tmp_path / "on another machine")), 0, 0.8)
    driver.end()
    log.unlink()
    return waiting


def test_what_waits_is_delivered_by_hand_before_earlier_trials_are_read(
    database: Database, finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    artifacts = str(finished.parent / "artifacts")
    assert find_result(database.uri, "exp") is None
    assert deliver_waiting(finished, database.uri, "exp", artifacts) == 9
    result = find_result(database.uri, "exp")
    assert result is not None
    assert [(trial.name, trial.status) for trial in result.trials] == [("runA-43", "ok"), ("runA-44", "ok")]
    assert set(database.state("exp")["runA-43"]["files"]) == {
        "classification_report.txt", "confusion_matrix_entity.csv", "confusion_matrix_entity.png",
        "values_by_class.json",
    }  # fmt: skip
    assert "files of trial runA-43 were deleted before MLflow took them: " in caplog.text
    assert "files of trial runA-44" not in caplog.text
    assert deliver_waiting(finished, database.uri, "exp", artifacts) == 0


def test_results_are_not_read_while_some_of_them_wait(database: Database, finished: Path) -> None:
    database.set_up(False)
    with pytest.raises(ResultError, match=r"9 events of experiment exp wait in .* cannot be reached"):
        deliver_waiting(finished, database.uri, "exp")
    assert (finished / "events.jsonl").exists()


def test_what_a_running_driver_has_in_its_hands_is_left_to_it_without_a_word(
    database: Database, finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    driver = Spool(finished, to_dict, from_dict)
    assert len(driver.load()) == 9
    assert deliver_waiting(finished, database.uri, "exp") == 0
    assert caplog.text == ""
    driver.close()
    assert deliver_waiting(finished, database.uri, "exp") == 9


def test_nothing_is_asked_of_mlflow_where_nothing_waits(tmp_path: Path) -> None:
    assert deliver_waiting(tmp_path / "none", f"sqlite:///{tmp_path / 'new.db'}", "exp") == 0
    assert list(tmp_path.iterdir()) == []


def test_callback_writes_nothing_to_disk_while_mlflow_is_up(drive: Any, database: Database, tmp_path: Path) -> None:
    driver = drive(
        SeedMeanCallback(database.uri, "up", artifact_location=str(tmp_path / "artifacts"), spool=tmp_path / "waiting")
    )
    driver.finish(driver.start(), 0, 0.6)
    assert not (tmp_path / "waiting").exists()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def run_through(driver: Any) -> float:
    """How long the longest hook of a short experiment takes."""
    times = [time.monotonic()]
    trial = driver.start()
    times.append(time.monotonic())
    for epoch in range(20):
        driver.report(trial, epoch)
        times.append(time.monotonic())
    driver.finish(trial, 20, 0.6)
    times.append(time.monotonic())
    driver.end()
    times.append(time.monotonic())
    return max(after - before for before, after in itertools.pairwise(times))


@pytest.mark.usefixtures("impatient")
def test_server_that_never_answers_does_not_hold_the_search_up(drive: Any, tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        driver = drive(SeedMeanCallback(uri, "exp", spool=tmp_path / "waiting"))
        longest = run_through(driver)
    assert 0.9 < longest < 10
    assert len(driver.callback.undelivered) == 25
    assert (tmp_path / "waiting" / "events.jsonl").read_text().count('"record"') == 25


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", [500, 503, 429, 401])
def test_server_with_troubles_of_its_own_keeps_everything_waiting(drive: Any, tmp_path: Path, code: int) -> None:
    class Troubled(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(code)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Troubled) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        driver = drive(SeedMeanCallback(f"http://127.0.0.1:{server.server_port}", "exp", spool=tmp_path / "waiting"))
        assert run_through(driver) < 10
        server.shutdown()
    assert (tmp_path / "waiting" / "events.jsonl").read_text().count('"record"') == 25
