"""The value of `loss_weights`: how much each class counts in the loss.

`none`, `inverse` (worked out from the training data), or a weight per class: in a file, or written out as
`LOC:2.0 O:0.5`. A file is read where the experiment file is: what counts from there on is what it says, so that trials
of one file with other weights are not taken for the same, and other nodes do not need it.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerbb_ray.config import keys

INVERSE = "inverse"
WORDS = (keys.NONE, INVERSE)
LEAST, MOST = 1e-6, 1e6  # a weight; beyond, a loss in fp32 would be 0 or infinite
RULE = "none, inverse, a file with a class and its weight on each line, or weights such as LOC:2.0 O:0.5"


def class_weights() -> Any:
    """Dataclass field: one of the words, or a weight per class; none of them if it is left out."""
    return keys.made(keys.NONE, keys.Key(rule=RULE, parse=_parse, check=_check, kind=str))


def weights_of(value: str) -> dict[str, float]:
    """A weight per class, by the text that `_parse` makes; empty for the words.

    Raises:
        ValueError: it is another text.
    """
    return {} if value in WORDS else _numbers(part.rpartition(":")[::2] for part in value.split())


def _check(value: Any) -> bool:
    try:
        return isinstance(value, str) and (value in WORDS or _written(weights_of(value)) == value)
    except ValueError:
        return False


def _parse(text: str) -> str:
    """A word, or the weights in one line, whether they were written out or stand in a file."""
    if text.lower() in WORDS:
        return text.lower()
    try:
        return _written(weights_of(text))
    except ValueError as error:
        path = _path(text)
        if all(":" in part for part in text.split()) and not os.path.lexists(path):
            raise keys.BadValue(f"must be {RULE}, but {error}") from None
        return _written(_read(path))


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody has this name
        return Path(text)


def _written(weights: dict[str, float]) -> str:
    return " ".join(f"{name}:{weight}" for name, weight in sorted(weights.items()))


def _read(path: Path) -> dict[str, float]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise keys.BadValue(f"must be {RULE}; the file cannot be read: {why}") from None
    try:
        return _numbers(_pairs(content))
    except ValueError as error:
        raise keys.BadValue(f"must be a file with a class and its weight on each line, but {error}") from None


def _pairs(content: str) -> Iterator[tuple[str, str]]:
    """Classes and weights of a file: a JSON object, or lines with blanks, a colon or an equals sign between them."""
    if content.lstrip().startswith("{"):
        yield from ((str(name), str(weight)) for name, weight in json.loads(content).items())
        return
    for line in content.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", ";")):
            name, _, weight = line.strip().replace("\t", " ").rpartition(" ")
            yield (name.strip().rstrip(":= "), weight) if name else line.strip().rpartition(":")[::2]


def _numbers(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """
    Raises:
        ValueError: a weight is no number > 0; a class has none, or two, or a name that an experiment file cannot carry.
    """
    found: dict[str, float] = {}
    for name, text in pairs:
        try:
            weight = keys.parse_float(text)
        except ValueError:
            weight = math.nan
        if not LEAST <= weight <= MOST:
            rule = f"must be a number from {LEAST:g} to {MOST:g}"
            raise ValueError(f"the weight of {name or 'a class'} {rule}; got {text or 'nothing'}")
        if not keys.is_name(name) or " " in name:
            raise ValueError(f"a class must have a name without blanks and commas; got {name or 'nothing'}")
        if name in found:
            raise ValueError(f"{name} has two weights")
        found[name] = weight
    if not found:
        raise ValueError("it has no class")
    return found
