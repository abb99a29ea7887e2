"""From a text and the places of its entities to tagged sentences: what all formats with raw text share."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from nerbb_ray.data.sentences import BLANK, Reading, Sentence
from nerbb_ray.data.words_of_text import split_words
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import OUTSIDE

_PREFIXED = re.compile("[BILUES]-.")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file, its line, and the number (from 1) of the record of a file of records."""

    path: Path
    line: int | None = None
    record: int | None = None

    def error(self, message: str) -> DataError:
        """To be raised: the message with this place before it."""
        return DataError(message if self.record is None else f"record {self.record}: {message}", self.path, self.line)


class Span(NamedTuple):
    """An entity: the characters start ... end - 1 of a text."""

    start: int
    end: int
    label: str
    place: Place


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

    def reading(self) -> Reading:
        """
        Raises:
            DataError: an entity is out of its text, has no word or no class, or overlaps another one.
        """
        check_classes((span.label, span.place) for document in self.found for span in document.spans)
        reading = Reading(scheme="bio", notes=self.notes)
        for number, document in enumerate(self.found):
            for sentence in sentences_of(document):
                reading.sentences.append(sentence)
                reading.documents.append(number)
        return reading


def sentences_of(document: Document) -> Iterator[Sentence]:
    """Cut a document at its line feeds, but never inside of an entity. Lines of nothing but blanks are left out."""
    text, spans = document.text, checked(document)
    lines = () if document.place.line is None else (document.place.line,)
    starts = [span.start for span in spans]
    for start, end in _lines(text, spans):
        line = text[start:end].removesuffix("\r")
        own = spans[bisect_left(starts, start) : bisect_left(starts, end)]
        if line.strip():
            yield tagged(line, [(s.start - start, min(s.end - start, len(line)), s.label) for s in own], lines)


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


def checked(document: Document) -> list[Span]:
    """The entities in the order of the text.

    Raises:
        DataError: one is out of the text, has no word or no class, or overlaps another one.
    """
    text = document.text
    for start, end, label, place in document.spans:
        if not 0 <= start < end <= len(text):
            raise place.error(f"0 <= start < end <= {len(text)} (length of text) must hold; got {start}, {end}")
        if not label.strip(BLANK):
            raise place.error(f"an entity must have a class; got {label!r} for {_shown(text[start:end])}")
        if not text[start:end].strip():
            raise place.error(f"{label} at {start}-{end} covers no word: {_shown(text[start:end])}")
    spans = sorted(document.spans, key=lambda span: span[:3])
    for first, second in pairwise(spans):
        if second.start < first.end:
            raise second.place.error(_overlap(text, first, second))
    return spans


def _overlap(text: str, first: Span, second: Span) -> str:
    """The message on two entities that share characters."""
    one, other = (f"{s.label} {s.start}-{s.end} {_shown(text[s.start : s.end])}" for s in (first, second))
    line = "" if first.place == second.place or first.place.line is None else f" (line {first.place.line})"
    return f"entities must not overlap, but {one}{line} and {other} do: remove one of them"


def tagged(text: str, spans: Sequence[tuple[int, int, str]], lines: Sequence[int] = ()) -> Sentence:
    """The words of a sentence and their tags, in bio.

    Args:
        spans: (start, end, class), in the order of the text; checked.
    """
    words = split_words(text, [border for start, end, _ in spans for border in (start, end)])
    starts = [start for start, _ in words]
    tags = [OUTSIDE] * len(words)
    for start, end, label in spans:
        first, behind = bisect_left(starts, start), bisect_left(starts, end)
        tags[first:behind] = [f"B-{label}", *[f"I-{label}"] * (behind - first - 1)]
    return Sentence(tuple(text[start:end] for start, end in words), tuple(tags), text, tuple(words), lines)


def check_classes(labels: Iterable[tuple[str, Place]]) -> None:
    """Refuse entities whose classes are tags of a scheme: a model would learn B-B-PER."""
    given = list(labels)
    # nothing but U-boat or L-dopa may well be classes; tags of a scheme have B- or I-, too
    if given and all(_PREFIXED.match(label) for label, _ in given) and any(label[0] in "BI" for label, _ in given):
        label, place = given[0]
        rule = f"an entity has the plain class, such as {label[2:]!r}"
        raise place.error(f"{rule}; got {label!r} (all entities here have a prefix)")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
