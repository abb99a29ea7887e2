"""JSON values one after the other: one per line, or an array of them, or one alone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nerbb_ray.data.places import Place
from nerbb_ray.data.text_files import BLANK, lines_of

_BLANKS = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SHOWN = 40


class Record(NamedTuple):
    """A JSON value, mostly an object, and where it stands."""

    value: Any
    place: Place


def records_of(text: str, path: Path, *, lines: bool = False) -> list[Record]:
    """The values of a text that is an array, a single value, or has one value on each line.

    Args:
        lines: whether the text should have one on each line; an array is one all the same.
    Raises:
        DataError: it is none of them.
    """
    start = text.lstrip(" \t\r\n")[:1]
    if start == "[" and not _is_lines(text):
        return list(_array(text, path))
    if lines or start == "[":
        return list(_json_lines(text, path))
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return list(_json_lines(text, path))
    return [Record(_checked(whole, text, Place(path, 1)), Place(path, 1))] if text.strip() else []


def _is_lines(text: str) -> bool:
    """Whether the first line is a value of its own, and not all of the text."""
    first, _, rest = text.strip().partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return bool(rest)


def _json_lines(text: str, path: Path) -> Iterator[Record]:
    """Empty lines are skipped."""
    for number, line in lines_of(text):
        if line.strip(BLANK):
            yield Record(_object(line, Place(path, number)), Place(path, number))


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
            raise place.error(f"expected an array of JSON values; got {got}: {_reason(error)}") from error
        yield Record(_checked(value, text[position:end], place), place)
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


def _object(text: str, place: Place) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"expected one JSON value per line; got {_shown(text)}: {_reason(error)}"
        raise place.error(message) from error
    return _checked(value, text, place)


def _checked(value: Any, text: str, place: Place) -> Any:
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
