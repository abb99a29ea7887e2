"""Files of JSON objects: one per line, or an array of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nerbb_ray.data.documents import Place
from nerbb_ray.data.sentences import BLANK, lines_of, read_text

_BLANKS = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SHOWN = 40


class Record(NamedTuple):
    """A JSON object and where it stands."""

    value: dict[str, Any]
    place: Place


def json_lines(path: Path) -> Iterator[Record]:
    """The objects of a file with one on each line; empty lines are skipped.

    Raises:
        DataError: a line is no JSON object.
    """
    for number, line in lines_of(path):
        if line.strip(BLANK):
            yield Record(_object(line, Place(path, number)), Place(path, number))


def json_file(path: Path) -> list[Record]:
    """The objects of a file that is an array, a single object, or has one object on each line, whatever its suffix.

    Raises:
        DataError: it is none of them.
    """
    text = read_text(path)
    if text.lstrip(" \t\r\n").startswith("["):
        return list(_array(text, path))
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return list(json_lines(path))
    return [Record(_checked_object(whole, text, Place(path, 1)), Place(path, 1))] if text.strip() else []


def _array(text: str, path: Path) -> Iterator[Record]:
    """Element by element, so that each has its line."""
    decoder = json.JSONDecoder()
    position, line, counted, number = _skip(text, text.index("[") + 1), 1, 0, 0
    if text[position : position + 1] == "]":
        _check_end(text, position, path)
        return
    while True:
        number += 1
        line, counted = line + text.count("\n", counted, position), position
        place = Place(path, line, number)
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            got = _shown(text[position:])
            raise place.error(f"expected an array of JSON objects; got {got}: {_reason(error)}") from error
        yield Record(_checked_object(value, text[position:end], place), place)
        position = _skip(text, end)
        mark = text[position : position + 1]
        if mark == "]":
            _check_end(text, position, path)
            return
        if mark != ",":
            got = _shown(text[position:]) if mark else "the end of the file"
            raise place.error(f"expected , or ] after the object; got {got}")
        position = _skip(text, position + 1)


def _check_end(text: str, position: int, path: Path) -> None:
    behind = _skip(text, position + 1)
    if behind < len(text):
        place = Place(path, text.count("\n", 0, behind) + 1)
        raise place.error(f"expected nothing behind the array; got {_shown(text[behind:])}")


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _object(text: str, place: Place) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"expected one JSON object per line; got {_shown(text)}: {_reason(error)}"
        raise place.error(message) from error
    return _checked_object(value, text, place)


def _checked_object(value: Any, text: str, place: Place) -> dict[str, Any]:
    if not isinstance(value, dict):
        kind = "one JSON object per line" if place.record is None else "an array of JSON objects"
        raise place.error(f"expected {kind}; got {_shown(text)}")
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise place.error(f"half of a surrogate pair is not text: {error.object[error.start]!r}") from error
    return value


def _reason(error: Exception) -> str:
    return "too deeply nested" if isinstance(error, RecursionError) else str(error)


def _shown(text: str) -> str:
    return repr(text[:_SHOWN])
