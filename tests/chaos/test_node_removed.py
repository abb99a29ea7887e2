"""A computer of the cluster is switched off in the middle of an experiment, which finishes complete all the same.

In a process of its own: the cluster of three simulated nodes must not meet the Ray of other tests.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nerbb_ray.paths import StorePaths

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

PROGRAM = '''
import json, re, sys, threading, time
from pathlib import Path
import psutil
import ray
from ray.cluster_utils import Cluster
from nerbb_ray.config.ini import read_ini
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.tune.run_tuner import run_experiment

store, file, workers = StorePaths(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": workers > 1})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
removed = []

def trains(node, logs):
    """Whether a process that trains was started by the raylet of a node: the node may also be idle."""
    raylet = node.all_processes["raylet"][0].process.pid
    numbers = [int(number) for log in logs for number in re.findall(r"process (\\d+)", log)]
    return any(raylet in [one.pid for one in psutil.Process(pid).parents()] for pid in numbers)

def remove_one():
    """As soon as every trial that runs has ended an epoch."""
    while not removed:
        logs = [path.read_text() for path in store.logs("exp").glob("run*.log")]
        if len(logs) * workers >= 2 and all("epoch 1 " in log for log in logs):
            cluster.remove_node(next(node for node in nodes if trains(node, logs)), allow_graceful=False)
            removed.append(time.monotonic())
        time.sleep(0.1)

threading.Thread(target=remove_one, daemon=True).start()
options = RunOptions(quiet=True, address=cluster.address, resources=(("num_workers", workers),))
result = run_experiment(read_ini(file), store, options)
log = "".join(path.read_text() for path in store.logs("exp").glob("run*.log"))
print(json.dumps({
    "trials": {trial.name: trial.status for trial in result.trials},
    "removed": len(removed),
    "went on": log.count("goes on after"),
}))
ray.shutdown()
cluster.shutdown()
'''


@pytest.mark.parametrize("workers", [1, 2])
def test_experiment_finishes_on_the_nodes_that_are_left(
    workers: int, tmp_path: Path, tiny_dataset: Path, tiny_model: Path
) -> None:
    store = StorePaths(tmp_path / "store")
    store.create()
    (store.pretrained_models / "tiny-bert").symlink_to(tiny_model)
    data = store.datasets / "tiny"
    data.mkdir()
    for split in ("train", "val", "test"):
        text = (tiny_dataset / f"{split}.jsonl").read_text()
        (data / f"{split}.jsonl").write_text(text * (75 if split == "train" else 1))
    store.config("exp").write_text(
        "[dataset]\ndataset_name = tiny\n[model]\npretrained_model_name = tiny-bert\n[settings]\nmultiple_runs = 2\n"
        "[hparams]\nmax_seq_length = 32\nbatch_size = 8\nmax_epochs = 8\nearly_stopping = False\n"
        "[runA]\nlr_max = 3e-4\n[runB]\nlr_max = 1e-4\n"
    )
    program = [sys.executable, "-c", PROGRAM, store.root, store.config("exp"), str(workers)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["trials"] == dict.fromkeys(("runA-43", "runA-44", "runB-43", "runB-44"), "ok")
    assert outcome["removed"] == 1
    assert outcome["went on"] >= 1, "a trial of the lost node went on from its state"
