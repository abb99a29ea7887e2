"""The files for machines over ssh, for Slurm and, in part, for Kubernetes, run on three simulated hosts."""

import subprocess
import sys
from pathlib import Path

import pytest

SKIPPED = 77


@pytest.mark.cluster
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("script", ["run_local_cluster.sh", "run_slurm.sh", "run_eviction.sh"])
def test_experiments_run_on_three_hosts_and_nothing_is_left(root: Path, script: str) -> None:
    """Over ssh: two ways to submit. On Slurm: the signal before the time limit, the requeue, and what goes on then.
    As on Kubernetes: a worker that is taken away saves its trial, which goes on elsewhere."""
    command = ["env", f"PYTHON={sys.executable}", "bash", str(root / "tests/cluster" / script)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all checks passed" in done.stdout
