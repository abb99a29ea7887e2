"""Words that are not what they seem: blanks inside, control characters, broken encodings, walls of letters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nerbb_ray.data.odd_words import SPECIAL, SUBTOKEN
from nerbb_ray.doctor.findings import Place, Words
from nerbb_ray.doctor.rows import SHOWN, Rows, spelled
from nerbb_ray.ner.tags import OUTSIDE

LONG_WORD = 100  # characters
LONG_SENTENCE = 250  # words
SHOWN_WORDS = 10
# UTF-8 that was read as Latin-1 or Windows-1252: the two marks of a letter with an accent, or of a quotation mark
_MOJIBAKE = re.compile("[\u00c2\u00c3][\u0080-\u00bf\u2018-\u203a\u20ac\u0152\u0153\u0160\u0161]|\u00e2\u20ac")
_ADDRESS = re.compile(r"://|www\.|/[^/]+/", re.IGNORECASE)  # of the web: long by nature, as paths are
_REFERENCE = re.compile(r"&(?:[a-z]{2,8}|#\d{2,6}|#x[0-9a-f]{2,6});", re.IGNORECASE)


def _has(category: str) -> Callable[[str], bool]:
    return lambda word: any(unicodedata.category(c).startswith(category) for c in word)


KINDS: Mapping[str, Callable[[str], bool]] = {
    "empty": lambda word: not word.strip(),
    "blank_inside": lambda word: bool(word.strip()) and any(c.isspace() for c in word),
    "control": lambda word: any(unicodedata.category(c) == "Cc" and not c.isspace() for c in word),
    "replacement": lambda word: "\ufffd" in word,
    "mojibake": lambda word: bool(_MOJIBAKE.search(word)),
    "invisible": lambda word: bool(word.strip()) and _has("Cf")(word),
    "private": lambda word: _has("Co")(word) or _has("Cn")(word),
    "not_nfc": lambda word: not unicodedata.is_normalized("NFC", word),
    "reference": lambda word: bool(_REFERENCE.search(word)),
    "subtoken": lambda word: SUBTOKEN.fullmatch(word) is not None,
    "special_token": lambda word: SPECIAL.fullmatch(word) is not None,
    "long": lambda word: len(word) > LONG_WORD and not _ADDRESS.search(word),
}


@dataclass(slots=True)
class Tally:
    """Counts the occurrences of some words, and keeps the first places."""

    count: int = 0
    tagged: int = 0
    words: Counter[str] = field(default_factory=Counter)
    places: list[Place] = field(default_factory=list)

    def add(self, rows: Rows, number: int, position: int) -> None:
        sentence = rows.sentences[number]
        word = sentence.tokens[position]
        self.count += 1
        self.tagged += sentence.tags[position] != OUTSIDE
        self.words[word] += 1
        if len(self.places) < SHOWN:
            self.places.append(rows.place(number, position, spelled(word)))

    def words_found(self, *, spell: Callable[[str], str] = spelled) -> Words:
        examples = tuple((spell(word), count) for word, count in self.words.most_common(SHOWN_WORDS))
        return Words(self.count, self.tagged, examples, tuple(self.places))


def examine_words(rows: Rows) -> dict[str, Words]:
    """The odd words of a split, by kind; kinds that do not occur are left out."""
    tallies: dict[str, Tally] = {}
    kinds: dict[str, tuple[str, ...]] = {}
    for number, sentence in rows:
        for position, word in enumerate(sentence.tokens):
            if word not in kinds:
                kinds[word] = kinds_of(word)
            for kind in kinds[word]:
                tallies.setdefault(kind, Tally()).add(rows, number, position)
    return {kind: tallies[kind].words_found() for kind in KINDS if kind in tallies}


def kinds_of(word: str) -> tuple[str, ...]:
    if word.isascii() and word.isalnum() and len(word) <= LONG_WORD:
        return ()
    return tuple(kind for kind, holds in KINDS.items() if holds(word))
