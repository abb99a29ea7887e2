"""What is given to the Python API: of the right kind, or an error that says which kind is wanted.

Each function takes what the argument is called, the value, and the exception of those who ask.
"""

import operator
import os
from numbers import Real
from typing import Any

from nerbb_ray.errors import NerbbError

Refusal = type[NerbbError]


def text_of(what: str, value: object, refusal: Refusal) -> str:
    """A name, or another text."""
    if not isinstance(value, str):
        raise refusal(f"{what} must be a text; got {value!r:.60}")
    return value


def optional_text(what: str, value: object, refusal: Refusal) -> str | None:
    """None where nothing is given."""
    return None if value is None else text_of(what, value, refusal)


def path_of(what: str, value: object, refusal: Refusal) -> str:
    """A text or a path, as a text."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(path, str):
        raise refusal(f"{what} must be a text or a path; got {value!r:.60}")
    if "\0" in path:
        raise refusal(f"{what} must not have a NUL in it; got {value!r:.60}")
    return path


def whole_number(what: str, value: object, refusal: Refusal, *, low: int, high: int | None = None) -> int:
    """An int, or one of numpy's."""
    allowed = f"a whole number >= {low}" if high is None else f"a whole number from {low} to {high}"
    number = plain(value)
    try:
        found = None if isinstance(number, bool) else operator.index(number)
    except TypeError:  # 2.5 and "2" are none
        found = None
    if found is None or not low <= found <= (found if high is None else high):
        raise refusal(f"{what} must be {allowed}; got {value!r:.60}")
    return found


def share_of(what: str, value: object, refusal: Refusal) -> float:
    """A number from 0 to 1."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Real) or not 0 <= float(number) <= 1:
        raise refusal(f"{what} must be a number from 0 to 1; got {value!r:.60}")
    return float(number)


def plain(value: Any) -> Any:
    """Python's own value of one of numpy's or torch's, which say themselves what it is; all else as it is."""
    try:
        return value.item() if hasattr(value, "item") else value
    except (TypeError, ValueError, RuntimeError):  # an array of several
        return value
