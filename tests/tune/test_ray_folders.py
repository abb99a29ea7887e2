"""Homes and temporary folders that Ray cannot use: said before it is started, or done without."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.errors import ResourceError
from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.store import StorePaths
from nerbb_ray.tune import ray_folders, ray_settings
from nerbb_ray.tune.ray_folders import temporary_folder

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray does not go by TMPDIR")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)


def test_temporary_folder_without_a_variable() -> None:
    assert temporary_folder(dashboard=True) == Path("/tmp/ray")


@linux
@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"TMPDIR": "/tmp/x"}, "/tmp/x/ray"),
        ({"TMPDIR": "/tmp/x", "RAY_TMPDIR": "/tmp/y"}, "/tmp/y/ray"),
        ({"TMPDIR": "/tmp/gr\xfcn", "RAY_TMPDIR": "/tmp/y"}, "/tmp/y/ray"),
        ({"TMPDIR": ""}, "/tmp/ray"),  # Ray itself: "ray" of the working directory, and a time-out
        ({"TMPDIR": "/tmp/a b"}, "/tmp/a b/ray"),
    ],
)
def test_temporary_folder_by_its_variables(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert temporary_folder(dashboard=False) == Path(folder)


@linux
def test_relative_temporary_folder_is_that_of_the_working_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir("/tmp")
    monkeypatch.setenv("TMPDIR", "x")
    assert temporary_folder(dashboard=False) == Path.cwd() / "x" / "ray"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("/tmp/gr\xfcn", "its path must consist of ASCII characters"),
        ("/tmp/" + 1000 * "x", "its path is 9"),
        ("/dev/null", "/dev/null: Not a directory"),
        pytest.param("/proc/nosuch", "/proc: ", marks=linux),
    ],
)
def test_temporary_folder_that_ray_cannot_use(monkeypatch: pytest.MonkeyPatch, value: str, problem: str) -> None:
    monkeypatch.setenv("RAY_TMPDIR", value)
    with pytest.raises(ResourceError) as caught:
        temporary_folder(dashboard=False)
    assert f"in RAY_TMPDIR={value}: {problem}" in str(caught.value)
    assert "set RAY_TMPDIR to a folder with a short path" in str(caught.value)
    assert "ry again" not in str(caught.value)


@pytest.mark.parametrize("dashboard", [False, True])
def test_longest_path_that_is_allowed_makes_the_longest_socket(
    monkeypatch: pytest.MonkeyPatch, dashboard: bool
) -> None:
    monkeypatch.setattr(ray_folders, "_not_writable", lambda _: None)
    monkeypatch.setattr(os, "getpid", lambda: 4194304)
    for length in range(1, 120):
        monkeypatch.setenv("RAY_TMPDIR", "/" + length * "x")
        try:
            folder = temporary_folder(dashboard=dashboard)
        except ResourceError:
            break
    socket = "dash_TaskEventsHead" if dashboard else "plasma_store"
    longest = folder / "session_2026-11-28_01-05-31_650130_4194304" / "sockets" / socket
    assert len(str(longest)) == ray_folders.SOCKET_BYTES


def test_session_and_sockets_have_the_names_that_ray_gives_them() -> None:
    from ray.dashboard.subprocesses.module import SubprocessModule
    from ray.dashboard.utils import get_all_modules

    longest = max((f"dash_{module.__name__}" for module in get_all_modules(SubprocessModule)), key=len)
    assert len(longest) <= len(ray_settings.DASHBOARD_SOCKET)


def run(experiment: Path, store: StorePaths, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nerbb_ray.tune", str(experiment), "--store", str(store.root)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | variables
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=250)


@pytest.mark.slow
@linux
def test_experiment_says_at_once_that_the_folder_is_too_long(
    store: StorePaths, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    done = run(experiment(), store, tmp_path, TMPDIR="/tmp/" + 60 * "x")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: Ray cannot keep its temporary files in TMPDIR=/tmp/xxx")
    assert done.stderr.splitlines()[:-1] == ["starting Ray ..."]
    assert not store.cache.exists()


@pytest.mark.slow
@linux
@pytest.mark.ray
def test_experiment_runs_without_a_home_that_can_be_written(
    store: StorePaths, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    done = run(experiment(seeds=1, runs=1), store, tmp_path, HOME="/proc/nohome", TMPDIR="")
    assert done.returncode == 0, done.stderr
    assert [trial.status for trial in results_of(store, "exp").trials] == ["ok"]
    log = (store.logs("exp") / "experiment.log").read_text()
    assert "Ray's token is kept for this session only" in log
    assert "/proc/nohome" in log
