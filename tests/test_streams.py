"""Closed standard streams, readers that leave and full disks: the work is done, and the exit status tells of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.store import StorePaths

NERBB = [sys.executable, "-m", "nerbb_ray.cli"]
TUNE = [sys.executable, "-m", "nerbb_ray.tune"]
LINES = ["show_schedule", "exp", "--losses", "1"]  # a command that only prints


@pytest.fixture
def printing(store: StorePaths, experiment: Callable[..., Path]) -> list[str]:
    """The command line of something that prints some lines."""
    store.config("exp").write_text(experiment().read_text())
    return [*NERBB, *LINES, "--store", str(store.root)]


def shell(command: list[str], redirect: str) -> subprocess.CompletedProcess[str]:
    """Run by a shell, which can close what no pipe of Python's can."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirect}', "sh", *command], capture_output=True, text=True, check=False, timeout=240
    )


def unread(command: list[str], *streams: str) -> subprocess.CompletedProcess[str]:
    """Run with pipes that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | dict.fromkeys(streams, write)
    done = subprocess.run(command, text=True, check=False, timeout=240, **given)  # type: ignore[call-overload]
    os.close(write)
    return done


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(printing: list[str], redirect: str) -> None:
    done = shell(printing, redirect)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (">&-" not in redirect.replace("2>&-", ""))


@pytest.mark.parametrize("redirect", [">&-", "<&- >&- 2>&-"])
def test_mistake_has_status_2_with_closed_streams(store: StorePaths, redirect: str) -> None:
    done = shell([*NERBB, "show_experiment_config", "nosuch", "--store", str(store.root)], redirect)
    assert done.returncode == 2
    assert done.stdout == ""  # nothing of the message gets into the output
    assert ("nosuch" in done.stderr) == ("2>&-" not in redirect)


@pytest.mark.parametrize("command", [[*NERBB, "--help"], [*TUNE, "--help"]])
def test_help_with_closed_streams(command: list[str]) -> None:
    done = shell(command, "<&- >&- 2>&-")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", [[*NERBB, "--help"], [*TUNE, "--help"]])
def test_help_that_nobody_reads(command: list[str]) -> None:
    done = unread(command, "stdout")
    assert (done.returncode, done.stderr) == (141, "")


def test_mistake_that_nobody_reads_has_status_2(store: StorePaths) -> None:
    command = [*NERBB, "show_experiment_config", "nosuch", "--store", str(store.root)]
    assert unread(command, "stderr").returncode == 2
    assert unread(command, "stdout", "stderr").returncode == 2


def test_dry_run_whose_reader_leaves(store: StorePaths, experiment: Callable[..., Path]) -> None:
    done = unread([*TUNE, str(experiment()), "--store", str(store.root), "--dry-run"], "stdout")
    assert (done.returncode, done.stderr) == (141, "")  # rich by itself would say 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_is_said_without_a_traceback(printing: list[str]) -> None:
    done = shell(printing, ">/dev/full")
    assert (done.returncode, done.stderr) == (2, "error: standard output: No space left on device\n")


def test_closed_output_never_lands_in_a_file_that_is_opened_later(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from nerbb_ray.streams import standard_streams\n"
        "with standard_streams():\n"
        "    file = open(sys.argv[1], 'w')\n"
        "    print('printed'); os.write(1, b'by a library'); print('said', file=sys.stderr)\n"
        "    os.system('echo by a child; echo by a child >&2')\n"
        "    file.write('mine'); file.close()\n"
    )
    assert shell([sys.executable, "-c", code, str(tmp_path / "file")], "<&- >&- 2>&-").returncode == 0
    assert (tmp_path / "file").read_text() == "mine"


def test_streams_that_a_program_has_replaced_stay(capsys: pytest.CaptureFixture[str]) -> None:
    from nerbb_ray.streams import standard_streams

    before = sys.stdout
    with standard_streams():
        assert sys.stdout is before
        print("heard")
    assert capsys.readouterr().out == "heard\n"


@pytest.mark.ray
@pytest.mark.parametrize("redirect", ["<&- >&-", "2>&-"])  # and what is not closed is not read
@pytest.mark.slow
def test_experiment_goes_on_without_a_reader(store: StorePaths, experiment: Callable[..., Path], redirect: str) -> None:
    command = [*TUNE, str(experiment(seeds=1, runs=1)), "--store", str(store.root)]
    done = unread(["sh", "-c", f'exec "$@" {redirect}', "sh", *command], "stdout", "stderr")
    assert done.returncode == 0
    assert [trial.status for trial in results_of(store, "exp").trials] == ["ok"]


def test_json_is_whole_when_standard_error_is_closed(store: StorePaths, experiment: Callable[..., Path]) -> None:
    done = shell([*TUNE, str(experiment()), "--store", str(store.root), "--dry-run", "--json"], "2>&-")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["trials"]) == 4
