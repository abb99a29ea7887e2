"""From a text and the places of its entities to tagged sentences: what all formats with raw text share."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.overlaps import Faults
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.words_of_text import RUNS, WordSplitting
from nerbb_ray.ner.tags import OUTSIDE


@dataclass(frozen=True, slots=True)
class Document:
    """A text of one or many lines, with its entities in any order."""

    text: str
    spans: Sequence[Span]
    place: Place


@dataclass(slots=True)
class Documents:
    """The documents of a file or of a folder, on their way to a Reading."""

    found: list[Document] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def reading(self, options: ReadingOptions = AUTO, taken: str = "") -> Reading:
        """
        Args:
            taken: what was read as what, for people.
        Raises:
            DataError: entities are out of their text, have no class, cover no word, or overlap, and the user has not
                said what to do about it.
        """
        faults = Faults(options.overlaps)
        splitting = WordSplitting(options.words)
        reading = Reading(scheme="bio", notes=self.notes, taken=taken)
        for number, document in enumerate(self.found):
            for sentence in sentences_of(document, faults.settled(document.text, document.spans), splitting):
                reading.sentences.append(sentence)
                reading.documents.append(number)
        faults.check()
        source = next((str(document.place.path or document.place.name) for document in self.found), "")
        reading.notes += faults.notes(source)
        return reading


def sentences_of(document: Document, spans: Sequence[Span], splitting: WordSplitting = RUNS) -> Iterator[Sentence]:
    """Cut a document at its line feeds, but never inside of an entity. Lines of nothing but blanks are left out.

    Args:
        spans: the entities that are kept, in the order of the text, without overlaps.
    """
    text = document.text
    lines = () if document.place.line is None else (document.place.line,)
    starts = [span.start for span in spans]
    for start, end in _lines(text, spans):
        line = text[start:end].removesuffix("\r")
        own = spans[bisect_left(starts, start) : bisect_left(starts, end)]
        if line.strip():
            marks = [(s.start - start, min(s.end - start, len(line)), s.label) for s in own]
            yield tagged(line, marks, lines, splitting)


def _lines(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    ends = [span.end for span in spans]
    start = 0
    for match in re.finditer("\n", text):
        position = match.start()
        after = bisect_left(ends, position + 1)  # the first entity that ends behind the line feed
        if after == len(spans) or spans[after].start > position:
            yield start, position
            start = position + 1
    yield start, len(text)


def tagged(
    text: str, spans: Sequence[tuple[int, int, str]], lines: Sequence[int] = (), splitting: WordSplitting = RUNS
) -> Sentence:
    """The words of a sentence and their tags, in bio.

    Args:
        spans: (start, end, class), in the order of the text; checked.
    """
    words = splitting.words(text, [border for start, end, _ in spans for border in (start, end)])
    starts = [start for start, _ in words]
    tags = [OUTSIDE] * len(words)
    for start, end, label in spans:
        first, behind = bisect_left(starts, start), bisect_left(starts, end)
        tags[first:behind] = [f"B-{label}", *[f"I-{label}"] * (behind - first - 1)]
    return Sentence(tuple(text[start:end] for start, end in words), tuple(tags), text, tuple(words), lines)
