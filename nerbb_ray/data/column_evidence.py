"""What a column of a file looks like, by evidence over the whole file: words, tags, or neither.

A column is one of a table, or a list that every record of a file has.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from operator import ne

from nerbb_ray.data.joined_tags import count_parts, find_joined
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.outside import likely_outside, outside_of
from nerbb_ray.ner.notation import BARE, STANDARD, find_notation, letters_of
from nerbb_ray.ner.tags import recognise


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAG_NAMES = _set(
    "tag tags label labels ner ner_tag ner_tags ne ne_tag ne_tags ner_label ner_labels entity_tag entity_tags bio iob "
    "bio_tag bio_tags iob_tag iob_tags named_entity ne:type ner:type ne-coarse-lit"
)
WORD_NAMES = _set("token tokens word words text text_a text_tokens form forms term terms sentence tok")
# of phrases (chunks), in English, German, Dutch and Vietnamese data: schemes like those of entities
_PHRASES = _set("NP VP PP ADVP ADJP AP SBAR PRT CONJP INTJ LST UCP NC VC PC NX VX PX QP WHNP MP")
_PARTS_OF_SPEECH = _set(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X CC CD DT EX FW IN JJ JJR JJS LS MD "
    "NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP TO UH VB VBD VBG VBN VBP VBZ WDT WP WP$ WRB . , : `` '' "
    "-LRB- -RRB- $ #"
)
NUMBER = re.compile(r"[0-9][0-9.,:;/_-]*|[.,:;/_-]")
_BRACKETS = re.compile(r"\(.+|.+\)|\*\)*")  # of CoNLL-2012 and CorefUD: where an entity begins or ends
_INTEGER = re.compile(r"[0-9]+")
_HAS_DIGIT = re.compile(r"[0-9]")
MOSTLY, RARELY = 0.9, 0.35
_MOST, _REPEATS = 2000, 20  # tags in a data set, each in so many rows in the mean: more are words, numbers, links
_VOCABULARY = 4  # different words of a text go up with the root of its length, faster than other columns do (Heaps)
_FEW = 6  # rows that are too few to say that something repeats
_SHOWN = 3
NO_OUTSIDE = "no O"


class Grade(IntEnum):
    """How much a column looks like tags."""

    NONE = 0
    OUTSIDE_ONLY = 1
    SCHEME_WITHOUT_OUTSIDE = 2
    CLASSES = 3
    SCHEME = 4


@dataclass(frozen=True)
class Column:
    """
    Args:
        key: what the user calls it: a number from 1, or a name.
        values: of all rows, in their order.
        name: of a header, or empty.
        ids: whether the values are numbers by their type, which may stand for tags.
    """

    key: str
    values: Sequence[str]
    name: str = ""
    ids: bool = False

    def __str__(self) -> str:
        if not self.key.isdecimal():
            return self.key
        return f"column {self.key} ({self.name})" if self.name else f"column {self.key}"

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.values)

    @cached_property
    def changes(self) -> int:
        """How many values differ from the one before."""
        return sum(map(ne, self.values, self.values[1:]))

    @cached_property
    def tags(self) -> Counter[str]:
        """The values as tags: of several that are joined, the first."""
        joined = find_joined(self.counts)
        return self.counts if not joined else count_parts(self.counts, joined)

    def share(self, holds: re.Pattern[str] | frozenset[str]) -> float:
        """Of the rows whose whole value is of a kind."""
        if isinstance(holds, frozenset):
            found = sum(count for value, count in self.counts.items() if value in holds)
        else:
            found = sum(count for value, count in self.counts.items() if holds.fullmatch(value))
        return found / max(1, len(self.values))

    def is_called(self, key: str) -> bool:
        return key in (self.key, self.name) or key.lower() == self.name.lower() != ""

    def examples(self) -> str:
        first = list(dict.fromkeys(self.values))[:_SHOWN]
        return ", ".join(repr(value if len(value) <= 24 else f"{value[:24]}...") for value in first)


def grade_of(column: Column, options: ReadingOptions) -> tuple[Grade, str]:
    """How much a column looks like tags, and what speaks against it."""
    against = against_tags(column, options)
    if against:
        return Grade.NONE, against
    outside = outside_of(column.tags, options.outside_spellings)
    classes = sorted(column.tags.keys() - outside)
    if not classes:
        return Grade.OUTSIDE_ONLY, ""
    if is_scheme({label: column.tags[label] for label in classes}, options):
        return (Grade.SCHEME if outside & column.tags.keys() else Grade.SCHEME_WITHOUT_OUTSIDE), ""
    return Grade.CLASSES, ""


def is_scheme(counts: Mapping[str, int], options: ReadingOptions) -> bool:
    """Whether most of some tags (without O) have a letter that says its place in an entity."""
    rows = [[tag] for tag in counts]
    notation = find_notation(rows, options.source_scheme)
    if notation is BARE:
        return len({tag.upper() for tag in counts}) > 1
    if notation is STANDARD and letters_of(counts, least=2):
        return True  # rows of one tag say nothing of the order of letters
    standard = {tag: own for tag in counts if (own := notation.standard(tag)) is not None}
    if 2 * sum(counts[tag] for tag in standard) <= sum(counts.values()):
        return False
    letters = {own[0].upper() for own in standard.values()}
    # rows of one tag have no entity that closes: B-, M-, E- together are sign enough
    return len(letters) > 1 or recognise([[own] for own in standard.values()]) != "plain"


def against_tags(column: Column, options: ReadingOptions, *, outside_needed: bool = True) -> str:
    """What speaks against a column of tags; empty if nothing does."""
    total = len(column.values)
    if not column.ids and len(column.counts) > max(_MOST, total / _REPEATS):
        return "too many different values"  # told before anything that looks at each of them
    counts = column.tags
    outside = outside_of(counts, options.outside_spellings)
    classes = counts.keys() - outside
    if len(counts) == 1 and not outside and total > 1 and STANDARD.standard(next(iter(counts))) is None:
        return "the same everywhere"
    if column.ids or (options.labels and all(map(_INTEGER.fullmatch, counts))):
        return ""
    if classes and all(map(_INTEGER.fullmatch, counts)):
        return f"numbers (if they are tags, name them with {option('labels')})"
    own = sum(count for value, count in counts.items() if value in classes)
    if own and sum(counts[value] for value in classes if NUMBER.fullmatch(value)) >= MOSTLY * own:
        return "numbers"
    features = sum(count for value, count in counts.items() if "=" in value[1:-1])
    if features and 2 * features >= total - counts["_"]:
        return "features (name=value)"
    if classes and is_scheme({label: counts[label] for label in classes}, options):
        bare = {re.sub(r"^[A-Za-z][-_:/]", "", label) for label in classes}
        return "phrases (chunks)" if bare <= _PHRASES else ""
    if column.share(_PARTS_OF_SPEECH) >= MOSTLY:
        return "parts of speech"
    if classes and all(map(_BRACKETS.fullmatch, classes)):
        return "brackets of entities"
    if not outside and _is_scheme_but_for(likely_outside(counts), counts, options):
        return NO_OUTSIDE
    if own >= _FEW and 2 * len(classes) > own:
        return "nearly every row has a value of its own"
    if outside_needed and not outside:
        return NO_OUTSIDE
    if outside_needed and sum(counts[value] for value in outside) < 0.1 * total and len(classes) > _FEW:
        return "hardly any O"
    return ""


def _is_scheme_but_for(tag: str | None, counts: Mapping[str, int], options: ReadingOptions) -> bool:
    """Whether all tags but one, which may be O in another spelling, are those of a scheme."""
    rest = {label: count for label, count in counts.items() if label != tag}
    return tag is not None and bool(rest) and is_scheme(rest, options)


def against_words(column: Column) -> str:
    """What speaks against a column of words; empty if nothing does."""
    total = len(column.values)
    if column.ids:
        return "numbers"
    if column.share(NUMBER) >= MOSTLY and (total > 1 or column.share(_INTEGER)):
        return "numbers"
    if len(column.counts) == 1 and total > 1:
        return "the same everywhere"
    if column.share(_PARTS_OF_SPEECH) >= MOSTLY and column.share(re.compile(r"\W+")) < MOSTLY:
        return "parts of speech"
    if total >= _FEW and column.changes < RARELY * total:
        return "repeats from row to row"
    if sum(count for value, count in column.counts.items() if "=" in value[1:-1]) >= MOSTLY * total > 0:
        return "features (name=value)"
    return ""


def without_ids(columns: Sequence[Column]) -> list[Column]:
    """Columns that may be words, without those of digits in nearly all rows, such as numbers of tokens or their places.

    They are different in every row, more than words are. But where nothing else has as many values as a text has
    words, these are the words.
    """
    without = {
        column.key: sum(n for value, n in column.counts.items() if not _HAS_DIGIT.search(value)) for column in columns
    }
    texts = [c for c in columns if 2 * without[c.key] > len(c.values) and _has_vocabulary(c)]
    return [c for c in columns if not _has_digits(c, without[c.key])] if texts else list(columns)


def _has_vocabulary(column: Column) -> bool:
    return len(column.counts) ** 2 >= _VOCABULARY * len(column.values)


def _has_digits(column: Column, without: int) -> bool:
    """Whether nearly all of enough rows have some; the first row may be a header."""
    total = len(column.values)
    return total >= _FEW and without <= max(1, (1 - MOSTLY) * total)
