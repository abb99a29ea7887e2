"""Sentences in csv and jsonl files: the formats of a store."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nerbb_ray.data.documents import Document, Place, Span, check_classes, checked, tagged
from nerbb_ray.data.records import Record, json_lines
from nerbb_ray.data.sentences import BLANK, Reading, Sentence, lines_of
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import SCHEMES

__all__ = ["BLANK", "Reading", "Sentence", "read_csv", "read_jsonl", "read_rows"]

HEADERS = (["tags", "text"], ["labels", "text"])
ENTITY = {"token": str, "tag": str, "char_start": int, "char_end": int}


def read_csv(path: Path) -> Reading:
    """Lines `tags<TAB>text`, both joined by blanks. Nothing is quoted: a `"` is a character like any other."""
    reading = Reading()
    for number, line in lines_of(path):
        columns = line.split("\t")
        if not line.strip(BLANK) or (number == 1 and columns in HEADERS):
            continue
        if len(columns) != 2:
            raise DataError(f"expected tags<TAB>text, 2 columns; got {len(columns)}", path, number)
        tags, tokens = ([word for word in column.split(" ") if word] for column in columns)
        _check_lengths(tokens, tags, Place(path, number))
        reading.sentences.append(Sentence(tuple(tokens), tuple(tags), lines=(number,)))
    return reading


def read_jsonl(path: Path) -> Reading:
    """Lines {"tokens": [...], "tags": [...]}, or {"text": "...", "tags": [...]} with entities by their place."""
    return read_rows(json_lines(path))


def read_rows(records: Iterable[Record]) -> Reading:
    """The same from objects that are read already."""
    reading = Reading()
    kinds: dict[str, Place] = {}
    spans: list[Span] = []
    for row, place in records:
        kind = "text" if "text" in row and "tokens" not in row else "tokens"
        kinds.setdefault(kind, place)
        if len(kinds) > 1:
            first = next(iter(kinds.values()))
            raise place.error(f'one file has one format, "tokens" or "text"; line {first.line} has the other')
        if kind == "text":
            reading.sentences.append(_standard(row, place, spans))
        else:
            reading.sentences.append(_pretokenised(row, place))
            _set_scheme(reading, row, place)
    if "text" in kinds:
        reading.scheme = "bio"
        check_classes((span.label, span.place) for span in spans)
    return reading


def _set_scheme(reading: Reading, row: dict[str, Any], place: Place) -> None:
    """Files that the store has written say what their tags are where it could be mistaken."""
    if "scheme" not in row:
        return
    scheme = next((known for known in SCHEMES if known == row["scheme"]), None)
    if scheme is None or reading.scheme not in (None, scheme):
        raise place.error(f'"scheme" must be the same of {", ".join(SCHEMES)} in all lines; got {row["scheme"]!r}')
    reading.scheme = scheme


def _pretokenised(row: dict[str, Any], place: Place) -> Sentence:
    if "tags" not in row and "ner_tags" in row:
        row = row | {"tags": row["ner_tags"]}  # as data sets of the hub call it
    for key in ("tokens", "tags"):
        values = row.get(key)
        if not isinstance(values, list):
            raise place.error(f'"{key}" must be a list of strings; got {_shown(row, key)}')
        wrong = next((value for value in values if not isinstance(value, str)), None)
        if wrong is not None or None in values:
            raise place.error(f'"{key}" must be a list of strings; got {wrong!r} in it')
    _check_lengths(row["tokens"], row["tags"], place)
    return Sentence(tuple(row["tokens"]), tuple(row["tags"]), lines=_lines(place))


def _standard(row: dict[str, Any], place: Place, all_spans: list[Span]) -> Sentence:
    text, annotations = row["text"], row.get("tags")
    if not isinstance(text, str):
        raise place.error(f'"text" must be a string; got {text!r}')
    if not isinstance(annotations, list):
        raise place.error(f'"tags" must be a list of entities; got {_shown(row, "tags")}')
    spans = checked(Document(text, [_entity(annotation, text, place) for annotation in annotations], place))
    all_spans += spans
    return tagged(text, [span[:3] for span in spans], _lines(place))


def _entity(annotation: Any, text: str, place: Place) -> Span:
    if not isinstance(annotation, dict) or any(type(annotation.get(key)) is not kind for key, kind in ENTITY.items()):
        expected = '{"token": str, "tag": str, "char_start": int, "char_end": int}'
        raise place.error(f"an entity must be {expected}; got {annotation!r}")
    start, end = annotation["char_start"], annotation["char_end"]
    if 0 <= start < end <= len(text) and text[start:end] != annotation["token"]:
        message = f"text[{start}:{end}] is {text[start:end]!r}, but the entity's token is {annotation['token']!r}"
        raise place.error(message)
    return Span(start, end, annotation["tag"], place)


def _lines(place: Place) -> tuple[int, ...]:
    return () if place.line is None else (place.line,)


def _check_lengths(tokens: list[str], tags: list[str], place: Place) -> None:
    if len(tokens) != len(tags):
        raise place.error(f"expected one tag per token; got {len(tokens)} tokens and {len(tags)} tags")
    if any(not tag.strip(BLANK) for tag in tags):
        raise place.error("a tag must not be empty: write O for no entity")


def _shown(row: dict[str, Any], key: str) -> str:
    return repr(row[key])[:60] if key in row else f"no such key, but {', '.join(map(repr, row)) or 'none'}"
