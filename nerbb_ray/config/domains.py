"""What a key may be drawn from: `loguniform(1e-5, 1e-3)`, `uniform(0, 1)`, `randint(1, 8)`, `choice(8, 16, 32)`.

They mean what they mean in Ray Tune: `uniform` and `loguniform` give any number from the first to the second, `randint`
an integer from the first to below the second, `choice` one of its values.
"""

import math
import re
from dataclasses import dataclass
from random import Random
from typing import Any

from nerbb_ray.config.keys import BadLines, BadValue, Key, written

DIGITS = 4  # that count, of a number that is drawn: names of runs show it
CALL = re.compile(r"(\w+)\s*\((.*)\)", re.DOTALL)
FORMS = "uniform(low, high), loguniform(low, high), randint(low, high) or choice(a, b, ...)"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any number from low to high."""

    low: float
    high: float

    def draw(self, rng: Random) -> float:
        return self.fitted(rng.uniform(self.low, self.high))

    def fitted(self, value: float) -> float:
        return _short(value, self.low, self.high)

    def holds(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high  # `auto` is nowhere in it

    def ends(self) -> tuple[float, ...]:
        return self.low, self.fitted(self.high)

    def middle(self) -> float:
        return self.fitted((self.low + self.high) / 2)

    def __str__(self) -> str:
        return f"uniform({self.low}, {self.high})"


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Any number from low to high, every order of magnitude as often as another."""

    low: float
    high: float

    def draw(self, rng: Random) -> float:
        return self.fitted(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))

    def fitted(self, value: float) -> float:
        return _short(value, self.low, self.high)

    def holds(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high  # `auto` is nowhere in it

    def ends(self) -> tuple[float, ...]:
        return self.low, self.fitted(self.high)

    def middle(self) -> float:
        return self.fitted(math.sqrt(self.low) * math.sqrt(self.high))

    def __str__(self) -> str:
        return f"loguniform({self.low}, {self.high})"


@dataclass(frozen=True, slots=True)
class RandInt:
    """An integer from low to below high."""

    low: int
    high: int

    def draw(self, rng: Random) -> int:
        return rng.randrange(self.low, self.high)

    def fitted(self, value: float) -> int:
        return int(value)

    def holds(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value < self.high and value == int(value)

    def ends(self) -> tuple[int, ...]:
        return self.low, self.high - 1

    def middle(self) -> int:
        return (self.low + self.high - 1) // 2

    def __str__(self) -> str:
        return f"randint({self.low}, {self.high})"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def draw(self, rng: Random) -> Any:
        return self.values[rng.randrange(len(self.values))]

    def fitted(self, value: Any) -> Any:
        return value

    def holds(self, value: Any) -> bool:
        return value in self.values

    def ends(self) -> tuple[Any, ...]:
        return self.values

    def middle(self) -> Any:
        return self.values[len(self.values) // 2]

    def __str__(self) -> str:
        return f"choice({', '.join(map(written, self.values))})"


Domain = Uniform | LogUniform | RandInt | Choice
DOMAINS = (Uniform, LogUniform, RandInt, Choice)
NAMES = tuple(domain.__name__.lower() for domain in DOMAINS)


class BadDomain(Exception):
    """The rule that a domain breaks: `must be ...`."""


def is_domain(raw: object) -> bool:
    """Whether a value is written like a domain, rightly or not."""
    if isinstance(raw, DOMAINS):
        return True
    called = CALL.fullmatch(raw.strip()) if isinstance(raw, str) else None
    return called is not None and _name(called.group(1)) in NAMES


def read_domain(raw: Any, key: Key) -> Domain:
    """The domain of a key.

    Args:
        raw: text as in an experiment file, or a domain.
    Raises:
        BadDomain: it has another form, or values that the key does not allow.
        BadLines: such a value is a file, with faults.
    """
    called = CALL.fullmatch(str(raw).strip())
    if called is None:
        raise BadDomain(f"must be {FORMS}")
    name, texts = _name(called.group(1)), [" ".join(text.split()) for text in called.group(2).split(",")]
    if name == "choice":
        return _choice(texts, key)
    if key.kind not in (int, float):
        raise BadDomain(f"must be choice(a, b, ...): the key is {key.rule}")
    if len(texts) != 2:
        raise BadDomain(f"must be {name}(low, high)")
    low, high = (_value(text, key) for text in texts)
    if low is None or high is None:  # a key may be `auto`, which is before or after no number
        raise BadDomain(f"must be {name}(low, high) with numbers, or choice(a, b, ...)")
    if not low < high:
        raise BadDomain(f"must be {name}(low, high) with low < high")
    return _interval(name, low, high, key)


def _interval(name: str, low: Any, high: Any, key: Key) -> Domain:
    if name == "randint":
        if int(low) != low or int(high) != high:
            raise BadDomain("must be randint(low, high) with integers")
        return RandInt(int(low), int(high))
    if key.kind is int:
        raise BadDomain(f"must be randint(low, high) or choice(a, b, ...): the key is {key.rule}")
    if name == "uniform":
        return Uniform(low, high)
    if low <= 0:
        raise BadDomain("must be loguniform(low, high) with low > 0")
    return LogUniform(low, high)


def _choice(texts: list[str], key: Key) -> Choice:
    values: list[Any] = []
    for text in texts:
        value = _value(text, key)
        if value in values:
            raise BadDomain(f"must be a choice of different values, but {written(value)} is there twice")
        values.append(value)
    return Choice(tuple(values))


def _value(text: str, key: Key) -> Any:
    """An end of an interval, or an element of a choice."""
    try:
        value = key.parse(text)
        allowed = text != "" and key.check(value)
    except BadLines:
        raise
    except BadValue as problem:
        raise BadDomain(f"{problem} ({text})") from None
    except ValueError:
        allowed = False
    if not allowed:
        raise BadDomain(f"must have values that are {key.rule}, and {text or 'nothing'} is not")
    return key.plain(value)


def _name(text: str) -> str:
    return text.replace("_", "").lower()


def _short(value: float, low: float, high: float) -> float:
    """Rounded to what a name shows, but not past the ends."""
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)
