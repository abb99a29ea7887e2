"""Ways to cut running text into words: what each does, and what holds for all of them on any text."""

import sys

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.words_of_text import _NOT_EASY, BLANKS, FORMER, RUNS, SPLITTINGS, WordSplitting, _pattern

ALL = (*SPLITTINGS, FORMER)
ODD = (
    "ab.Z1,'-_:/@#()!? \t\u00a0\u2028\u200b\u200d\u0301\u00ad\U0001f469\U0001f3fd\u2764\ufe0f"
    + "王北カーがで゙กำแม่မြန်ខ្មែລາວ"
)
TEXTS = st.text(max_size=40) | st.text(alphabet=ODD, max_size=40)
JOINTS = st.lists(st.text(alphabet=ODD, min_size=1, max_size=5).map(str.strip).filter(bool), max_size=5).map(tuple)


def words(name: str, text: str, *joints: str) -> list[str]:
    return [text[start:end] for start, end in WordSplitting(name, joints).words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it's 3.5%", ["it", "'", "s", "3", ".", "5", "%"]),
        ("snake_case", ["snake", "_", "case"]),
        ("cafe\u0301 x", ["cafe\u0301", "x"]),
        ("soft\u00adhyphen", ["soft\u00adhyphen"]),
        ("हिन्दी।", ["हिन्दी", "।"]),
        ("a\u00a0b\u2028c", ["a", "b", "c"]),
        ("...", [".", ".", "."]),
        ("", []),
    ],
)
@pytest.mark.parametrize("name", ["runs", FORMER])
def test_runs_are_of_letters_and_digits(name: str, text: str, expected: list[str]) -> None:
    assert words(name, text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("runs", "The | U | . | S | . | isn | ' | t | Jean | - | Luc | ' | s | 1 | , | 000 | . | 5 | , | ok | ."),
        ("inner", "The | U.S. | isn't | Jean-Luc's | 1,000.5 | , | ok | ."),
        ("treebank", "The | U.S. | is | n't | Jean-Luc | 's | 1,000.5 | , | ok | ."),
        ("tweets", "The | U.S. | is | n't | Jean-Luc | 's | 1,000.5 | , | ok | ."),
    ],
)
def test_marks_inside_of_words(name: str, expected: str) -> None:
    assert words(name, "The U.S. isn't Jean-Luc's 1,000.5, ok.") == expected.split(" | ")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("inner", "to be, or (not) to.", ["to", "be", ",", "or", "(", "not", ")", "to", "."]),
        ("inner", "10:30 3:a 1. x", ["10:30", "3", ":", "a", "1", ".", "x"]),
        ("inner", "- x -- y...", ["-", "x", "-", "-", "y", ".", ".", "."]),
        ("treebank", "x -- y...", ["x", "--", "y", "..."]),
        ("treebank", "John W. Smith. Then", ["John", "W.", "Smith", ".", "Then"]),
        ("treebank", "see http://a.org/b, me@x.org.", ["see", "http://a.org/b", ",", "me@x.org", "."]),
        ("treebank", "AT&T, mark- och", ["AT&T", ",", "mark-", "och"]),
        ("treebank", "n't 's don\u2019t", ["n't", "'", "s", "do", "n\u2019t"]),
        ("tweets", "@a_b #x1 :) lol!!! &amp; <3", ["@a_b", "#x1", ":)", "lol", "!!!", "&amp;", "<3"]),
        ("tweets", "見http://a.org/b。王me@x.org王", ["見", "http://a.org/b", "。", "王", "me@x.org", "王"]),
        ("characters", "U.S. e\u0301t\u00e9", ["U", ".", "S", ".", "e\u0301", "t", "\u00e9"]),
        ("tweets", "note:D at 5:Done", ["note", ":D", "at", "5", ":", "Done"]),
    ],
)
def test_special_words(name: str, text: str, expected: list[str]) -> None:
    assert words(name, text) == expected


@pytest.mark.parametrize("name", [name for name in SPLITTINGS if name != "characters"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("王小明住在北京。", list("王小明住在北京。")),
        ("Tokyoへ2人", ["Tokyo", "へ", "2", "人"]),
        ("王。B王.C", ["王", "。", "B", "王", ".", "C"]),
        ("カード", ["カ", "ー", "ド"]),
        ("か\u3099", ["か\u3099"]),
        ("ที่น้ำ", ["ที่", "น้ำ"]),
        ("ພາສາລາວ", ["ພ", "າ", "ສ", "າ", "ລ", "າ", "ວ"]),
        ("မြန်မာ", ["မြ", "န်", "မ", "ာ"]),
        ("ភាសា", ["ភា", "សា"]),
        ("한국어 말", ["한국어", "말"]),
        ("\U0001f469\u200d\U0001f467 \u2764\ufe0f", ["\U0001f469\u200d\U0001f467", "\u2764\ufe0f"]),
    ],
)
def test_scripts_without_blanks_are_cut_into_clusters(name: str, text: str, expected: list[str]) -> None:
    assert words(name, text) == expected


