"""How tags are spelled: `B-PER` nearly everywhere, elsewhere `B_PER`, `B:PER`, `B/PER`, `PER-B`, `PER_B`, or `B` alone.

All else in this package knows the first spelling only; here the others are told and brought into it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from nerbb_ray.ner.tags import GRAMMARS, LETTERS, OUTSIDE, SourceScheme, recognise

UNNAMED = "ENTITY"  # the class of tags that have none
_JOINTS = "-_:/.|"
_EITHER_CASE = LETTERS + LETTERS.lower()


@dataclass(frozen=True, slots=True)
class Notation:
    """One spelling.

    Args:
        joint: the character between letter and class; empty for letters without a class.
        suffixed: whether the letter comes last.
        glued: whether letter and class have nothing between them.
    """

    joint: str = "-"
    suffixed: bool = False
    glued: bool = False

    def __str__(self) -> str:
        if not self.joint:
            return "<letter><class>" if self.glued else "<letter>"
        parts = ["<letter>", self.joint, "<class>"]
        return "".join(parts[::-1] if self.suffixed else parts)

    def standard(self, tag: str) -> str | None:
        """`B-PER`; None if the tag is not spelled so."""
        if self.glued:
            is_class = any(map(str.isalnum, tag[1:]))
            return f"{tag[0]}-{tag[1:]}" if is_class and tag[0] in _EITHER_CASE else None
        if not self.joint:
            return f"{tag}-{UNNAMED}" if len(tag) == 1 and tag in _EITHER_CASE else None
        letter, joint, label = (tag[-1:], tag[-2:-1], tag[:-2]) if self.suffixed else (tag[:1], tag[1:2], tag[2:])
        return f"{letter}-{label}" if joint == self.joint and label and letter in _EITHER_CASE else None


STANDARD, BARE, GLUED = Notation(), Notation(""), Notation("", glued=True)
NOTATIONS = (
    STANDARD,
    BARE,
    *(Notation(joint) for joint in _JOINTS[1:]),
    *(Notation(joint, suffixed=True) for joint in _JOINTS),
)


def find_notation(sentences: Iterable[Sequence[str]], scheme: SourceScheme | None = None) -> Notation:
    """The spelling of all tags of a data set; the standard one if no other is sure.

    Plain classes may look like anything (I_date, a:b), so that another spelling must give a scheme in which a class has
    several letters, unless the user has named the scheme.

    Args:
        sentences: tags, with O for outside.
        scheme: as the user says; None to judge.
    """
    rows = [list(tags) for tags in sentences]
    seen = sorted({tag for row in rows for tag in row} - {OUTSIDE})
    # any word looks like a letter and a class: so it is read only where the user says that there are letters
    for notation in (*NOTATIONS, *([GLUED] if scheme else [])):
        spelled = spelled_in(seen, notation)
        if spelled and (notation is STANDARD or _is_sure(rows, spelled, notation, scheme)):
            return notation
    return STANDARD


def spelled_in(tags: Iterable[str], notation: Notation) -> dict[str, str]:
    """Tag -> its usual spelling; empty if not all of them are spelled so."""
    found: dict[str, str] = {}
    for tag in tags:
        standard = notation.standard(tag)
        if standard is None:
            return {}
        found[tag] = standard
    return found


def letters_of(tags: Collection[str], least: int = 1) -> set[str]:
    """The letters of some tags in the first spelling that all of them have; none if there is no such spelling.

    Args:
        least: how many letters of one scheme there must be, with fewer classes than tags.
    """
    for notation in NOTATIONS:
        spelled = spelled_in(tags, notation)
        letters = {tag[0].upper() for tag in spelled.values()}
        if letters and (
            least == 1 or (len(letters) >= least and notation is not BARE and _is_scheme(spelled, letters))
        ):
            return letters
    return set()


def _is_scheme(spelled: dict[str, str], letters: set[str]) -> bool:
    several = len({tag[2:] for tag in spelled.values()}) < len(spelled)
    return several and any(letters <= set(grammar.prefixes) for grammar in GRAMMARS.values())


def _is_sure(rows: list[list[str]], spelled: dict[str, str], notation: Notation, scheme: SourceScheme | None) -> bool:
    several = len({tag[2:] for tag in spelled.values()}) < len(spelled)
    if scheme is not None:
        letters = {tag[0].upper() for tag in spelled.values()}
        # Begin_PER and Inside_PER have no class in common
        alone = notation is GLUED and len(letters) > 1 and not several
        return scheme != "plain" and letters <= set(GRAMMARS[scheme].prefixes) and not alone
    if not several and notation is not BARE:
        return False
    return recognise([[spelled.get(tag, tag) for tag in row] for row in rows]) != "plain"
