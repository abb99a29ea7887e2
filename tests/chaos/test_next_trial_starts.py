"""A trial with two workers frees its places when it ends: the next one starts within seconds, dashboard or not.

In a process of its own: its Ray is another one than that of the other tests.
"""

import itertools
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from nerbb_ray.paths import StorePaths

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]
WITHIN_S = 60  # two processes start and import torch; on a busy machine, twice what the first trial needed to start

PROGRAM = """
import json, sys
from pathlib import Path
from nerbb_ray.config.ini import read_ini
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.tune.ray_session import ray_session
from nerbb_ray.tune.run_tuner import run_experiment

store, file, dashboard = StorePaths(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3] == "True"
with ray_session(num_cpus=2, dashboard=dashboard):
    result = run_experiment(read_ini(file), store, RunOptions(quiet=True))
print(json.dumps({trial.name: trial.reason for trial in result.trials if trial.ok}))
"""


@pytest.mark.parametrize("dashboard", [True, False])
def test_after_a_trial_that_was_stopped_the_next_one_starts(
    dashboard: bool, tmp_path: Path, tiny_dataset: Path, tiny_model: Path
) -> None:
    store = StorePaths(tmp_path / "store")
    store.create()
    (store.datasets / "tiny").symlink_to(tiny_dataset)
    (store.pretrained_models / "tiny-bert").symlink_to(tiny_model)
    store.config("exp").write_text(
        "[dataset]\ndataset_name = tiny\n[model]\npretrained_model_name = tiny-bert\n[settings]\nmultiple_runs = 3\n"
        "[resources]\nnum_workers = 2\n[hparams]\nmax_seq_length = 32\nlr_max = 1e-30\nlr_cooldown_epochs = 0\n"
    )
    program = [sys.executable, "-c", PROGRAM, store.root, store.config("exp"), str(dashboard)]
    begun = datetime.now()
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # stopped by the rule, long before max_epochs
    reasons = json.loads(done.stdout.splitlines()[-1])
    assert reasons == dict.fromkeys(("runA-43", "runA-44", "runA-45"), "no improvement")
    logs = sorted((times(path) for path in store.logs("exp").glob("runA-??.log")), key=lambda log: log[0])
    pauses = [(following[0] - log[-1]).total_seconds() for log, following in itertools.pairwise(logs)]
    assert len(pauses) == 2
    first = (logs[0][0] - begun).total_seconds()
    assert all(0 <= pause < max(WITHIN_S, 2 * first) for pause in pauses), (first, pauses)


def times(log: Path) -> list[datetime]:
    """Of the first and the last line."""
    lines = [line for line in log.read_text().splitlines() if line[:2] == "20"]
    return [datetime.strptime(line[:19], "%Y-%m-%d %H:%M:%S") for line in (lines[0], lines[-1])]
