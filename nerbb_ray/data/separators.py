"""Which character stands between the fields of a file's lines, and how a line is cut at it."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES
from nerbb_ray.data.column_roles import UntaggedError
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.quotes import widths_of
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.errors import DataError

QUOTING = ",;|"  # between these, fields may be in quotes
_BLANKS = re.compile("[ \t]+")


def find_separator(data: Sequence[tuple[int, str]], path: Path, options: ReadingOptions) -> tuple[str, int]:
    """TAB where it gives one width everywhere (so that words may hold blanks), else what most lines agree on."""
    given = options.separator_character
    if given is not None:
        return given, _width_of(data, given, path)
    if path.suffix.lower() == ".csv" or _names_columns(data[0][1]):
        quoting = [
            (mark, widths.pop()) for mark in QUOTING if len(widths := widths_of([line for _, line in data], mark)) == 1
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
    for mark in QUOTING:
        widths = widths_of([line for _, line in data], mark)
        if len(widths) == 1 and (found := widths.pop()) > 1:
            return mark, found
    if (odd := _uneven(data)) is not None:
        (number, line), mark, width = odd
        rule = f"expected {width} columns between {mark!r}, as in the first line; got {line!r:.80}"
        raise DataError(f"{rule}: a word with {mark!r} must be in quotes", path, number)
    number, line = next((n, text) for n, text in data if len(_BLANKS.split(text.strip(BLANK))) == 1)
    rule = f"expected a word and its tag, separated by TAB or blanks, as in 'Paris<TAB>B-LOC'; got {line!r:.80}"
    raise UntaggedError(
        f"{rule}, like most lines of the file (for another separator, say {option('separator')})", path, number
    )


def _uneven(data: Sequence[tuple[int, str]]) -> tuple[tuple[int, str], str, int] | None:
    """The first line with more columns than the line that names them, the mark between columns, their number."""
    if not _names_columns(data[0][1]):
        return None
    mark = max(QUOTING, key=data[0][1].count)
    width = data[0][1].count(mark) + 1
    odd = [(number, line) for number, line in data if line.count(mark) >= width]
    return (odd[0], mark, width) if odd and 2 * len(odd) < len(data) else None


def _width_of_most_tabs(lines: Sequence[str]) -> int:
    """The number of columns between TABs, if but for a few lines of one word there is one number; else 1."""
    tabs = {line.strip("\t ").count("\t") for line in lines} - {0}
    alone = [line for line in lines if "\t" not in line.strip("\t ")]
    blanks = any(" " in line.strip(" ") for line in alone if "\t" not in line)
    return tabs.pop() + 1 if len(tabs) == 1 and 10 * len(alone) < len(lines) and not blanks else 1


def _names_columns(line: str) -> bool:
    """Whether a line separated by commas and the like names a column of words and one of tags."""
    names = {name.strip(' "').lower() for name in re.split(f"[{QUOTING}]", line)}
    return bool(names & TAG_NAMES) and bool(names & WORD_NAMES)


def _width_of(data: Sequence[tuple[int, str]], separator: str, path: Path) -> int:
    split = splitter(separator, 0)
    width = Counter(len(split(line)) for _, line in data).most_common(1)[0][0]
    if width < 2:
        raise DataError(
            f"most lines have one column with the separator {separator!r}; got {data[0][1]!r:.80}", path, data[0][0]
        )
    return width


def splitter(separator: str, width: int) -> Callable[[str], list[str]]:
    if separator == " ":
        return lambda line: split_fields(line, width)
    if separator == "\t":
        return lambda line: _tab_fields(line, width)
    if separator in QUOTING:
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
