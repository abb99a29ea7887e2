"""Exports of Label Studio, JSON and JSON_MIN. https://labelstud.io/guide/export"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.annotators import of_annotator
from nerbb_ray.data.label_studio_tasks import (
    annotations_of,
    are_dated,
    classes_of,
    is_full,
    is_region,
    newest,
    region_keys,
    results_of,
    text_key,
    text_of,
    valid_annotations,
)
from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.span_shapes import is_entity
from nerbb_ray.data.wording import counted

OTHER_LABELS = {  # of texts, too: to skip them would make their words O
    "hypertextlabels": "the places of labels of HyperText are paths in HTML; use Text with Labels",
    "paragraphlabels": "the places of labels of Paragraphs are numbers of a dialogue's turns; use Text with Labels",
}
MIN_KEYS = ("annotator", "annotation_id", "lead_time")


def detect(value: Any) -> bool:
    """Whether a record is a task of Label Studio, in one of its two forms."""
    if not isinstance(value, dict):
        return False
    if not is_bare(value):
        return True
    # who has annotated it, and for how long, is said in other files, too, but there the entities are in lists
    if any(isinstance(item, list) and item and all(map(is_entity, item)) for item in value.values()):
        return False
    empty = any(isinstance(item, list) and not item for item in value.values())
    return any(key in value for key in MIN_KEYS[1:]) or (MIN_KEYS[0] in value and not empty)


def is_bare(value: Any) -> bool:
    """Whether a record can be a task only because it says who has annotated it: it has no entity."""
    return isinstance(value, dict) and not is_full(value) and not region_keys(value)


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """A document for each annotated task.

    Of several annotations of a task the ground truth counts, else the newest that is not cancelled, as in Label
    Studio's own exports of other forms (the first where none says when it was made); of several label sets over one
    text the one that the user names.

    Raises:
        DataError: there are several label sets and the user names none, a task is of another shape, or an entity does
            not stand where the export says.
    """
    tasks = _Tasks(options, _of_annotator(records, options) if options.annotator else records)
    for record in tasks.records:
        tasks.add(record)
    tasks.texts.documents.notes[:0] = tasks.notes()
    reading = tasks.texts.reading(options, f"labels of {tasks.wanted}" if tasks.wanted else "regions with labels")
    reading.choices = {"tag_column": tasks.wanted} if tasks.wanted else {}
    return reading


def _of_annotator(records: Sequence[Record], options: ReadingOptions) -> list[Record]:
    """The tasks with the annotations of one person only."""
    kept, people = list[Record](), list[str]()
    for record in records:
        row = record.value
        if not isinstance(row, dict) or not is_full(row):
            kept.append(record)
            people.append(_person(row.get("annotator")) if isinstance(row, dict) else "")
            continue
        key, given = annotations_of(row)
        own = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
        by_person: dict[str, list[Any]] = {}
        for item in own:
            by_person.setdefault(_person(item.get("completed_by")), []).append(item)
        kept += [record._replace(value=row | {key: items}) for items in by_person.values()]
        people += by_person
    return of_annotator(kept, people, options)


def _person(value: Any) -> str:
    """The number or the address of an annotator."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    return "" if value is None else str(value)


