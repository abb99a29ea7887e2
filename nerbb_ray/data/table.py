"""From lines to rows of fields: which line names the columns, which are borders, which are no rows."""

import csv
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES, Column, grade_of
from nerbb_ray.data.content import Content, has_document_marks, is_document_mark
from nerbb_ray.data.options import SEPARATORS, ReadingOptions, option
from nerbb_ray.data.quotes import UNQUOTED, are_fitting, are_quoted, is_quoted, quoting_of, unquoted
from nerbb_ray.data.separators import QUOTING, find_separator, splitter
from nerbb_ray.data.split import FEWEST
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import OUTSIDE

GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.+)")  # CoNLL-U Plus
NEW_DOCUMENT = re.compile(r"#\s*newdoc\b")  # CoNLL-U
_RULE = re.compile(r"([-=*_#~+.])\1{2,}")  # a line drawn between sentences
# what some programs write at the end of a sentence
_BORDERS = {"<s>", "</s>", "<eos>", "</eos>", "[eos]", "eos", "[sep]", "<sep>", "|||", "\u200b"}
_DRAWN = re.compile(rf"#|\u200b|{OUTSIDE}|([-=*_#~+|/\\])\1+")
_OFTEN = 3
_NAME_OF = {character: name for name, character in SEPARATORS.items() if name != "space"}


class Row(NamedTuple):
    """The fields of a line, and its number from 1."""

    number: int
    fields: list[str]


