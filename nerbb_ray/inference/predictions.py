"""What a model says of texts: plain dictionaries and lists that also have names, types and a face in a notebook."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nerbb_ray.html.marked import Mark, kinds_of, marked_text
from nerbb_ray.ner.tags import OUTSIDE

SHOWN_LETTERS = 40
PREFIX = re.compile(r"[BILUES]-(?=.)")  # of the tags of words, in any scheme


class _Place(dict[str, Any]):
    """A place of a text."""

    @property
    def char_start(self) -> int:
        return int(self["char_start"])

    @property
    def char_end(self) -> int:
        return int(self["char_end"])

    @property
    def token(self) -> str:
        return str(self["token"])


class Entity(_Place):
    """`text[char_start:char_end] == token`; a dictionary with these keys, ready for JSON.

    An entity's tag is its class, a word's is the tag as the model knows it, O included. The probability of a word is
    that of its tag, the one of an entity the mean over its words.
    """

    def __init__(self, char_start: int, char_end: int, token: str, tag: str, proba: float) -> None:
        super().__init__(char_start=char_start, char_end=char_end, token=token, tag=tag, proba=proba)

    @property
    def tag(self) -> str:
        return str(self["tag"])

    @property
    def proba(self) -> float:
        return float(self["proba"])

    def __repr__(self) -> str:
        return f"<{self.tag} {_short(self.token)} {self.char_start}:{self.char_end} {self.proba:.3f}>"


class WordProba(_Place):
    """A word with the probability of every tag that the model knows; they add up to 1. A dictionary, ready for JSON."""

    def __init__(self, char_start: int, char_end: int, token: str, proba_dist: dict[str, float]) -> None:
        super().__init__(char_start=char_start, char_end=char_end, token=token, proba_dist=proba_dist)

    @property
    def proba_dist(self) -> dict[str, float]:
        return dict(self["proba_dist"])

    @property
    def best(self) -> tuple[str, float]:
        """The most probable tag, and its probability."""
        return max(self.proba_dist.items(), key=lambda pair: pair[1])

    def __repr__(self) -> str:
        tag, proba = self.best
        return (
            f"<{_short(self.token)} {self.char_start}:{self.char_end} {tag} {proba:.3f}, {len(self.proba_dist)} tags>"
        )


class Entities(list[Entity]):
    """The entities, or the words, of a text: a list of them, in their order.

    Args:
        text: where they are from.
    """

    def __init__(self, entities: "list[Entity]", text: str) -> None:
        super().__init__(entities)
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.text)

    def at_least(self, proba: float) -> "Entities":
        """Those that are as probable."""
        return Entities([entity for entity in self if entity.proba >= proba], self.text)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text with its entities marked."""
        return marked_text(self.text, marks_of(self))


class Predictions(list[Entities]):
    """The entities of each of several texts."""

    def _repr_html_(self) -> str:
        marks = [marks_of(entities) for entities in self]
        kinds = kinds_of(marks)
        return "".join(marked_text(one.text, marked, kinds) for one, marked in zip(self, marks, strict=True))


def marks_of(found: Iterable[Mapping[str, Any]]) -> list[Mark]:
    """How entities, or words with their tags, are marked in their text."""
    return [
        Mark(one["char_start"], one["char_end"], one["tag"], f"{one['tag']} {one['proba']:.3f}", _class_of(one["tag"]))
        for one in found
        if one["tag"] != OUTSIDE
    ]


def _class_of(tag: str) -> str:
    """`B-PER` -> PER: the words of an entity have one colour."""
    return PREFIX.sub("", tag)


def _short(token: str) -> str:
    return repr(token if len(token) <= SHOWN_LETTERS else f"{token[: SHOWN_LETTERS - 3]}...")
