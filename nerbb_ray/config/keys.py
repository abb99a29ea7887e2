"""The rules of single keys: how the text of an INI value becomes a value, and which values are allowed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from typing import Any, cast

from nerbb_ray.errors import ConfigError
from nerbb_ray.paths import folder_problem, is_safe

BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
AUTO, NONE = "auto", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of an experiment file.

    Args:
        rule: what is allowed, in words, as error messages quote it.
        parse: text of the INI file -> value; raises ValueError.
        check: whether a parsed value (or one given in Python) is allowed.
        kind: makes an allowed value one of the plain type: 1 -> 1.0 where a number is meant, numpy's integers -> int.
    """

    rule: str
    parse: Callable[[str], Any]
    check: Callable[[Any], bool]
    kind: Callable[[Any], Any]

    def plain(self, value: Any) -> Any:
        """An allowed value as a plain bool, int, float, str or None."""
        return None if value is None else self.kind(value)

    def recorded(self, text: str) -> Any:
        """The value behind what `str` made of it, as MLflow has parameters; raises ValueError."""
        return None if text == str(None) and self.check(None) else self.plain(self.parse(text))


class BadValue(ValueError):
    """A text that is no value, in the words of an error message: `must be ...`."""


class BadLines(ValueError):
    """A file that is no value, with every fault: `file:line: rule; got value`."""

    MOST = 20  # faults that are told

    def __init__(self, faults: Sequence[str]) -> None:
        more = [f"and {len(faults) - self.MOST} more faults like these"] if len(faults) > self.MOST else []
        self.faults = (*faults[: self.MOST], *more)
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.faults,)


def written(value: Any) -> str:
    """A value as an experiment file and a run's name write it; parsing it gives the value back."""
    return AUTO if value is None else str(value)


