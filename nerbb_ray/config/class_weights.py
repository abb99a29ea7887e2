"""The value of `loss_weights`: how much each class counts in the loss.

`none`, `inverse` (worked out from the training data), or a weight per class: in a file, or written out as
`LOC:2.0 O:0.5`. A file is read where the experiment file is: what counts from there on is what it says, so that trials
of one file with other weights are not taken for the same, and other nodes do not need it.
"""

import json
import math
import os
from collections.abc import Collection, Iterable, Iterator
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
    if value in WORDS:
        return {}
    found, faults = _weights((part, *part.rpartition(":")[::2]) for part in value.split())
    if faults:
        raise ValueError("; ".join(fault for _, fault in faults))
    return found


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
        if os.path.lexists(path):
            return _written(_read(path, text))
        why = error if all(":" in part for part in text.split()) else "there is no file of this name"
        raise keys.BadValue(f"must be {RULE}, but {why}") from None


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody has this name
        return Path(text)


def _written(weights: dict[str, float]) -> str:
    return " ".join(f"{name}:{weight}" for name, weight in sorted(weights.items()))


def _read(path: Path, named: str) -> dict[str, float]:
    """
    Args:
        named: how the experiment file calls it.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise keys.BadValue(f"must be {RULE}; the file cannot be read: {why}") from None
    try:
        found, faults = _weights(_of_json(content) if content.lstrip().startswith("{") else _of_lines(content))
    except json.JSONDecodeError as error:
        found, faults = {}, [(str(error.lineno), f"must be a JSON object of classes and weights: {error.msg}")]
    if faults:
        raise keys.BadLines([f"{named}:{line}: {fault}" if line else f"{named}: {fault}" for line, fault in faults])
    return found


def _of_json(content: str) -> Iterator[tuple[str, str, str]]:
    # as pairs: of a name that is there twice, one weight would get lost
    return (("", str(name), str(weight)) for name, weight in json.loads(content, object_pairs_hook=list))


def _of_lines(content: str) -> Iterator[tuple[str, str, str]]:
    """(number of the line, class, weight), with blanks, a colon or an equals sign between the two."""
    for number, line in enumerate(map(str.strip, content.splitlines()), start=1):
        if line and not line.startswith(("#", ";")):
            name, _, weight = line.replace("\t", " ").rpartition(" ")
            name, weight = (name.strip().rstrip(":= "), weight) if name else line.rpartition(":")[::2]
            yield str(number), name, weight


def _weights(rows: Iterable[tuple[str, str, str]]) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """The weight of every class, and what is wrong.

    Args:
        rows: place, class, weight.
    Returns:
        (class -> weight, [(place, fault)]).
    """
    found: dict[str, float] = {}
    faults: list[tuple[str, str]] = []
    for place, name, text in rows:
        weight = _number(text)
        if fault := _fault(name, text, weight, found):
            faults.append((place, fault))
        else:
            found[name] = weight
    return found, faults or ([] if found else [("", "it has no class")])


def _number(text: str) -> float:
    try:
        return keys.parse_float(text)
    except ValueError:
        return math.nan


def _fault(name: str, text: str, weight: float, before: Collection[str]) -> str | None:
    if not name:
        return f"a class must have a name and a weight, such as LOC 2.0; got {text or 'nothing'}"
    if not keys.is_name(name) or " " in name:
        return f"a class must have a name without blanks and commas; got {name}"
    if not LEAST <= weight <= MOST:
        return f"the weight of {name} must be a number from {LEAST:g} to {MOST:g}; got {text or 'nothing'}"
    return f"{name} must have one weight; got another one, {text}" if name in before else None
