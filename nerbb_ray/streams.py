"""Standard input, output and error of a command: always there, and never in the way of its work.

One that is closed (`>&-`) leads nowhere; otherwise the next file that is opened would get its number and, with that,
what is printed. When the reader of a pipe has left (`| head`), the rest goes nowhere, too, and the work goes on.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, TextIO, cast

NAMES = ("standard input", "standard output", "standard error")


class _Output(io.FileIO):
    """File number 1 or 2, as long as somebody reads it.

    Raises, when it is written to:
        OSError: the disk is full, for example; its file name is that of the stream.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.reader_left = False

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            self.reader_left = True
            _lead_nowhere(self.fileno())
            return len(data)
        except OSError as error:
            # what is still buffered must not raise again when the interpreter ends
            _lead_nowhere(self.fileno())
            raise type(error)(error.errno, error.strerror, NAMES[self.fileno()]) from None


@contextmanager
def standard_streams() -> Iterator[None]:
    """sys.stdin, sys.stdout and sys.stderr that can be used, whatever they were when the process was started.

    Those that the program has replaced itself stay as they are.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    _open_closed()
    if sys.stdin is None:
        sys.stdin = cast("TextIO", _nowhere("r"))
    if sys.stdout is sys.__stdout__:
        sys.stdout = _output(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _output(2, sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def reader_left() -> bool:
    """Whether standard output was a pipe that nobody reads any more."""
    sys.stdout.flush()
    output = _raw(sys.stdout)
    return output is not None and output.reader_left


def need_not_be_read() -> None:
    """What was printed so far is not what the exit status is about."""
    if reader_left() and (output := _raw(sys.stdout)):
        output.reader_left = False


def _open_closed() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # the lowest number that is free, which is this one; also for child processes
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _output(number: int, old: TextIO | None) -> TextIO:
    if old is None:
        return cast("TextIO", _nowhere("w"))
    old.flush()
    buffered = io.BufferedWriter(_Output(number))
    each_line = bool(old.line_buffering or getattr(old, "write_through", False))
    return io.TextIOWrapper(buffered, encoding=old.encoding, errors=old.errors, line_buffering=each_line)


def _raw(stream: TextIO) -> _Output | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Output) else None


def _nowhere(mode: str) -> IO[str]:
    return open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123  # as long as the process lives


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
