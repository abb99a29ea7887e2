"""Paths of the store, which store is current, what is deleted, and the web pages."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nerbb_ray import Store
from nerbb_ray.errors import StoreError
from nerbb_ray.store import StorePaths, clear, current_store, page_action
from nerbb_ray.web_servers import Page, page_of


@pytest.fixture
def store(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path / "store")


@pytest.fixture(autouse=True)
def no_chosen_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "chosen", None)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_layout_is_the_documented_one(store: StorePaths) -> None:
    paths = {
        store.dataset("wnut17"): "datasets/wnut17",
        store.pretrained_models: "pretrained_models",
        store.config("exp"): "experiment_configs/exp.ini",
        store.mlflow_db: "results/mlflow.db",
        store.artifacts: "results/artifacts",
        store.ray("exp"): "results/ray/exp",
        store.checkpoints("exp", "runA", 43): "results/checkpoints/exp/runA/43",
        store.checkpoints("exp"): "results/checkpoints/exp",
        store.tensorboard("exp", "runA(lr_max=2e-05)", 43): "results/tensorboard/exp/runA(lr_max=2e-05)/43",
        store.tensorboard(): "results/tensorboard",
        store.logs("exp"): "results/logs/exp",
    }
    assert {path: str(path.relative_to(store.root)) for path in paths} == paths


def test_relative_store_is_made_absolute_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = StorePaths(Path("my/../store"))
    monkeypatch.chdir("/")
    assert store.root == tmp_path / "store"
    assert store.tracking_uri == f"sqlite:///{tmp_path}/store/results/mlflow.db"


def test_asking_for_paths_creates_nothing(store: StorePaths) -> None:
    _ = (store.checkpoints("exp", "runA", 43), store.tracking_uri, store.configs(), store.clearable())
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["", "..", ".", "../x", "a/b", "a\\b", "/etc", "a\0b", ".hidden", "a\nb", "x" * 300])
def test_name_that_is_no_folder_of_the_store_is_refused(store: StorePaths, name: str) -> None:
    for path_of in (store.dataset, store.config, store.ray, store.logs, store.checkpoints, store.tensorboard):
        with pytest.raises(StoreError, match="got"):
            path_of(name)
    with pytest.raises(StoreError, match="name of the run"):
        store.checkpoints("exp", name, 43)


@pytest.mark.parametrize("root", ["/tmp/a?b", "/tmp/a%20b", "/tmp/a\0b"])
def test_path_that_a_database_address_cannot_carry_is_refused(root: str) -> None:
    with pytest.raises(StoreError, match="must not contain"):
        StorePaths(Path(root))


def test_tracking_uri_of_the_environment_comes_first(store: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://10.0.0.1:5000")
    assert store.tracking_uri == "http://10.0.0.1:5000"
    with pytest.raises(StoreError, match=r"http://10\.0\.0\.1:5000"):
        page_action(store, "mlflow", "start", 5000)
    # one that was started before can still be stopped
    assert not page_action(store, "mlflow", "stop", 5000).runs


def test_current_store_is_the_named_then_the_chosen_then_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store.get_path() == tmp_path / "store"
    monkeypatch.setenv("NERBB_STORE", "from_environment")
    assert Store.get_path() == tmp_path / "from_environment"
    Store.set_path("chosen")
    monkeypatch.chdir("/")
    assert Store.get_path() == tmp_path / "chosen"
    assert current_store(tmp_path / "named").root == tmp_path / "named"


def test_create_makes_the_folders_once(store: StorePaths) -> None:
    Store.set_path(store.root)
    folders = (store.root, store.datasets, store.pretrained_models, store.experiment_configs, store.results)
    assert Store.create() == folders
    make(store.config("exp"))
    assert Store.create() == ()
    assert store.config("exp").exists()
    assert all(folder.is_dir() for folder in folders)


def test_store_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made"):
        StorePaths(make(tmp_path / "file") / "store").create()


def test_missing_experiment_is_refused_with_the_nearest_name(store: StorePaths) -> None:
    with pytest.raises(StoreError, match="there is none yet"):
        store.find_config("wnut")
    make(store.config("wnut17"))
    assert store.find_config("wnut17") == store.config("wnut17")
    with pytest.raises(StoreError, match=r"did you mean wnut17\?"):
        store.find_config("wnut16")


def test_experiments_without_results_are_listed(store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    Store.set_path(store.root)
    Store.show_experiments()
    assert "no experiments" in capsys.readouterr().out
    make(store.config("old"))
    Store.show_experiments()
    assert "old" in capsys.readouterr().out
    assert not store.mlflow_db.exists()


@pytest.fixture
def full_store(store: StorePaths) -> StorePaths:
    """With a file in every place."""
    store.create()
    for path in (
        store.dataset("data") / "train.csv",
        store.pretrained_models / "bert" / "config.json",
        store.config("exp"),
        store.mlflow_db,
        store.checkpoints("exp", "runA", 43) / "model.safetensors",
        store.tensorboard("exp", "runA", 43) / "events",
        store.ray("exp") / "state.json",
        store.logs("exp") / "runA-43.log",
        store.artifacts / "a.csv",
        store.cache / "tokens",
        store.results / "notes of the user.txt",
    ):
        make(path)
    return store


def files(store: StorePaths) -> set[str]:
    return {str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file()}


KEPT = {"experiment_configs/exp.ini", "results/notes of the user.txt"}
SOURCES = {"datasets/data/train.csv", "pretrained_models/bert/config.json"}


def test_nothing_is_deleted_unless_it_is_said(full_store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    Store.set_path(full_store.root)
    before = files(full_store)
    paths = Store.clear_data()
    assert files(full_store) == before
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [str(path) for path in paths]
    assert "nothing was deleted" in lines[-1]
    assert Store.clear_data(delete=True) == paths
    assert files(full_store) == KEPT | SOURCES
    assert Store.clear_data(delete=True) == ()


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"datasets": True}, {"pretrained_models/bert/config.json"}),
        ({"pretrained_models": True}, {"datasets/data/train.csv"}),
        ({"datasets": True, "pretrained_models": True}, set()),
    ],
)
def test_data_and_models_are_deleted_only_if_asked_for(
    full_store: StorePaths, options: dict[str, bool], left: set[str]
) -> None:
    Store.set_path(full_store.root)
    Store.clear_data(delete=True, **options)
    assert files(full_store) == KEPT | left


def test_what_a_link_points_to_is_not_deleted(full_store: StorePaths, tmp_path: Path) -> None:
    outside = make(tmp_path / "elsewhere" / "model.safetensors")
    (full_store.artifacts / "link").symlink_to(outside.parent)
    full_store.cache.rename(tmp_path / "cache")
    full_store.cache.symlink_to(tmp_path / "cache")
    clear(full_store.clearable(), full_store)
    assert outside.exists()
    assert (tmp_path / "cache" / "tokens").exists()
    assert not full_store.cache.is_symlink()


def test_unknown_action_of_a_page_is_refused(store: StorePaths) -> None:
    Store.set_path(store.root)
    with pytest.raises(StoreError, match="start, status, stop; got 'restart'"):
        Store.tensorboard("restart")


@pytest.mark.parametrize("action", [None, ["start"], 5])
def test_action_of_a_page_that_is_no_text_is_refused(store: StorePaths, action: object) -> None:
    Store.set_path(store.root)
    with pytest.raises(StoreError, match="mlflow: the action must be a text; got"):
        Store.mlflow(action)


@pytest.mark.parametrize("port", [0, -1, 65536, "abc", "5000", None, 5000.5])
def test_impossible_port_is_refused_before_anything_is_said(
    store: StorePaths, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Store.set_path(store.root)
    for start in (page_of(store, "tensorboard").start, lambda number: Store.mlflow("start", number)):
        with pytest.raises(StoreError, match="a port must be a whole number from 1 to 65535; got"):
            start(port)
    assert capsys.readouterr().err == ""
    assert not store.root.exists()


@pytest.mark.parametrize("name", [5, b"x", ["a"], Path("x")])
def test_name_that_is_no_text_is_refused(store: StorePaths, name: object) -> None:
    Store.set_path(store.root)
    for ask in (store.find_config, Store.get_experiment_results, Store.clear_data):
        with pytest.raises(StoreError, match="the name of the experiment must be a text; got"):
            ask(name)
    with pytest.raises(StoreError, match="the folder of a store must be a text or a path; got 5"):
        Store.set_path(5)


def test_page_on_a_port_that_is_taken_is_refused(store: StorePaths) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StoreError, match=f"port {port} .*nerbb tensorboard start --port"):
            page_of(store, "tensorboard").start(port)
    assert not store.root.exists()


def test_page_that_ends_at_once_is_an_error_with_the_end_of_its_log(tmp_path: Path, free_port: int) -> None:
    page = Page("mlflow", ("no_such_module",), "/", tmp_path)
    with pytest.raises(
        StoreError, match=r"(?s)ended with status 1; see .*mlflow\.log:.*No module named no_such_module"
    ):
        page.start(free_port)
    assert not page.status().runs


def test_process_with_the_number_of_a_page_is_left_alone(store: StorePaths) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as other:
        page = page_of(store, "tensorboard")
        store.results.mkdir(parents=True)
        page.record.write_text(json.dumps({"pid": other.pid, "created": 0, "port": 6006}))
        assert not page.status().runs
        assert not page.stop().runs
        assert other.poll() is None
        other.kill()


def test_damaged_record_of_a_page_is_named(store: StorePaths) -> None:
    page = page_of(store, "tensorboard")
    make(page.record)
    with pytest.raises(StoreError, match=r"tensorboard\.json is damaged"):
        page.status()


def group(pid: int) -> list[psutil.Process]:
    """The processes of a group."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == pid:
                members.append(process)
    return members


