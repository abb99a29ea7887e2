"""A process that goes on to the next trial does not hold on to the memory of the last."""

import subprocess
import sys

import pytest

MEASURE = """
import gc
import numpy as np
from nerbb_ray.tune.run_job import give_back_memory

def resident():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))

before = resident()
# of 64 kB, which come from the heap; a few stay, spread over all of it
blocks = [np.ones(2**13) for _ in range(4000)]
kept = blocks[::100]
del blocks
gc.collect()
freed = resident() - before
give_back_memory()
print(freed, resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    freed, given_back = map(float, done.stdout.split())
    if freed < 100:
        pytest.skip("this C library gives freed memory back by itself")
    assert given_back < 50
