"""What every reader of files gives back."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nerbb_ray.ner.tags import SourceScheme


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with a tag for each of its words.

    Args:
        tokens: as they stand in the file; "" and invisible ones keep their place.
        text, spans: the raw text and, per token, its (start, end) in it, where a format has raw text.
        lines: of the file, from 1, where the words stand: one per token, or the only one of a sentence on one line.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    text: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None
    lines: Sequence[int] = field(default=(), compare=False, repr=False)

    def line(self, word: int = 0) -> int | None:
        """The line of the file where a word stands, if the reader knows it."""
        if len(self.lines) == len(self.tokens):
            return self.lines[word] if self.lines else None
        return self.lines[0] if self.lines else None


@dataclass(slots=True)
class Reading:
    """What one file holds.

    Args:
        scheme: of the tags, where the format fixes it, or who knows it has said so (`settled`).
        notes: what a user should know, for the log.
        source: the file, or what else people look it up by; empty if nobody has said.
        documents: for each sentence, the number of its document; empty where a format knows no documents.
        format: its name in `nerbb_ray.data.detect.FORMATS`.
        taken: what was read as what, for people: `words column 2, tags column 3`.
        choices: the options that would have led here, by their names, for `origin.json`.
        splits: for each sentence the split that a column or key of a single file says; empty where none does.
        splits_by: which one.
        splits_unclear: a place and what is amiss, where it says that of some sentences only.
        numbers: whether the tags are numbers in the file, which stand for names.
        names: of these numbers, where the file or one beside it says them.
    """

    sentences: list[Sentence] = field(default_factory=list)
    scheme: SourceScheme | None = None
    notes: list[str] = field(default_factory=list)
    source: str = ""
    documents: list[int] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    splits_by: str = ""
    splits_unclear: str = ""
    format: str = ""
    taken: str = ""
    choices: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    numbers: bool = False
    settled: bool = False

    def only(self, numbers: Sequence[int]) -> "Reading":
        """Some of the sentences, with what is known of each."""
        return replace(
            self,
            sentences=[self.sentences[number] for number in numbers],
            documents=[self.documents[number] for number in numbers] if self.documents else [],
            splits=[self.splits[number] for number in numbers] if self.splits else [],
        )


def joined(parts: Sequence[Reading]) -> Reading:
    """The sentences of several readings, one after the other, and their documents; all else is of the first, but notes
    and splits, which are of none.

    Where documents are known of one, each other one is a document.
    """
    found = replace(parts[0], sentences=[], documents=[], notes=[], splits=[], splits_by="", splits_unclear="")
    known = any(part.documents for part in parts)
    for part in parts:
        begun = 1 + max(found.documents, default=-1)
        own = part.documents or [0] * len(part.sentences) * known
        found.documents += [begun + number for number in own]
        found.sentences += part.sentences
    return found