@dataclass(slots=True)
class Table:
    """The rows of a file.

    Args:
        separator: its name; `blank` for runs of blanks and TABs.
        width: the number of columns.
        blocks: rows between empty lines, starts of documents and the like.
        names: of the columns, where the file has them.
        keys: how the user calls them; their numbers, if empty.
        hashed: rows that begin with #: they may be words, or comments.
        untagged: lines of a single field.
        documents: the lines at which a document begins (`-DOCSTART-`, `# newdoc`).
        hollow: the lines of nothing but separators, as spreadsheets write empty rows.
    """

    separator: str
    width: int
    blocks: list[list[Row]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    hashed: set[int] = field(default_factory=set)
    untagged: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    hollow: set[int] = field(default_factory=set)

    def documents_of(self, firsts: Sequence[int]) -> list[int]:
        """The document of every sentence.

        Args:
            firsts: the line of the first word of each.
        Returns:
            Nothing where no borders are known, or of fewer documents than can be held out whole.
        """
        found = [bisect_right(self.documents, line) for line in firsts]
        return found if len(set(found)) >= FEWEST else []


def read_table(content: Content) -> Table:
    """
    Raises:
        DataError: a line has another number of columns than most, or there is one column only.
    """
    lines, data, path, options = content.lines, content.data_lines, content.path, content.options
    if not data:
        return Table("blank", 0)
    separator, width = find_separator(data, path, options)
    split = splitter(separator, width)
    table = Table(_NAME_OF.get(separator, separator), width)
    found = list(_csv_rows(lines, separator) if separator in QUOTING else _rows(lines, split))
    if separator == "\t" and '"' in content.text and _has_quoting(found, width, options):
        found = [Row(row.number, list(map(unquoted, row.fields))) for row in found]
        table.notes.append(f"{path}: {UNQUOTED}")
    empty = {row.number for row in found if not row.fields}
    table.hollow = {number for number, line in lines if number in empty and line.count(separator) == width - 1 > 0}
    _fill(table, found, path, _mark_of_borders(found, width), marked=has_document_marks(content.text))
    _take_names(table, lines, path, options)
    return table


def _has_quoting(rows: Sequence[Row], width: int, options: ReadingOptions) -> bool:
    """Whether fields are written as csv does: some have doubled quotes inside, or all tags are in quotes."""
    if are_quoted(field for row in rows for field in row.fields):
        return True
    if not are_fitting(field for row in rows for field in row.fields):
        return False
    columns = list(zip(*(row.fields for row in rows if len(row.fields) == width), strict=True))
    quoted = [column for column in columns if all(map(is_quoted, column))]
    return any(grade_of(Column("", list(map(unquoted, column))), options)[0] for column in quoted)


def _rows(lines: Sequence[tuple[int, str]], split: Callable[[str], list[str]]) -> Iterator[Row]:
    for number, line in lines:
        yield Row(number, split(line) if line.strip(BLANK) else [])


def _csv_rows(lines: Sequence[tuple[int, str]], mark: str) -> Iterator[Row]:
    """Fields in quotes may go over several lines."""
    numbers, texts = [number for number, _ in lines], [line for _, line in lines]
    # "word, tag": the blanks belong to the marks if all marks have one
    spaced = all(line.count(mark) == line.count(f"{mark} ") for line in texts)
    lines_of_csv = (line + "\n" for line in texts)
    reader = csv.reader(lines_of_csv, delimiter=mark, quoting=quoting_of(texts, mark), skipinitialspace=spaced)
    while True:
        first = reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        yield Row(numbers[first], fields if any(part.strip() for part in fields) else [])


def _mark_of_borders(rows: Sequence[Row], width: int) -> str:
    """What stands alone on lines between sentences, such as </s>, if no empty line does so; empty if nothing does."""
    alone = Counter(row.fields[0].strip(BLANK) for row in rows if len(row.fields) == 1)
    likely = {text for text, n in alone.items() if text.lower() in _BORDERS or (n >= _OFTEN and _DRAWN.fullmatch(text))}
    if not likely or _have_empty_lines(rows, width):
        return ""
    # a word may have lost its tag
    likely -= {row.fields[0] for row in rows if len(row.fields) == width}
    # of equally frequent ones, such as <s> and </s>, the first of the file
    return max((text for text in alone if text in likely), key=alone.__getitem__, default="")


def _have_empty_lines(rows: Sequence[Row], width: int) -> bool:
    """Whether one stands between words."""
    kinds = [bool(row.fields) for row in rows if not row.fields or len(row.fields) == width]
    first, last = (kinds.index(True), len(kinds) - kinds[::-1].index(True)) if True in kinds else (0, 0)
    return not all(kinds[first:last])


def _fill(table: Table, rows: Iterable[Row], path: Path, mark: str, *, marked: bool) -> None:
    """
    Args:
        marked: whether there are marks of documents: in most files no field need be looked at for them.
    """
    block: list[Row] = []
    table.blocks.append(block)
    rules = marks = 0
    for row in rows:
        fields = row.fields
        is_document = marked and any(map(is_document_mark, fields))
        if is_document or (fields and fields[0][:1] == "#" and NEW_DOCUMENT.match(" ".join(fields))):
            table.documents.append(row.number)
        if len(fields) == table.width and fields[0][:1] != "#" and not is_document:
            block.append(row)
            continue
        alone = fields[0].strip(BLANK) if len(fields) == 1 else ""
        is_rule = _RULE.fullmatch(alone) is not None
        is_mark = alone == mark != "" and not is_rule
        if len(fields) == 1 and not fields[0].strip():  # a blank that is not ASCII, such as U+00A0
            fields = []
        if not fields or is_document or is_rule or is_mark:
            rules += is_rule
            marks += is_mark
            block = []
            table.blocks.append(block)
        elif fields[0].startswith("#"):
            if len(fields) == table.width:
                table.hashed.add(row.number)
                block.append(row)
        elif len(fields) == 1:
            table.untagged.append((row.number, fields[0]))
        else:
            raise _other_width(table, row, path)
    if marks:
        lines = counted(marks, "line of nothing but", "lines of nothing but")
        table.notes.append(f"{path}: {lines} {mark!r} read as borders of sentences")
    if rules:
        table.notes.append(f"{path}: {rules} lines of nothing but a drawn rule are read as borders of sentences")


def _other_width(table: Table, row: Row, path: Path) -> DataError:
    rule = f"expected {table.width} columns as in most lines (separator {table.separator}); got {len(row.fields)}"
    way = f"a word or a class with a blank in it needs TABs between the columns; for others say {option('separator')}"
    return DataError(f"{rule}: {' '.join(row.fields)!r:.80}; {way}", path, row.number)


def _take_names(table: Table, lines: Sequence[tuple[int, str]], path: Path, options: ReadingOptions) -> None:
    """The names of the columns: of a comment of CoNLL-U Plus, or the first row."""
    comment = next((m[1] for _, line in lines[:20] if (m := GLOBAL_COLUMNS.match(line))), None)
    if comment is not None and len(comment.split()) == table.width:
        table.names = comment.split()
        return
    first = next((row for block in table.blocks for row in block if row.number not in table.hashed), None)
    first = first or next((row for block in table.blocks for row in block), None)
    if first is None or not _is_header(first, table, options):
        return
    for block in table.blocks:
        if block and block[0] is first:
            del block[0]
    table.names = [name.lstrip("#").strip(" ") for name in first.fields]
    table.notes.append(f"{path}:{first.number}: names the columns: left out")


def _is_header(first: Row, table: Table, options: ReadingOptions) -> bool:
    names = [name.lstrip("#").strip(" ").lower() for name in first.fields]
    if any(
        key and key.lower() in names for key in (options.word_column, options.tag_column) if key and not key.isdecimal()
    ):
        return True
    tags = [position for position, name in enumerate(names) if name in TAG_NAMES]
    if not tags or WORD_NAMES.isdisjoint(names):
        return False
    others = (row for block in table.blocks for row in block if row is not first)
    return all(row.fields[tags[-1]] != first.fields[tags[-1]] for row in others)
