"""Sentences in column files: a word per line, its tag in the last column, an empty line between sentences."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from nerbb_ray.data.sentences import BLANK, Reading, Sentence, lines_of
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import OUTSIDE_SPELLINGS

DOCUMENT_START = "-DOCSTART-"
_BLANKS = re.compile("[ \t]+")
_NO_WORD = re.compile("[0-9]+[-.][0-9]+")  # of CoNLL-U: 2-3 is a form of the words 2 and 3, 2.1 was never written
_SHOWN = 5
_WORD_COLUMNS = frozenset({"token", "tokens", "word", "words", "text", "form"})
_TAG_COLUMNS = frozenset({"tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags"})

Row = tuple[int, list[str]]


def read_conll(path: Path) -> Reading:
    """Columns separated by TABs or blanks, also both in one file: first column the word, last column its tag.

    Lines that only number the words in the first column give the second as the word, and are left out where CoNLL-U
    has forms that are no words. Lines with one field are left out (they have no tag) and noted, as is a first line that
    names the columns; comments and document starts are skipped.

    Raises:
        DataError: most lines have one column, or a line has another number of columns than the file.
    """
    lines = list(lines_of(path))
    _check_line_ends(lines, path)
    width = _usual_width(lines, path)
    header = _header(lines, width)
    reading = Reading()
    if width == 0:
        return reading
    comments = _Comments(lines, width)
    untagged: list[str] = []
    sentences: list[list[Row]] = [[]]
    for number, line in lines:
        fields = split_fields(line, width)
        if not fields or DOCUMENT_START in fields[:2] or number == header:
            sentences.append([])
        elif comments.include(line, fields):
            comments.skipped += len(fields) == width
        elif len(fields) == 1 or not fields[-1]:
            untagged.append(f"{path}:{number}: {line.strip(BLANK)!r}")
        elif len(fields) != width:
            message = f"expected {width} columns as in most lines (the last is the tag); got {len(fields)}: {line!r}"
            raise DataError(message, path, number)
        else:
            sentences[-1].append((number, fields))
    column = 1 if _is_numbered(sentences) else 0
    if column:
        sentences = [[row for row in rows if not _NO_WORD.fullmatch(row[1][0])] for rows in sentences]
    reading.sentences = [
        Sentence(tuple(f[column] for _, f in rows), tuple(f[-1] for _, f in rows), lines=_numbers(rows))
        for rows in sentences
        if rows
    ]
    named = [f"{path}:{header}: names the columns: left out"] if header else []
    reading.notes = [*named, *_notes_untagged(untagged), *comments.notes(path)]
    return reading


def _check_line_ends(lines: list[tuple[int, str]], path: Path) -> None:
    """All lines of a file whose lines end with CR alone would be one."""
    if sum(bool(line) for _, line in lines) == 1 and "\r" in lines[0][1]:
        raise DataError("lines must end with LF or CR LF; all of these end with CR alone. Convert the file", path, 1)


def _header(lines: list[tuple[int, str]], width: int) -> int | None:
    """The line that names the columns: the first that is neither empty nor a comment, if no other ends like it."""
    rows = ((number, split_fields(line, width)) for number, line in lines if not line.startswith("#"))
    number, fields = next(((number, fields) for number, fields in rows if fields), (0, []))
    if len(fields) < 2 or fields[-1].lower() not in _TAG_COLUMNS:
        return None
    named = not _WORD_COLUMNS.isdisjoint(map(str.lower, fields[:2]))
    return number if named and all(row[-1:] != fields[-1:] for _, row in rows) else None


def _numbers(rows: list[Row]) -> Sequence[int]:
    """The lines of a sentence; mostly one after the other, which takes no room."""
    first, last = rows[0][0], rows[-1][0]
    return range(first, last + 1) if last - first + 1 == len(rows) else tuple(number for number, _ in rows)


def split_fields(line: str, width: int) -> list[str]:
    """The columns of a line; a blank belongs to a word only where the TABs alone give the usual number of columns.

    So `Paris <TAB>B-LOC` and `Paris   B-LOC` are the same, `New York<TAB>B-LOC` is one word, `<TAB>O` an empty one.
    """
    bare = line.strip(BLANK)
    if not bare:
        return []
    fields = _BLANKS.split(bare)
    if len(fields) == width or "\t" not in line:
        return fields
    tabbed = [field.strip(" ") for field in line.split("\t")]
    return tabbed if len(tabbed) == width else fields


def _usual_width(lines: list[tuple[int, str]], path: Path) -> int:
    """The number of columns that most lines have; 0 for a file without any data line."""
    data = [
        (number, line) for number, line in lines if line.strip(BLANK) and not line.startswith(("#", DOCUMENT_START))
    ]
    # a file of nothing but words that start with # has columns as well
    data = data or [(number, line) for number, line in lines if line.startswith("#") and "\t" in line]
    widths = Counter(len(_BLANKS.split(line.strip(BLANK))) for _, line in data)
    if not widths:
        return 0
    width = widths.most_common(1)[0][0]
    if width == 1:
        number, line = next((n, text) for n, text in data if len(_BLANKS.split(text.strip(BLANK))) == 1)
        message = f"expected a word and its tag, separated by TAB or blanks, as in 'Paris<TAB>B-LOC'; got {line!r}"
        raise DataError(f"{message}, like most lines of the file", path, number)
    return width


class _Comments:
    """Tells a comment from a word that starts with #, which has the columns of the file and a tag of its kind."""

    def __init__(self, lines: list[tuple[int, str]], width: int) -> None:
        rows = (split_fields(line, width) for _, line in lines if not line.startswith("#"))
        tags = {fields[-1] for fields in rows if len(fields) == width}
        self._width = width
        # O is a tag even in a file without any other word; a class is known whatever its prefix
        self._classes = {_class_of(tag) for tag in tags} | OUTSIDE_SPELLINGS
        self._prefixed = all(_class_of(tag) != tag for tag in tags - OUTSIDE_SPELLINGS)
        self.skipped = 0

    def include(self, line: str, fields: list[str]) -> bool:
        if not line.startswith("#"):
            return False
        if len(fields) != self._width:
            return True
        label = _class_of(fields[-1])
        # a class of nothing but words with # is still one where tags have prefixes
        return label not in self._classes and not (self._prefixed and label != fields[-1])

    def notes(self, path: Path) -> Iterator[str]:
        if self.skipped:
            yield (
                f"{path}: {self.skipped} lines that start with # and have {self._width} columns were read as comments: "
                "their last column is no tag of the file"
            )


def _class_of(tag: str) -> str:
    return re.sub("^[BILUES]-", "", tag)


def _is_numbered(sentences: list[list[Row]]) -> bool:
    """Whether the first of at least three columns counts the words of (nearly) every sentence, from 0 or from 1."""
    columns = [[fields[0] for _, fields in rows] for rows in sentences if rows and len(rows[0][1]) >= 3]
    columns = [[i for i in ids if not _NO_WORD.fullmatch(i)] for ids in columns]
    counting = [ids for ids in columns if ids and ids[0] in ("0", "1") and _counts_up(ids)]
    return any(len(ids) > 1 for ids in counting) and len(counting) >= 0.9 * len(columns)


def _counts_up(ids: list[str]) -> bool:
    # a number may be missing: lines without a tag are left out
    return all(i.isascii() and i.isdigit() for i in ids) and all(int(a) < int(b) for a, b in pairwise(ids))


def _notes_untagged(places: list[str]) -> Iterator[str]:
    for place in places[:_SHOWN]:
        yield f"{place} has one column and no tag: left out"
    if len(places) > _SHOWN:
        yield f"{len(places) - _SHOWN} more such lines left out"
