"""Quotes: around fields, as pandas and csv write them (the word " is four of them), or words of their own."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from nerbb_ray.data.text_files import BLANK

UNQUOTED = 'fields in quotes are read as csv writes them ("" is a quote)'
_QUOTED = re.compile(r'"(?:[^"]|"")*"', re.DOTALL)


def are_quoted(fields: Iterable[str]) -> bool:
    """Whether all fields that have quotes are in quotes, and some have doubled ones inside.

    In files that know no quoting, the word " stands alone, or is a part of a field that is in no quotes.
    """
    doubled = False
    for field in fields:
        if '"' in field:
            if not _QUOTED.fullmatch(field):
                return False
            doubled = doubled or '""' in field[1:-1]
    return doubled


def is_quoted(field: str) -> bool:
    return _QUOTED.fullmatch(field) is not None


def are_fitting(fields: Iterable[str]) -> bool:
    """Whether all fields that have quotes are in quotes."""
    return all('"' not in field or is_quoted(field) for field in fields)


def unquoted(field: str) -> str:
    """What a quoted field means; any other one as it is."""
    return field[1:-1].replace('""', '"') if _QUOTED.fullmatch(field) else field


def widths_of(lines: Sequence[str], mark: str) -> set[int]:
    """How many columns the lines have; empty where quotes are wrong."""
    try:
        return {
            len(row) for row in csv.reader(lines, delimiter=mark, strict=True, quoting=quoting_of(lines, mark)) if row
        }
    except csv.Error:
        return set()


def quoting_of(lines: Sequence[str], mark: str) -> Literal[0, 3]:
    """Whether quotes are around fields, or words: then a field would go over several lines, or end nowhere.

    Returns:
        csv.QUOTE_NONE only if all lines have as many columns without any meaning of quotes.
    """
    if not any('"' in line for line in lines) or not _go_over_lines(lines, mark):
        return csv.QUOTE_MINIMAL
    widths = {line.count(mark) for line in lines if line.strip(BLANK)}
    quoted = any(len(part) > 2 and part[0] == part[-1] == '"' for line in lines for part in line.split(mark))
    return csv.QUOTE_NONE if len(widths) == 1 and widths != {0} and not quoted else csv.QUOTE_MINIMAL


def _go_over_lines(lines: Sequence[str], mark: str) -> bool:
    reader, last = csv.reader((line + "\n" for line in lines), delimiter=mark, strict=True), 0
    try:
        for _ in reader:
            if reader.line_num > last + 1:
                return True
            last = reader.line_num
    except csv.Error:
        return True
    return False
