"""What one model or an ensemble finds in texts, and how uncertain it is of each text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nerbb_ray.inference.ensemble import members_of
from nerbb_ray.inference.entities import given_texts, split_texts
from nerbb_ray.inference.tagger import Found, Tagger
from nerbb_ray.ner.tags import entities_lenient
from nerbb_ray.ner.uncertainty import LEAST, confidence, disagreement, per_word

AT_ONCE = 500  # texts


@dataclass(frozen=True, slots=True)
class Guess:
    """
    Args:
        entities: (start, end, class), in the order of the text.
        confidence: geometric mean of the probabilities of the words' tags, in [0, 1].
        uncertainty: mean over the words, in nats: disagreement of the members, of one model its entropy.
    """

    entities: tuple[tuple[int, int, str], ...]
    confidence: float
    uncertainty: float


def guesses(tagger: Tagger, texts: str | Sequence[str]) -> list[Guess]:
    """Of a text, or of each of several.

    Raises:
        DataError: a text is no text.
    """
    members, given = members_of(tagger), given_texts(texts)
    return [
        guess
        for begin in range(0, len(given), AT_ONCE)
        for guess in _guesses(tagger, members, given[begin : begin + AT_ONCE])
    ]


def _guesses(tagger: Tagger, members: Sequence[Tagger], texts: Sequence[str]) -> Iterator[Guess]:
    spans, words = split_texts(texts, tagger.splitting)
    said = [member.find(words) for member in members]
    for places, found in zip(spans, zip(*said, strict=True), strict=True):
        yield _guess(tagger, places, found)


def _guess(tagger: Tagger, places: Sequence[tuple[int, int]], found: Sequence[Found]) -> Guess:
    members = [one.probabilities for one in found]
    mean = np.mean(members, axis=0)
    tags = found[0].tags
    if len(found) > 1:
        tags = tagger.decoder.decode(np.log(np.maximum(mean, LEAST)), np.array([0, len(places)]))
    named = [tagger.tags[tag] for tag in tags]
    entities = tuple(
        (places[first][0], places[end - 1][1], label) for label, first, end in entities_lenient(named, tagger.scheme)
    )
    return Guess(entities, confidence(mean, tags), per_word(disagreement(members)))
