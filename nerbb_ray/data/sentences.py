"""What every reader of files gives back, and how all of them open a file.

Lines end at a line feed and nowhere else, blanks are ASCII: a word may well contain U+0085, U+2028 or U+00A0.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import SourceScheme

BLANK = " \t\r"
BYTE_ORDER_MARK = "\ufeff"
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",  # begins like the mark of UTF-16
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with a tag for each of its words.

    Args:
        tokens: as they stand in the file; "" and invisible ones keep their place.
        text, spans: the raw text and, per token, its (start, end) in it, where a format has raw text.
        lines: of the file, from 1, where the words stand: one per token, or the only one of a sentence on one line.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    text: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None
    lines: Sequence[int] = field(default=(), compare=False, repr=False)

    def line(self, word: int = 0) -> int | None:
        """The line of the file where a word stands, if the reader knows it."""
        if len(self.lines) == len(self.tokens):
            return self.lines[word] if self.lines else None
        return self.lines[0] if self.lines else None


@dataclass(slots=True)
class Reading:
    """What one file holds.

    Args:
        scheme: of the tags, where the format fixes it.
        notes: what a user should know, for the log.
        source: the file, or what else people look it up by; empty if nobody has said.
        documents: for each sentence, the number of its document; empty where a format knows no documents.
    """

    sentences: list[Sentence] = field(default_factory=list)
    scheme: SourceScheme | None = None
    notes: list[str] = field(default_factory=list)
    source: str = ""
    documents: list[int] = field(default_factory=list)


def read_text(path: Path, *, keep_mark: bool = False) -> str:
    """The text of a UTF-8 file, with or without byte order mark.

    Args:
        keep_mark: whether a byte order mark stays in the text.
    Raises:
        DataError: naming file, line and byte that is not UTF-8 text.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path) from error
    wide = next((name for mark, name in _WIDE.items() if data.startswith(mark)), None)
    if wide:
        raise DataError(f"must be UTF-8; the byte order mark says {wide}. Convert the file", path, 1)
    if (position := data.find(b"\0")) >= 0:
        odd = "is half of it, so that it may be UTF-16" if 3 * data.count(b"\0") > len(data) else "is no text"
        message = f"must be UTF-8 text; byte 0x00 (NUL) at position {position} {odd}. Convert the file"
        raise DataError(message, path, data.count(b"\n", 0, position) + 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"must be UTF-8; byte 0x{data[error.start]:02x} at position {error.start} is not. Convert the file"
        raise DataError(message, path, line) from error
    return text if keep_mark else text.removeprefix(BYTE_ORDER_MARK)


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of the lines of a file."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        yield number, line.rstrip("\r")
