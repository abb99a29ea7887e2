"""A value that is a list is an axis of the grid: reading the values of a key, and the points that axes span."""

import math
import os
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from nerbb_ray.config.domains import FORMS, BadDomain, is_domain, read_domain
from nerbb_ray.config.keys import BadLines, BadValue, Key, written

MAX_POINTS = 10_000  # of one run; a slip of the pen in the experiment file must not fill the memory
_SHOWN = 80


class Unreadable(Exception):
    """What is wrong with a value: `rule; got value`, of a file several times."""


def read_values(raw: object, key: Key) -> tuple[tuple[Any, ...], list[str]]:
    """The value of a key or, from a list, the values of a grid axis; a domain to draw from is a single value.

    Args:
        raw: text as in an experiment file, where a comma makes a list; or a Python value, or a list or tuple of them.
    Returns:
        The allowed values, and one `rule; got value` for each that is not.
    """
    if is_domain(raw):
        try:
            return (read_domain(raw, key),), []
        except BadDomain as problem:
            return (), [f"{problem}; got {shown(raw)}"]
        except BadLines as problem:
            return (), list(problem.faults)
    if key.kind in (int, float) and isinstance(raw, str) and "(" in raw:
        return (), [f"must be {key.rule}, a list of such values, or alone {FORMS}; got {shown(raw)}"]
    values: list[Any] = []
    problems: list[str] = []
    for element in _elements(raw):
        try:
            value = _read_value(element, key)
            if value in values:
                raise Unreadable(f"the values of a grid must differ; got {written(value)} twice")
            values.append(value)
        except Unreadable as problem:
            problems += [_in_list(str(fault), raw, element) for fault in problem.args]
    return tuple(values), problems


def count_points(axes: Mapping[str, tuple[Any, ...]]) -> int:
    return math.prod(len(values) for values in axes.values())


def points(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """The Cartesian product of the axes: the first axis varies slowest. Without axes: one empty point."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def shown(value: object) -> str:
    """A value as a message quotes it: text as it stands in the file, shortened; other values as in Python."""
    text = value if isinstance(value, str) else repr(value)
    text = text if text.isprintable() else ascii(text)
    return (text if len(text) <= _SHOWN else text[:_SHOWN] + "...") or "nothing"


def _elements(raw: object) -> list[Any]:
    if isinstance(raw, str):
        return [" ".join(part.split()) for part in raw.split(",")]
    if isinstance(raw, list | tuple):
        return [" ".join(part.split()) if isinstance(part, str) else part for part in raw] or [""]
    return [raw]


def _read_value(element: Any, key: Key) -> Any:
    """One value of the key's plain type.

    Raises:
        Unreadable: it breaks the rule of the key.
    """
    value = os.fspath(element) if isinstance(element, os.PathLike) else element
    try:
        if isinstance(value, str):
            value = key.parse(value)
        allowed = element != "" and key.check(value)
    except BadLines as problem:
        raise Unreadable(*problem.faults) from None
    except BadValue as problem:
        raise Unreadable(f"{problem}; got {shown(element)}") from None
    except ValueError:
        allowed = False
    if not allowed:
        raise Unreadable(f"must be {key.rule}; got {shown(element)}")
    return key.plain(value)


def _in_list(problem: str, raw: object, element: object) -> str:
    """Says where an empty element is: the list as a whole shows the comma too many."""
    if isinstance(raw, str) and raw.strip() and element == "":
        return f"must not have an empty element (a comma too many?); got {shown(raw)}"
    return problem
