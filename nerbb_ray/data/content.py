"""One file on its way to its sentences: read and decoded once, looked at by every format."""

import re
from contextlib import suppress
from copy import copy
from functools import cached_property
from pathlib import Path

from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.python_literal import literal_records
from nerbb_ray.data.records import Record, records_of
from nerbb_ray.data.text_files import BLANK, BYTE_ORDER_MARK, PACKED, UTF8, Text, decode, lines_of, read_bytes
from nerbb_ray.errors import DataError

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
DOCUMENT_START = "-DOCSTART-"
_DOCUMENT = re.compile(r"-DOC(?:START|END)\b[^\s-]*-?", re.IGNORECASE)


def has_document_marks(text: str) -> bool:
    """Whether a field of a text may be one."""
    return _DOCUMENT.search(text) is not None


def is_document_mark(word: str) -> bool:
    """Whether a field or word is none, but says that a document begins or ends: `-DOCSTART-`, as CoNLL-2003 has it."""
    return word[:1] == "-" and _DOCUMENT.fullmatch(word) is not None


DOS_END = "\x1a"  # Ctrl-Z, the end of a file in DOS


class Content:
    """
    Args:
        path: of the file.
        options: what the user says about it.
    """

    def __init__(self, path: Path, options: ReadingOptions = AUTO) -> None:
        self.path, self.options = path, options
        self.notes: list[str] = []

    @property
    def suffix(self) -> str:
        """In small letters, without that of the packing."""
        return suffix_of(self.path)

    @cached_property
    def data(self) -> bytes:
        return read_bytes(self.path)

    @cached_property
    def decoded(self) -> Text:
        found = decode(self.data, self.path, self.options.encoding)
        self.notes += [found.note] if found.note else []
        return found

    @cached_property
    def text(self) -> str:
        """Without a byte order mark at the beginning."""
        return self.decoded.text.removeprefix(BYTE_ORDER_MARK)

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        """(number, line) without what editors leave: marks of files that were joined, the end of file of DOS."""
        lines = list(lines_of(self.text))
        if BYTE_ORDER_MARK in self.text:
            marked = [number for number, line in lines if line.startswith(BYTE_ORDER_MARK)]
            if marked:
                self.notes.append(
                    f"{self.path}:{marked[0]}: byte order marks (U+FEFF) inside of the file are taken off"
                )
                lines = [(number, line.removeprefix(BYTE_ORDER_MARK)) for number, line in lines]
        if DOS_END in self.text:
            ends = [number for number, line in lines if line.strip(BLANK) == DOS_END]
            if ends:
                self.notes.append(
                    f"{self.path}:{ends[0]}: a line of nothing but Ctrl-Z (end of file of DOS) is left out"
                )
                lines = [(number, line) for number, line in lines if number not in ends]
        return lines

    @cached_property
    def data_lines(self) -> list[tuple[int, str]]:
        """What can tell columns: not comments, not empty lines. A file of nothing but words with # has columns, too."""
        skipped = ("#", DOCUMENT_START, DOCUMENT_START.lower())
        data = [(n, line) for n, line in self.lines if line and not line.startswith(skipped) and line.strip(BLANK)]
        return data or [(n, line) for n, line in self.lines if line.startswith("#") and "\t" in line]

    @cached_property
    def records(self) -> list[Record] | None:
        """The values of a file of JSON, or of a list as Python writes it; None if it is neither.

        Raises:
            DataError: its name says that it is JSON, but it is not.
        """
        if self.suffix in JSON_SUFFIXES:
            found = literal_records(self.text, self.path)
            return found if found is not None else records_of(self.text, self.path, lines=self.suffix != ".json")
        if re.match(r"\s*[\[{]", self.text):
            with suppress(DataError):
                return records_of(self.text, self.path)
        return literal_records(self.text, self.path)

    def with_options(self, options: ReadingOptions) -> "Content":
        """The same file with other options, not read again."""
        other = copy(self)
        other.options = options
        return other

    @property
    def choices(self) -> dict[str, str]:
        """How the text was read, if it was and not as usual."""
        decoded = self.__dict__.get("decoded")
        return {"encoding": decoded.encoding} if decoded is not None and decoded.encoding != UTF8 else {}


def suffix_of(path: Path) -> str:
    """`.jsonl` of `train.jsonl.gz`."""
    name = path.name.lower()
    return Path(name.removesuffix(PACKED)).suffix


def stem_of(path: Path) -> str:
    """`train` of `train.jsonl.gz`."""
    return Path(path.name[: -len(PACKED)] if path.name.lower().endswith(PACKED) else path.name).stem
