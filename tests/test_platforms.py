"""Systems that are not Linux: macOS works, and Windows hears at once what to do."""

import ast
import ctypes
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.forecast.try_steps import peak_memory_mb
from nerbb_ray.locks import Lock, holder_of
from nerbb_ray.preparation.resources import cpu_has_bf16, this_machine, usable_cpus
from nerbb_ray.store import StorePaths
from nerbb_ray.tune.run_job import give_back_memory

# what Linux has and macOS has not, by the function that knows how to do without it
LINUX_ONLY = {
    "preparation/resources.py": {"sched_getaffinity", "/proc/cpuinfo", "/dev/kfd", "/dev/dxg", "/dev/nvidiactl"},
    "locks.py": {"/proc/", "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"},
    "mlflow_store/file_users.py": {"/proc/locks"},
    "tune/run_job.py": {"malloc_trim"},
}
NAMES = {
    *("sched_getaffinity", "sched_setaffinity", "pidfd_open", "memfd_create", "eventfd", "epoll", "inotify", "prctl"),
    *("malloc_trim", "posix_fallocate", "posix_fadvise", "copy_file_range", "splice", "getrandom", "setns", "unshare"),
    *("O_DIRECT", "O_TMPFILE", "PR_SET_PDEATHSIG", "RLIMIT_MSGQUEUE", "SO_PEERCRED", "signalfd", "sched_setscheduler"),
}


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without what Linux alone has."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: not str(path).startswith("/proc") and is_file(path))
    monkeypatch.setattr("nerbb_ray.locks._machine", socket.gethostname)  # without its two files of /proc
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    monkeypatch.setattr(sys, "platform", "darwin")


@pytest.mark.usefixtures("mac")
def test_dry_run_on_a_mac(
    store: StorePaths, experiment: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from nerbb_ray.tune.__main__ import main

    assert main([str(experiment()), "--store", str(store.root), "--dry-run"]) == 0
    assert "trials 4" in capsys.readouterr().out


@pytest.mark.usefixtures("mac")
def test_machine_without_affinity_has_all_its_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert usable_cpus() == 10
    assert this_machine().cpus == 10
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1


@pytest.mark.usefixtures("mac")
def test_what_only_linux_can_tell_is_done_without(tmp_path: Path) -> None:
    give_back_memory()
    assert not cpu_has_bf16()
    with Lock(tmp_path / "lock", "this"):
        holder = holder_of(tmp_path / "lock")
        assert holder is not None
        assert holder.pid == os.getpid()


def test_peak_memory_is_in_megabytes_on_both_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    peak = type("Usage", (), {"ru_maxrss": 3 * 2**20})
    monkeypatch.setattr(resource, "getrusage", lambda _: peak)
    monkeypatch.setattr(sys, "platform", "linux")
    assert peak_memory_mb() == 3 * 2**10
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peak_memory_mb() == 3


def test_no_other_use_of_what_only_linux_has(root: Path) -> None:
    package = root / "nerbb_ray"
    found = {str(file.relative_to(package)): of_linux(file) for file in sorted(package.rglob("*.py"))}
    assert {file: names for file, names in found.items() if names} == LINUX_ONLY


def of_linux(file: Path) -> set[str]:
    """Functions, flags and paths in a file that Linux alone has."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)} & NAMES
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return names | {text for text in texts if text.startswith(("/proc", "/sys", "/dev/", "/run/", "/etc/"))}


@pytest.mark.parametrize(
    "code",
    [
        "import nerbb_ray",
        "from nerbb_ray import Experiment",
        "from nerbb_ray.cli import main; main(['--help'])",
        "import runpy; runpy.run_module('nerbb_ray.tune', run_name='__main__')",
        "import nerbb_ray.training.adaptive",
    ],
)
def test_windows_hears_in_one_line_where_it_runs(code: str) -> None:
    command = [sys.executable, "-c", f"import sys; sys.platform = 'win32'; {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "on Windows, install and run it in WSL" in line
