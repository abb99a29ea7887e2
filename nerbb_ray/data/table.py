"""From lines to rows of fields: which character separates them, which line names the columns, which are no rows."""

import csv
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES
from nerbb_ray.data.content import DOCUMENT_START, Content
from nerbb_ray.data.options import SEPARATORS, ReadingOptions, option
from nerbb_ray.data.quotes import UNQUOTED, are_quoted, quoting_of, unquoted, widths_of
from nerbb_ray.data.split import FEWEST
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import OUTSIDE

GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.+)")  # CoNLL-U Plus
NEW_DOCUMENT = re.compile(r"#\s*newdoc\b")  # CoNLL-U
_BLANKS = re.compile("[ \t]+")
_RULE = re.compile(r"([-=*_#~+.])\1{2,}")  # a line drawn between sentences
# what some programs write at the end of a sentence
_BORDERS = {"<s>", "</s>", "<eos>", "</eos>", "[eos]", "eos", "[sep]", "<sep>", "|||", "\u200b"}
_NO_LETTER = re.compile(r"[\W_]+")
_OFTEN = 3
_QUOTING = ",;|"
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
    separator, width = _separator(data, path, options)
    split = _splitter(separator, width)
    table = Table(_NAME_OF.get(separator, separator), width)
    found = list(_csv_rows(lines, separator, path) if separator in _QUOTING else _rows(lines, split))
    if separator == "\t" and are_quoted(field for row in found for field in row.fields):
        found = [Row(row.number, list(map(unquoted, row.fields))) for row in found]
        table.notes.append(f"{path}: {UNQUOTED}")
    _fill(table, found, path, _marks_of_borders(found, width))
    _take_names(table, lines, path, options)
    return table


def _separator(data: Sequence[tuple[int, str]], path: Path, options: ReadingOptions) -> tuple[str, int]:
    """TAB where it gives one width everywhere (so that words may hold blanks), else what most lines agree on."""
    given = options.separator_character
    if given is not None:
        return given, _width_of(data, given, path)
    if path.suffix.lower() == ".csv" or _names_columns(data[0][1]):
        quoting = [
            (mark, widths.pop()) for mark in _QUOTING if len(widths := widths_of([line for _, line in data], mark)) == 1
        ]
        quoting = [(mark, width) for mark, width in quoting if width > 1]
        if quoting:
            return max(quoting, key=lambda pair: pair[1])
    tabs = {line.count("\t") for _, line in data}
    if len(tabs) == 1 and max(tabs) > 0:
        return "\t", tabs.pop() + 1
    if max(tabs) > 0 and (width := _width_of_most_tabs([line for _, line in data])) > 1:
        return "\t", width
    width = Counter(len(split_fields(line, 0)) for _, line in data).most_common(1)[0][0]
    if width > 1:
        return " ", width
    for mark in _QUOTING:
        widths = widths_of([line for _, line in data], mark)
        if len(widths) == 1 and (found := widths.pop()) > 1:
            return mark, found
    number, line = next((n, text) for n, text in data if len(_BLANKS.split(text.strip(BLANK))) == 1)
    rule = f"expected a word and its tag, separated by TAB or blanks, as in 'Paris<TAB>B-LOC'; got {line!r:.80}"
    raise DataError(
        f"{rule}, like most lines of the file (for another separator, say {option('separator')})", path, number
    )


def _width_of_most_tabs(lines: Sequence[str]) -> int:
    """The number of columns between TABs, if but for a few lines of one word there is one number; else 1."""
    tabs = {line.strip("\t ").count("\t") for line in lines} - {0}
    alone = [line for line in lines if "\t" not in line.strip("\t ")]
    blanks = any(" " in line.strip(" ") for line in alone if "\t" not in line)
    return tabs.pop() + 1 if len(tabs) == 1 and 10 * len(alone) < len(lines) and not blanks else 1


def _names_columns(line: str) -> bool:
    """Whether a line separated by commas and the like names a column of words and one of tags."""
    names = {name.strip(' "').lower() for name in re.split(f"[{_QUOTING}]", line)}
    return bool(names & TAG_NAMES) and bool(names & WORD_NAMES)


