"""The sentences of one split with their places."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nerbb_ray.data.corpus import Sentence
from nerbb_ray.doctor.findings import Place

SHOWN = 20  # places that are kept of one kind
QUOTED = 60  # characters
# combining diacritics, variation selectors, U+FFFD
_MARKS = re.compile("[\u0300-\u036f\ufe00-\ufe0f\ufffd]")


@dataclass(frozen=True, slots=True)
class Rows:
    """Args:
    source: the file that they come from.
    """

    split: str
    source: str
    sentences: Sequence[Sentence]

    def __iter__(self) -> Iterator[tuple[int, Sentence]]:
        return enumerate(self.sentences)

    def __len__(self) -> int:
        return len(self.sentences)

    def place(self, number: int, word: int = 0, quote: str | None = None) -> Place:
        """Of a sentence or one of its words, both counted from 0; the sentence is quoted unless something else is."""
        sentence = self.sentences[number]
        text = " ".join(sentence.tokens[:QUOTED]) if quote is None else quote
        return Place(self.split, number + 1, self.source, sentence.line(word), visible(text))


def visible(text: str) -> str:
    """Shortened, on one line, with every character that cannot be seen written as Python does."""
    cut = text[:QUOTED]
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    return shown + "..." if len(text) > QUOTED else shown


def spelled(word: str) -> str:
    """A word in quotes, in which accents and other marks that could be overlooked are written as Python does, too."""
    cut = "".join(ascii(c)[1:-1] if _MARKS.match(c) else c for c in word[:QUOTED])
    # what is escaped by now is longer than it was, and must not be cut a second time
    seen = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    return f"'{seen}'..." if len(word) > QUOTED else f"'{seen}'"
