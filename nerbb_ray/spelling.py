"""What a misspelt name was probably meant to be."""

import unicodedata
from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

SHOWN = 20  # names that are listed where none is near


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that a misspelt or shortened one was probably meant to be; upper and lower case are the same."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    longer = [lower for lower in by_lower if len(word) > 2 and word.lower() in lower]
    return next((by_lower[lower] for lower in close + longer), None)


def did_you_mean(
    word: str, known: Collection[str], quote: Callable[[str], str] = repr, none: str = "there is none yet"
) -> str:
    """`did you mean 'quickstart'?`, or `there are a, b`, or what is said where there is nothing to list."""
    meant = nearest(word, known)
    if meant is not None:
        return f"did you mean {quote(meant)}?"
    if not known:
        return none
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"there are {', '.join(list(known)[:SHOWN])}{more}"


def look_alike(names: Iterable[str]) -> list[list[str]]:
    """Groups such as PER, Per: names that differ in case, blanks, marks and characters that nobody sees only."""
    groups: dict[str, list[str]] = {}
    for name in names:
        composed = unicodedata.normalize("NFKC", name).casefold()
        groups.setdefault("".join(c for c in composed if c.isalnum()) or name, []).append(name)
    return [_told_apart(group) for group in groups.values() if len(group) > 1]


def _told_apart(names: list[str]) -> list[str]:
    """With the numbers of their characters, where they look the same."""
    seen = {"".join(c for c in unicodedata.normalize("NFKC", name) if c.isprintable()) for name in names}
    return names if len(seen) == len(names) else [ascii(name) for name in names]
