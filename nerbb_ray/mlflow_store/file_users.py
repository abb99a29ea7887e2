"""Which other processes use a file, as far as this computer shows them to this user."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from nerbb_ray.logs import without_password

LOCKS = Path("/proc/locks")  # of Linux: one line each, "1: POSIX  ADVISORY  WRITE 17 08:01:42 0 EOF"
SHOWN = 120  # characters of a command line


@dataclass(frozen=True, slots=True)
class FileUser:
    """A process that has a file open.

    Args:
        command: its command line, cut.
        writes: whether it has a part of the file locked to write.
    """

    pid: int
    command: str
    writes: bool

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def file_users(path: Path) -> tuple[FileUser, ...]:
    """The other processes that have a file open; those first that have it locked to write."""
    identity = _identity(str(path))
    if identity is None:
        return ()
    writers = set(_writers(identity[1]))
    users = [FileUser(one.pid, _command(one), one.pid in writers) for one in _processes_with(identity)]
    return tuple(sorted(users, key=lambda user: (not user.writes, user.pid)))


def _writers(inode: int) -> Iterator[int]:
    try:
        lines = LOCKS.read_text(encoding="utf-8").splitlines()
    except OSError:  # another system, or a container that hides it
        return
    for line in lines:
        words = line.split()
        # a line "1: -> POSIX ..." is of a process that waits for the lock
        if len(words) > 5 and words[3] == "WRITE" and words[5].rpartition(":")[2] == str(inode):
            yield int(words[4])


def _processes_with(identity: tuple[int, int]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            opened = () if process.pid == os.getpid() else process.open_files()
            if any(_identity(file.path) == identity for file in opened):
                yield process
        except (psutil.Error, OSError):  # of another user, or it ended while it was looked at
            continue


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # thousands of files: without an object for each
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _command(process: psutil.Process) -> str:
    try:
        line = without_password(" ".join(process.cmdline())) or process.name()
    except psutil.Error:
        return "its command line cannot be read"
    # a line break in it (python -c) would break the message
    return " ".join(line.split())[:SHOWN]
