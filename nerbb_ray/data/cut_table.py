"""The rows of a table as sentences: between empty lines, and where columns of numbers say so."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

from nerbb_ray.data.column_evidence import Column
from nerbb_ray.data.column_roles import Roles
from nerbb_ray.data.sentence_borders import borders, borders_in_parts, numbers_sentences
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.table import Row, Table
from nerbb_ray.errors import DataError

_LONG = 80  # words of a sentence, if it is the only one
_FAR_MORE = 2  # borders of a column of numbers for each empty line
_ENDS = frozenset(".!?\u3002\uff01\uff1f\u061f\u0964")  # words that end a sentence in most languages


def cut(table: Table, columns: Sequence[Column], roles: Roles, reading: Reading, path: Path) -> list[list[Row]]:
    """The rows of every sentence."""
    blocks = [block for block in table.blocks if block]
    if len(blocks) != 1:
        return _cut_further(blocks, table, columns, roles, reading, path)
    rows = blocks[0]
    own, own_roles = _of_rows(rows, columns, roles)
    starts, telling, comes_back = borders(own, own_roles)
    if comes_back is not None:
        names = " and ".join(map(str, telling))
        rule = f"{names}: {' '.join(column.values[comes_back] for column in telling)!r} comes back after others"
        way = "sort the rows, so that those of a sentence stand together; if the numbers begin anew in every document,"
        raise DataError(f"{rule}: {way} add a column doc_id", path, rows[comes_back].number)
    if starts:
        reading.notes.append(f"{path}: no empty lines: sentences begin where {' and '.join(map(str, telling))} says")
        return _pieces(rows, starts)
    if len(rows) > _LONG or _seem_several(own_roles.words.values):
        why = "no empty line between sentences: all of it is one sentence, and nothing can be held out of it"
        reading.notes.append(f"{path}: {len(rows)} words and {why}. Write an empty line after each sentence")
    return blocks


def _of_rows(rows: Sequence[Row], columns: Sequence[Column], roles: Roles) -> tuple[list[Column], Roles]:
    """The columns of these very rows: a header may be gone, and words that begin with # have come."""
    values = zip(*(row.fields for row in rows), strict=True)
    own = [replace(column, values=fields) for column, fields in zip(columns, values, strict=True)]
    by_key = {column.key: column for column in own}
    return own, Roles(by_key[roles.words.key], by_key[roles.tags.key])


def _pieces(rows: list[Row], starts: set[int]) -> list[list[Row]]:
    return [rows[start:end] for start, end in pairwise(sorted({0, *starts, len(rows)}))]


def _cut_further(
    blocks: list[list[Row]], table: Table, columns: Sequence[Column], roles: Roles, reading: Reading, path: Path
) -> list[list[Row]]:
    """Empty lines between documents, or one that a spreadsheet has left, do not hide the number of the sentence."""
    if not any(numbers_sentences(column.name) for column in columns):
        return blocks
    rows = list(chain.from_iterable(blocks))
    starts, telling, _ = borders_in_parts(*_of_rows(rows, columns, roles), _parts(blocks, table.hollow))
    if len(starts) <= len(blocks):
        return blocks
    names = " and ".join(map(str, telling))
    if len(starts) - 1 < _FAR_MORE * (len(blocks) - 1):
        rule = f"{names} says {len(starts)} sentences, empty lines say {len(blocks)}, which are taken"
        reading.notes.append(f"{path}: {rule}. If {names} is right, take the empty lines out")
        return blocks
    reading.notes.append(f"{path}: sentences begin where {names} says, and after empty lines")
    return _pieces(rows, starts)


def _parts(blocks: Sequence[Sequence[Row]], hollow: set[int]) -> list[str]:
    """Of every row, the number of its part; a line of nothing but separators ends none."""
    numbers = [0]
    for before, after in pairwise(blocks):
        between = range(before[-1].number + 1, after[0].number)
        numbers.append(numbers[-1] + (not hollow.issuperset(between)))
    return [str(number) for number, rows in zip(numbers, blocks, strict=True) for _ in rows]


def _seem_several(words: Sequence[str]) -> bool:
    """Whether at least two sentences end before the last word."""
    return sum(word in _ENDS and after not in _ENDS and not after[:1].islower() for word, after in pairwise(words)) > 1
