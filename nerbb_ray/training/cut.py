"""How a trial is asked to end after its epoch: by a file, since it may run in other processes, on another machine."""

from pathlib import Path

CUT = "cut"  # beside the states of the trial


def ask_to_end(states: Path, reason: str) -> None:
    """Ask a trial to end.

    Args:
        states: folder of its states.
    """
    states.mkdir(parents=True, exist_ok=True)
    unfinished = states / f"{CUT}.unfinished"
    unfinished.write_text(reason, encoding="utf-8")
    unfinished.replace(states / CUT)


def asked_to_end(states: Path | None) -> str:
    """The reason why a trial was asked to end; empty if it was not."""
    if states is None or not (states / CUT).is_file():
        return ""
    return (states / CUT).read_text(encoding="utf-8") or CUT
