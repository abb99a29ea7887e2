"""What a task of Label Studio holds, in the forms JSON and JSON_MIN: annotations, regions, classes, and its text."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.offsets import Mark, resolve
from nerbb_ray.data.options import option
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record

ANNOTATIONS = ("annotations", "completions")  # the second in exports of before 2021
PREDICTIONS = "predictions"  # all that a task has before anybody has annotated it
_URL = re.compile(r"(https?|s3|gs|azure-blob)://\S+|/data/(upload|local-files)/\S+")
_BY_ADDRESS = "Put the texts themselves into the export (valueType of Text is url), or fetch them into it"
_LABELS = {"labels", "taxonomy"}
_ABOUT = ("created_at", "updated_at", "annotator", "id")  # strings of a task that are no texts


def is_region(item: dict[str, Any]) -> bool:
    """Whether a result marks a part of the text, with labels or paths in a tree of classes (Taxonomy)."""
    kind, value = item.get("type", "labels"), item.get("value")
    return kind == "labels" or (kind == "taxonomy" and isinstance(value, dict) and "start" in value)


def classes_of(region: dict[str, Any]) -> list[str]:
    """The classes of a region; those of a tree with all that stands above them: `Person/Politician`."""
    labels, paths = region.get("labels"), region.get("taxonomy")
    if isinstance(paths, list) and all(isinstance(path, list) for path in paths):
        labels = ["/".join(map(str, path)) for path in paths]
    return [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []


def valid_annotations(record: Record) -> list[dict[str, Any]]:
    """The annotations of a task that nobody has cancelled."""
    key, given = annotations_of(record.value)
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise record.place.error(f'"{key}" must be a list of objects; got {given!r:.60}')
    return [item for item in given if not item.get("was_cancelled") and not item.get("skipped")]


def are_dated(annotations: Sequence[dict[str, Any]]) -> bool:
    """Whether all of them say when they were made."""
    return all(isinstance(item.get("created_at"), str) for item in annotations)


def newest(annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one that was made last (ISO 8601, as Label Studio writes it); the first where one does not say it."""
    return max(annotations, key=lambda item: item["created_at"]) if are_dated(annotations) else annotations[0]


def annotations_of(row: dict[str, Any]) -> tuple[str, Any]:
    """The key of a task's annotations, and what stands there: nothing in a task that has predictions only."""
    key = next((key for key in ANNOTATIONS if key in row), ANNOTATIONS[0])
    return key, row.get(key, [])


def results_of(annotation: dict[str, Any], place: Place) -> list[dict[str, Any]]:
    results = annotation.get("result")
    if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
        raise place.error(f'"result" of an annotation must be a list of objects; got {results!r:.60}')
    return results


def is_full(row: dict[str, Any]) -> bool:
    return isinstance(row.get("data"), dict) and any(key in row for key in (*ANNOTATIONS, PREDICTIONS))


def region_keys(row: dict[str, Any]) -> list[str]:
    """The keys of a JSON_MIN record that hold regions: the names of labels in the project."""

    def is_region(value: Any) -> bool:
        return isinstance(value, dict) and "start" in value and "end" in value and not _LABELS.isdisjoint(value)

    return [key for key, value in row.items() if isinstance(value, list) and value and all(map(is_region, value))]


def _data(row: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = row["data"] if is_full(row) else row
    return data


def _strings(data: dict[str, Any]) -> dict[str, str]:
    """What may be the text of a task: a project may call it as it likes."""
    return {key: value for key, value in data.items() if isinstance(value, str) and key not in _ABOUT}


def text_key(records: Sequence[Record]) -> str | None:
    """The key of the texts where none is called so: the only string that has all entities where they should be.

    None if there is one string only, or none that is certain.
    """
    rows = [row for row, _ in records if isinstance(row, dict)]
    keys = dict.fromkeys(key for row in rows for key in _strings(_data(row)))
    if "text" in keys or len(keys) < 2:
        return None
    seen = False
    for row, place in (record for record in records if isinstance(record.value, dict)):
        for region in _marked_regions(row, place):
            mark = Mark(region["start"], region["end"], region["text"])
            texts = _strings(_data(row))
            keys = {key: None for key in keys if key in texts and resolve(texts[key], [mark]) is not None}
            seen = True
    return next(iter(keys)) if seen and len(keys) == 1 else None


def _marked_regions(row: dict[str, Any], place: Place) -> Iterator[dict[str, Any]]:
    """The regions that say what their text is."""
    if is_full(row):
        results = (
            item for annotation in valid_annotations(Record(row, place)) for item in results_of(annotation, place)
        )
        regions = [item.get("value") for item in results if is_region(item)]
    else:
        regions = [region for key in region_keys(row) for region in row[key]]
    for region in regions:
        if isinstance(region, dict) and [type(region.get(key)) for key in ("start", "end", "text")] == [int, int, str]:
            yield region


def text_of(row: dict[str, Any], key: str | None, place: Place) -> str:
    """The text of a task.

    Args:
        key: of the texts, if it is known.
    Raises:
        DataError: there is none, several could be it, or there is but its address.
    """
    data = _data(row)
    texts = _strings(data)
    key = key or ("text" if "text" in texts else None)
    own = [texts[key]] if key in texts else [] if key else list(texts.values())
    if len(own) == 1 and _URL.fullmatch(own[0]):
        raise place.error(f"the text is not in the export, only its address: {own[0]!r:.80}. {_BY_ADDRESS}")
    if len(own) != 1:
        got = ", ".join(data) or "none"
        rule = f'expected the text of the task as "{key or "text"}", or as its only string'
        raise place.error(f"{rule}; got the keys {got}: say which has it with {option('word_column')}")
    return own[0]