def test_former_keeps_clauses_whole_as_0_3_0_did() -> None:
    assert words(FORMER, "王小明住在北京。Tokyoへ") == ["王小明住在北京", "。", "Tokyoへ"]


@pytest.mark.parametrize(
    ("joints", "text", "expected"),
    [
        (("U.S.", "U.S"), "in U.S. and U.S today", ["in", "U.S.", "and", "U.S", "today"]),
        (("U.S",), "xU.S U.Sx", ["xU", ".", "S", "U", ".", "Sx"]),
        (("...", ".."), "a....", ["a", "...", "."]),
        (("Nam Cao",), "Nam Cao Nam  Cao", ["Nam Cao", "Nam", "Cao"]),
        (("北京",), "在北京大", ["在", "北京", "大"]),
        (("a.",), "a.\u0301", ["a", ".\u0301"]),
    ],
)
def test_listed_words_are_kept_whole(joints: tuple[str, ...], text: str, expected: list[str]) -> None:
    assert words("runs", text, *joints) == expected


def test_a_listed_word_keeps_its_clitic() -> None:
    assert words("treebank", "don't isn't", "don't") == ["don't", "is", "n't"]


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None)
@given(TEXTS, JOINTS, st.lists(st.integers(0, 40)))
def test_words_are_in_order_apart_and_leave_out_only_blanks(
    name: str, text: str, joints: tuple[str, ...], borders: list[int]
) -> None:
    spans = WordSplitting(name, joints).words(text, borders)
    places = [place for start, end in spans for place in range(start, end)]
    assert places == sorted(set(places))
    assert not "".join(text[place] for place in sorted(set(range(len(text))) - set(places))).strip()
    assert all(start < end and not text[start].isspace() for start, end in spans)
    assert not any(start < border < end for border in borders for start, end in spans)


@pytest.mark.parametrize("name", SPLITTINGS)
@settings(deadline=None)
@example("\u0e40\xad\u200c\u3099")  # behind a soft hyphen, a joiner with a mark
@given(TEXTS)
def test_no_word_begins_or_ends_inside_of_a_grapheme_cluster(name: str, text: str) -> None:
    inside = {
        place
        for cluster in regex.finditer(r"\X", text)
        # signs that belong to the character behind them are no marks of theirs in any of these scripts
        if not cluster[0][0].isspace() and not regex.match(r"\p{GCB=Prepend}", cluster[0])
        for place in range(cluster.start() + 1, cluster.end())
    }
    assert not {place for span in WordSplitting(name).words(text) for place in span} & inside


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None)
@given(TEXTS)
def test_words_with_blanks_between_them_are_cut_into_the_same(name: str, text: str) -> None:
    once = words(name, text)
    again = words(name, " ".join(once))
    if name in ("runs", FORMER):
        assert again == once
    assert words(name, " ".join(again)) == words(name, " ".join(words(name, " ".join(again))))


EASY = [character for character in map(chr, range(0x2200)) if not _NOT_EASY.search(character)]


@example("".join(f"{character}a" for character in EASY))
@example("".join(f"{character} " for character in EASY))
@given(st.text(st.sampled_from(EASY)))
def test_runs_of_latin_letters_are_those_of_all_scripts(text: str) -> None:
    assert RUNS.words(text) == [match.span() for match in _pattern("runs", ()).finditer(text)]


def test_blanks_are_those_of_python() -> None:
    blank = regex.compile(f"[{BLANKS}]")
    assert all(bool(blank.match(c)) == c.isspace() for c in map(chr, range(sys.maxunicode + 1)))


@given(st.sampled_from(ALL), JOINTS)
def test_a_splitting_is_stored_and_read(name: str, joints: tuple[str, ...]) -> None:
    splitting = WordSplitting(name, joints)
    assert WordSplitting.of(splitting.to_dict()) == splitting


@pytest.mark.parametrize("stored", [None, [], "runs", {"name": "other"}, {}, {"name": "runs", "joints": 3}])
def test_what_is_no_splitting_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match=r"expected \{name, joints\}|a splitting must be one of runs"):
        WordSplitting.of(stored)
