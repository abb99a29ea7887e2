"""Tag schemes as data: how the entities of a sentence are written as one tag per word.

plain   PER PER  O  LOC LOC      a run of one class is an entity; neighbours of one class cannot be told apart
bio     B-PER I-PER  O  B-LOC I-LOC                                          (IOB2)
bilou   B-PER L-PER  O  U-LOC U-LOC
iob1    I-PER I-PER  O  I-LOC B-LOC      read only: B- only where an entity follows one of its own class
ioe1    I-PER I-PER  O  E-LOC I-LOC      read only: E- only where an entity of its own class follows
ioe2    I-PER E-PER  O  E-LOC E-LOC      read only: every entity ends with E-
bioes   B-PER E-PER  O  S-LOC S-LOC      read only: bilou in other letters, as the following ones
bmes    M inside, S single               bmewo   M inside, W single               biewo   I inside, W single
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from nerbb_ray.errors import DataError

Scheme = Literal["plain", "bio", "bilou"]
SourceScheme = Literal["plain", "bio", "bilou", "iob1", "ioe1", "ioe2", "bioes", "bmes", "bmewo", "biewo"]

OUTSIDE = "O"
OUTSIDE_SPELLINGS = frozenset({"O", "o", "0"})
LETTERS = "BILUESMW"  # every letter that a scheme uses
_PREFIXED = re.compile(rf"([{LETTERS}{LETTERS.lower()}])-(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The prefixes of one scheme, by the place of a word in its entity; all of them are empty for plain."""

    single: str
    begin: str
    inside: str
    end: str

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Every prefix once, in the order of a tag set."""
        return tuple(dict.fromkeys((self.begin, self.inside, self.end, self.single)))

    @property
    def starts(self) -> frozenset[str]:
        return frozenset({self.single, self.begin})

    @property
    def ends(self) -> frozenset[str]:
        return frozenset({self.single, self.end})

    @property
    def links(self) -> frozenset[tuple[str, str]]:
        """(prefix, next prefix) of two words of one entity."""
        return frozenset((a, b) for a in (self.begin, self.inside) for b in (self.inside, self.end))


SCHEMES: dict[Scheme, Grammar] = {
    "plain": Grammar("", "", "", ""),
    "bio": Grammar("B", "B", "I", "I"),
    "bilou": Grammar("U", "B", "I", "L"),
}
# iob1 is read with the links of bio, ioe1 with those of ioe2: what begins (or ends) an entity sets the two apart
GRAMMARS: dict[SourceScheme, Grammar] = {
    "plain": SCHEMES["plain"],
    "bio": SCHEMES["bio"],
    "bilou": SCHEMES["bilou"],
    "iob1": SCHEMES["bio"],
    "ioe1": Grammar("E", "I", "I", "E"),
    "ioe2": Grammar("E", "I", "I", "E"),
    "bioes": Grammar("S", "B", "I", "E"),
    "bmes": Grammar("S", "B", "M", "E"),
    "bmewo": Grammar("W", "B", "M", "E"),
    "biewo": Grammar("W", "B", "I", "E"),
}
_LINKS = {scheme: grammar.links for scheme, grammar in GRAMMARS.items()}
# what the data keep when no scheme is asked for
TARGET_OF: dict[SourceScheme, Scheme] = {
    "plain": "plain",
    "bio": "bio",
    "bilou": "bilou",
    "iob1": "bio",
    "ioe1": "bio",
    "ioe2": "bio",
    "bioes": "bilou",
    "bmes": "bilou",
    "bmewo": "bilou",
    "biewo": "bilou",
}
# schemes in which a tag says only what its neighbours leave open: reading them mends nothing
SPARING: frozenset[SourceScheme] = frozenset({"iob1", "ioe1"})
# those that mark the end of an entity
CLOSING: tuple[SourceScheme, ...] = ("bilou", "bioes", "bmes", "bmewo", "biewo")


class Entity(NamedTuple):
    """One entity: the words start ... end - 1 of a sentence."""

    label: str
    start: int
    end: int


@lru_cache(maxsize=65536)
def split_tag(tag: str, scheme: SourceScheme) -> tuple[str, str]:
    """(prefix, class) of a tag; ("", "") of O.

    Raises:
        DataError: the tag is none of the scheme.
    """
    if tag in OUTSIDE_SPELLINGS:
        return "", ""
    prefixes = GRAMMARS[scheme].prefixes
    if prefixes == ("",):
        return "", tag
    match = _PREFIXED.fullmatch(tag)
    if match is None or match[1].upper() not in prefixes:
        expected = ", ".join(f"{prefix}-<class>" for prefix in prefixes)
        raise DataError(f"a tag must be O, {expected}; got {tag!r}")
    return match[1].upper(), match[2]


def entities(tags: Sequence[str], scheme: Scheme) -> list[Entity]:
    """The entities of one sentence, strictly: what is not well-formed is none (seqeval's mode="strict")."""
    grammar = SCHEMES[scheme]
    parts = [split_tag(tag, scheme) for tag in tags]
    return [
        entity
        for entity in _chunks(parts, scheme)
        if parts[entity.start][0] in grammar.starts and parts[entity.end - 1][0] in grammar.ends
    ]


def entities_lenient(tags: Sequence[str], scheme: SourceScheme = "bio") -> list[Entity]:
    """The entities of one sentence as conlleval and seqeval's default mode see them: no word with a class is lost.

    seqeval does not know the letters of bilou: for that scheme, as it sees the same tags written as bioes.
    """
    return _chunks([split_tag(tag, scheme) for tag in tags], scheme)


def _chunks(parts: Sequence[tuple[str, str]], scheme: SourceScheme) -> list[Entity]:
    """Longest runs of words of one class that are linked to each other."""
    links = _LINKS[scheme]
    found: list[Entity] = []
    start, before = 0, ("", "")
    for position, part in enumerate((*parts, ("", ""))):
        if part[1] != before[1] or (part[1] and (before[0], part[0]) not in links):
            if before[1]:
                found.append(Entity(before[1], start, position))
            start = position
        before = part
    return found


def convert(tags: Sequence[str], source: SourceScheme, target: SourceScheme) -> list[str]:
    """Write the entities of one sentence in another scheme (or mend them in their own).

    Reading is lenient, so that a word never loses its class; O is written "O". plain -> bio makes every run one entity,
    bio -> plain loses the border between neighbours of one class.

    Raises:
        DataError: a tag is none of the source scheme.
    """
    grammar = GRAMMARS[target]
    written = [OUTSIDE] * len(tags)
    for label, start, end in entities_lenient(tags, source):
        prefixes = [grammar.begin, *[grammar.inside] * (end - start - 2), grammar.end]
        if end - start == 1:
            prefixes = [grammar.single]
        written[start:end] = [f"{prefix}-{label}" if prefix else label for prefix in prefixes]
    return written


def tag_set(classes: Iterable[str], scheme: Scheme) -> tuple[str, ...]:
    """Every tag that a model may predict: O first, then those of each class, classes sorted."""
    prefixes = SCHEMES[scheme].prefixes
    tags = [f"{prefix}-{label}" if prefix else label for label in sorted(classes) for prefix in prefixes]
    return (OUTSIDE, *tags)


def recognise(
    sentences: Iterable[Sequence[str]], among: Collection[SourceScheme] = frozenset(GRAMMARS)
) -> SourceScheme:
    """The scheme of a whole data set: the one that explains all of its tags, else plain.

    Only whole prefixes count, and a class of plain data may begin like a prefix (U-boat, L-dopa, B-side): so schemes
    that mark the end of an entity must have entities that begin with B- and close, those of nothing but I- and E- a
    class with both, and a lone class in runs of B- without any I- is plain. Data without any entity are plain.

    Args:
        among: the schemes that are known.
    """
    rows = _with_entities(sentences)
    seen = _classified(rows)
    letters = "".join(_letters(seen))
    if not letters.isupper() and not letters.islower():
        return "plain"
    prefixes = set(letters.upper())
    if prefixes == {"B"} and len(seen) == 1 and _in_runs(rows):
        return "plain"
    if prefixes <= {"B", "I"}:
        return "iob1" if _begins_with_inside(rows) else "bio"
    if prefixes == {"I", "E"} and "ioe2" in among and len({tag[2:] for tag in seen}) < len(seen):
        return _ioe(rows)
    closing = (scheme for scheme in CLOSING if scheme in among and prefixes <= set(GRAMMARS[scheme].prefixes))
    return next((scheme for scheme in closing if _closes(rows, scheme)), "plain")


def explain(
    sentences: Iterable[Sequence[str]], scheme: Scheme, among: Collection[SourceScheme] = frozenset(GRAMMARS)
) -> SourceScheme | None:
    """The form of a named scheme (bio: bio, iob1 or ioe2; bilou: bilou, bioes or bmes) that has all tags of the data.

    Unlike `recognise` it believes the name: data of nothing but `U-PER` and O are bilou if they are called so.

    Returns:
        None if a tag has no prefix of the scheme. Always None for plain: any tag may be a plain class, so that being
        called plain says nothing about the data.
    """
    rows = _with_entities(sentences)
    letters = {letter.upper() for letter in _letters(_classified(rows))}
    forms = (form for form, target in TARGET_OF.items() if target == scheme != "plain" and form in among)
    form = next((form for form in forms if letters and letters <= set(GRAMMARS[form].prefixes)), None)
    if form == "ioe1":
        return _ioe(rows)
    return "iob1" if form == "bio" and _begins_with_inside(rows) else form


def _with_entities(sentences: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """The sentences that say something about the scheme."""
    return [tags for tags in sentences if not OUTSIDE_SPELLINGS.issuperset(tags)]


def _classified(rows: list[Sequence[str]]) -> set[str]:
    """The tags that occur, without O."""
    return {tag for row in rows for tag in row} - OUTSIDE_SPELLINGS


def _letters(tags: Iterable[str]) -> set[str]:
    """The prefixes of some tags as they are written; none if a tag has no prefix."""
    matches = [_PREFIXED.fullmatch(tag) for tag in tags]
    return set() if None in matches else {match[1] for match in matches if match}


def _in_runs(rows: list[Sequence[str]]) -> bool:
    return any(a == b and a not in OUTSIDE_SPELLINGS for row in rows for a, b in pairwise(row))


def _begins_with_inside(rows: list[Sequence[str]]) -> bool:
    """Whether more entities begin with I- than with a B- after another class or O, which IOB1 never writes."""
    inside = begin = 0
    for row in rows:
        before = ""
        for tag in row:
            prefix, label = split_tag(tag, "bio")
            if label and label != before:
                inside, begin = inside + (prefix == "I"), begin + (prefix == "B")
            before = label
    return inside > begin


def _ioe(rows: list[Sequence[str]]) -> SourceScheme:
    """ioe2 if at least half of the entities end with E-, which ioe1 writes between neighbours only."""
    ends = [tags[entity.end - 1][0].upper() for tags in rows for entity in entities_lenient(tags, "ioe2")]
    return "ioe2" if 2 * ends.count("E") >= len(ends) else "ioe1"


def _closes(rows: list[Sequence[str]], scheme: SourceScheme) -> bool:
    """Whether most of the closing tags close an entity that began, of several words."""
    grammar = GRAMMARS[scheme]
    closed = closings = 0
    for row in rows:
        parts = [split_tag(tag, scheme) for tag in row]
        closings += sum(prefix == grammar.end for prefix, _ in parts)
        for entity in _chunks(parts, scheme):
            closed += parts[entity.start][0] == grammar.begin and parts[entity.end - 1][0] == grammar.end
    return 2 * closed > closings
