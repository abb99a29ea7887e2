"""Exports of doccano's sequence labelling projects, JSONL and JSON. https://doccano.github.io/doccano/tutorial/"""

from collections.abc import Sequence
from typing import Any

from nerbb_ray.data.documents import Document, Documents, Place, Span
from nerbb_ray.data.formats.label_studio import UNSURE
from nerbb_ray.data.offsets import is_ambiguous
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading

TEXTS = ("text", "data")
LABELS = ("label", "labels", "entities", "annotations")
SHAPES = '[start, end, "class"], or {"start_offset": int, "end_offset": int, "label": "class"}'


def is_doccano(row: dict[str, Any]) -> bool:
    """Whether a record has a text and a list of labels, as doccano writes them."""
    return any(isinstance(row.get(key), str) for key in TEXTS) and any(isinstance(row.get(key), list) for key in LABELS)


def read_doccano(records: Sequence[Record]) -> Reading:
    """A document for each record.

    Raises:
        DataError: a record is of another shape, or an entity is out of its text.
    """
    documents = Documents([_document(record) for record in records])
    unsure = sum(bool(document.spans) and is_ambiguous(document.text) for document in documents.found)
    if unsure:
        documents.notes.append(f"{unsure} documents: {UNSURE}")
    return documents.reading()


def _document(record: Record) -> Document:
    row, place = record
    text = next((row[key] for key in TEXTS if isinstance(row.get(key), str)), None)
    key = next((key for key in LABELS if isinstance(row.get(key), list)), None)
    if text is None or key is None:
        expected = f"a text ({' or '.join(TEXTS)}) and a list of labels ({', '.join(LABELS)})"
        raise place.error(f"expected a record of doccano with {expected}; got the keys {', '.join(row) or 'none'}")
    return Document(text, [Span(*_entity(item, place), place) for item in row[key]], place)


def _entity(item: Any, place: Place) -> tuple[int, int, str]:
    parts = [item.get(key) for key in ("start_offset", "end_offset", "label")] if isinstance(item, dict) else item
    if isinstance(item, dict) and type(item.get("label")) is int:
        rule = "the name of a class is not in the file"
        raise place.error(f"{rule}, only its number {item['label']}: export JSONL (Text label) instead")
    if isinstance(parts, list) and [type(part) for part in parts] == [int, int, str]:
        start, end, label = parts
        return start, end, label
    raise place.error(f"an entity must be {SHAPES}; got {item!r:.100}")
