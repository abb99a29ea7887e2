"""Texts in which some places are marked, such as named entities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from nerbb_ray.html.render import macros

# as the figures have them: told apart by colour-blind readers; thin enough for black and for white letters on them
TINTS = ("0, 114, 178", "213, 94, 0", "0, 158, 115", "204, 121, 167", "230, 159, 0", "86, 180, 233", "153, 153, 51")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place of a text with what it is, and what is said of it where somebody points at it."""

    start: int
    end: int
    label: str
    title: str = ""


def marked_text(text: str, marks: Iterable[Mark], labels: Sequence[str] = ()) -> str:
    """HTML of a text with its marks, which do not overlap; whatever the text has in it is shown, not run.

    Args:
        labels: all that there are, which share out the colours; those of the marks if left out.
    """
    ordered = sorted(marks, key=lambda mark: mark.start)
    tints = dict(zip(dict.fromkeys([*labels, *(mark.label for mark in ordered)]), cycle(TINTS), strict=False))
    parts, end = [], 0
    for mark in ordered:
        parts.append((text[end : mark.start], "", "", ""))
        parts.append((text[mark.start : mark.end], mark.label, tints[mark.label], mark.title))
        end = mark.end
    return str(macros("html/templates/marked.html").marked([*parts, (text[end:], "", "", "")]))
