"""Exports of Label Studio, JSON and JSON_MIN. https://labelstud.io/guide/export"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nerbb_ray.data.documents import Document, Documents, Place, Span
from nerbb_ray.data.offsets import POINTS, Mark, is_ambiguous, resolve
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading

ANNOTATIONS = ("annotations", "completions")  # the second in exports of before 2021
OTHER_LABELS = {  # of texts, too: to skip them would make their words O
    "hypertextlabels": "the places of labels of HyperText are paths in HTML",
    "paragraphlabels": "the places of labels of Paragraphs are numbers of a dialogue's turns",
}
MIN_KEYS = ("annotator", "annotation_id", "lead_time")


def is_label_studio(row: dict[str, Any]) -> bool:
    """Whether a record is a task of Label Studio, in one of its two forms."""
    return _is_full(row) or any(key in row for key in MIN_KEYS) or _regions_key(row) is not None


def read_label_studio(records: Sequence[Record]) -> Reading:
    """A document for each annotated task. Of several annotators the first who has not cancelled counts.

    Raises:
        DataError: a task is of another shape, or an entity does not stand where the export says.
    """
    tasks, documents = _Tasks(), Documents()
    documents.found = [task for record in records for task in tasks.documents_of(record)]
    documents.notes = list(tasks.notes())
    return documents.reading()


@dataclass(slots=True)
class _Tasks:
    """Counts what is left out or decided on the way."""

    seen: set[Any] = field(default_factory=set)
    unannotated: int = 0
    several: int = 0
    unlabelled: int = 0
    unsure: int = 0
    countings: dict[str, int] = field(default_factory=dict)

    def documents_of(self, record: Record) -> Iterator[Document]:
        """One, or none if nobody has annotated the task."""
        regions = self._full(record) if _is_full(record.value) else self._minimal(record)
        if regions is None:
            return
        row = record.value["data"] if _is_full(record.value) else record.value
        text = _text(row, record.place)
        marked = [entity for region in regions if (entity := self._entity(region, record.place)) is not None]
        yield Document(text, self._spans(text, marked, record.place), record.place)

    def _full(self, record: Record) -> list[Any] | None:
        """The regions of the annotation that counts: the values of its results of labels."""
        key = next(key for key in ANNOTATIONS if key in record.value)
        given = record.value[key]
        if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
            raise record.place.error(f'"{key}" must be a list of objects; got {given!r:.60}')
        valid = [item for item in given if not item.get("was_cancelled") and not item.get("skipped")]
        self.several += len(valid) > 1
        if not valid:
            self.unannotated += 1
            return None
        results = valid[0].get("result")
        if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
            raise record.place.error(f'"result" of an annotation must be a list of objects; got {results!r:.60}')
        other = next((kind for kind in OTHER_LABELS if any(item.get("type") == kind for item in results)), None)
        if other is not None:
            raise record.place.error(f"{other} cannot be read: {OTHER_LABELS[other]}; use Text with Labels")
        return [item.get("value") for item in results if item.get("type", "labels") == "labels"]

    def _minimal(self, record: Record) -> list[Any] | None:
        row = record.value
        if isinstance(task := row.get("id"), int | str):
            if task in self.seen:
                self.several += 1
                return None
            self.seen.add(task)
        key = _regions_key(row) or next((key for key in ("label", "labels") if isinstance(row.get(key), list)), None)
        regions = [] if key is None else row[key]
        if any(not isinstance(region, dict) for region in regions):
            raise record.place.error(
                f'"{key}" must be a list of objects with start, end and labels; got {regions!r:.60}'
            )
        return list(regions)

    def _entity(self, region: Any, place: Place) -> tuple[Mark, str] | None:
        shape = '{"start": int, "end": int, "labels": [str]}'
        if not isinstance(region, dict) or any(type(region.get(key)) is not int for key in ("start", "end")):
            raise place.error(f"an entity must be {shape}; got {region!r:.100}")
        labels, surface = region.get("labels") or [], region.get("text")
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise place.error(f"an entity must be {shape}; got {region!r:.100}")
        if len(labels) > 1:
            where = f"{region['start']}-{region['end']}"
            raise place.error(f"an entity must have one class; got {', '.join(labels)} at {where}: keep one of them")
        if not labels:
            self.unlabelled += 1
            return None
        return Mark(region["start"], region["end"], surface if isinstance(surface, str) else None), labels[0]

    def _spans(self, text: str, marked: list[tuple[Mark, str]], place: Place) -> list[Span]:
        resolved = resolve(text, [mark for mark, _ in marked])
        if resolved is None:
            bad, label = next((m for m in marked if resolve(text, [m[0]]) is None), marked[0])
            if not 0 <= bad.start < bad.end <= len(text):
                rule = f"0 <= start < end <= {len(text)} (length of text) must hold"
                raise place.error(f"{rule}; got {label} {bad.start}, {bad.end}")
            found = text[bad.start : bad.end]
            message = f"text[{bad.start}:{bad.end}] is {found!r}, but {label} says {bad.surface!r}"
            raise place.error(message)
        if resolved.counting != POINTS:
            self.countings[resolved.counting] = self.countings.get(resolved.counting, 0) + 1
        self.unsure += is_ambiguous(text) and any(mark.surface is None for mark, _ in marked)
        return [Span(*span, label, place) for span, (_, label) in zip(resolved.places, marked, strict=True)]

    def notes(self) -> Iterator[str]:
        if self.several:
            yield f"{self.several} times a task has several annotations: the first that is not cancelled counts"
        if self.unannotated:
            yield f"{self.unannotated} tasks without an annotation (or with cancelled ones only) are left out"
        if self.unlabelled:
            yield f"{self.unlabelled} regions without a label are left out"
        for counting, number in self.countings.items():
            yield f"{number} tasks count places in {counting}: they fit their texts so, and only so"
        if self.unsure:
            yield f"{self.unsure} tasks: {UNSURE}"


UNSURE = (
    "characters beyond U+FFFF or line ends of two characters in the text, and no text of the entities to compare "
    "with: their places are taken as code points; have a look at some of them"
)


def _is_full(row: dict[str, Any]) -> bool:
    return isinstance(row.get("data"), dict) and any(key in row for key in ANNOTATIONS)


def _regions_key(row: dict[str, Any]) -> str | None:
    """The key of a JSON_MIN record that holds its regions: the name of the labels in the project."""

    def holds_regions(value: Any) -> bool:
        is_list = isinstance(value, list) and bool(value)
        return is_list and all(isinstance(v, dict) and {"start", "end", "labels"} <= v.keys() for v in value)

    return next((key for key, value in row.items() if holds_regions(value)), None)


def _text(row: dict[str, Any], place: Place) -> str:
    """The text of a task: a project may call it as it likes."""
    texts = {key: value for key, value in row.items() if isinstance(value, str)}
    if "text" in texts:
        return texts["text"]
    own = [value for key, value in texts.items() if key not in ("created_at", "updated_at", "annotator", "id")]
    if len(own) != 1:
        got = ", ".join(row) or "none"
        raise place.error(f'expected the text of the task as "text", or as its only string; got the keys {got}')
    return own[0]
