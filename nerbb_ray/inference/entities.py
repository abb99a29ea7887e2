"""From the probabilities of words to entities with their places in the text."""

from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np

from nerbb_ray.data.words_of_text import split_words
from nerbb_ray.errors import DataError
from nerbb_ray.inference.tagger import Found, Tagger
from nerbb_ray.ner.tags import TARGET_OF, convert, entities_lenient

Level = Literal["entity", "word"]
Span = tuple[int, int]


class Entity(TypedDict):
    """`text[char_start:char_end] == token`.

    An entity's tag is its class, a word's is the tag as the model knows it, O included. The probability of a word is
    that of its tag, the one of an entity the mean over its words.
    """

    char_start: int
    char_end: int
    token: str
    tag: str
    proba: float


class WordProba(TypedDict):
    """A word with the probability of every tag that the model knows; they add up to 1."""

    char_start: int
    char_end: int
    token: str
    proba_dist: dict[str, float]


def check_text(text: object) -> str:
    """
    Raises:
        DataError: it is no text that could be written to a file.
    """
    if not isinstance(text, str):
        raise DataError(f"a text must be a string; got {text!r:.60}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = f"{error.object[error.start]!r} at {error.start}"
        raise DataError(f"half of a surrogate pair is not text: {half}") from error
    return text


def split_texts(texts: Sequence[str]) -> tuple[list[list[Span]], list[list[str]]]:
    """The places and the words of every text."""
    spans = [split_words(text) for text in texts]
    return spans, [[text[start:end] for start, end in words] for text, words in zip(texts, spans, strict=True)]


def predicted_words(text: str, spans: Sequence[Span], found: Found, tagger: Tagger) -> list[Entity]:
    """Every word with its tag."""
    return [
        _entity(text, span, tagger.tags[tag], float(found.probabilities[word, tag]))
        for word, (span, tag) in enumerate(zip(spans, found.tags, strict=True))
    ]


def predicted_entities(text: str, spans: Sequence[Span], found: Found, tagger: Tagger) -> list[Entity]:
    """The entities that the tags write, read leniently: no word with a class is lost."""
    of_tags = found.probabilities[np.arange(len(found.tags)), found.tags]
    return [
        _entity(text, (spans[first][0], spans[end - 1][1]), label, float(np.mean(of_tags[first:end])))
        for label, first, end in entities_lenient([tagger.tags[tag] for tag in found.tags], tagger.scheme)
    ]


def distributions(text: str, spans: Sequence[Span], found: Found, tagger: Tagger) -> list[WordProba]:
    return [
        {
            "char_start": start,
            "char_end": end,
            "token": text[start:end],
            "proba_dist": dict(zip(tagger.tags, row, strict=True)),
        }
        for (start, end), row in zip(spans, found.probabilities.tolist(), strict=True)
    ]


def predicted_tags(found: Found, tagger: Tagger) -> list[str]:
    """A well-formed tag for every word, in the scheme that data sets have."""
    tags = [tagger.tags[tag] for tag in found.tags]
    return convert(tags, tagger.scheme, TARGET_OF[tagger.scheme])


def _entity(text: str, span: Span, tag: str, proba: float) -> Entity:
    start, end = span
    return {"char_start": start, "char_end": end, "token": text[start:end], "tag": tag, "proba": proba}
