"""Which texts are annotated next, and in which order."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from nerbb_ray.annotation.guess import Guess
from nerbb_ray.annotation.similar import MOST_KNOWN, duplicates_last, far_apart, vectors
from nerbb_ray.annotation.tasks import Task
from nerbb_ray.data.corpus import SPLITS, Corpus
from nerbb_ray.data.same_text import sentence_key, text_key
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.wording import counted

Order = Literal["uncertain", "diverse", "file"]
ORDERS: tuple[Order, ...] = get_args(Order)


KNOWN, REPEATED, EMPTY = "in the data set already", "repeated in this file", "empty"


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    Args:
        tasks: the first to be annotated first.
        known: texts that the data set has.
        repeated: texts that were there before in the file.
        empty: texts of nothing but blanks.
        near: near-duplicates among those that were looked at: they come last.
        given: texts of the file.
    """

    tasks: tuple[Task, ...]
    known: int
    repeated: int
    empty: int
    near: int
    given: int

    def lines(self) -> list[str]:
        """What was left out, and why; for people."""
        reasons = {KNOWN: self.known, REPEATED: self.repeated, EMPTY: self.empty}
        out = [f"{number} {reason}" for reason, number in reasons.items() if number]
        lines = [f"left out of {counted(self.given, 'text')}: {', '.join(out)}"] if out else []
        if self.near:
            lines.append(f"{counted(self.near, 'text')} nearly like another one: last")
        return lines


def choose(
    texts: Sequence[str], corpus: Corpus, order: Order, limit: int, guess: Callable[[list[str]], Sequence[Guess]] | None
) -> Chosen:
    """The next texts to annotate: those that the data set does not have, each once.

    A text of several lines is known if all of them are: the data set has lines.

    Args:
        limit: how many.
        guess: what models find in texts; needed for the order `uncertain`.
    """
    known = {sentence_key(sentence) for split in SPLITS for sentence in corpus.split(split)}
    counts = Counter[str]()
    fresh: dict[str, int] = {}
    for number, text in enumerate(texts):
        key = text_key(text)
        reason = _why_not(key, text, known, fresh)
        counts[reason] += 1
        if not reason:
            fresh[key] = number
    new = [texts[number] for number in fresh.values()]
    found = guess(new) if guess is not None else []
    places, near = ordered(new, corpus, order, limit, found)
    numbers = list(fresh.values())
    tasks = (_task(numbers[place], new[place], found[place] if found else None) for place in places)
    return Chosen(tuple(tasks), counts[KNOWN], counts[REPEATED], counts[EMPTY], near, len(texts))


def _why_not(key: str, text: str, known: Collection[str], fresh: Collection[str]) -> str:
    """Why a text is left out; empty for one that is new."""
    if not key:
        return EMPTY
    if key in fresh:
        return REPEATED
    lines = (line for line in map(text_key, text.split("\n")) if line)
    return KNOWN if key in known or all(line in known for line in lines) else ""


def _task(number: int, text: str, guess: Guess | None) -> Task:
    if guess is None:
        return Task(number + 1, text)
    return Task(number + 1, text, guess.entities, guess.confidence, guess.uncertainty)


def ordered(
    texts: Sequence[str], corpus: Corpus, order: Order, limit: int, guesses: Sequence[Guess] = ()
) -> tuple[list[int], int]:
    """The first texts to annotate.

    Args:
        texts: that the data set does not have.
        limit: how many.
        guesses: of each text; needed for `uncertain`.
    Returns:
        Places in `texts`, and how many near-duplicates were found: they come last, but in the order of the file.
    """
    if order == "file":
        return list(range(min(limit, len(texts)))), 0
    rows, known = vectors(texts), vectors([shown(sentence) for sentence in _some(corpus.train)])
    if order == "diverse":
        return far_apart(rows, known, limit), 0
    ranking = sorted(range(len(texts)), key=lambda place: -guesses[place].uncertainty)
    others, near = duplicates_last(ranking, rows, known, limit)
    return [*others, *near][:limit], len(near)


def _some(sentences: Sequence[Sentence]) -> Sequence[Sentence]:
    """At most `MOST_KNOWN`, from everywhere."""
    return sentences[:: -(-len(sentences) // MOST_KNOWN) or 1]


def shown(sentence: Sentence) -> str:
    return " ".join(sentence.tokens) if sentence.text is None else sentence.text
