"""DataTurks' jsonl: `{"content": "...", "annotation": [{"label": ["class"], "points": [{"start", "end", "text"}]}]}`.

The end is the last character of an entity.
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
    if not isinstance(value, dict) or not isinstance(value.get("content"), str) or "annotation" not in value:
        return False
    given = value["annotation"]
    return given is None or (
        isinstance(given, list) and all(isinstance(item, dict) and "points" in item for item in given)
    )


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: a record is of another shape, or an entity does not stand where the file says.
    """
    texts, unannotated = MarkedTexts(), 0
    for row, place in records:
        if not detect(row):
            raise place.error(f'expected a record of DataTurks with "content" and "annotation"; got {row!r:.60}')
        if row["annotation"] is None:
            unannotated += 1
            continue
        texts.add(row["content"], [m for item in row["annotation"] for m in _entities(item, place)], place)
    if unannotated:
        texts.documents.notes.append(f"{unannotated} records without annotation (null) are left out")
    return texts.reading(options, "entities by their points, their last character included")


def _entities(item: dict[str, Any], place: Place) -> Iterator[tuple[Mark, str]]:
    """An entity of several labels is one of each."""
    given, points = item.get("label"), item["points"]
    labels: list[Any] = given if isinstance(given, list) else [given]
    is_good = isinstance(points, list) and bool(labels) and all(isinstance(label, str) for label in labels)
    for point in points if is_good else [None]:
        kinds = [type(point.get(key)) for key in ("start", "end")] if isinstance(point, dict) else []
        if not isinstance(point, dict) or kinds != [int, int]:
            raise place.error(
                f'an entity must be {{"label": ["class"], "points": [{{"start", "end"}}]}}; got {item!r:.100}'
            )
        surface = point.get("text")
        for label in labels:
            yield Mark(point["start"], point["end"] + 1, surface if isinstance(surface, str) else None), label
