"""Texts in which some places are marked, such as named entities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

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
    tints = dict(zip(dict.fromkeys([*labels, *(mark.label for mark in ordered)]), _repeated(), strict=False))
    parts, end = [], 0
    for mark in ordered:
        parts += [escape(text[end : mark.start]), _marked(text, mark, tints[mark.label])]
        end = mark.end
    return f'<div style="white-space:pre-wrap;line-height:1.9">{"".join(parts)}{escape(text[end:])}</div>\n'


def _repeated() -> Iterable[str]:
    while True:
        yield from TINTS


def _marked(text: str, mark: Mark, tint: str) -> str:
    style = f"background:rgba({tint}, .25);color:inherit;border-radius:.3em;padding:.1em .3em"
    label = f'<span style="font-size:.75em;font-weight:bold;margin-left:.4em">{escape(mark.label)}</span>'
    return f'<mark style="{style}" title="{escape(mark.title)}">{escape(text[mark.start : mark.end])}{label}</mark>'
