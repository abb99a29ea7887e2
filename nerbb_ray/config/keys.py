"""The rules of single keys: how the text of an INI value becomes a value, and which values are allowed."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of an experiment file.

    Args:
        rule: what is allowed, in words, as error messages quote it.
        parse: text of the INI file -> value; raises ValueError.
        check: whether a parsed value (or one given in Python) is allowed.
    """

    rule: str
    parse: Callable[[str], Any]
    check: Callable[[Any], bool]


def parse_bool(text: str) -> bool:
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def integer(default: int, *, low: int) -> Any:
    """Dataclass field: an integer >= low."""
    return _field(default, Key(rule=f"an integer >= {low}", parse=int, check=lambda v: _is_int(v) and v >= low))


def number(default: float, *, low: float, high: float = math.inf, open_low: bool = False) -> Any:
    """Dataclass field: a finite float in [low, high], or in (low, high] if `open_low`."""
    rule = f"a number {'>' if open_low else '>='} {low:g}" + ("" if math.isinf(high) else f" and <= {high:g}")
    return _field(
        default,
        Key(
            rule=rule,
            parse=float,
            check=lambda v: _is_number(v) and (v > low if open_low else v >= low) and v <= high,
        ),
    )


def boolean(default: bool) -> Any:
    """Dataclass field: a truth value."""
    rule = "one of true, false, yes, no, on, off, 1, 0"
    return _field(default, Key(rule=rule, parse=parse_bool, check=lambda v: isinstance(v, bool)))


def choice(default: str | None, *allowed: str) -> Any:
    """Dataclass field: one of some words; None (if it is the default) means derived or none."""
    rule = f"one of {', '.join(allowed)}"
    return _field(
        default,
        Key(rule=rule, parse=str.lower, check=lambda v: v in allowed or (v is None and default is None)),
    )


def text(default: str | None) -> Any:
    """Dataclass field: any text; without a default value (None) it may be left out, with "" it is mandatory."""
    return _field(
        default,
        Key(rule="a name", parse=str, check=lambda v: isinstance(v, str) or (v is None and default is None)),
    )


def optional(kind: type[int] | type[float] | type[bool], *, low: float = 0, open_low: bool = False) -> Any:
    """Dataclass field: a value of `kind`, or None, written `auto`: the program finds it out."""
    if kind is bool:
        rule, check, parse = "auto or a truth value", lambda v: isinstance(v, bool), parse_bool
    else:
        named = "an integer" if kind is int else "a number"
        rule = f"auto or {named} {'>' if open_low else '>='} {low:g}"
        parse = kind

        def check(v: Any) -> bool:
            typed = _is_int(v) if kind is int else _is_number(v)
            return typed and (v > low if open_low else v >= low)

    def parse_auto(value: str) -> Any:
        return None if value.lower() == AUTO else parse(value)

    return _field(None, Key(rule=rule, parse=parse_auto, check=lambda v: v is None or check(v)))


def _field(default: Any, key: Key) -> Any:
    return field(default=default, metadata={"key": key})


def keys_of(params: Any) -> dict[str, Key]:
    """The keys of a parameter class (or of one of its objects), in the order of its fields."""
    return {f.name: f.metadata["key"] for f in fields(params)}
