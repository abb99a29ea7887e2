"""A text and its entities by their places: doccano, Rasa, the store's own, and all that write the same in other words.

An entity is `[start, end, class]`, or an object whose keys are among START, END and LABEL. https://doccano.github.io
"""

from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.annotators import choose_annotator
from nerbb_ray.data.label_names import Names, given_names
from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading

TEXTS = (
    *("text", "data", "sentence", "content", "document", "doc", "raw_text", "full_text", "context", "body", "example"),
    *("utterance", "query", "message", "passage", "paragraph", "description", "input", "tweet", "review"),
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
)
START = (
    "start",
    "start_offset",
    "char_start",
    "begin",
    "start_char",
    "startOffset",
    "start_idx",
    "start_index",
    "from",
)
END = ("end", "end_offset", "char_end", "stop", "end_char", "endOffset", "end_idx", "end_index", "to")
# entity and name last: they may be what the text says there, if another key has the class
LABEL = ("label", "tag", "type", "entity_type", "entity_group", "class", "category", "label_name", "entity", "name")
# not value: Rasa may give a synonym in it
SURFACE = ("text", "token", "word", "surface", "mention", "span", "entity_text", "entity", "name")
ANNOTATORS = ("annotator", "annotator_id", "annotated_by", "user", "username", "user_id", "created_by")
SHAPES = '[start, end, "class"], or an object such as {"start": int, "end": int, "label": "class"}'


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
    texts, unannotated = MarkedTexts(), 0
    for row, place in records:
        text_key = _text_key(row) if isinstance(row, dict) else None
        if text_key is None:
            raise place.error(f"expected a record with a text ({', '.join(TEXTS[:3])} ...); got {_keys(row)}")
        if key not in row:
            raise place.error(f'expected a list of entities, "{key}", as in other records; got {_keys(row)}')
        if row[key] is None:
            unannotated += 1
            continue
        texts.add(row[text_key], [_entity(item, names, place) for item in _items(row[key], key, place)], place)
    if unannotated:
        texts.documents.notes.append(
            f"{unannotated} records whose {key} is null (nobody has annotated them) are left out"
        )
    reading = texts.reading(options, f"entities by their places in {key}")
    reading.choices = {"tag_column": key} | ({"labels": options.labels} if options.labels else {})
    return reading


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
    filled = [key for key in filled if any(map(_has_class, _of_key(rows, key)))] or filled
    if len(filled) > 1:
        counts = ", ".join(f"{key} ({_examples(rows, key)})" for key in filled)
        message = f"entities are in several lists, {counts}: say which with {option('tag_column')}"
        raise Place(records[0].place.path, name=records[0].place.name).error(message)
    named = [key for key in SPANS if any(isinstance(row.get(key), list) for row in rows)]
    return next(iter([*filled, *named]), "label")


def _examples(rows: Sequence[dict[str, Any]], key: str) -> str:
    labels = (_label(item) for item in _of_key(rows, key))
    return ", ".join(list(dict.fromkeys(str(label) for label in labels))[:3])


def _of_key(rows: Sequence[dict[str, Any]], key: str) -> Iterator[Any]:
    return (item for row in rows if _is_spans(row.get(key)) for item in _listed(row[key]))


def _has_class(item: Any) -> bool:
    return not isinstance(item, dict) or any(type(item.get(name)) in (str, int) for name in LABEL)


def _label(item: Any) -> Any:
    return _of(item, LABEL, str) if isinstance(item, dict) else item[2]


def _is_spans(value: Any) -> bool:
    """Whether this is a list of entities, also an empty one, or lists of starts, ends and classes in one object."""
    items = _listed(value)
    return isinstance(items, list) and all(map(_is_span, items[:20]))


def _is_span(item: Any) -> bool:
    if isinstance(item, dict):
        return _of(item, START, int) is not None and _of(item, END, int) is not None
    return isinstance(item, list) and len(item) == 3 and [type(part) for part in item] in ([int, int, str], [int] * 3)


def _listed(value: Any) -> Any:
    """A data set of Hugging Face has a list of objects as an object of lists."""
    if isinstance(value, dict) and value and all(isinstance(part, list) for part in value.values()):
        sizes = {len(part) for part in value.values()}
        if len(sizes) == 1:
            return [dict(zip(value, parts, strict=True)) for parts in zip(*value.values(), strict=True)]
    return value


def _items(given: Any, key: str, place: Place) -> list[Any]:
    items = _listed(given)
    if not isinstance(items, list):
        raise place.error(f'"{key}" must be a list of entities; got {given!r:.60}')
    return items


def _of(item: dict[str, Any], names: Sequence[str], kind: type) -> Any:
    return next((item[name] for name in names if type(item.get(name)) is kind), None)


def _entity(item: Any, names: Names, place: Place) -> tuple[Mark, str]:
    """
    Args:
        names: of classes that are numbers.
    """
    item = _with_name(item, names)
    if isinstance(item, dict):
        start, end, label = _of(item, START, int), _of(item, END, int), _of(item, LABEL, str)
        if start is not None and end is not None and label is not None:
            used = next(name for name in LABEL if type(item.get(name)) is str)
            surfaces = [name for name in SURFACE if name != used and isinstance(item.get(name), str)]
            return Mark(start, end, item[surfaces[0]] if surfaces else None), label
        if type(item.get("label")) is int:
            raise place.error(_number(item["label"]))
    elif isinstance(item, list) and [type(part) for part in item] == [int, int, str]:
        return Mark(item[0], item[1], None), item[2]
    elif isinstance(item, list) and [type(part) for part in item] == [int] * 3:
        raise place.error(_number(item[2]))
    raise place.error(f"an entity must be {SHAPES}; got {item!r:.100}")


def _with_name(item: Any, names: Names) -> Any:
    if isinstance(item, dict) and type(item.get("label")) is int:
        return item | {"label": names.get(str(item["label"]), item["label"])}
    if isinstance(item, list) and len(item) == 3 and type(item[2]) is int:
        return [*item[:2], names.get(str(item[2]), item[2])]
    return item


def _number(label: int) -> str:
    missing = f"the name of a class is not in the file, only its number {label}"
    way = f"export it with the text of labels (doccano: JSONL (Text label)), or say {option('labels')} FILE"
    return f'{missing}: {way}, of {{"PER": {label}, ...}}'


def _keys(row: Any) -> str:
    return f"the keys {', '.join(row) or 'none'}" if isinstance(row, dict) else f"{row!r:.60}"
