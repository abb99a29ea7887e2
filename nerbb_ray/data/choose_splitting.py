"""Which way to cut text into words fits the words of training best: what a model's predictions cut by."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from nerbb_ray.data.running_text import Typography
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.words_of_text import FORMER, SPLITTINGS, Span, WordSplitting

SAMPLE = 2000  # sentences
MOST_JOINTS = 2000
LONGEST_JOINT = 40  # characters: what is longer is no word that comes again
BETTER = 0.001  # of the words: what a splitting must gain over a simpler one


@dataclass(frozen=True, slots=True)
class Laid:
    """A sentence as running text.

    Args:
        words: places of its words, in order; those of blanks only are left out.
    """

    text: str
    words: Sequence[Span]


def laid_out(sentences: Sequence[Sentence], typography: Typography | None = None) -> Iterator[Laid]:
    """The raw text of sentences that have one, and what it may have been of the others."""
    bare = [sentence.tokens for sentence in sentences if sentence.text is None]
    typography = typography or Typography.of(bare)
    for sentence in sentences:
        if sentence.text is not None and sentence.spans is not None:
            yield Laid(sentence.text, [(start, end) for start, end in sentence.spans if start < end])
        else:
            text, places = typography.text(sentence.tokens)
            yield Laid(text, [(start, end) for start, end in places if start < end])


def coverage(splitting: WordSplitting, laid: Iterable[Laid]) -> float:
    """The share of words that a splitting finds as they are; 1 if there are none."""
    found = total = 0
    for sentence in laid:
        total += len(sentence.words)
        found += len(set(sentence.words).intersection(splitting.words(sentence.text)))
    return found / total if total else 1.0


def fitting(train: Sequence[Sentence]) -> WordSplitting:
    """The splitting that finds most of the words of some sentences, the simplest of those that do, and the words that
    it would cut although the sentences do not.
    """
    sample = train[:: max(1, len(train) // SAMPLE)][:SAMPLE]
    laid = list(laid_out(sample))
    best, share = WordSplitting(), -1.0
    for name in (*SPLITTINGS, FORMER):  # the last one for text that version 0.3.0 has cut
        own = coverage(WordSplitting(name), laid[:: 1 + (len(laid) > SAMPLE // 2)])
        if own > share + (BETTER if share >= 0 else 0):
            best, share = WordSplitting(name), own
    return best if best.name == FORMER else replace(best, joints=joints_of(best, laid))


def joints_of(splitting: WordSplitting, laid: Sequence[Laid]) -> tuple[str, ...]:
    """Words that a splitting cuts, and that are words in most places where they could be, most frequent first."""
    seen: Counter[str] = Counter()
    for sentence in laid:
        found = set(splitting.words(sentence.text))
        seen.update(sentence.text[start:end] for start, end in sentence.words if (start, end) not in found)
    able = [word for word in seen if len(word) <= LONGEST_JOINT and splitting.words(word) != [(0, len(word))]]
    listed = WordSplitting(splitting.name, tuple(sorted(able)))
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for sentence in laid:
        words = set(sentence.words)
        for start, end in listed.words(sentence.text):
            word = sentence.text[start:end]
            if word in seen:
                (right if (start, end) in words else wrong)[word] += 1
    kept = [word for word in able if right[word] > wrong[word]]
    return tuple(sorted(kept, key=lambda word: (-right[word], word))[:MOST_JOINTS])
