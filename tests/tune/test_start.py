"""The start of a search: what is said first, and Ray, which starts while data and model are prepared."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from nerbb_ray.store import StorePaths

SAID = "starting Ray ..."
COMMAND = [sys.executable, "-m", "nerbb_ray.tune"]
SEES_IMPORTS = f"""
import os, sys
from tests.test_imports import HEAVY

class Stderr:
    def write(self, text):
        if {SAID!r} in text:
            print(sorted(HEAVY & set(sys.modules)), flush=True)
            os._exit(0)
    def flush(self):
        pass
    def isatty(self):
        return False

sys.stderr = Stderr()
from nerbb_ray.tune.__main__ import main
main(sys.argv[1:])
"""


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """Where the processes of a Ray are told to have their files: short, as sockets want it."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def started(experiment: Path, store: StorePaths, ray_folder: Path, **how: bool) -> subprocess.Popen[str]:
    words = [*COMMAND, str(experiment), "--store", str(store.root)]
    pipe = subprocess.PIPE
    environment = os.environ | {"RAY_TMPDIR": str(ray_folder)}
    return subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=environment, **how)


def of_ray(folder: Path) -> list[str]:
    """The processes that have their files in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if f"{folder}/ray" in line:
            found.append(line)
    return found


def changed(path: Path, old: str, new: str) -> Path:
    path.write_text(path.read_text().replace(old, new))
    return path


def test_what_is_waited_for_is_said_before_anything_heavy_is_imported(
    store: StorePaths, experiment: Callable[..., Path], root: Path
) -> None:
    words = [sys.executable, "-c", SEES_IMPORTS, str(experiment()), "--store", str(store.root)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=root, check=False, timeout=100)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow
@pytest.mark.ray
def test_a_small_search_says_everything_once(
    store: StorePaths, experiment: Callable[..., Path], ray_folder: Path
) -> None:
    file = changed(experiment(seeds=1, runs=1), "max_epochs = 3", "max_epochs = 1")
    process = started(file, store, ray_folder)
    out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    lines = err.splitlines()
    assert lines[0] == SAID
    assert sorted(set(lines)) == sorted(lines), "nothing twice"
    assert "1/1" in out
    assert not of_ray(ray_folder)
    logs = {path.name for path in (ray_folder / "ray" / "session_latest" / "logs").iterdir()}
    assert not [name for name in logs if name.startswith(("dashboard.", "monitor.", "log_monitor."))]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param("tiny-bert", "./nowhere", "looked here", id="model"),
        pytest.param(
            "dataset_name = tiny", "dataset_name = ./nowhere", "no such folder", id="data", marks=pytest.mark.slow
        ),
    ],
)
def test_ray_does_not_start_for_what_cannot_be_found(
    store: StorePaths, experiment: Callable[..., Path], ray_folder: Path, old: str, new: str, problem: str
) -> None:
    process = started(changed(experiment(), old, new), store, ray_folder)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 2
    assert err.startswith(f"{SAID}\nerror: ")
    assert problem in err
    assert "Traceback" not in err
    assert not (ray_folder / "ray").exists()


@pytest.mark.slow
@pytest.mark.ray
def test_an_error_of_the_preparation_leaves_no_process_of_ray(
    store: StorePaths, experiment: Callable[..., Path], ray_folder: Path
) -> None:
    process = started(changed(experiment(), "max_seq_length = 32", "max_seq_length = 129"), store, ray_folder)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 2, err
    said, head, error = err.splitlines()
    assert (said, head) == (SAID, "error: the experiment cannot run as it is described")
    assert error.startswith("exp.ini [hparams] max_seq_length: must be <= 128")
    assert not of_ray(ray_folder)


@pytest.mark.ray
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_while_ray_starts_leaves_no_process_of_ray(
    store: StorePaths, experiment: Callable[..., Path], ray_folder: Path, number: signal.Signals, status: int
) -> None:
    process = started(experiment(), store, ray_folder, start_new_session=True)
    deadline = time.monotonic() + 100
    while not of_ray(ray_folder):
        assert time.monotonic() < deadline, "Ray does not start"
        assert process.poll() is None
        time.sleep(0.05)
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to all of its processes
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=200)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert err.splitlines()[0] == SAID
    assert not of_ray(ray_folder)
    assert not list(store.lock("exp").parent.iterdir())
