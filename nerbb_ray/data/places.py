"""Where something stands in the data, for messages."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nerbb_ray.errors import DataError


@dataclass(frozen=True, slots=True)
class Place:
    """A file, its line, and the number (from 1) of the record of a file of records.

    Args:
        name: of what is no file, such as a split of the hub; it stands in messages instead of the path.
    """

    path: Path | None
    line: int | None = None
    record: int | None = None
    name: str = ""

    def __str__(self) -> str:
        parts = [str(self.path) if self.path else self.name, *([] if self.line is None else [str(self.line)])]
        return ":".join(parts) + ("" if self.record is None else f", record {self.record}")

    def error(self, message: str) -> DataError:
        """To be raised: the message with this place before it."""
        record = "" if self.record is None else f"record {self.record}: "
        name = f"{self.name}: " if self.name and self.path is None else ""
        return DataError(f"{name}{record}{message}", self.path, self.line)


class Span(NamedTuple):
    """An entity: the characters start ... end - 1 of a text."""

    start: int
    end: int
    label: str
    place: Place
