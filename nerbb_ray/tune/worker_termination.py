"""SIGTERM to a worker process, of a spot notice or an eviction: a trial saves its state at once, then the process ends.

Python's own handlers have to wait until the main thread runs Python code, which that of a Ray worker may never do. The
system call that tells of a signal (`signal.set_wakeup_fd`) does not.
"""

import logging
import os
import signal
import threading

GRACE_S = 25.0  # for the state of a running trial; Kubernetes and most clouds wait 30 s before they kill
STATUS = 128 + signal.SIGTERM

log = logging.getLogger(__name__)

_listening = threading.Event()
_asked = threading.Event()
_busy = threading.Event()


def listen() -> None:
    """Take SIGTERM for this process, of which Ray has taken it before. Only the main thread can do so."""
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, lambda *_: None)
    if _listening.is_set():
        return
    _listening.set()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading,), name="nerbb-termination", daemon=True).start()


def asked() -> bool:
    """Whether this process is to end."""
    return _asked.is_set()


def trial_begins() -> None:
    """From now on, a trial has something to save."""
    _busy.set()


def trial_ends() -> None:
    """There is nothing to save any more."""
    _busy.clear()
    if _asked.is_set():
        end()


def end() -> None:
    """End this process; Tune starts its trial again elsewhere."""
    logging.shutdown()
    os._exit(STATUS)


def _wait(reading: int) -> None:
    while signal.SIGTERM not in os.read(reading, 64):
        pass
    if not _busy.is_set():
        end()
    _asked.set()
    log.warning("this process is to end: the trial saves its state after its step")
    threading.Event().wait(GRACE_S)
    end()
