"""Log files: quiet on the screen, everything in the file."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
USER = re.compile(r"(?<=://)[^/\s'\"]*@")  # with or without a password, in an address


def without_password(text: str) -> str:
    """A text whose addresses can be shown: in logs, errors, and reports that are handed on."""
    return USER.sub("", text)


class _Formatter(logging.Formatter):
    """Libraries log the addresses that they are given, also in tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return without_password(super().format(record))


@contextmanager
def log_file(path: Path, level: str = "info", *, append: bool = False) -> Iterator[None]:
    """Send all that this process logs or warns to a file while the context lasts; warnings go nowhere else.

    Args:
        level: info or debug, of nerbb_ray's own messages; other libraries are heard from info on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="a" if append else "w", encoding="utf-8")
    handler.setFormatter(_Formatter(FORMAT))
    root, own = logging.getLogger(), logging.getLogger("nerbb_ray")
    levels = root.level, own.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    own.setLevel(level.upper())
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        handler.close()
