"""BioC JSON: documents of passages with their annotations. https://bioc.sourceforge.net, https://www.ncbi.nlm.nih.gov/research/bionlp/APIs"""

from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading


def detect(value: Any) -> bool:
    """Whether this is a collection, or a document."""
    if not isinstance(value, dict):
        return False
    documents = value.get("documents")
    is_collection = isinstance(documents, list) and all(isinstance(d, dict) and "passages" in d for d in documents)
    return is_collection or isinstance(value.get("passages"), list)


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """The passages of a document are texts of their own, which stay in one split.

    An annotation of several parts is read as the text from the first to the last of them, and counted.

    Raises:
        DataError: a document is of another shape, or an annotation does not stand where the file says.
    """
    texts, groups, parted = MarkedTexts(), [], 0
    for number, (document, place) in enumerate(inner for record in records for inner in _documents(record)):
        for part in _parts(document, place):
            marked = [_entity(item, part, place) for item in part["annotations"]]
            parted += sum(several for _, _, several in marked)
            texts.add(_text(part, place), [(mark, label) for mark, label, _ in marked], place)
            groups.append(number)
    if parted:
        texts.documents.notes.append(
            f"{parted} annotations of several parts are read as all from the first to the last"
        )
    reading = texts.reading(options, "annotations of passages")
    reading.documents = [groups[position] for position in reading.documents]
    return reading


def _documents(record: Record) -> Iterator[Record]:
    value, place = record
    if isinstance(value, dict) and isinstance(value.get("documents"), list):
        for number, document in enumerate(value["documents"], start=1):
            yield Record(document, Place(place.path, place.line, number, place.name))
    else:
        yield record


def _parts(document: Any, place: Place) -> list[dict[str, Any]]:
    """The texts of a document with the annotations in them, which may stand at sentences, passages or the document."""
    parts: list[dict[str, Any]] = []
    elsewhere: list[Any] = []
    for passage in _list(document, "passages", place):
        own = _list(passage, "annotations", place, [])
        inner = [_part(sentence, place) for sentence in _given(passage, "sentences", place)]
        text = passage.get("text")
        # sentences instead, each like a passage
        if text is None or (inner and not str(text).strip()):
            parts += inner
            elsewhere += own
        else:
            parts.append(_part(passage, place))
            elsewhere += [item for sentence in inner for item in sentence["annotations"]]
    elsewhere += _given(document, "annotations", place)
    for item in elsewhere:
        annotations = _around(item, parts, place)["annotations"]
        # some tools write an annotation at both
        if not any(_is_same(item, other) for other in annotations):
            annotations.append(item)
    return parts


def _given(row: dict[str, Any], key: str, place: Place) -> list[Any]:
    return [] if row.get(key) is None else _list(row, key, place)


def _part(passage: Any, place: Place) -> dict[str, Any]:
    annotations = _list(passage, "annotations", place, [])
    return {"text": _text(passage, place), "offset": passage.get("offset", 0), "annotations": list(annotations)}


def _around(item: Any, parts: Sequence[dict[str, Any]], place: Place) -> dict[str, Any]:
    """The text in which an annotation begins that stands elsewhere."""
    found = [part for part in parts if 0 <= _entity(item, part, place)[0].start < len(part["text"])]
    if len(found) != 1:
        where = "no text" if not found else f"{len(found)} texts"
        rule = "an annotation of a document, or of a passage with sentences, must begin in one text, by their offsets"
        raise place.error(f"{rule}; got {where} for {item!r:.100}")
    return found[0]


def _is_same(item: Any, other: Any) -> bool:
    return isinstance(other, dict) and all(item.get(key) == other.get(key) for key in ("infons", "locations"))


def _list(row: Any, key: str, place: Place, default: list[Any] | None = None) -> list[Any]:
    values = row.get(key, default) if isinstance(row, dict) else None
    if not isinstance(values, list):
        raise place.error(f'expected BioC with a list "{key}"; got {row!r:.60}')
    return values


def _text(part: Any, place: Place) -> str:
    text = part.get("text") if isinstance(part, dict) else None
    if not isinstance(text, str):
        raise place.error(f"a passage or sentence must have a text; got {part!r:.60}")
    return text


def _entity(item: Any, part: dict[str, Any], place: Place) -> tuple[Mark, str, bool]:
    """(mark, class, whether it has several parts); places are those of the document."""
    infons = item.get("infons") if isinstance(item, dict) else None
    locations = item.get("locations") if isinstance(item, dict) else None
    label = infons.get("type") if isinstance(infons, dict) else None
    if not isinstance(label, str) or not isinstance(locations, list) or not locations:
        raise place.error(
            f'an annotation must have {{"infons": {{"type": "class"}}, "locations": [...]}}; got {item!r:.100}'
        )
    if not all(
        isinstance(spot, dict) and type(spot.get("offset")) is type(spot.get("length")) is int for spot in locations
    ):
        raise place.error(f'a location must be {{"offset": int, "length": int}}; got {locations!r:.100}')
    base = part.get("offset", 0)
    if type(base) is not int:
        raise place.error(f'"offset" of a passage must be a number; got {base!r:.60}')
    start = min(spot["offset"] for spot in locations) - base
    end = max(spot["offset"] + spot["length"] for spot in locations) - base
    surface = item.get("text")
    several = len(locations) > 1
    return Mark(start, end, surface if isinstance(surface, str) and not several else None), label, several