class _Tasks:
    """Counts what is left out or decided on the way.

    Args:
        records: those that count.
    """

    def __init__(self, options: ReadingOptions, records: Sequence[Record]) -> None:
        self.records = records
        self.texts = MarkedTexts()
        self.wanted = _label_set(records, options)
        self.text_key = options.word_column or text_key(records)
        self.people: set[str] = set()
        self.seen: set[tuple[int | str, str]] = set()
        self.unannotated = self.several = self.ground_truth = self.unlabelled = 0
        self.dated = False

    def add(self, record: Record) -> None:
        """One text, or none if nobody has annotated the task."""
        row = record.value
        if not isinstance(row, dict):
            raise record.place.error(f"expected a task of Label Studio, an object; got {row!r:.60}")
        regions = self._full(record) if is_full(row) else self._minimal(record)
        if regions is not None:
            text = text_of(row, self.text_key, record.place)
            marked = [entity for region in regions for entity in self._entities(region, record.place)]
            self.texts.add(text, marked, record.place)

    def _full(self, record: Record) -> list[Any] | None:
        """The regions of the annotation that counts: the values of its results of labels."""
        valid = valid_annotations(record)
        self.several += len(valid) > 1
        self.dated |= len(valid) > 1 and are_dated(valid)
        self.people.update(_person(item.get("completed_by")) for item in valid)
        if not valid:
            self.unannotated += 1
            return None
        truth = [item for item in valid if item.get("ground_truth")]
        self.ground_truth += len(valid) > 1 and bool(truth)
        results = results_of(newest(truth or valid), record.place)
        other = next((kind for kind in OTHER_LABELS if any(item.get("type") == kind for item in results)), None)
        if other is not None:
            raise record.place.error(f"{other} cannot be read: {OTHER_LABELS[other]}")
        regions = [item for item in results if is_region(item)]
        return [item.get("value") for item in regions if self.wanted in ("", item.get("from_name", ""))]

    def _minimal(self, record: Record) -> list[Any] | None:
        row = record.value
        self.people.add(_person(row.get("annotator")))
        if isinstance(number := row.get("id"), int | str):
            # exports that were joined have the same numbers again
            task = number, text_of(row, self.text_key, record.place)
            if task in self.seen:
                self.several += 1
                return None
            self.seen.add(task)
        key = self.wanted or next((key for key in ("label", "labels") if isinstance(row.get(key), list)), None)
        regions = row.get(key, []) if key else []
        if not isinstance(regions, list) or any(not isinstance(region, dict) for region in regions):
            raise record.place.error(
                f'"{key}" must be a list of objects with start, end and labels; got {regions!r:.60}'
            )
        return list(regions)

    def _entities(self, region: Any, place: Place) -> Iterator[tuple[Mark, str]]:
        """One for each label of a region; of several, only one can be kept."""
        shape = '{"start": int, "end": int, "labels": [str]}'
        if not isinstance(region, dict) or any(type(region.get(key)) is not int for key in ("start", "end")):
            raise place.error(f"an entity must be {shape}; got {region!r:.100}")
        given, labels, surface = region.get("labels") or [], classes_of(region), region.get("text")
        if "taxonomy" not in region and labels != given:
            raise place.error(f"an entity must be {shape}; got {region!r:.100}")
        self.unlabelled += not labels
        for label in labels:
            yield Mark(region["start"], region["end"], surface if isinstance(surface, str) else None), label

    def notes(self) -> Iterator[str]:
        if self.several:
            which = "the newest" if self.dated else "the first"
            rule = f"{which} that is not cancelled counts"
            if self.ground_truth:
                rule = f"the ground truth counts ({self.ground_truth}), else {which} that is not cancelled"
            way = f"; for those of one person say {option('annotator')}" if len(self.people) > 1 else ""
            yield f"{self.several} times a task has several annotations: {rule}{way}"
        if self.unannotated:
            tasks = counted(self.unannotated, "task")
            yield f"{tasks} without an annotation (or with cancelled ones only) left out"
        if self.unlabelled:
            yield f"{counted(self.unlabelled, 'region')} without a label left out"


def _label_set(records: Sequence[Record], options: ReadingOptions) -> str:
    """The name of the labels of a project that count; empty if the export names none.

    Raises:
        DataError: there are several, with what each has, and the user names none of them.
    """
    found: dict[str, Counter[str]] = {}
    for row, place in (record for record in records if isinstance(record.value, dict)):
        for name, labels in _named_labels(row, place):
            found.setdefault(name, Counter()).update(labels)
    named = found.keys() - {""}  # scripts write exports without the names
    if options.tag_column in named:
        return options.tag_column or ""
    if len(named) > 1 or options.tag_column:
        sets = "; ".join(
            f"{name} ({', '.join(f'{k} {v}' for k, v in c.most_common(4))})" for name, c in sorted(found.items())
        )
        key = option("tag_column")
        wrong = f"{key} {options.tag_column}: there is none of this name; " if options.tag_column else ""
        found_sets = f"{wrong}the texts have {counted(len(named), 'set', 'sets')} of labels: {sets}"
        message = f"{found_sets}. Say which counts with {key}"
        raise Place(records[0].place.path).error(message)
    return next(iter(named), "") if "" not in found else ""


def _named_labels(row: dict[str, Any], place: Place) -> Iterator[tuple[str, list[str]]]:
    """(name of the labels, labels) of every region of a task."""
    if is_full(row):
        for annotation in valid_annotations(Record(row, place)):
            for item in results_of(annotation, place):
                value = item.get("value")
                if is_region(item) and isinstance(value, dict):
                    yield item.get("from_name", ""), classes_of(value)
    else:
        for key in region_keys(row):
            for region in row[key]:
                yield key, classes_of(region)
