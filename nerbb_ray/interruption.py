"""Ctrl-C and SIGTERM end a search politely: results are kept, MLflow knows, and the process can be started again.

Tune ends by itself on SIGINT. SIGTERM, which Slurm, Kubernetes and spot instances send before they kill, is handed on
as one. Afterwards the process has the handlers that it had before: Ray and Tune leave some of their own behind.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM  # exit status
OURS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else []))


class Termination:
    """Whether the last search of this process was ended by SIGTERM, and what is to be done before it ends."""

    asked = False
    first: Callable[[], None] | None = None


@contextmanager
def before_termination(action: Callable[[], None]) -> Iterator[None]:
    """What SIGTERM does first, while the context lasts."""
    Termination.first = action
    try:
        yield
    finally:
        Termination.first = None


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is Ctrl-C while the context lasts; afterwards, all signals do again what they did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in OURS}
    Termination.asked = False
    catch_termination()
    try:
        yield
    finally:
        for number, handler in before.items():
            # set in any case: Python does not know of the handlers that Ray's core installs
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def catch_termination() -> None:
    """Take SIGTERM for ourselves: once more after Ray was started, which takes it, prints its stack, and ends us."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _as_interrupt)


def status_of_interruption() -> int:
    """The exit status of a process whose search was interrupted: 130 after Ctrl-C, 143 after SIGTERM."""
    return TERMINATED if Termination.asked else INTERRUPTED


def _as_interrupt(_number: int, frame: FrameType | None) -> None:
    Termination.asked = True
    if Termination.first is not None:
        Termination.first()
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # a process in the background of a shell ignores Ctrl-C, but not this
        raise KeyboardInterrupt
