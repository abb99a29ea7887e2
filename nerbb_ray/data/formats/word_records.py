"""Records of one word each, as pandas writes tables of words: `{"sentence_id": 1, "token": "Anna", "ner": "B-PER"}`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES
from nerbb_ray.data.content import Content
from nerbb_ray.data.formats.columns import reading_of
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.table import Row, Table

NAME = "word_records"
MOST = 0.8  # of the records


def detect(records: Sequence[Record]) -> bool:
    """Whether several records have a word and a tag, and hardly any has more than one: a text with its class does."""
    keys = _keys(records[0].value)
    if len(records) < 2 or not keys:
        return False
    return sum(_amiss(row, keys) is None for row, _ in records) >= MOST * len(records)


def _keys(first: Any) -> list[str]:
    """Of the word and of the tag; empty if a record has none of one of them."""
    if not isinstance(first, dict) or any(isinstance(value, dict | list) for value in first.values()):
        return []
    words, tags = ([key for key in first if key.lower() in names] for names in (WORD_NAMES, TAG_NAMES))
    return [*words, *tags] if words and tags else []


def _amiss(row: Any, keys: Sequence[str]) -> str | None:
    """What is wrong with a record of one word and one tag."""
    if not isinstance(row, dict):
        return f"expected an object; got {row!r:.60}"
    for key in keys:
        value = row.get(key)
        if value is None and key in row:
            return f"{key!r} is null: if the word was NA or null, write it as text (pandas: keep_default_na=False)"
        if not isinstance(value, str | int) or len(str(value).split()) != 1:
            return f"{key!r} must be one word; got {value!r:.60}"
    return None


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: which key has what is not sure, or none says where sentences begin.
    """
    place = records[0].place
    named = _keys(records[0].value)
    if not named:
        raise place.error(f"expected records of one word and one tag each; got {records[0].value!r:.60}")
    for row, own in records:
        if reason := _amiss(row, named):
            raise own.error(f"expected one word and its tag, as in other records: {reason}")
    keys = [key for key, value in records[0].value.items() if not isinstance(value, dict | list)]
    rows = [
        Row(number, ["" if (value := row.get(key)) is None else str(value) for key in keys])
        for number, (row, _) in enumerate(records, start=1)
    ]
    table = Table("keys", len(keys), [rows], names=keys, keys=keys)
    reading = reading_of(table, Content(place.path or Path(place.name or "records"), options))
    del reading.choices["separator"]
    if len(reading.sentences) < 2:
        raise replace(place, line=None, record=None).error(
            "every record has one word, and no key says where sentences begin: add one with the number of the "
            f"sentence, such as sentence_id, or, if each word is a sentence, say {option('format')} tokens"
        )
    reading.sentences = [replace(sentence, lines=()) for sentence in reading.sentences]
    return reading
