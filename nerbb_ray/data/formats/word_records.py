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


def detect(records: Sequence[Record]) -> bool:
    """Whether several records have a word and a tag, and none has more than one."""
    first = records[0].value
    if len(records) < 2 or not isinstance(first, dict):
        return False
    if any(isinstance(value, dict | list) for value in first.values()):
        return False
    words, tags = ([key for key in first if key.lower() in names] for names in (WORD_NAMES, TAG_NAMES))
    return bool(words and tags) and all(_is_word(row, [*words, *tags]) for row, _ in records)


def _is_word(row: Any, keys: Sequence[str]) -> bool:
    values = [row.get(key) for key in keys] if isinstance(row, dict) else []
    return bool(values) and all(isinstance(value, str | int) and len(str(value).split()) == 1 for value in values)


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: which key has what is not sure, or none says where sentences begin.
    """
    place = records[0].place
    if not detect(records):
        raise place.error(f"expected records of one word and one tag each; got {records[0].value!r:.60}")
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
