"""The way to cut text is that of the training words; running text is laid out as it would usually be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.choose_splitting import coverage, fitting, laid_out
from nerbb_ray.data.running_text import Typography
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.words_of_text import FORMER, SPLITTINGS, WordSplitting


def given_words(*texts: str) -> list[Sentence]:
    return [Sentence(tuple(text.split(" ")), ("O",) * len(text.split(" "))) for text in texts]


def cut_by(name: str, *texts: str) -> list[Sentence]:
    """Words that this way gives, without the text."""
    found = [[text[a:b] for a, b in WordSplitting(name).words(text)] for text in texts]
    return [Sentence(tuple(words), ("O",) * len(words)) for words in found]


TEXTS = (
    "Jean-Luc isn't in the U.S. today, he said.",
    "Mary's dog (a half-breed) ran 1,000.5 miles.",
    "See www.a.org/b at 10:30... or don't.",
    "@me likes #this!!! :)",
    "J. R. Smith's co-author, no.",
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Anna , who ( rarely ) sings .", "Anna, who (rarely) sings."),
        ('He said " go on " twice', 'He said "go on" twice'),
        ("Anna 's dog does n't bark !", "Anna's dog doesn't bark!"),
        ("It ' s Bob", "It's Bob"),
        ("王 小 明 在 Oslo 。", "王小明在 Oslo。"),
        ("a - b", "a - b"),
        ("", ""),
    ],
)
def test_text_is_laid_out(words: str, text: str) -> None:
    assert Typography().text(words.split())[0] == text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Jean - Luc @ home 3 . 5 U . S .", "Jean-Luc @home 3.5 U.S."),
        ("Jean-Luc x - y @me @ 3.5 3 . 5", "Jean-Luc x - y @me @ 3.5 3. 5"),
    ],
)
def test_marks_that_stand_alone_were_cut_off_where_no_word_has_them(words: str, text: str) -> None:
    assert Typography.of([words.split()]).text(words.split())[0] == text


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=5), max_size=8), max_size=4))
def test_every_word_stands_at_its_place(sentences: list[list[str]]) -> None:
    typography = Typography.of(sentences)
    for words in sentences:
        text, places = typography.text(words)
        assert [text[a:b] for a, b in places] == [word if word.strip() else "" for word in words]
        rest = set(range(len(text))) - {place for a, b in places for place in range(a, b)}
        assert all(text[place] == " " for place in rest)


@pytest.mark.parametrize("name", SPLITTINGS)
def test_the_way_that_words_were_cut_is_found(name: str) -> None:
    chosen = fitting(cut_by(name, *TEXTS))
    assert coverage(chosen, laid_out(cut_by(name, *TEXTS))) == 1
    assert chosen.name == name


def test_words_without_marks_leave_it_at_the_simplest() -> None:
    assert fitting(given_words("Anna sings", "Bob runs")) == WordSplitting("runs")


def test_no_words_leave_it_at_the_simplest() -> None:
    assert fitting([]) == WordSplitting("runs")


def test_words_that_training_keeps_whole_are_listed() -> None:
    assert fitting(given_words("in St. Paul", "St. Johns ran .", "He went .")).joints == ("St.",)


def test_words_that_are_cut_more_often_are_not_listed() -> None:
    assert fitting(given_words("the end.", "the end .", "an end .", "St. Paul")).joints == ("St.",)


def test_characters_of_chinese_words_need_no_list() -> None:
    assert fitting(given_words("王 小 明 在 北 京 。")) == WordSplitting("runs")


@pytest.mark.parametrize(
    ("text", "blank"),
    [("2023年王小明在北京工作了15天，他住在大山子。", False), ("한국어 문장은 이렇게 생겼다 그리고 길다 정말", True)],
)
def test_data_of_characters_are_cut_into_characters(text: str, blank: bool) -> None:
    words = tuple(text) if blank else tuple(text.replace(" ", ""))
    row = Sentence(words, ("O",) * len(words))
    assert fitting([row]) == WordSplitting("characters")
    assert next(iter(laid_out([row]))).text == text


def test_segmented_chinese_is_listed() -> None:
    assert set(fitting(given_words("王小明 在 北京 。", "北京 。")).joints) == {"王小明", "北京"}


def test_text_that_0_3_0_has_cut_is_cut_like_this() -> None:
    text = "王小明住在北京。"
    spans = tuple(WordSplitting(FORMER).words(text))
    row = Sentence(tuple(text[a:b] for a, b in spans), ("O", "O"), text, spans)
    assert fitting([row]) == WordSplitting(FORMER)


def test_raw_text_decides_where_there_is_any() -> None:
    row = Sentence(("a", "-", "b"), ("O",) * 3, "a-b", ((0, 1), (1, 2), (2, 3)))
    assert fitting([row]) == WordSplitting("runs")
