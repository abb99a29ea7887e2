"""What the data doctor finds, as plain records: counted once, then shown as text, as JSON or as a page."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import PurePath
from statistics import median
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands.

    Args:
        sentence: its number in the split, from 1.
        source: the file; empty if unknown.
        line: of the file, from 1; None for data without lines.
        quote: what stands there, shortened.
    """

    split: str
    sentence: int
    source: str = ""
    line: int | None = None
    quote: str = ""

    def __str__(self) -> str:
        if self.source and self.line is not None:
            return f"{PurePath(self.source).name}:{self.line}"
        return f"{self.split} sentence {self.sentence}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a user should know or mend.

    Args:
        check: a short name that stays the same, for programs.
        text: what, and how many, as one sentence without its full stop.
        advice: what to do.
        count: how many sentences, words, tags or classes are concerned.
        places: the first of them.
    """

    check: str
    severity: Severity
    text: str
    advice: str
    count: int
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the lengths of some sentences; all None if there are none. p95: 95 % of the sentences are not longer."""

    min: int | None = None
    median: float | None = None
    p95: int | None = None
    max: int | None = None

    @classmethod
    def of(cls, lengths: Iterable[int]) -> "Spread":
        ordered = sorted(lengths)
        if not ordered:
            return cls()
        return cls(ordered[0], float(median(ordered)), ordered[ceil(0.95 * len(ordered)) - 1], ordered[-1])


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of sentences. counts: number of sentences by length."""

    spread: Spread
    counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Words:
    """A kind of word, such as those that a tokenizer drops.

    Args:
        count: of all occurrences.
        tagged: of those in an entity.
        examples: the most frequent ones with their counts, as Python writes them in ASCII where they are hard to see.
    """

    count: int
    tagged: int
    examples: tuple[tuple[str, int], ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Subtokens:
    """What a tokenizer makes of a split.

    Args:
        lengths: of sentences, special tokens included.
        total: without special tokens.
        cut: sentences that are longer than max_seq_length and are cut into slices.
        slices: of all sentences together.
        truncated: words that are longer than a slice and lose what does not fit.
        unknown: sub-tokens that are the unknown token.
        unknown_words: words with at least one of them.
        dropped: words without any sub-token.
    """

    lengths: Lengths
    total: int
    cut: int
    cut_places: tuple[Place, ...]
    slices: int
    truncated: int
    unknown: int
    unknown_words: Words
    dropped: Words


@dataclass(frozen=True, slots=True)
class Violation:
    """A tag that may not follow the one before it; "" is the border of the sentence."""

    place: Place
    tag: str
    before: str

    def __str__(self) -> str:
        before = f"after {self.before}" if self.before else "at the start of a sentence"
        return f"{self.tag} {before}" if self.tag else f"{self.before} at the end of a sentence"


@dataclass(frozen=True, slots=True)
class Borders:
    """Entities with a border where running text has none.

    Args:
        unreachable: entities that cannot be predicted in running text.
        inside: borders inside of a run of letters and digits of raw text, such as Indi|a.
        unreachable_shown, inside_shown: the words that borders cut, of the first of them.
    """

    unreachable: int
    inside: int
    unreachable_shown: tuple[str, ...] = ()
    inside_shown: tuple[str, ...] = ()
    unreachable_places: tuple[Place, ...] = ()
    inside_places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags of a split as they stand in its file.

    Args:
        scheme: as recognised in the data.
        alone: as it would be recognised in this split alone.
        count: of all violations of `scheme`.
        first: violations, in the order of the file.
    """

    scheme: str
    alone: str
    count: int
    first: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Sentences that stand in a split more than once.

    Args:
        count: sentences with the same words as an earlier one.
        groups: different sentences that are repeated.
        contradicting: groups of the same words with different tags.
        near: sentences that differ from an earlier one in case, digits or blanks only; those of `count` and short ones
            are left out.
    """

    count: int
    groups: int
    contradicting: int
    near: int
    places: tuple[Place, ...] = ()
    contradicting_places: tuple[Place, ...] = ()
    near_places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """Sentences of one split (`inside`) that stand in another one, too (`of`).

    Args:
        count: with the same words.
        short: of those, so short that they are the same by chance.
        near, near_short: those that differ in case, digits or blanks only; those of `count` left out.
        share: count / number of sentences of `inside`; None if it has none.
        pairs: (place in `inside`, place in `of`), long sentences first.
    """

    of: str
    inside: str
    count: int
    short: int
    near: int
    near_short: int
    share: float | None
    pairs: tuple[tuple[Place, Place], ...] = ()
    near_pairs: tuple[tuple[Place, Place], ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same words with several labels.

    Args:
        labels: class -> number of times; "O" where the words are in no entity.
        places: one per label.
    """

    form: str
    labels: Mapping[str, int]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class SplitFindings:
    """One split.

    Args:
        source: its file; that of train if it is held out from train.
        entities: by class; every class of the data set is in it.
        without_entity: sentences.
        words_of: words by class; those of no class as O.
        in_train: entities whose words have the same class in train; None for train.
        odd: words by kind, see doctor/words.py.
        tagging: None if only the corpus was given, whose tags are mended.
        subtokens: None without a tokenizer.
    """

    split: str
    source: str
    sentences: int
    tokens: int
    entities: Mapping[str, int]
    without_entity: int
    in_train: int | None
    lengths: Lengths
    repeats: Repeats
    odd: Mapping[str, Words]
    words_of: Mapping[str, int]
    borders: Borders
    tagging: Tagging | None = None
    subtokens: Subtokens | None = None

    @property
    def num_entities(self) -> int:
        return sum(self.entities.values())


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything about a data set.

    Args:
        scheme: that training sees.
        notes: of reading: what was mended, converted, held out.
        model: whose tokenizer was used; None for none.
        splitting: how running text is cut into words.
        conflicts: the worst ones; `num_conflicts` counts all.
    """

    name: str
    scheme: str
    classes: tuple[str, ...]
    fingerprint: str
    max_seq_length: int
    model: str | None
    splits: tuple[SplitFindings, ...]
    overlaps: tuple[Overlap, ...]
    conflicts: tuple[Conflict, ...]
    num_conflicts: int
    notes: tuple[str, ...]
    splitting: str
    problems: tuple[Problem, ...] = field(default=())

    def split(self, name: str) -> SplitFindings:
        return next(split for split in self.splits if split.split == name)

    def count(self, severity: Severity) -> int:
        """The number of problems of a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """Only what JSON knows."""
        return asdict(self)
