"""Words of raw text, with their places in it."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal


@lru_cache(maxsize=65536)
def _kind(character: str) -> Literal["word", "blank", "mark"]:
    if character.isspace():
        return "blank"
    # letters, numbers, combining marks, and what is invisible inside words: soft hyphen, joiners
    return "word" if unicodedata.category(character)[0] in "LNM" or unicodedata.category(character) == "Cf" else "mark"


def split_words(text: str, borders: Iterable[int] = ()) -> list[tuple[int, int]]:
    """(start, end) of every word: a run of letters and digits, or a single other character that is no blank.

    Args:
        borders: positions at which a word is cut in any case.
    """
    cuts = frozenset(borders)
    words: list[tuple[int, int]] = []
    before = "blank"
    for position, character in enumerate(text):
        kind = _kind(character)
        if kind == "word" and before == "word" and position not in cuts:
            words[-1] = (words[-1][0], position + 1)
        elif kind != "blank":
            words.append((position, position + 1))
        before = kind
    return words