@pytest.fixture
def stopped_afterwards(store: StorePaths) -> Iterator[StorePaths]:
    yield store
    for name in ("mlflow", "tensorboard"):
        page_of(store, name).stop()


@pytest.mark.timeout(180)
def test_tensorboard_runs_until_it_is_stopped(
    stopped_afterwards: StorePaths, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    store = stopped_afterwards
    Store.set_path(store.root)
    started = Store.tensorboard("start", port=free_port)
    assert f"http://127.0.0.1:{free_port}" in capsys.readouterr().out
    assert started.pid is not None
    assert started.answers
    assert Store.tensorboard("start", port=free_port) == started == Store.tensorboard("status")
    listening = {
        connection.laddr.ip
        for process in group(started.pid)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    with pytest.raises(StoreError, match="nerbb tensorboard stop"):
        Store.tensorboard("start", port=free_port + 1)
    with pytest.raises(StoreError, match="still shows the results"):
        Store.clear_data(delete=True)
    assert not Store.tensorboard("stop").runs
    assert f"tensorboard was stopped (process {started.pid}, " in capsys.readouterr().out
    assert not Store.tensorboard("status").runs
    Store.tensorboard("stop")
    assert "tensorboard does not run: nothing to stop" in capsys.readouterr().out
    assert group(started.pid) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mlflow_runs_until_it_is_stopped_also_without_its_first_process(
    stopped_afterwards: StorePaths, free_port: int
) -> None:
    page = page_of(stopped_afterwards, "mlflow")
    started = page.start(free_port)
    assert started.pid is not None
    assert started.answers
    os.kill(started.pid, signal.SIGKILL)
    psutil.wait_procs([process for process in group(started.pid) if process.pid == started.pid], timeout=10)
    left = page.status()
    assert left.runs
    assert left.pid != started.pid
    assert not page.stop().runs
    assert group(started.pid) == []
