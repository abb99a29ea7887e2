"""A text and its entities by their places: doccano, Rasa, the store's own, and all that write the same in other words.

An entity is `[start, end, class]`, or an object (see `span_shapes`). https://doccano.github.io
"""

from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.annotators import choose_annotator
from nerbb_ray.data.csv_records import as_list_field
from nerbb_ray.data.label_names import given_names
from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.span_shapes import entity_of, has_class, is_usual, label_of, usual
from nerbb_ray.data.word_places import WordPlaces
from nerbb_ray.data.wording import counted
from nerbb_ray.ner.tags import OUTSIDE

TEXTS = (
    *("text", "data", "sentence", "content", "document", "doc", "raw_text", "full_text", "context", "body", "example"),
    *("utterance", "query", "message", "passage", "paragraph", "description", "input", "tweet", "review"),
    *("source_text", "generated_text", "originaltext"),
)
SPANS = (
    "label",
    "labels",
    "entities",
    "spans",
    "annotations",
    "annotation",
    "tags",
    "ents",
    "ner",
    "entity",
    "mentions",
    "privacy_mask",
    "pii_spans",
    "span_labels",
)
APPROVER = "annotation_approver"  # of doccano: who has marked a text as done
ANNOTATORS = ("annotator", "annotator_id", "annotated_by", "user", "username", "user_id", "created_by")


