"""Entities by the places of words (SpERT, OneIE), which must not be taken for places of characters."""

from collections.abc import Iterable, Sequence
from typing import Any

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES
from nerbb_ray.data.offsets import POINTS, Mark, misfits, resolve, ways_of
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.span_shapes import END, START, is_usual, usual, value_of
from nerbb_ray.errors import DataError

_WAY_OUT = (
    'write them as tags of words, {"tokens": [...], "tags": [...]}, or as GLiNER does: '
    '{"tokenized_text": [...], "ner": [[first word, last word, "class"]]}'
)


def words_of(row: Any) -> list[str] | None:
    """The words of a record as a list, if it has some."""
    items = row.items() if isinstance(row, dict) else ()
    lists = (value for key, value in items if key.lower() in WORD_NAMES and type(value) is list)
    return next((value for value in lists if value and all(isinstance(word, str) for word in value)), None)


class WordPlaces:
    """Whether the entities of a file are by the places of words, and cannot be by those of characters."""

    def __init__(self) -> None:
        self._could = True
        self._first: Place | None = None

    def add(self, row: Any, text: str, marks: Sequence[Mark], place: Place) -> None:
        """Look at the entities of one text; without a list of words beside them they are of characters."""
        words = words_of(row)
        if not self._could or not marks:
            return
        self._could = words is not None and all(0 <= mark.start <= mark.end <= len(words) for mark in marks)
        if self._could and self._first is None and _cut_words(text, marks):
            self._first = place

    def check(self) -> None:
        """
        Raises:
            DataError: all places are within the words, and as places of characters they cut words.
        """
        if self._could and self._first is not None:
            raise error(self._first)


def _cut_words(text: str, marks: Sequence[Mark]) -> bool:
    """Whether entities begin or end inside of words, or say that the text is another one there."""
    if any(mark.surface for mark in marks):
        return resolve(text, marks) is None
    return any(misfits(text, marks, ways_of(text)[POINTS]))


def error(place: Place) -> DataError:
    """To be raised: it says what is wrong, and how else the entities can be written."""
    return place.error(f"the entities are at places of words, not of characters: {_WAY_OUT}")


def check_lists(records: Iterable[Record]) -> None:
    """
    Raises:
        DataError: a record has words as a list and entities by places among them, but no tags.
    """
    for row, place in records:
        words = words_of(row)
        if words is None or any(key.lower() in TAG_NAMES and _is_list_of_strings(row[key]) for key in row):
            continue
        for items in row.values():
            if type(items) is list and items and all(_is_within(usual(item), len(words)) for item in items):
                raise error(place)


def _is_list_of_strings(value: Any) -> bool:
    return type(value) is list and all(isinstance(part, str | int) for part in value)


def _is_within(item: Any, size: int) -> bool:
    if not is_usual(item):
        return False
    places = [value_of(item, START, int), value_of(item, END, int)] if isinstance(item, dict) else item[:2]
    return bool(0 <= places[0] <= places[1] <= size)
