"""Records in a file, so that they outlive the process that could not deliver them.

One JSON line for every record that was put, `{"put": 3, "record": {...}}`, and one when it is done, `{"done": 3}`.
Lines are only ever appended: a process that is killed leaves at most its last line incomplete, and nothing before it is
touched. Nothing is forced through to the disk, so that a power cut may cost the last seconds. When nothing waits any
more, the file is emptied; there is none as long as all is well.

A process that uses the file has it locked until it ends, however it ends.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

Record = TypeVar("Record")

NAME = "events.jsonl"


class Spool(Generic[Record]):
    """A file of records that wait, in a folder of its own. Every method may raise OSError.

    Args:
        folder: is made with the first record.
        encode, decode: from a record to a JSON value and back.
    """

    def __init__(self, folder: Path, encode: Callable[[Record], Any], decode: Callable[[Any], Record]) -> None:
        self.path = folder / NAME
        self._encode, self._decode = encode, decode
        self._file: FileIO | None = None
        self._next = 0
        self._torn = False  # the last line has no end

    def is_in_use(self) -> bool:
        """Whether another process has it, so that what waits there is left to it."""
        try:
            self._open_locked().close()
        except BlockingIOError:
            return True
        except OSError:  # whoever loads it is told
            return False
        return False

    def load(self) -> list[tuple[int, Record]]:
        """What an earlier process left, by number, in its order. Lines that cannot be read are named in the log.

        Raises:
            BlockingIOError: another process uses the file.
        """
        if not self.path.exists():
            return []
        self._file = self._open_locked()
        self._file.seek(0)
        data = self._file.readall() or b""
        self._torn = bool(data) and not data.endswith(b"\n")
        waiting: dict[int, Record] = {}
        for number, line in enumerate(data.splitlines(), start=1):
            if line.strip():
                self._read(line, number, waiting)
        if not waiting:
            self.clear()
        return list(waiting.items())

    def append(self, record: Record) -> int:
        """Write a record.

        Returns:
            Its number, for `done`.
        """
        value = {"put": self._next, "record": self._encode(record)}
        self._write(value)
        self._next += 1
        return self._next - 1

    def done(self, number: int) -> None:
        """A record need not wait any more."""
        if self._file is not None:
            self._write({"done": number})

    def clear(self) -> None:
        """Nothing waits any more."""
        if self._file is not None:
            os.ftruncate(self._file.fileno(), 0)
            self._torn = False

    def close(self) -> None:
        """Let other processes use the file; an empty one is removed."""
        if self._file is None:
            return
        if os.fstat(self._file.fileno()).st_size == 0:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # something else is in the folder: then it stays
                self.path.parent.rmdir()
        self._file.close()
        self._file = None

    def _read(self, line: bytes, number: int, waiting: dict[int, Record]) -> None:
        try:
            value = json.loads(line)
            if "done" in value:
                waiting.pop(value["done"], None)
                return
            waiting[value["put"]] = self._decode(value["record"])
            self._next = max(self._next, value["put"] + 1)
        except Exception as error:  # whatever a line of another version, or half of one, makes of itself
            message = "%s:%d cannot be read and is skipped (a process that was killed may leave half a line): %r"
            log.warning(message, self.path, number, error)

    def _write(self, value: Any) -> None:
        # ASCII with escapes: also text that is no valid unicode, as paths may be, comes back as it was
        line = (b"\n" if self._torn else b"") + json.dumps(value, ensure_ascii=True).encode("ascii") + b"\n"
        if self._file is None:
            self._file = self._created()
        self._torn = True
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._torn = False

    def _created(self) -> FileIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self._open_locked()
        if os.fstat(file.fileno()).st_size:
            file.close()
            raise BlockingIOError(errno.EBUSY, "another process has begun it", str(self.path))
        return file

    def _open_locked(self) -> FileIO:
        while True:
            # unbuffered: what is written outlives the process at once
            file = self.path.open("a+b", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise
            if os.fstat(file.fileno()).st_nlink:
                return file
            file.close()  # the one who had it locked has just removed it
