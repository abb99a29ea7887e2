"""What a trial is asked: to end after its epoch, or to save its state at once.

By files beside its states, since it may run in other processes, on another machine.
"""

from pathlib import Path

from nerbb_ray import atomic

CUT, SAVE = "cut", "save"


def ask_to_end(states: Path, reason: str) -> None:
    """Ask a trial to end.

    Args:
        states: folder of its states.
    """
    atomic.write_text(states / CUT, reason)


def asked_to_end(states: Path | None) -> str:
    """The reason why a trial was asked to end; empty if it was not."""
    if states is None or not (states / CUT).is_file():
        return ""
    return (states / CUT).read_text(encoding="utf-8") or CUT


def ask_to_save(states: Path) -> None:
    """Ask a trial to save its state after its step; the request is gone when it has done so."""
    atomic.write_text(states / SAVE, "")


def asked_to_save(states: Path) -> bool:
    """Whether a trial was asked, and has not done so yet."""
    return (states / SAVE).exists()


def saved(states: Path) -> None:
    """A trial has done what it was asked."""
    (states / SAVE).unlink(missing_ok=True)


def withdraw(states: Path) -> None:
    """What an earlier attempt was asked does not hold for the next one."""
    for name in (CUT, SAVE):
        (states / name).unlink(missing_ok=True)
