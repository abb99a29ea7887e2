"""From the probabilities of words to entities with their places in the text."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.errors import DataError
from nerbb_ray.inference.predictions import Entities, Entity, WordProba
from nerbb_ray.inference.tagger import Found, Tagger
from nerbb_ray.ner.tags import TARGET_OF, convert, entities_lenient

Level = Literal["entity", "word"]
Span = tuple[int, int]


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


def given_texts(texts: object) -> list[str]:
    """A text, or several, as a list.

    Raises:
        DataError: they are something else.
    """
    if not isinstance(texts, str | list | tuple):
        raise DataError(f"texts must be a string or a list of strings; got {texts!r:.60}")
    return [check_text(text) for text in ([texts] if isinstance(texts, str) else texts)]


def split_texts(texts: Sequence[str], splitting: WordSplitting) -> tuple[list[list[Span]], list[list[str]]]:
    """The places and the words of every text."""
    spans = [splitting.words(text) for text in texts]
    return spans, [[text[start:end] for start, end in words] for text, words in zip(texts, spans, strict=True)]


def predicted_words(text: str, spans: Sequence[Span], found: Found, tagger: Tagger) -> Entities:
    """Every word with its tag."""
    words = [
        _entity(text, span, tagger.tags[tag], float(found.probabilities[word, tag]))
        for word, (span, tag) in enumerate(zip(spans, found.tags, strict=True))
    ]
    return Entities(words, text)


def predicted_entities(text: str, spans: Sequence[Span], found: Found, tagger: Tagger) -> Entities:
    """The entities that the tags write, read leniently: no word with a class is lost."""
    of_tags = found.probabilities[np.arange(len(found.tags)), found.tags]
    entities = [
        _entity(text, (spans[first][0], spans[end - 1][1]), label, float(np.mean(of_tags[first:end])))
        for label, first, end in entities_lenient([tagger.tags[tag] for tag in found.tags], tagger.scheme)
    ]
    return Entities(entities, text)


def distributions(text: str, spans: Sequence[Span], found: Found, tagger: Tagger) -> list[WordProba]:
    return [
        WordProba(start, end, text[start:end], dict(zip(tagger.tags, row, strict=True)))
        for (start, end), row in zip(spans, found.probabilities.tolist(), strict=True)
    ]


def predicted_tags(found: Found, tagger: Tagger) -> list[str]:
    """A well-formed tag for every word, in the scheme that data sets have."""
    tags = [tagger.tags[tag] for tag in found.tags]
    return convert(tags, tagger.scheme, TARGET_OF[tagger.scheme])


def _entity(text: str, span: Span, tag: str, proba: float) -> Entity:
    start, end = span
    return Entity(start, end, text[start:end], tag, proba)
