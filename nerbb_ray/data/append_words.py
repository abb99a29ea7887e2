"""The words of what is appended to a data set: cut like those that it has, or the very same."""

from dataclasses import replace
from itertools import accumulate

from nerbb_ray.data.documents import tagged
from nerbb_ray.data.same_text import text_key
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.ner.tags import Scheme, convert, entities


def with_text(sentence: Sentence) -> Sentence:
    """Words without raw text, as a text with blanks between them; an empty word has no place in one."""
    if sentence.text is not None or not all(sentence.tokens):
        return sentence
    ends = list(accumulate((len(token) + 1 for token in sentence.tokens), initial=0))
    spans = tuple((start, start + len(token)) for start, token in zip(ends, sentence.tokens, strict=False))
    return replace(sentence, text=" ".join(sentence.tokens), spans=spans)


def cut_again(sentence: Sentence, scheme: Scheme, splitting: WordSplitting) -> Sentence:
    """A sentence of raw text, in words like those of the data set."""
    if sentence.text is None or sentence.spans is None:
        return sentence
    spans = sentence.spans
    marks = [(spans[one.start][0], spans[one.end - 1][1], one.label) for one in entities(sentence.tags, scheme)]
    again = tagged(sentence.text, marks, sentence.lines, splitting)
    return again if scheme == "bio" else replace(again, tags=tuple(convert(again.tags, "bio", scheme)))


def annotated_anew(old: Sentence, new: Sentence, scheme: Scheme) -> Sentence:
    """The words of the data set with the entities of the new annotation; the new words where these need others.

    Raw text is cut anew: its words may have followed from the old entities.
    """
    if old.text is not None:
        return new
    ends = [0, *accumulate(len(text_key(token)) for token in old.tokens)]
    starts, stops = {at: n for n, at in enumerate(ends[:-1])}, {at: n for n, at in enumerate(ends[1:], start=1)}
    tags = ["O"] * len(old.tokens)
    for label, first, last in places_of_entities(new, scheme):
        if first not in starts or last not in stops:
            return new
        start, stop = starts[first], stops[last]
        tags[start:stop] = [f"B-{label}", *[f"I-{label}"] * (stop - start - 1)]
    return replace(old, tags=tuple(tags if scheme == "bio" else convert(tags, "bio", scheme)))


def places_of_entities(sentence: Sentence, scheme: Scheme) -> set[tuple[str, int, int]]:
    """(class, start, end) in the text without blanks."""
    ends = [0, *accumulate(len(text_key(token)) for token in sentence.tokens)]
    return {(one.label, ends[one.start], ends[one.end]) for one in entities(sentence.tags, scheme)}