def detect(value: Any) -> bool:
    """Whether a record has a text and a list of entities."""
    if not isinstance(value, dict):
        return False
    if "rasa_nlu_data" in value:
        return True
    named = any(isinstance(value.get(key), list) for key in SPANS)
    return _text_key(value) is not None and (named or any(_is_spans(value[key]) for key in value))


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: which list holds the entities is not sure, a record is of another shape, or an entity is out of its
            text.
    """
    records = [inner for record in records for inner in _unwrapped(record)]
    key = _spans_key(records, options)
    records = choose_annotator(_by_user(records, key), _task, _annotator, options)
    names = {} if options.labels is None else given_names(options.labels)
    found, unannotated = [], 0
    for row, place in records:
        text_key = _text_key(row) if isinstance(row, dict) else None
        if text_key is None:
            raise place.error(f"expected a record with a text ({', '.join(TEXTS[:3])} ...); got {_no_text(row)}")
        if key not in row:
            raise place.error(f'expected a list of entities, "{key}", as in other records; got {_keys(row)}')
        if row[key] is None:
            unannotated += 1
            continue
        marked = [entity_of(item, names, place) for item in _items(row[key], key, place)]
        found.append((row, row[text_key], marked, place))
    texts = _marked_texts(found)
    if unannotated:
        texts.documents.notes.append(
            f"{unannotated} records whose {key} is null (nobody has annotated them) are left out"
        )
    if (unapproved := sum(row.get(APPROVER, "") is None for row, *_ in found)) and unapproved < len(found):
        texts.documents.notes.append(
            f"{unapproved} of {counted(len(found), 'record')} have no {APPROVER}: they count all the same; take "
            "out those that nobody has looked at"
        )
    reading = texts.reading(options, f"entities by their places in {key}")
    reading.choices = {"tag_column": key} | ({"labels": options.labels} if options.labels else {})
    return reading


def takes_all(records: Sequence[Record], options: ReadingOptions) -> bool:
    """Whether all records have a text and what in some of them holds the entities; they may have words, too."""
    rows = [record.value for record in records]
    if not all(isinstance(row, dict) and _text_key(row) is not None for row in rows):
        return False
    key = _spans_key(records, options)
    return all(key in row and (row[key] is None or _is_spans(row[key])) for row in rows)


def _marked_texts(found: Sequence[tuple[Any, str, list[tuple[Mark, str]], Place]]) -> MarkedTexts:
    """
    Args:
        found: record, text, entities, place.
    """
    texts, words = MarkedTexts(), WordPlaces()
    for row, text, marked, place in found:
        words.add(row, text, [mark for mark, _ in marked], place)
    words.check()
    classes = {label for _, _, marked, _ in found for _, label in marked} - {OUTSIDE}
    # of P, L and O the last may well be a class
    is_outside = not classes or any(len(label) > 1 for label in classes)
    left_out = 0
    for _, text, marked, place in found:
        kept = [(mark, label) for mark, label in marked if label != OUTSIDE or not is_outside]
        left_out += len(marked) - len(kept)
        texts.add(text, kept, place)
    if left_out:
        texts.documents.notes.append(f"{left_out} entities of the class {OUTSIDE} (outside of entities) are left out")
    return texts


def _task(row: dict[str, Any]) -> Any:
    """Records of one text are of one task; those of a number, even if the tool has changed the text."""
    number = row.get("id")
    return number if isinstance(number, int | str) else row.get(_text_key(row) or "")


def _annotator(row: dict[str, Any]) -> str:
    """Who has annotated a record; not who has approved it."""
    if row.keys().isdisjoint(ANNOTATORS):
        return ""
    found = next((row[key] for key in ANNOTATORS if isinstance(row.get(key), int | str)), "")
    return str(found)


def _by_user(records: Sequence[Record], key: str) -> Sequence[Record]:
    """A record for each annotator, where the entities themselves say whose they are (doccano's JSONL with users)."""
    users = {_annotator(item) for row, _ in records for item in _objects(row, key)}
    if len(users) < 2:
        return records
    found = []
    for record in records:
        items = _objects(record.value, key)
        # what has no entity may have been seen by everybody
        for user in sorted({_annotator(item) for item in items}) if items else sorted(users):
            own = [item for item in items if _annotator(item) == user]
            found.append(record._replace(value=record.value | {key: own, ANNOTATORS[0]: user}))
    return found


def _objects(row: Any, key: str) -> list[dict[str, Any]]:
    items = row.get(key) if isinstance(row, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _unwrapped(record: Record) -> Iterator[Record]:
    """The examples of Rasa's training data."""
    value = record.value.get("rasa_nlu_data") if isinstance(record.value, dict) else None
    examples = value.get("common_examples") if isinstance(value, dict) else None
    if not isinstance(examples, list):
        yield record
        return
    for number, example in enumerate(examples, start=1):
        entities: dict[str, Any] = {} if not isinstance(example, dict) or "entities" in example else {"entities": []}
        value = example | entities if isinstance(example, dict) else example
        yield Record(value, Place(record.place.path, record.place.line, number, record.place.name))


def _text_key(row: dict[str, Any]) -> str | None:
    named = next((key for key in TEXTS if isinstance(row.get(key), str)), None)
    return named or next((key for key, value in row.items() if key.lower() in TEXTS and isinstance(value, str)), None)


def _spans_key(records: Sequence[Record], options: ReadingOptions) -> str:
    """The key of the entities: the only one that holds some anywhere in the file, by name where several do."""
    rows = [row for row, _ in records if isinstance(row, dict)]
    if options.tag_column is not None:
        return options.tag_column
    keys = dict.fromkeys(key for row in rows for key in row)
    filled = [key for key in keys if key != "tokens" and any(row.get(key) and _is_spans(row[key]) for row in rows)]
    # spaCy's Doc.to_json has places of sentences, too
    filled = [key for key in filled if any(map(has_class, _of_key(rows, key)))] or filled
    # other shapes only where nothing has the usual ones: relations may look like them
    usual_ones = [key for key in filled if any(is_usual(item) for item in _of_key(rows, key))]
    filled = usual_ones or [key for key in filled if key in SPANS] or filled
    if len(filled) > 1:
        counts = ", ".join(f"{key} ({_examples(rows, key)})" for key in filled)
        message = f"entities are in several lists, {counts}: say which with {option('tag_column')}"
        raise Place(records[0].place.path, name=records[0].place.name).error(message)
    named = [key for key in SPANS if any(isinstance(row.get(key), list) for row in rows)]
    return next(iter([*filled, *named]), "label")


def _examples(rows: Sequence[dict[str, Any]], key: str) -> str:
    labels = (label_of(usual(item)) for item in _of_key(rows, key))
    return ", ".join(list(dict.fromkeys(str(label) for label in labels))[:3])


def _of_key(rows: Sequence[dict[str, Any]], key: str) -> Iterator[Any]:
    return (item for row in rows if _is_spans(row.get(key)) for item in _listed(row[key]))


def _is_spans(value: Any) -> bool:
    """Whether this is a list of entities, also an empty one, or lists of starts, ends and classes in one object."""
    items = _listed(value)
    return isinstance(items, list) and all(is_usual(usual(item)) for item in items[:20])


def _listed(value: Any) -> Any:
    """A data set of Hugging Face has a list of objects as an object of lists."""
    if isinstance(value, dict) and value and all(isinstance(part, list) for part in value.values()):
        sizes = {len(part) for part in value.values()}
        if len(sizes) == 1:
            return [dict(zip(value, parts, strict=True)) for parts in zip(*value.values(), strict=True)]
    return value


def _items(given: Any, key: str, place: Place) -> list[Any]:
    items = as_list_field(given) if isinstance(given, str) else _listed(given)
    if not isinstance(items, list):
        raise place.error(f'"{key}" must be a list of entities; got {given!r:.60}')
    return items


def called_text(row: dict[str, Any]) -> str | None:
    """The key that is called like that of a text, whatever its value is."""
    return next((key for key in row if key.lower() in TEXTS), None)


def _no_text(row: Any) -> str:
    key = called_text(row) if isinstance(row, dict) else None
    return _keys(row) if key is None else f"{row[key]!r:.60} in {key!r}"


def _keys(row: Any) -> str:
    return f"the keys {', '.join(row) or 'none'}" if isinstance(row, dict) else f"{row!r:.60}"