def parse_bool(text: str) -> bool:
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _parse_number(text: str, kind: type[int] | type[float]) -> int | float:
    """Like int() and float(), without what no experiment file means: 1_6, digits of other scripts."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return kind(text)


def _parse_int(text: str) -> int | float:
    return _parse_number(text, int)


def parse_float(text: str) -> int | float:
    return _parse_number(text, float)


def _is_int(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # an integer beyond the largest float
        return False


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


# type -> its name in a rule, how it is parsed, whether a value is of it
_OPTIONAL: dict[type, tuple[str, Callable[[str], Any], Callable[[object], bool]]] = {
    bool: ("a truth value", parse_bool, _is_bool),
    int: ("an integer", _parse_int, _is_int),
    float: ("a number", parse_float, _is_number),
}


def is_name(value: object) -> bool:
    """Whether an INI file can carry a text: one line, no comma (a grid), nothing that begins a comment."""
    if not isinstance(value, str) or not value.isprintable() or value != " ".join(value.split()):
        return False
    return value != "" and "," not in value and not any(mark in f" {value}" for mark in (" #", " ;"))


def integer(default: int, *, low: int, off: int | None = None) -> Any:
    """Dataclass field: an integer >= low, or `off`, which means that there is none of it."""
    rule = f"an integer >= {low}" if off is None else f"{off} (none) or an integer >= {low}"

    def check(v: Any) -> bool:
        return _is_int(v) and (v >= low or v == off)

    return made(default, Key(rule=rule, parse=_parse_int, check=check, kind=int))


def number(
    default: float, *, low: float, high: float = math.inf, open_low: bool = False, open_high: bool = False
) -> Any:
    """Dataclass field: a finite float from low to high, both included if they are not open."""
    bounds, within = _interval(low, high, open_low, open_high)

    def check(v: Any) -> bool:
        return _is_number(v) and within(v)

    return made(default, Key(rule=f"a number{bounds}", parse=parse_float, check=check, kind=float))


def _interval(low: float, high: float, open_low: bool, open_high: bool) -> tuple[str, Callable[[Any], bool]]:
    """In words, and whether a number is in it."""
    words = f" {'>' if open_low else '>='} {low:g}"
    words += "" if math.isinf(high) else f" and {'<' if open_high else '<='} {high:g}"
    return words, lambda v: (v > low if open_low else v >= low) and (v < high if open_high else v <= high)


def boolean(default: bool) -> Any:
    """Dataclass field: a truth value."""
    rule = "one of true, false, yes, no, on, off, 1, 0"
    return made(default, Key(rule=rule, parse=parse_bool, check=_is_bool, kind=bool))


def choice(default: str | None, *allowed: str) -> Any:
    """Dataclass field: one of some words; None (if it is the default) means derived or, if `none` is a word, that."""

    def check(v: Any) -> bool:
        return (isinstance(v, str) and v in allowed) or (v is None and default is None)

    kind = word_or_none if NONE in allowed else str
    return made(default, Key(rule=f"one of {', '.join(allowed)}", parse=str.lower, check=check, kind=kind))


def word_or_none(value: str) -> str | None:
    return None if value == NONE else str(value)


def text(default: str | None, *words: str) -> Any:
    """Dataclass field: any name; without a default value (None) it may be left out, with "" it is mandatory.

    Args:
        words: with a meaning of their own, in whatever case.
    """
    rule = "a name (printable, without commas, without # or ; at the start of a word)"

    def check(v: Any) -> bool:
        return is_name(v) or (isinstance(v, str | None) and v == default)

    def parse(value: str) -> str:
        return value.lower() if value.lower() in words else value

    return made(default, Key(rule=rule, parse=parse, check=check, kind=str))


def optional(
    kind: type[int] | type[float] | type[bool],
    *,
    low: float = 0,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> Any:
    """Dataclass field: a value of `kind`, or None, written `auto`: the program finds it out."""
    named, parse, typed = _OPTIONAL[kind]
    bounds, within = ("", _is_bool) if kind is bool else _interval(low, high, open_low, open_high)

    def check(v: Any) -> bool:
        return v is None or (typed(v) and within(v))

    def parse_auto(value: str) -> Any:
        return None if value.lower() == AUTO else parse(value)

    return made(None, Key(rule=f"auto or {named}{bounds}", parse=parse_auto, check=check, kind=kind))


def made(default: Any, key: Key) -> Any:
    """Dataclass field with a rule."""
    return field(default=default, metadata={"key": key})


def keys_of(params: type) -> dict[str, Key]:
    """The keys of a parameter class, in the order of its fields."""
    return _keys_of(cast(Any, params))  # to mypy, a class with slots is not hashable


@cache
def _keys_of(params: Any) -> dict[str, Key]:
    return {f.name: f.metadata["key"] for f in fields(params)}


class Checked:
    """Checks every field against the rule of its key and makes its value one of the plain type of the key."""

    __slots__ = ()
    section = ""

    def __post_init__(self) -> None:
        problems = [
            f"[{self.section}] {name}: must be {key.rule}; got {getattr(self, name)!r}"
            for name, key in keys_of(type(self)).items()
            if not key.check(getattr(self, name))
        ]
        if problems:
            raise ConfigError(problems)
        for name, key in keys_of(type(self)).items():
            object.__setattr__(self, name, key.plain(getattr(self, name)))


RUN_PREFIX = "run"


def run_problem(name: str) -> str | None:
    """The rule that the name of a run breaks, or None."""
    if not name.startswith(RUN_PREFIX):
        return f"must begin with {RUN_PREFIX}"
    return folder_problem(name)


def point_name(run: str, point: Mapping[str, Any]) -> str:
    """The name of one point of a run's grid: `runA(lr_max=2e-05,batch_size=16)`; the run's own if there is no grid."""
    if not point:
        return run
    return f"{run}({','.join(f'{key}={_safe_text(written(value))}' for key, value in point.items())})"


def _safe_text(value: str) -> str:
    """The value of a grid inside a name: a path may not leave the folder of its run."""
    text = value.replace("/", "--").replace("..", "--")
    return "".join(character if is_safe(character) else "-" for character in text)
