"""How tags are spelled: `B-PER` nearly everywhere, elsewhere `B_PER`, `B:PER`, `B/PER`, `PER-B`, `PER_B`, or `B` alone.

All else in this package knows the first spelling only; here the others are told and brought into it.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from nerbb_ray.ner.tags import GRAMMARS, LETTERS, OUTSIDE, SourceScheme, recognise

UNNAMED = "ENTITY"  # the class of tags that have none
_JOINTS = "-_:/"
_LETTER = f"[{LETTERS}{LETTERS.lower()}]"


@dataclass(frozen=True, slots=True)
class Notation:
    """One spelling.

    Args:
        joint: what stands between letter and class; empty for letters without a class.
        suffixed: whether the letter comes last.
    """

    joint: str = "-"
    suffixed: bool = False

    def __str__(self) -> str:
        if not self.joint:
            return "<letter>"
        parts = ["<letter>", self.joint, "<class>"]
        return "".join(parts[::-1] if self.suffixed else parts)

    def standard(self, tag: str) -> str | None:
        """`B-PER`; None if the tag is not spelled so."""
        joint = re.escape(self.joint)
        if not self.joint:
            return f"{tag}-{UNNAMED}" if re.fullmatch(_LETTER, tag) else None
        if self.suffixed:
            match = re.fullmatch(f"(.+){joint}({_LETTER})", tag, re.DOTALL)
            return f"{match[2]}-{match[1]}" if match else None
        match = re.fullmatch(f"({_LETTER}){joint}(.+)", tag, re.DOTALL)
        return f"{match[1]}-{match[2]}" if match else None


STANDARD, BARE = Notation(), Notation("")
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
    for notation in NOTATIONS:
        spelled = {tag: notation.standard(tag) for tag in seen}
        known = {tag: standard for tag, standard in spelled.items() if standard is not None}
        if seen and len(known) == len(seen) and (notation is STANDARD or _is_sure(rows, known, notation, scheme)):
            return notation
    return STANDARD


def letters_of(tags: Collection[str]) -> set[str]:
    """The letters of some tags in the first spelling that all of them have; none if there is no such spelling."""
    for notation in NOTATIONS:
        spelled = [notation.standard(tag) for tag in tags]
        if spelled and None not in spelled:
            return {tag[0].upper() for tag in spelled if tag}
    return set()


def _is_sure(rows: list[list[str]], spelled: dict[str, str], notation: Notation, scheme: SourceScheme | None) -> bool:
    if scheme is not None:
        return scheme != "plain" and {tag[0].upper() for tag in spelled.values()} <= set(GRAMMARS[scheme].prefixes)
    several = len({tag[2:] for tag in spelled.values()}) < len(spelled)
    if not several and notation is not BARE:
        return False
    return recognise([[spelled.get(tag, tag) for tag in row] for row in rows]) != "plain"
