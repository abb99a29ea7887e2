"""Words of raw text, with their places in it: a few named ways to cut, and the words that a way would cut wrongly.

What a model has learnt about words holds for words that are cut as those of its training were. Data whose words are
given were cut by somebody; the way that fits them best is chosen by `nerbb_ray.data.choose_splitting`, and goes with
every model that was trained on them.

All ways but `former` agree on this: in scripts that are written without blanks (Han, kana, Thai, Lao, Khmer, Burmese)
every grapheme cluster is a word, and no word begins inside of a grapheme cluster (Unicode Standard Annex 29).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Self

import regex

Span = tuple[int, int]

# what str.isspace() holds for; no zero width space
BLANKS = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# the lengthening marks of kana belong to several scripts
WITHOUT_BLANKS = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    r"--\p{P}]"
)
# letters, numbers, combining marks, and what is invisible inside words: soft hyphen, joiners
_LETTER = rf"[[\p{{L}}\p{{N}}\p{{M}}\p{{Cf}}]--{WITHOUT_BLANKS}]"
_PLAIN = rf"[[\p{{L}}\p{{N}}]--{WITHOUT_BLANKS}]"
# what belongs to the character before it: marks, joiners, shades of skin, Thai and Lao am
_TAIL = r"[\p{M}\p{Cf}\U0001f3fb-\U0001f3ff\u0e33\u0eb3]"
# ASCII goes first in all of them: it is known without a look at the properties of a character
_END = rf"(?:(?=[\x00-\x7f])|(?!{_TAIL}))"
_RUN = rf"(?:(?:[A-Za-z0-9]++|{_PLAIN})++{_END}|(?:{_PLAIN}(?={_PLAIN})|(?={_LETTER})\X)++)"
_CLUSTER = rf"(?![\x00-\x7f])(?={WITHOUT_BLANKS})\X(?:(?=\p{{Cf}})(?!\p{{GCB=Prepend}})\X)*+"
_OTHER = rf"[!-/:-@\[-`{{-~]{_END}|(?=[^{BLANKS}])\X"

_JOINT = r"[.\-_'\u2019\u2010\u2011\u00b7\u30fb]|(?<=\p{N})[,:](?=\p{N})"
_INNER = rf"{_RUN}(?:(?:{_JOINT}){_RUN})*+"
_ACRONYM = rf"(?:\p{{L}}\p{{M}}*+\.){{2,}}+(?!{_TAIL})"
_SIGN = rf"[[^{BLANKS}<>\"]--{WITHOUT_BLANKS}--[\p{{Script_Extensions=Han}}\uff00-\uffef]]"
_URL = rf"(?:https?://|www\.){_SIGN}*[{_SIGN}--[.,;:!?)\]'\u2019]]"
_MAIL = r"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)++"
_ADDRESS = rf"(?:{_URL}|{_MAIL})(?!{_TAIL})"
_INITIAL = rf"\p{{Lu}}\.(?=[{BLANKS}]+[\"'\u201c(]?\p{{Lu}})"
_REPEATED = rf"(?:\.{{2,}}+|-{{2,}}+|``|'')(?!{_TAIL})"
_CLITIC = regex.compile(r"(?i)(?:n['\u2019]t|['\u2019](?:s|re|ve|ll|d|m))$")
_NAMED = rf"(?:[@#](?:_|{_RUN})++|&(?:\p{{L}}{{2,8}}|#[0-9]{{2,6}});)(?!{_TAIL})"
_FACE = rf"(?:[:;=8xX][-o^']?[)(\]\[DPpOo/\\|*3]+(?![\p{{L}}\p{{N}}])|<3+|\^[_.-]?\^|-_+-)(?!{_TAIL})"
_SHOUT = rf"(?:[!?.]{{2,}}+|-{{2,}}+|'')(?!{_TAIL})"

# Latin letters and the usual signs, of which none belongs to the character before it: runs among them need no look at
# properties and clusters, and are found in a third of the time
_NOT_EASY = re.compile(r"[^\x00-\xac\xae-\u02ff\u2010-\u2027\u20ac]")
_EASY_RUNS = re.compile(r"[^\W_]+|\S")


@dataclass(frozen=True, slots=True)
class _Form:
    """
    Args:
        words: what is a word, the first that fits counts; whatever else is no blank is a word of one character.
        clitics: whether 's, n't and the like are words of their own.
    """

    words: tuple[str, ...]
    clitics: bool = False


FORMER = "former"  # of version 0.3.0
_FORMS: Mapping[str, _Form] = MappingProxyType(
    {
        "runs": _Form((_CLUSTER, _RUN)),
        "inner": _Form((_CLUSTER, _ACRONYM, _INNER)),
        "treebank": _Form(
            (_CLUSTER, _ADDRESS, _ACRONYM, _INITIAL, rf"{_INNER}(?:&{_INNER})*+(?:-(?=[{BLANKS}]|$))?", _REPEATED),
            clitics=True,
        ),
        "tweets": _Form((_CLUSTER, _ADDRESS, _NAMED, _FACE, _ACRONYM, _INNER, _SHOUT), clitics=True),
        "characters": _Form(()),
    }
)
SPLITTINGS: Mapping[str, str] = MappingProxyType(
    {
        "runs": "runs of letters and digits; any other character is a word",
        "inner": "runs of letters and digits with . - ' _ inside; abbreviations such as U.S.",
        "treebank": "as inner, with addresses, initials and ... as words, and 's, n't and the like cut off",
        "tweets": "as treebank, with @names, #tags, smileys and !!! as words",
        "characters": "each character (grapheme cluster) is a word, in every script",
    }
)


@dataclass(frozen=True)
class WordSplitting:
    """A way to cut text into words.

    Args:
        name: of `SPLITTINGS`, or former.
        joints: words that are kept whole although the way would cut them.
    """

    name: str = "runs"
    joints: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.name not in (*SPLITTINGS, FORMER):
            raise ValueError(f"a splitting must be one of {', '.join(SPLITTINGS)}, {FORMER}; got {self.name!r}")

    @cached_property
    def _words(self) -> Any:
        return _pattern(self.name, self.joints)

    def words(self, text: str, borders: Iterable[int] = ()) -> list[Span]:
        """(start, end) of every word; all that is in no word is blank.

        Args:
            borders: positions at which a word is cut in any case.
        """
        easy = self.name == "runs" and not self.joints and not _NOT_EASY.search(text)
        found: list[Span] = [match.span() for match in (_EASY_RUNS if easy else self._words).finditer(text)]
        if self.name in _FORMS and _FORMS[self.name].clitics:
            found = [part for span in found for part in self._without_clitic(text, span)]
        cuts = sorted(set(borders))
        return _cut(text, found, cuts) if cuts else found

    def _without_clitic(self, text: str, span: Span) -> tuple[Span, ...]:
        start, end = span
        if end - start < 3 or text[start:end] in self._kept:
            return (span,)
        clitic = _CLITIC.search(text[start:end])
        cut = start + clitic.start() if clitic else start
        return (span,) if cut == start else ((start, cut), (cut, end))

    @cached_property
    def _kept(self) -> frozenset[str]:
        return frozenset(self.joints)

    def to_dict(self) -> dict[str, Any]:
        """Only what JSON knows."""
        return {"name": self.name, "joints": list(self.joints)}

    @classmethod
    def of(cls, stored: Any) -> Self:
        """What `to_dict` has made.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(stored, Mapping) or not isinstance(stored.get("joints", []), list | tuple):
            raise ValueError(f"expected {{name, joints}}; got {stored!r:.60}")  # noqa: TRY004 - what is stored, not a type
        return cls(str(stored.get("name")), tuple(map(str, stored.get("joints", []))))

    def __str__(self) -> str:
        """`treebank (as inner, ...); 94 words kept whole besides, such as St.`"""
        what = SPLITTINGS.get(self.name, "runs of letters and digits in every script, as version 0.3.0 had them")
        if not self.joints:
            return f"{self.name} ({what})"
        number = f"{len(self.joints)} word{'s' if len(self.joints) > 1 else ''}"
        return f"{self.name} ({what}); {number} kept whole besides, such as {', '.join(self.joints[:3])}"


