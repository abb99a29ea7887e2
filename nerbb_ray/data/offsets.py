"""How a tool counts the characters of a text: tools differ, and a wrong guess shifts every label.

The text that a tool has stored with an entity decides; Python's own way, code points, is tried first.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from nerbb_ray.data.text_files import BYTE_ORDER_MARK
from nerbb_ray.data.words_of_text import RUNS

POINTS = "code points"
_LAST_PLAIN = "\uffff"


class Mark(NamedTuple):
    """An entity as a tool has stored it: where it is, as the tool counts, and what it saw there, if it says so."""

    start: int
    end: int
    surface: str | None


class Counting(NamedTuple):
    """A way to count.

    Args:
        place: from the tool's number of a character to ours; None if there is no such character.
        last: 1 if the end of an entity is its last character, 0 if it is the one behind it.
    """

    name: str
    place: Callable[[int], int | None]
    last: int = 0


class Resolved(NamedTuple):
    """
    Args:
        places: (start, end) of each mark, in code points.
        counting: how the tool has counted.
    """

    places: list[tuple[int, int]]
    counting: str


def resolve(text: str, marks: Sequence[Mark]) -> Resolved | None:
    """The places of marks under the first way of counting that agrees with what the tool saw at all of them.

    A way in which all is the same to the letter goes before one in which line ends and blanks differ.

    Returns:
        None if there is no such way. Marks without a surface agree with every place that is inside of the text.
    """
    return _resolve(text, marks, _is_same) or _resolve(text, marks, agrees)


def _resolve(text: str, marks: Sequence[Mark], fits: Callable[[str, str | None], bool]) -> Resolved | None:
    for counting in _countings(text):
        if counting.last and not all(mark.surface for mark in marks):
            continue  # nothing that could confirm it
        places = [(counting.place(mark.start), counting.place(mark.end + counting.last)) for mark in marks]
        known = [(start, end) for start, end in places if start is not None and end is not None]
        if len(known) == len(marks) and all(
            0 <= start < end <= len(text) and fits(text[start:end], mark.surface)
            for (start, end), mark in zip(known, marks, strict=True)
        ):
            return Resolved(known, counting.name)
    return None


def _is_same(found: str, surface: str | None) -> bool:
    return surface is None or found == surface


def agrees(found: str, surface: str | None) -> bool:
    """Whether a tool saw this: tools write line ends and other blanks in several ways."""
    if surface is None or found == surface:
        return True
    words = found.split()
    return words in (surface.split(), surface.replace("\\n", "\n").split())


def is_ambiguous(text: str) -> bool:
    """Whether ways of counting differ in this text."""
    return len(ways_of(text)) > 1


def ways_of(text: str) -> dict[str, Counting]:
    """The ways of counting that differ in a text, by their names; those that need the text of an entity left out."""
    return {counting.name: counting for counting in _countings(text) if not counting.last}


def misfits(text: str, marks: Sequence[Mark], counting: Counting) -> list[int]:
    """How many borders of each entity (0 to 2) stand outside of the text or inside of a word, in a way of counting."""
    words = RUNS.words(text)
    starts, ends = {start for start, _ in words}, {end for _, end in words}
    placed = [(counting.place(mark.start), counting.place(mark.end)) for mark in marks]
    return [(start not in starts) + (end not in ends) for start, end in placed]


def _countings(text: str) -> Iterator[Counting]:
    yield Counting(POINTS, lambda place: place)
    if not text.isascii() and max(text) > _LAST_PLAIN:
        widths = (1 + (character > _LAST_PLAIN) for character in text)
        yield Counting("UTF-16 units", _inverse(list(accumulate(widths, initial=0))))
    if "\r\n" in text:
        widths = (0 if text[i : i + 2] == "\r\n" else 1 for i in range(len(text)))
        yield Counting("code points with line ends of one character", _inverse(list(accumulate(widths, initial=0))))
    if text.startswith(BYTE_ORDER_MARK):
        yield Counting("code points without the byte order mark", lambda place: place + 1)
    yield Counting("code points, an end being the last character", lambda place: place, last=1)


def _inverse(counts: list[int]) -> Callable[[int], int | None]:
    """
    Args:
        counts: what the tool counts before each character, and at the end; never falling.
    """

    def place(number: int) -> int | None:
        found = bisect_left(counts, number)
        return found if found < len(counts) and counts[found] == number else None

    return place
