"""Where sentences end in a table: at a change of the number of the sentence or the document."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import NamedTuple

from nerbb_ray.data.column_evidence import Column
from nerbb_ray.data.column_roles import Roles

_CALLED = re.compile(r"sent|doc|para|example|guid|\bid$|_id$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?:sid|sent(?:ence)?s?(?:[_ .-]?(?:id|no|nr|num|number|idx|index|#))?)", re.IGNORECASE)
_DOCUMENT = re.compile(
    r"(?:doc|document|article|file|text|para|paragraph)s?(?:[_ .-]?(?:id|no|nr|num|number|name|idx|index|#))?",
    re.IGNORECASE,
)
_FIRST = (0, 1)  # numbers with which people begin to count
_RUN = 3  # rows with the same number in the mean, of sentences
_HAS_DIGIT = re.compile(r".*[0-9].*", re.DOTALL)


class Borders(NamedTuple):
    """
    Args:
        starts: positions of rows that begin a sentence; empty if no column says so.
        telling: the columns that do.
        comes_back: the position of the first row of a sentence that others have interrupted, if there is one.
    """

    starts: set[int]
    telling: list[Column]
    comes_back: int | None = None


def borders(columns: Sequence[Column], roles: Roles) -> Borders:
    """Where sentences begin. A number stands before the words, or its column is named so."""
    before = columns[: columns.index(roles.words)]
    # what stands behind the words says something about them: heads of dependencies come in runs of numbers, too
    others = [c for c in columns if c not in (roles.words, roles.tags) and (c in before or _CALLED.search(c.name))]
    sentence = next((c for c in others if _SENTENCE.fullmatch(c.name) and _counts(c)), None)
    if sentence is not None:
        return _named(sentence, [c for c in others if _DOCUMENT.fullmatch(c.name) and len(c.counts) > 1])
    starts: set[int] = set()
    telling: list[Column] = []
    for column in others:
        found = _filled(column) or _grouped(column) or _counted(column) or _counted_anew(column)
        if found:
            starts |= found
            telling.append(column)
    return Borders(starts, telling)


def numbers_sentences(name: str) -> bool:
    """Whether a column is named as the number of the sentence."""
    return _SENTENCE.fullmatch(name) is not None


def borders_in_parts(columns: Sequence[Column], roles: Roles, parts: Sequence[str]) -> Borders:
    """Where a column that is named as the number of the sentence says that one begins, within parts of the rows.

    Args:
        parts: of every row, in which part it is.
    Returns:
        No starts if no column is named so, or if numbers come back within a part.
    """
    others = [c for c in columns if c not in (roles.words, roles.tags)]
    named = [replace(c, values=_carried_on(c)) for c in others if numbers_sentences(c.name)]
    sentence = next((c for c in named if _counts(c)), None)
    if sentence is None:
        return Borders(set(), [])
    documents = [c for c in others if _DOCUMENT.fullmatch(c.name) and len(c.counts) > 1]
    starts, telling, _ = _named(sentence, [Column("part", parts), *documents])
    return Borders(starts, telling[1:])


def _carried_on(column: Column) -> Sequence[str]:
    """The values, with those of the row before where a row has none: `Sentence: 1` in its first row only."""
    if "" not in column.counts or not column.values[0]:
        return column.values
    return list(accumulate(column.values, _or_before))


def _or_before(before: str, value: str) -> str:
    return value or before


def _named(sentence: Column, documents: Sequence[Column]) -> Borders:
    """Where a column that is named so, or that of the document, changes. Without documents, it may count anew."""
    keys = list(zip(*(column.values for column in (*documents, sentence)), strict=True))
    changes = [0, *(i for i, (a, b) in enumerate(pairwise(keys), start=1) if a != b)]
    if len(changes) < 2 or len(changes) == len(keys) == len(set(keys)):
        return Borders(set(), [])
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    comes_back = next((i for i in changes if first[keys[i]] != i), None)
    telling = [*documents, sentence]
    if comes_back is None or (not documents and _counts_anew(sentence, len(changes))):
        return Borders(set(changes), telling)
    return Borders(set(), telling, comes_back)


def _counts(column: Column) -> bool:
    """Whether all values may be numbers of sentences; a column `sent` may have sentiments."""
    return all(map(_HAS_DIGIT.fullmatch, column.counts))


def _counts_anew(column: Column, runs: int) -> bool:
    """Whether numbers go up, and begin anew from time to time, as in every document."""
    numbers = _numbers(column)
    anew = {*numbers[:1], *_FIRST}
    return bool(numbers) and all(b >= a or b in anew for a, b in pairwise(numbers)) and len(numbers) >= 2 * runs


def _filled(column: Column) -> set[int]:
    """Where a column that is mostly empty has a value: `Sentence: 1` in its first row only."""
    filled = [position for position, value in enumerate(column.values) if value]
    if not 0 < len(filled) < len(column.values) or filled[0] != 0 or not _is_number_like(column):
        return set()
    return set(filled) if len({column.values[position] for position in filled}) == len(filled) else set()


def _grouped(column: Column) -> set[int]:
    """Where the value changes, if every value stands in one run of rows."""
    changes = [0, *(i for i, (a, b) in enumerate(pairwise(column.values), start=1) if a != b)]
    runs = len(changes) == len(column.counts) and len(changes) < len(column.values)
    return set(changes) if runs and len(changes) > 1 and _is_number_like(column) else set()


def _counted(column: Column) -> set[int]:
    """Where numbers of words begin anew."""
    numbers = _numbers(column)
    first = numbers[0] if numbers else -1
    starts = {0} | {i for i, (a, b) in enumerate(pairwise(numbers), start=1) if b == first}
    steady = all(b == a + 1 or b == first for a, b in pairwise(numbers))
    return starts if first in (0, 1) and steady and 1 < len(starts) < len(numbers) else set()


def _counted_anew(column: Column) -> set[int]:
    """Where the number of the sentence changes, in a column without a name, if the numbers go up by one and begin anew
    in every document."""
    numbers = _numbers(column)
    changes = [(i, a, b) for i, (a, b) in enumerate(pairwise(numbers), start=1) if a != b]
    counted = all(b == a + 1 or b == numbers[0] for _, a, b in changes)
    # features have few values, pieces and contractions short runs, lines and phrases other names
    sure = not column.name and len(column.counts) > 2 and len(numbers) >= _RUN * (len(changes) + 1)
    return {0, *(i for i, _, _ in changes)} if counted and changes and sure else set()


def _numbers(column: Column) -> list[int]:
    """Of every row; empty if a value is none."""
    whole = all(value.isascii() and value.isdecimal() for value in column.counts)
    return [int(value) for value in column.values] if whole else []


def _is_number_like(column: Column) -> bool:
    values = column.counts.keys() - {""}
    return bool(_CALLED.search(column.name)) or all(map(_HAS_DIGIT.fullmatch, values))
