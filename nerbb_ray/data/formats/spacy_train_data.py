"""spaCy's TRAIN_DATA: `["text", {"entities": [[start, end, "class"], ...]}]`, as JSON or as Python writes it.

The same in an object `{"classes": [...], "annotations": [...]}` is what NER Annotator exports.
https://spacy.io/usage/training, https://github.com/tecoholic/ner-annotator
"""

from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading

_SHAPE = '["text", {"entities": [[start, end, "class"], ...]}]'


def detect(value: Any) -> bool:
    """Whether this is such a pair, or an export of NER Annotator."""
    if isinstance(value, dict):
        return isinstance(value.get("annotations"), list) and any(map(_is_pair, value["annotations"]))
    return _is_pair(value)


def _is_pair(value: Any) -> bool:
    is_pair = isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str)
    return is_pair and isinstance(value[1], dict) and "entities" in value[1]


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: an example is of another shape, or an entity is out of its text.
    """
    texts, unannotated = MarkedTexts(), 0
    for value, place in (inner for record in records for inner in _unwrapped(record)):
        if value is None:  # NER Annotator: a text that was skipped
            unannotated += 1
            continue
        if not _is_pair(value) or not isinstance(value[1]["entities"], list | tuple):
            raise place.error(f"an example must be {_SHAPE}; got {value!r:.100}")
        texts.add(value[0], [_entity(item, place) for item in value[1]["entities"]], place)
    if unannotated:
        texts.documents.notes.append(f"{unannotated} texts without annotation (null) are left out")
    return texts.reading(options, "entities by their places")


def _unwrapped(record: Record) -> Iterator[Record]:
    if not isinstance(record.value, dict):
        yield record
        return
    examples = record.value.get("annotations")
    if not isinstance(examples, list):
        raise record.place.error(f'expected a list "annotations"; got the keys {", ".join(record.value) or "none"}')
    for number, value in enumerate(examples, start=1):
        yield Record(value, Place(record.place.path, record.place.line, number, record.place.name))


def _entity(item: Any, place: Place) -> tuple[Mark, str]:
    if not isinstance(item, list | tuple) or [type(part) for part in item[:3]] != [int, int, str]:
        raise place.error(f'an entity must be [start, end, "class"]; got {item!r:.100}')
    return Mark(item[0], item[1], None), item[2]
