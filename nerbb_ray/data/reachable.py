"""Entities whose borders prediction can find: those that are borders of the words into which it cuts the text.

A border inside of a word comes of offsets that are off by one (`Indi|a`), of words with a suffix (`Anna|s`), or of a
way to cut that does not fit the data. Whatever a model learns, it can never predict such an entity.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nerbb_ray.data.choose_splitting import Laid, laid_out
from nerbb_ray.data.running_text import Typography
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.words_of_text import RUNS, WordSplitting
from nerbb_ray.ner.tags import Scheme, entities_lenient

_AROUND = 15  # characters


class Missed(NamedTuple):
    """An entity with a border inside of a word.

    Args:
        sentence: its number, from 0.
        word: its first one, from 0.
        shown: the words that its borders cut, with the borders: `Indi|a`.
    """

    sentence: int
    word: int
    shown: tuple[str, ...]


def missed(
    sentences: Sequence[Sentence], scheme: Scheme, splitting: WordSplitting, typography: Typography | None = None
) -> Iterator[Missed]:
    """The entities that cannot be reached in running text, by sentence.

    Args:
        sentences: those without raw text are laid out as it would usually be.
        typography: of the data; that of these sentences if left out.
    """
    for number, (sentence, laid) in enumerate(zip(sentences, laid_out(sentences, typography), strict=True)):
        spans = [] if not any(tag != "O" for tag in sentence.tags) else _places(sentence, laid)
        found = entities_lenient(sentence.tags, scheme) if spans else []
        if not found:
            continue
        words = splitting.words(laid.text)
        starts, ends = {start for start, _ in words}, {end for _, end in words}
        for _, first, behind in found:
            start, end = spans[first][0], spans[behind - 1][1]
            if start not in starts or end not in ends:
                cut = [border for border, known in ((start, starts), (end, ends)) if border not in known]
                yield Missed(number, first, tuple(_shown(laid.text, border, words) for border in cut))


def inside_words(sentences: Sequence[Sentence], scheme: Scheme) -> Iterator[Missed]:
    """The entities of raw text with a border inside of a run of letters and digits."""
    own = [(number, sentence) for number, sentence in enumerate(sentences) if sentence.text is not None]
    for found in missed([sentence for _, sentence in own], scheme, RUNS):
        yield found._replace(sentence=own[found.sentence][0])


def _places(sentence: Sentence, laid: Laid) -> list[tuple[int, int]]:
    """The place of every word, also of those that cover nothing."""
    if sentence.spans is not None:
        return list(sentence.spans)
    if len(laid.words) == len(sentence.tokens):
        return list(laid.words)
    places, position, behind = [], iter(laid.words), 0
    for token in sentence.tokens:
        place = next(position) if token.strip() else (behind, behind)
        behind = place[1]
        places.append(place)
    return places


def _shown(text: str, border: int, words: Sequence[tuple[int, int]]) -> str:
    """The word around a border, with the border."""
    start, end = next(((a, b) for a, b in words if a < border < b), (border, border))
    before, after = text[max(start, border - _AROUND) : border], text[border : min(end, border + _AROUND)]
    return f"{before}|{after}" if start < end else f"{text[max(0, border - 3) : border]}|{text[border : border + 3]}"
