"""Texts in which some places are marked, such as named entities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from nerbb_ray.html.render import macros

# as the figures have them: told apart by colour-blind readers; thin enough for black and for white letters on them
TINTS = ("0, 114, 178", "213, 94, 0", "0, 158, 115", "204, 121, 167", "230, 159, 0", "86, 180, 233", "153, 153, 51")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place of a text with what it is, and what is said of it where somebody points at it.

    Args:
        kind: marks of one kind have one colour; those of one label if left out.
    """

    start: int
    end: int
    label: str
    title: str = ""
    kind: str = ""

    @property
    def colour_of(self) -> str:
        """What has a colour: its kind, such as PER of B-PER and I-PER; its label if that says it."""
        return self.kind or self.label


def kinds_of(texts: Iterable[Iterable[Mark]]) -> list[str]:
    """Those of the marks of several texts, in the order of appearance: for one colour per kind in all of them."""
    return list(dict.fromkeys(mark.colour_of for marks in texts for mark in marks))


def marked_text(text: str, marks: Iterable[Mark], kinds: Sequence[str] = ()) -> str:
    """HTML of a text with its marks, which do not overlap; whatever the text has in it is shown, not run.

    Args:
        kinds: all that there are (`kinds_of`), which share out the colours; those of the marks if left out.
    """
    ordered = sorted(marks, key=lambda mark: mark.start)
    tints = dict(zip(dict.fromkeys([*kinds, *kinds_of([ordered])]), cycle(TINTS), strict=False))
    parts, end = [], 0
    for mark in ordered:
        parts.append((text[end : mark.start], "", "", ""))
        parts.append((text[mark.start : mark.end], mark.label, tints[mark.colour_of], mark.title))
        end = mark.end
    return str(macros("html/templates/marked.html").marked([*parts, (text[end:], "", "", "")]))
