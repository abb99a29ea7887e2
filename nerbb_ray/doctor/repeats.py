"""Sentences that stand in a data set more than once: inside a split, and in two of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from nerbb_ray.data.corpus import SPLITS, Sentence
from nerbb_ray.doctor.findings import Overlap, Place, Repeats
from nerbb_ray.doctor.rows import SHOWN, Rows

SHORT = 2  # words; that two such sentences are the same says nothing
_BLANKS = re.compile(r"\s+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Index:
    """Where a split has its sentences for the first time: by their words, and by their normalised text."""

    rows: Rows
    words: Mapping[tuple[str, ...], int]
    texts: Mapping[str, int]

    @classmethod
    def of(cls, rows: Rows) -> "Index":
        words: dict[tuple[str, ...], int] = {}
        texts: dict[str, int] = {}
        for number, sentence in rows:
            words.setdefault(sentence.tokens, number)
            texts.setdefault(normalised(sentence), number)
        return cls(rows, words, texts)


def normalised(sentence: Sentence) -> str:
    """The text without case, blanks and the values of digits: the same for what is tokenised in another way, too."""
    return "".join(_normalised(token) for token in sentence.tokens)


@lru_cache(maxsize=1 << 17)
def _normalised(token: str) -> str:
    return _DIGIT.sub("0", _BLANKS.sub("", unicodedata.normalize("NFKC", token).casefold()))


def examine_repeats(index: Index) -> Repeats:
    rows = index.rows
    taggings: dict[int, set[tuple[str, ...]]] = {}
    exact: list[int] = []
    near: list[int] = []
    contradicting: list[tuple[int, int]] = []
    for number, sentence in rows:
        first = index.words[sentence.tokens]
        if first == number:
            text = normalised(sentence)
            if text and index.texts[text] != number and len(sentence.tokens) > SHORT:
                near.append(number)
            continue
        exact.append(number)
        seen = taggings.setdefault(first, {rows.sentences[first].tags})
        if sentence.tags not in seen:
            if len(seen) == 1:
                contradicting.append((number, first))
            seen.add(sentence.tags)
    return Repeats(
        count=len(exact),
        groups=len(taggings),
        contradicting=len(contradicting),
        near=len(near),
        places=_places(rows, exact),
        contradicting_places=tuple(_difference(rows, *pair) for pair in contradicting[:SHOWN]),
        near_places=_places(rows, near),
    )


def _places(rows: Rows, numbers: Iterable[int]) -> tuple[Place, ...]:
    """Long sentences first: they are the least likely to be the same by chance."""
    chosen = sorted(numbers, key=lambda number: len(rows.sentences[number].tokens) <= SHORT)
    return tuple(rows.place(number) for number in chosen[:SHOWN])


def _difference(rows: Rows, number: int, first: int) -> Place:
    """The first word with another tag than in an earlier sentence of the same words."""
    now, before = rows.sentences[number], rows.sentences[first]
    word = next(i for i, (a, b) in enumerate(zip(now.tags, before.tags, strict=True)) if a != b)
    earlier = rows.place(first, word)
    return rows.place(number, word, f"{now.tokens[word]}: {now.tags[word]}, but {before.tags[word]} in {earlier}")


def examine_overlaps(indexes: Mapping[str, Index]) -> Iterator[Overlap]:
    """train and val, train and test, val and test."""
    for i, of in enumerate(SPLITS):
        for inside in SPLITS[i + 1 :]:
            yield _overlap(indexes[of], indexes[inside])


def _overlap(of: Index, inside: Index) -> Overlap:
    exact: list[tuple[int, int]] = []
    near: list[tuple[int, int]] = []
    for number, sentence in inside.rows:
        if (other := of.words.get(sentence.tokens)) is not None:
            exact.append((number, other))
        elif (text := normalised(sentence)) and (other := of.texts.get(text)) is not None:
            near.append((number, other))
    sentences = inside.rows.sentences
    short = [sum(len(sentences[number].tokens) <= SHORT for number, _ in pairs) for pairs in (exact, near)]
    return Overlap(
        of=of.rows.split,
        inside=inside.rows.split,
        count=len(exact),
        short=short[0],
        near=len(near),
        near_short=short[1],
        share=len(exact) / len(sentences) if sentences else None,
        pairs=_pairs(inside.rows, of.rows, exact),
        near_pairs=_pairs(inside.rows, of.rows, near),
    )


def _pairs(inside: Rows, of: Rows, pairs: list[tuple[int, int]]) -> tuple[tuple[Place, Place], ...]:
    ordered = sorted(pairs, key=lambda pair: len(inside.sentences[pair[0]].tokens) <= SHORT)
    return tuple((inside.place(number), of.place(other)) for number, other in ordered[:SHOWN])
