"""A search whose Ray was ended together with it ends by itself."""

import subprocess
import sys
import time
from pathlib import Path

from nerbb_ray.interruption import TERMINATED

SEARCH = """
import sys, time
from pathlib import Path
from nerbb_ray.interruption import Termination
from nerbb_ray.tune import lost_ray
lost_ray.OFTEN_S = lost_ray.PATIENCE_S = 0.1
lives, asked, told = sys.argv[1] == "True", sys.argv[2] == "True", Path(sys.argv[3])
with lost_ray.ending_without_ray(lambda: lives, lambda: told.write_text("told")):
    Termination.asked = asked
    time.sleep(1.5 if lives or not asked else 60)
print("on")
"""


def test_the_end_is_told_and_the_process_ends_as_one_that_was_terminated(tmp_path: Path) -> None:
    cases = {(lives, asked): tmp_path / f"{lives}{asked}" for lives in (True, False) for asked in (True, False)}
    begun = time.monotonic()
    running = {
        case: subprocess.Popen(
            [sys.executable, "-c", SEARCH, *map(str, case), str(told)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for case, told in cases.items()
    }
    for case, process in running.items():
        out, err = process.communicate(timeout=50)
        if case == (False, True):
            assert process.returncode == TERMINATED
            assert "terminated, and Ray with it; go on with the same command" in err
            assert cases[case].read_text() == "told"
        else:
            assert (process.returncode, out) == (0, "on\n"), err
            assert not cases[case].exists()
    assert time.monotonic() - begun < 50, "it has not waited for the main thread"
