"""Workers and the driver of an experiment are killed at random until it finishes: its table is that of a calm run.

The work is scaled by epochs that are measured first, so that there is enough to kill on any machine. `pytest -m chaos
-s tests/chaos` shows every kill. Another seed: CHAOS_SEED=7.
"""

import contextlib
import json
import math
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.paths import StorePaths

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(2400)]
CHAOTIC_S = 150  # how long processes are killed, and what a calm run takes; what is left may finish in peace
TRIALS, EPOCHS = 6, 8
MEASURED = 10  # times the tiny data, for the run that is measured
STARTS = 40
EXPERIMENT = """
[dataset]
dataset_name = tiny
[model]
pretrained_model_name = tiny-bert
[settings]
multiple_runs = 3
precision = fp32
save_minutes = 0.02
[resources]
{resources}
[hparams]
max_seq_length = 32
batch_size = 8
lr_warmup_epochs = 1
max_epochs = 8
early_stopping = False
[runA]
lr_max = 3e-4
[runB]
lr_max = 1e-4
"""


@pytest.fixture
def store(tmp_path: Path, tiny_dataset: Path, tiny_model: Path) -> StorePaths:
    """A store with the tiny data set and the tiny model."""
    paths = StorePaths(tmp_path / "store")
    paths.create()
    shutil.copytree(tiny_dataset, paths.datasets / "tiny")
    (paths.pretrained_models / "tiny-bert").symlink_to(tiny_model)
    return paths


class Run:
    """`python -m nerbb_ray.tune` on an experiment, as often as it takes."""

    def __init__(self, name: str, store: StorePaths, resources: str, seeds: int = 3) -> None:
        self.name, self.store = name, store
        self.file = store.config(name)
        self.file.write_text(EXPERIMENT.format(resources=resources).replace("runs = 3", f"runs = {seeds}"))
        self.process = self.start()
        self.came_to_trials = False  # since its driver was killed last

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "nerbb_ray.tune", self.file, "--store", self.store.root, "--quiet"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})

    def workers(self) -> list[int]:
        """Living processes that train."""
        logs = (path.read_text() for path in self.store.logs(self.name).glob("run*.log"))
        numbers = {int(number) for log in logs for number in re.findall(r"process (\d+)", log)[-1:]}
        alive = {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}
        return sorted(numbers & alive)

    def table(self) -> dict[str, dict]:
        result = load_result(self.store.tracking_uri, self.name)
        return {
            trial.name: {"status": trial.status, "epochs": trial.epochs, **trial.metrics} for trial in result.trials
        }


def kill(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def epoch_s(run: Run) -> float:
    """What an epoch takes, by the logs of a run."""
    logs = "".join(path.read_text() for path in run.store.logs(run.name).glob("run*-*.log"))
    return statistics.median(float(seconds) for seconds in re.findall(r"epoch [1-9] trained: .* in ([\d.]+) s", logs))


@pytest.mark.parametrize(
    ("resources", "at_a_time"), [("", 2), ("num_workers = 2", 1)], ids=["one worker", "two workers"]
)
def test_whatever_is_killed_the_table_is_the_same(store: StorePaths, resources: str, at_a_time: int) -> None:
    train = store.datasets / "tiny" / "train.jsonl"
    tiny = train.read_text()
    train.write_text(tiny * MEASURED)
    measured = Run("measured", store, resources, seeds=1)
    assert measured.process.wait() == 0
    wanted = CHAOTIC_S * min(at_a_time, os.cpu_count() or 1) / (TRIALS * EPOCHS)
    train.write_text(tiny * math.ceil(MEASURED * wanted / epoch_s(measured)))
    print(f"an epoch of {MEASURED} times the data takes {epoch_s(measured):.2f} s, and is to take {wanted:.2f} s")
    dice = random.Random(int(os.environ.get("CHAOS_SEED", "1")))
    calm = Run("calm", store, resources)
    assert calm.process.wait() == 0

    wild = Run("wild", store, resources)
    begun, starts, deaths = time.monotonic(), 1, {"worker": 0, "driver": 0}
    while True:
        try:
            status = wild.process.wait(timeout=dice.uniform(4, 14))
        except subprocess.TimeoutExpired:
            if time.monotonic() - begun < CHAOTIC_S or min(deaths.values()) < 2:
                _kill_something(wild, dice, deaths, begun)
            continue
        if status == 0:
            break
        starts += 1
        assert starts < STARTS, "it never finishes"
        wild.process = wild.start()
    print(f"{deaths['worker']} workers and {deaths['driver']} drivers killed; {starts} starts")
    assert min(deaths.values()) > 1
    assert json.dumps(wild.table(), sort_keys=True) == json.dumps(calm.table(), sort_keys=True)
    assert not list(store.ray("wild").glob("states/*")), "nothing is left of the states"


def _kill_something(run: Run, dice: random.Random, deaths: dict[str, int], begun: float) -> None:
    workers = run.workers()
    run.came_to_trials |= bool(workers)
    if not run.came_to_trials or (not workers and dice.random() < 0.8):
        return  # while it starts, or between two trials, it may die, too, but has to come to its trials now and then
    what = "worker" if workers and dice.random() < 0.6 else "driver"
    number = dice.choice(workers) if what == "worker" else run.process.pid
    # one of three may die again while it starts
    run.came_to_trials = what == "worker" or dice.random() < 0.3
    deaths[what] += 1
    how = dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
    print(f"{time.monotonic() - begun:6.1f} s: {how.name} {what} {number}")
    kill(number, how)
