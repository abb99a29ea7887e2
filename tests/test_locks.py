"""One process at a time, also after one was killed, and on several computers that share a folder."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from nerbb_ray import locks
from nerbb_ray.errors import StoreError
from nerbb_ray.locks import Holder, Lock, holder_of

HOLD = """
import sys, time
from pathlib import Path
from nerbb_ray.locks import Lock
with Lock(Path(sys.argv[1]), "experiment e"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "e.json"


def elsewhere(path: Path, seconds_ago: float) -> None:
    """The lock of a process on another computer, touched so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(Holder("ann", "node7", "node7 boot", 17, "1.0", "now", "nerbb x"))))
    then = time.time() - seconds_ago
    os.utime(path, (then, then))


def test_the_second_is_refused_with_who_holds_it_and_how_to_go_on(path: Path) -> None:
    with Lock(path, "experiment e"):
        assert holder_of(path).pid == os.getpid()
        with pytest.raises(StoreError) as caught, Lock(path, "experiment e"):
            pass
        for part in ("experiment e is being run already", str(os.getpid()), "end it", str(path)):
            assert part in str(caught.value)
    assert holder_of(path) is None
    with Lock(path, "experiment e"):
        pass
    assert list(path.parent.iterdir()) == []


def test_the_lock_of_a_killed_process_is_taken_over(path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match=f"process {process.pid}"), Lock(path, "experiment e"):
        pass
    process.kill()
    process.wait()
    assert holder_of(path) is None
    with Lock(path, "experiment e"):
        assert holder_of(path).pid == os.getpid()


def test_a_process_with_a_used_number_is_not_the_holder(path: Path) -> None:
    with Lock(path, "e"):
        held = json.loads(path.read_text())
    path.write_text(json.dumps(held | {"started": "1.00"}))
    assert holder_of(path) is None
    with Lock(path, "e"):
        pass


@pytest.mark.parametrize(("seconds_ago", "lives"), [(5, True), (locks.STALE_S + 30, False)])
def test_of_another_computer_the_last_touch_counts(path: Path, seconds_ago: float, lives: bool) -> None:
    elsewhere(path, seconds_ago)
    assert (holder_of(path) is not None) == lives
    if lives:
        with pytest.raises(StoreError, match="ann on node7, process 17"), Lock(path, "e"):
            pass
    else:
        with Lock(path, "e"):
            assert holder_of(path).pid == os.getpid()


def test_a_lock_that_is_held_stays_fresh(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "TOUCHED_S", 0.02)
    with Lock(path, "e"):
        os.utime(path, (1.0, 1.0))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 2


def test_of_many_who_find_a_dead_lock_one_gets_it(path: Path) -> None:
    elsewhere(path, locks.STALE_S + 30)
    got: list[str] = []
    start, done = threading.Barrier(8), threading.Barrier(8)

    def take(number: int) -> None:
        start.wait()
        try:
            with Lock(path, "e"):
                got.append(f"{number}")
                done.wait()
        except StoreError:
            done.wait()

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), Lock(tmp_path / "file" / "e.json", "e"):
        pass


def test_an_unreadable_lock_is_not_taken_from_anybody(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(StoreError, match="unknown process"), Lock(path, "e"):
        pass
    assert path.read_text() == "{"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_clock_that_is_set_changes_no_holder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil._pslinux

    with Lock(path, "experiment e"):
        boot = psutil._pslinux.boot_time()
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot - 3600)
        assert holder_of(path) is not None
        with pytest.raises(StoreError), Lock(path, "experiment e"):
            pass
