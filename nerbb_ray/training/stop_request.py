"""How a trial is asked to end after its epoch: by a file, since it may run in other processes, on another machine."""

from pathlib import Path

from nerbb_ray import atomic

CUT = "cut"  # beside the states of the trial


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


def withdraw(states: Path) -> None:
    """What an earlier attempt was asked does not hold for the next one."""
    (states / CUT).unlink(missing_ok=True)
