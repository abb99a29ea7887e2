"""configs/slurm.sbatch: what Slurm is asked for, and what becomes of the job; stand-ins note what they were told."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the nodes of a Slurm cluster run Linux")

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "configs/slurm.sbatch"

# Ray's part is played by a task that runs what follows --, as Ray does on the first node
STAND_INS = {
    "scontrol": """
case $1 in
show) printf '%s\\n' node1 node2 ;;
*) echo "scontrol $*" >>"$NOTES" ;;
esac
""",
    "srun": """
while [[ $1 == --* ]]; do shift; done
export SLURM_NODEID=0
exec "$@"
""",
    "getent": "echo '10.0.0.1 STREAM node1'\n",
    "ray": """
if [ "$1" = get-auth-token ]; then echo secret && exit; fi
echo "ray $*" >>"$NOTES"
if [ -n "${NODES_MISSING:-}" ]; then echo running >>"$NOTES" && exec sleep 60; fi
while [ "$1" != -- ]; do shift; done
shift
"$@"
""",
    "python": """
echo "python $*" >>"$NOTES"
echo "token $RAY_AUTH_TOKEN" >>"$NOTES"
trap 'echo saved >>"$NOTES"; exit "${AFTER_SIGNAL:-143}"' TERM
if [ -n "${STATUS:-}" ]; then exit "$STATUS"; fi
echo running >>"$NOTES"
while sleep 0.1; do :; done
""",
}


class Job:
    """The script as Slurm starts it: in the background, with its variables, and signals for the script alone."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.notes_file = folder / "notes"
        self.notes_file.touch()
        (folder / ".venv/bin").mkdir(parents=True, exist_ok=True)
        for name, text in STAND_INS.items():
            (folder / ".venv/bin" / name).write_text(f"#!/usr/bin/env bash\n{text}")
            (folder / ".venv/bin" / name).chmod(0o755)
        given = {
            "NOTES": str(self.notes_file),
            "SLURM_SUBMIT_DIR": str(folder),
            "SLURM_JOB_ID": f"test-{os.getpid()}",
            "SLURM_JOB_NODELIST": "node[1-2]",
            "SLURM_CPUS_PER_TASK": "4",
        }
        self.process = subprocess.Popen(
            ["bash", str(SCRIPT), *arguments], env=os.environ | given | variables, stdout=subprocess.PIPE, text=True
        )

    def notes(self) -> list[str]:
        return self.notes_file.read_text().splitlines()

    def signal_when_running(self) -> None:
        deadline = time.monotonic() + 60
        while "running" not in self.notes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.process.send_signal(signal.SIGUSR1)

    def end(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode

    @property
    def requeued(self) -> bool:
        return f"scontrol requeue test-{os.getpid()}" in self.notes()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert not Path(f"/tmp/nerbb-test-{os.getpid()}").exists()


def test_ray_starts_everywhere_and_the_search_gets_its_arguments(tmp_path: Path) -> None:
    job = Job(tmp_path, "exp.ini", "--max-concurrent-trials", "2", STATUS="0")
    assert job.end() == 0
    ray, search, token = job.notes()
    assert ray.startswith("ray symmetric-run --address 10.0.0.1:6379 --min-nodes 2 --num-cpus 4 -- ")
    assert search == "python -m nerbb_ray.tune exp.ini --max-concurrent-trials 2 --address 10.0.0.1:6379"
    assert token == "token secret"


def test_before_the_time_limit_the_search_saves_and_the_job_goes_back_into_the_queue(tmp_path: Path) -> None:
    job = Job(tmp_path, "exp.ini")
    job.signal_when_running()
    assert job.end() == 143
    assert "saved" in job.notes()
    assert job.requeued


def test_without_a_search_yet_nothing_waits_for_it(tmp_path: Path) -> None:
    job = Job(tmp_path, "exp.ini", NODES_MISSING="yes")
    job.signal_when_running()
    assert job.end() == 143
    assert job.requeued


@pytest.mark.parametrize("status", [0, 1, 2, 130, 143])
def test_search_that_ends_by_itself_is_not_put_back(tmp_path: Path, status: int) -> None:
    """143 without a signal of Slurm's: the job was cancelled."""
    job = Job(tmp_path, "exp.ini", STATUS=str(status))
    assert job.end() == status
    assert not job.requeued


@pytest.mark.parametrize("status", [0, 1])
def test_search_that_is_just_over_is_not_put_back(tmp_path: Path, status: int) -> None:
    job = Job(tmp_path, "exp.ini", AFTER_SIGNAL=str(status))
    job.signal_when_running()
    assert job.end() == status
    assert not job.requeued


def test_job_that_gets_nowhere_ends_some_day(tmp_path: Path) -> None:
    (limit,) = re.findall(r"^MAX_REQUEUES=(\d+)", SCRIPT.read_text(), re.MULTILINE)
    job = Job(tmp_path, "exp.ini", SLURM_RESTART_COUNT=limit)
    job.signal_when_running()
    assert job.end() == 143
    assert not job.requeued


def directives() -> dict[str, str]:
    found = [line.partition(" ")[2] for line in SCRIPT.read_text().splitlines() if line.startswith("#SBATCH")]
    return {name: value for name, _, value in (option.removeprefix("--").partition("=") for option in found)}


def test_slurm_is_asked_for_whole_nodes_a_signal_and_the_requeue() -> None:
    asked = directives()
    assert asked.keys() >= {"exclusive", "requeue", "signal", "time", "nodes", "cpus-per-task", "ntasks-per-node"}
    assert asked["ntasks-per-node"] == "1"
    # a restarted job writes to the same file
    assert asked["open-mode"] == "append"
    target, _, seconds = asked["signal"].partition("@")
    assert target == "B:USR1"
    (used,) = re.findall(r"^SECONDS_TO_SAVE=(\d+)", SCRIPT.read_text(), re.MULTILINE)
    assert int(used) + 60 <= int(seconds)


def test_slurm_reads_no_comment_as_an_option() -> None:
    lines = SCRIPT.read_text().splitlines()
    first_command = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert all(n < first_command for n, line in enumerate(lines) if line.startswith("#SBATCH"))
    assert [line for line in lines if line.startswith("#SBATCH") and len(shlex.split(line[1:])) != 2] == []


def test_ray_knows_its_options() -> None:
    from ray.scripts.scripts import cli
    from ray.scripts.symmetric_run import curate_and_validate_ray_start_args

    (command,) = re.findall(r"ray symmetric-run (.*) -- ", SCRIPT.read_text())
    rest = curate_and_validate_ray_start_args(shlex.split(re.sub(r'"\$[^"]*"', "3", command)))
    assert rest == ["--num-cpus", "3"]
    cli.commands["start"].make_context("start", ["--head", *rest])
    assert "symmetric-run" in cli.commands
