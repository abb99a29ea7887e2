"""No password is shown or written down, and nothing listens to other machines."""

import logging
import os
import pickle
import subprocess
import sys
import time
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray import Store, cli
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.errors import ResultError
from nerbb_ray.logs import log_file, without_password
from nerbb_ray.paths import StorePaths

EXPERIMENT = """
[dataset]
dataset_name = tiny
[model]
pretrained_model_name = tiny
[resources]
cpus_per_worker = 1
[hparams]
max_epochs = 1
early_stopping = False
lr_warmup_epochs = 0
max_seq_length = 32
"""
SECRET = "hunter2-7Yq"
SERVER = f"http://anna:{SECRET}@127.0.0.1:9"  # nothing listens there
DATABASE = f"postgresql://anna:{SECRET}@127.0.0.1:9/mlflow"


@pytest.fixture
def store(tmp_path: Path, tiny_dataset: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    """A store with data and a model, and it is the chosen one."""
    paths = StorePaths(tmp_path / "store")
    paths.create()
    (paths.datasets / "tiny").symlink_to(tiny_dataset)
    (paths.pretrained_models / "tiny").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Store, "chosen", paths.root)
    return paths


@pytest.fixture
def one_trial(store: StorePaths) -> TrialSpec:
    path = store.config("exp")
    path.write_text(EXPERIMENT)
    (trial,) = expand(read_ini(path))
    return trial


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's client gives up at once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")


@pytest.mark.usefixtures("impatient", "one_trial")
@pytest.mark.parametrize(
    "command", [("run_experiment", "exp"), ("get_experiment_results", "exp"), ("show_experiments",), ("mlflow",)]
)
def test_no_command_shows_the_password_of_a_server(
    command: tuple[str, ...], store: StorePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    status = cli.main([*command])
    out, err = capsys.readouterr()
    assert status in (0, 2)
    assert "127.0.0.1:9" in out + err  # it says which server
    assert SECRET not in out + err
    assert files_with(SECRET, store.root) == []


def test_clearing_does_not_show_it(
    store: StorePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    (store.cache).mkdir()
    assert cli.main(["clear_data", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert "127.0.0.1:9" in out
    assert SECRET not in out + err


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("uri", [SERVER, DATABASE])
def test_what_waits_for_mlflow_says_nothing_of_the_password(uri: str, one_trial: TrialSpec, store: StorePaths) -> None:
    from nerbb_ray.mlflow_store.delivery import deliver_waiting, open_outbox
    from nerbb_ray.mlflow_store.events import Started

    spool, log = store.results / "spool", store.results / "exp.log"
    with log_file(log, "debug"):
        outbox = open_outbox(spool, uri, "exp")
        outbox.put(Started(tracked(one_trial), *at(1)))
        assert len(outbox.close()) == 1
        with pytest.raises(ResultError, match=r"127\.0\.0\.1:9") as error:
            deliver_waiting(spool, uri, "exp")
    assert "127.0.0.1:9" in log.read_text()
    assert SECRET not in str(error.value)
    assert files_with(SECRET, store.root) == []


def test_a_traceback_in_a_log_file_has_no_password(tmp_path: Path) -> None:
    with log_file(tmp_path / "log"):
        try:
            raise ValueError(f"API request to {SERVER}/api failed")
        except ValueError:
            logging.getLogger("some_library").exception("%s refused it", SERVER)
    text = (tmp_path / "log").read_text()
    assert "API request to http://127.0.0.1:9/api failed" in text
    assert SECRET not in text


def test_what_tune_keeps_of_the_callback_has_no_password() -> None:
    from nerbb_ray.mlflow_store.callback import SeedMeanCallback

    assert SECRET.encode() not in pickle.dumps(SeedMeanCallback(SERVER, "exp"))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (SERVER, "http://127.0.0.1:9"),
        (DATABASE, "postgresql://127.0.0.1:9/mlflow"),
        ("https://mlflow.example.org/api", "https://mlflow.example.org/api"),
        ("sqlite:////store/results/mlflow.db", "sqlite:////store/results/mlflow.db"),
        ("http://token@host", "http://host"),
        ("http://a:b@c@host/x@y", "http://host/x@y"),
        (f"'{SERVER}' and {DATABASE}.", "'http://127.0.0.1:9' and postgresql://127.0.0.1:9/mlflow."),
    ],
)
def test_an_address_is_shown_without_user_and_password(uri: str, shown: str) -> None:
    assert without_password(uri) == shown


def files_with(text: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


MARK = "NERBB_SECURITY_TEST"
SECRETS = ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "HF_TOKEN", "WANDB_API_KEY")


def listening(mark: str) -> set[tuple[str, str]]:
    """(address, program) of every socket on which processes with this mark in their environment wait for others."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                sockets = process.net_connections("inet")
                found |= {(s.laddr.ip, process.name()) for s in sockets if s.status == psutil.CONN_LISTEN}
        except psutil.Error:  # it has ended meanwhile
            continue
    return found


def strangers_reach(sockets: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those that are not for this machine alone."""

    def local(address: str) -> bool:
        ip = ip_address(address)
        return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback

    return {(address, program) for address, program in sockets if not local(address)}


def watched(command: list[str], mark: str, cwd: Path, **environment: str) -> tuple[set[tuple[str, str]], str]:
    """Run a command to its end; returns on what its processes listened meanwhile, and what they printed."""
    with (cwd / "printed").open("w+") as printed:
        program = subprocess.Popen(
            command, cwd=cwd, stdout=printed, stderr=subprocess.STDOUT, env=os.environ | {MARK: mark} | environment
        )
        found: set[tuple[str, str]] = set()
        try:
            while program.poll() is None:
                found |= listening(mark)
                time.sleep(0.5)  # to look at all processes takes a tenth of a second
        finally:
            program.kill()
        printed.seek(0)
        output = printed.read()
    assert program.returncode == 0, output
    return found, output


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("one_trial")
def test_an_experiment_writes_no_secret_and_listens_to_this_machine_only(store: StorePaths, tmp_path: Path) -> None:
    secrets = {name: f"{SECRET}-{name}" for name in SECRETS}
    command = [sys.executable, "-m", "nerbb_ray.tune", str(store.config("exp")), "--store", str(store.root)]
    sockets, output = watched(command, str(tmp_path), tmp_path, **secrets)
    assert "1/1" in output
    assert SECRET not in output
    assert files_with(SECRET, store.root) == []
    assert len(sockets) >= 4  # gcs_server, raylet, driver, a worker
    assert strangers_reach(sockets) == set()


SESSION = """
import sys
import ray  # as in a notebook: long before
from nerbb_ray.tune.ray_session import ray_session
with ray_session(num_cpus=1, dashboard=True):
    print(ray.get(ray.remote(lambda: ray.util.get_node_ip_address()).remote()))
    import time
    time.sleep(3)
"""


@pytest.mark.slow
@pytest.mark.ray
def test_a_session_with_its_dashboard_listens_to_this_machine_only(tmp_path: Path) -> None:
    sockets, output = watched([sys.executable, "-c", SESSION], str(tmp_path), tmp_path)
    assert output.split()[-1] == "127.0.0.1"
    assert len(sockets) >= 5
    assert strangers_reach(sockets) == set()


@pytest.mark.parametrize(
    ("address", "is_reached"),
    [("127.0.0.1", False), ("::1", False), ("::ffff:127.0.0.1", False), ("0.0.0.0", True), ("::", True)],
)
def test_this_test_knows_an_open_port(address: str, is_reached: bool) -> None:
    assert bool(strangers_reach({(address, "raylet")})) is is_reached
