"""The end of a search whose Ray was ended, too: systemd and Slurm send SIGTERM to all processes of a job."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from nerbb_ray.interruption import TERMINATED, Termination

log = logging.getLogger(__name__)

OFTEN_S, PATIENCE_S = 0.5, 3.0  # looked at, and how long Tune may take to notice it by itself


@contextmanager
def ending_without_ray(ray_lives: Callable[[], bool], end: Callable[[], None]) -> Iterator[None]:
    """While the context lasts: if SIGTERM has ended Ray with this process, write down what there is, and exit with 143.

    Tune would wait a minute for Ray, whose library then ends the process without a word.

    Args:
        ray_lives: whether Ray's own processes, which this one has started, are all there.
        end: tells everybody who listens to the trials that the search is over.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(OFTEN_S):
            if Termination.asked and not ray_lives() and not done.wait(PATIENCE_S):
                _exit_after(end)

    threading.Thread(target=watch, name="nerbb-lost-ray", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _exit_after(end: Callable[[], None]) -> NoReturn:
    log.warning("SIGTERM has ended Ray, too: the search ends without it")
    try:
        end()
    finally:
        print("terminated, and Ray with it; go on with the same command", file=sys.stderr, flush=True)
        os._exit(TERMINATED)  # the main thread waits for Ray
