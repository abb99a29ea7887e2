"""The cluster file for machines over ssh, run for real on three simulated hosts."""

import subprocess
import sys
from pathlib import Path

import pytest

SKIPPED = 77


@pytest.mark.cluster
@pytest.mark.timeout(1800)
def test_a_cluster_of_three_hosts_comes_up_runs_experiments_and_leaves_nothing(root: Path) -> None:
    script = [str(root / "tests/cluster/run_local_cluster.sh")]
    done = subprocess.run(["env", f"PYTHON={sys.executable}", *script], capture_output=True, text=True)
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all checks passed" in done.stdout