@lru_cache(maxsize=32)
def _pattern(name: str, joints: tuple[str, ...]) -> Any:
    if name == FORMER:
        return regex.compile(rf"[\p{{L}}\p{{N}}\p{{M}}\p{{Cf}}]++|[^{BLANKS}]", regex.V1)
    # a listed word neither begins nor ends inside of a run of letters
    listed = rf"(?<!{_LETTER}(?={_LETTER}))\L<joints>(?!{_TAIL}|(?<={_LETTER}){_LETTER})"
    words = [*([listed] if joints else []), *_FORMS[name].words, _OTHER]
    named = {"joints": list(joints)} if joints else {}
    return regex.compile("|".join(words), regex.V1, **named)


def _cut(text: str, words: Iterable[Span], cuts: Iterable[int]) -> list[Span]:
    """Words without what was blank at a cut: listed words may have blanks inside.

    Args:
        cuts: in order.
    """
    waiting = iter(cuts)
    cut = next(waiting, None)
    found = []
    for start, end in words:
        while cut is not None and cut < end:
            if cut > start:
                found.append((start, start + len(text[start:cut].rstrip())))
                start = end - len(text[cut:end].lstrip())
            cut = next(waiting, None)
        found.append((start, end))
    return found


RUNS = WordSplitting()
