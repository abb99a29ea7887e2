"""Running text from the words of data that have nothing but words, as it would usually be set.

Blanks were lost when the data were cut, so that this is a guess by the rules of typography: no blank before marks that
close, none behind those that open, none before an English clitic, none in scripts that are written without blanks.
Where nearly every word is one character, the data were cut into characters: blanks are only where a word is one.
Marks such as - @ # that stand alone have blanks around them, unless no word of the data has one: then
they were cut off.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import regex

from nerbb_ray.data.words_of_text import WITHOUT_BLANKS, Span

_CLOSE = regex.compile(r"[.,;:!?)\]}%\u2026\u201d\u00bb\u2019\u3001\u3002\uff0c\uff1f\uff01]+")
_OPEN = regex.compile(r"[(\[{\u00ab\u201c\u00bf\u00a1]")
_CLITIC = regex.compile(r"(?i)['\u2019](?:s|re|ve|ll|d|m|t)|n['\u2019]t")
_BEHIND_APOSTROPHE = {"s", "re", "ve", "ll", "d", "m", "t"}
_CHARACTER = regex.compile(r"\X")
_NEARLY_ALL, _ENOUGH = 0.9, 20  # of the words; words
_INNER_MARKS, _FIRST_MARKS = "-\u2010/", "#@$\u00a3\u20ac"
_INNER = regex.compile(r"(?<=[\p{L}\p{N}])[-\u2010/](?=[\p{L}\p{N}])")
_BARE = regex.compile(rf"{WITHOUT_BLANKS}", regex.V1)
_NUMBER, _LETTER = regex.compile(r"\p{N}+"), regex.compile(r"\p{L}")


@dataclass(frozen=True, slots=True)
class Typography:
    """
    Args:
        glued: marks that join the words at their two sides.
        first: marks that join the word behind them.
        characters: whether the words are characters.
        numbers: whether . , and : between two numbers, and . between single letters, do so, too.
    """

    glued: Collection[str] = ()
    first: Collection[str] = ()
    numbers: bool = False
    characters: bool = False

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]]) -> "Typography":
        """What has been cut off in some sentences."""
        inside: set[str] = set()
        alone: set[str] = set()
        count = single = 0
        whole_numbers = cut_numbers = False
        for words in sentences:
            count += len(words)
            for word in words:
                single += len(word) == 1 or bool(_CHARACTER.fullmatch(word))
                if not word.isalnum():
                    inside.update(_INNER.findall(word), word[: len(word) > 1])
                    whole_numbers |= bool(regex.search(r"\p{N}[.,:]\p{N}|\p{L}\.\p{L}", word))
                    alone.add(word)
            cut_numbers |= any(_is_number(words, i) for i in range(1, len(words) - 1))
        cut_off = frozenset(alone - inside)
        return cls(
            cut_off & {*_INNER_MARKS},
            cut_off & {*_FIRST_MARKS},
            cut_numbers and not whole_numbers,
            count >= _ENOUGH and single >= _NEARLY_ALL * count,
        )

    def text(self, words: Sequence[str]) -> tuple[str, list[Span]]:
        """The text of a sentence and the place of every word in it; one that is empty or blank covers nothing."""
        parts: list[str] = []
        places: list[Span] = []
        length, opened, glue = 0, False, True
        for number, word in enumerate(words):
            if not word.strip():
                places.append((length, length))
                if self.characters and word:
                    parts.append(" ")
                    length += 1
                continue
            quote = word in ('"', "``", "''")
            opens = (quote and not opened) or word in self.first or bool(_OPEN.fullmatch(word))
            left = (quote and opened) or self._is_glued(words, number)
            if not glue and not left and not self.characters:
                parts.append(" ")
                length += 1
            places.append((length, length + len(word)))
            parts.append(word)
            length += len(word)
            opened = not opened if quote else opened
            glue = opens or self._joins(words, number)
        return "".join(parts), places

    def _is_glued(self, words: Sequence[str], number: int) -> bool:
        """Whether there is no blank before a word, for what it is itself."""
        word, before = words[number], words[number - 1] if number else ""
        if _CLOSE.fullmatch(word) or self._joins(words, number):
            return True
        if _CLITIC.fullmatch(word):
            return before[-1:].isalnum()
        return bool(before and _BARE.match(before[-1]) and _BARE.match(word[0]))

    def _joins(self, words: Sequence[str], number: int) -> bool:
        """Whether a word is a mark with no blank at either side."""
        if not 0 < number < len(words) - 1:
            return False
        word = words[number]
        if word in self.glued:
            return words[number - 1][-1:].isalnum() and words[number + 1][:1].isalnum()
        if word in ("'", "\u2019") and words[number + 1].lower() in _BEHIND_APOSTROPHE:
            return words[number - 1][-1:].isalnum()
        return self.numbers and _is_number(words, number)


def _is_number(words: Sequence[str], number: int) -> bool:
    """Whether a word is the mark of a number (1,000) or an abbreviation (U.S) that was cut."""
    if words[number] not in (".", ",", ":"):
        return False
    sides = words[number - 1], words[number + 1]
    return all(map(_NUMBER.fullmatch, sides)) or (words[number] == "." and all(map(_LETTER.fullmatch, sides)))
