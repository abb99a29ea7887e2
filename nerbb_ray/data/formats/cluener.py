"""CLUENER's JSON: `{"text": "...", "label": {"class": {"surface": [[first, last], ...]}}}`.

The last character is that of the entity, not the one behind it. https://github.com/CLUEbenchmark/CLUENER2020
"""

from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading


def detect(value: Any) -> bool:
    """Whether the labels are an object of objects."""
    labels = value.get("label") if isinstance(value, dict) else None
    return isinstance(labels, dict) and "text" in value and all(isinstance(own, dict) for own in labels.values())


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: a record is of another shape (such as one of the test split, which has no labels), or an entity does
            not stand where the file says.
    """
    texts = MarkedTexts()
    for row, place in records:
        if not detect(row) or not isinstance(row["text"], str):
            raise place.error(
                f'expected {{"text": "...", "label": {{"class": {{"surface": [[0, 1]]}}}}}}; got {row!r:.60}'
            )
        texts.add(row["text"], list(_entities(row["label"], place)), place)
    return texts.reading(options, "entities by their surface, their last character included")


def _entities(labels: dict[str, dict[str, Any]], place: Place) -> Iterator[tuple[Mark, str]]:
    for label, surfaces in labels.items():
        for surface, places in surfaces.items():
            if not isinstance(places, list) or not all(
                isinstance(pair, list) and [type(part) for part in pair] == [int, int] for pair in places
            ):
                raise place.error(f"the places of {surface!r:.40} must be [[first, last], ...]; got {places!r:.60}")
            for first, last in places:
                yield Mark(first, last + 1, surface), label
