"""GLiNER's JSON: `{"tokenized_text": [...], "ner": [[first, last, "class"], ...]}`, places in words.

https://github.com/urchade/GLiNER
"""

from collections.abc import Sequence
from typing import Any

from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.overlaps import Faults
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.ner.tags import OUTSIDE

WORDS, ENTITIES = "tokenized_text", "ner"


def detect(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get(WORDS), list):
        return False
    given = value.get(ENTITIES)
    return isinstance(given, list) and all(isinstance(item, list | dict) for item in given)


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: a record is of another shape, an entity is out of its words, or some overlap.
    """
    reading = Reading(scheme="bio", taken=f"words {WORDS}, entities {ENTITIES} by their first and last word")
    faults = Faults(options.overlaps)
    for row, place in records:
        words = row.get(WORDS) if isinstance(row, dict) else None
        given = row.get(ENTITIES) if isinstance(row, dict) else None
        if (
            not isinstance(words, list)
            or not all(isinstance(word, str) for word in words)
            or not isinstance(given, list)
        ):
            raise place.error(
                f'expected "{WORDS}", a list of words, and "{ENTITIES}", a list of entities; got {row!r:.60}'
            )
        spans = faults.settled(words, [_entity(item, len(words), place) for item in given])
        tags = [OUTSIDE] * len(words)
        for start, end, label, _ in spans:
            tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
        lines = () if place.line is None else (place.line,)
        reading.sentences.append(Sentence(tuple(words), tuple(tags[: len(words)]), lines=lines))
    faults.check()
    reading.notes += faults.notes(str(records[0].place.path) if records else "")
    return reading


def _entity(item: Any, words: int, place: Place) -> Span:
    parts = [item.get(key) for key in ("start", "end", "label")] if isinstance(item, dict) else item
    if not isinstance(parts, list) or [type(part) for part in parts[:3]] != [int, int, str]:
        raise place.error(f'an entity must be [first word, last word, "class"]; got {item!r:.100}')
    first, last, label = parts[:3]
    if not 0 <= first <= last < words:
        raise place.error(f"an entity must be in the {words} words, from 0; got {label} {first}, {last}")
    return Span(first, last + 1, label, place)