def _width_of(data: Sequence[tuple[int, str]], separator: str, path: Path) -> int:
    split = _splitter(separator, 0)
    width = Counter(len(split(line)) for _, line in data).most_common(1)[0][0]
    if width < 2:
        raise DataError(
            f"most lines have one column with the separator {separator!r}; got {data[0][1]!r:.80}", path, data[0][0]
        )
    return width


def _splitter(separator: str, width: int) -> Callable[[str], list[str]]:
    if separator == " ":
        return lambda line: split_fields(line, width)
    if separator == "\t":
        return lambda line: _tab_fields(line, width)
    if separator in _QUOTING:
        return lambda line: next(csv.reader([line], delimiter=separator), [])
    return lambda line: [part.strip(" ") for part in line.split(separator)]


def _tab_fields(line: str, width: int) -> list[str]:
    fields = [part.strip(" ") for part in line.split("\t")] if " " in line else line.split("\t")
    while len(fields) > width > 0 and not fields[-1]:
        fields.pop()
    return fields


def split_fields(line: str, width: int) -> list[str]:
    """The columns of a line; a blank belongs to a word only where the TABs alone give the usual number of columns.

    So `Paris <TAB>B-LOC` and `Paris   B-LOC` are the same, `New York<TAB>B-LOC` is one word, `<TAB>O` an empty one.
    """
    bare = line.strip(BLANK)
    if not bare:
        return []
    fields = bare.split(" ") if "\t" not in bare and "  " not in bare else _BLANKS.split(bare)
    if len(fields) == width or "\t" not in line:
        return fields
    tabbed = [part.strip(" ") for part in line.split("\t")]
    return tabbed if len(tabbed) == width else fields


def _rows(lines: Sequence[tuple[int, str]], split: Callable[[str], list[str]]) -> Iterator[Row]:
    for number, line in lines:
        yield Row(number, split(line) if line.strip(BLANK) else [])


def _csv_rows(lines: Sequence[tuple[int, str]], mark: str, path: Path) -> Iterator[Row]:
    """
    Raises:
        DataError: a field in quotes goes over several lines, as no word does.
    """
    numbers, texts = [number for number, _ in lines], [line for _, line in lines]
    reader = csv.reader((line + "\n" for line in texts), delimiter=mark, quoting=quoting_of(texts, mark))
    while True:
        first = reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        if reader.line_num > first + 1 and any("\n" in part.strip() for part in fields):
            rule = "a quote begins here a field that goes over several lines, as no word does"
            raise DataError(f'{rule}: write the word " as """" in a file of {_NAME_OF[mark]}s', path, numbers[first])
        yield Row(numbers[first], fields if any(part.strip() for part in fields) else [])


def _marks_of_borders(rows: Sequence[Row], width: int) -> Counter[str]:
    """What stands alone on lines between sentences, such as </s>, and is no word that has lost its tag."""
    alone = Counter(row.fields[0].strip(BLANK) for row in rows if len(row.fields) == 1)
    known = {text for text in alone if text.lower() in _BORDERS}
    drawn = {text for text, n in alone.items() if n >= _OFTEN and (_NO_LETTER.fullmatch(text) or text == OUTSIDE)}
    words = {row.fields[0] for row in rows if len(row.fields) == width} if known | drawn else set()
    return Counter({text: alone[text] for text in (known | drawn) - words if text})


def _fill(table: Table, rows: Iterable[Row], path: Path, marks: Mapping[str, int]) -> None:
    block: list[Row] = []
    table.blocks.append(block)
    rules = 0
    for row in rows:
        fields = row.fields
        if DOCUMENT_START in fields[:2] or (fields[:1] and NEW_DOCUMENT.match(" ".join(fields))):
            table.documents.append(row.number)
        if len(fields) == table.width and fields[0][:1] != "#" and DOCUMENT_START not in fields[:2]:
            block.append(row)
            continue
        alone = fields[0].strip(BLANK) if len(fields) == 1 else ""
        is_rule = _RULE.fullmatch(alone) is not None
        if len(fields) == 1 and not fields[0].strip():  # a blank that is not ASCII, such as U+00A0
            fields = []
        if not fields or DOCUMENT_START in fields[:2] or is_rule or alone in marks:
            rules += is_rule
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
    for mark, number in marks.items():
        if not _RULE.fullmatch(mark):
            lines = counted(number, "line of nothing but", "lines of nothing but")
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
