"""The JSON of spaCy 2: documents of paragraphs of sentences of tokens with their tags (BILUO). https://v2.spacy.io/api/annotation"""

import json
from collections.abc import Sequence
from typing import Any

from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.ner.tags import OUTSIDE

_UNKNOWN = "-"  # spaCy: nobody knows whether there is an entity


def detect(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("paragraphs"), list)


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:  # noqa: ARG001  # the format leaves nothing open
    """
    Raises:
        DataError: a document is of another shape.
    """
    reading = Reading(scheme="bilou", taken="tokens and ner of sentences")
    unknown = 0
    _check_annotated(records)
    for number, (row, place) in enumerate(records):
        for paragraph in _list(row, "paragraphs", place):
            for sentence in _list(paragraph, "sentences", place):
                pairs = [_token(token, place) for token in _list(sentence, "tokens", place)]
                unknown += sum(tag == _UNKNOWN for _, tag in pairs)
                tags = tuple(OUTSIDE if tag == _UNKNOWN else tag for _, tag in pairs)
                lines = () if place.line is None else (place.line,)
                reading.sentences.append(Sentence(tuple(word for word, _ in pairs), tags, lines=lines))
                reading.documents.append(number)
    if unknown:
        reading.notes.append(f"{unknown} words whose tag is unknown ({_UNKNOWN}) are read as O")
    return reading


def _check_annotated(records: Sequence[Record]) -> None:
    """
    Raises:
        DataError: no token says whether there is an entity, so that all of them would be O.
    """
    if records and '"ner":' not in json.dumps([row for row, _ in records]):
        raise records[0].place.error('no token has "ner", the tag of an entity: the documents are not annotated for it')


def _list(row: Any, key: str, place: Place) -> list[Any]:
    values = row.get(key) if isinstance(row, dict) else None
    if not isinstance(values, list):
        raise place.error(f'expected a document of spaCy 2 with a list "{key}"; got {row!r:.60}')
    return values


def _token(token: Any, place: Place) -> tuple[str, str]:
    word, tag = (token.get("orth"), token.get("ner", OUTSIDE)) if isinstance(token, dict) else (None, None)
    if not isinstance(word, str) or not isinstance(tag, str) or not tag:
        raise place.error(f'a token must be {{"orth": "word", "ner": "tag"}}; got {token!r:.100}')
    return word, tag
