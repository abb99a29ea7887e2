"""Odd words, and words that a tokenizer drops, does not know or cuts."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import Found, Sentence
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.rows import Rows as SplitRows
from nerbb_ray.doctor.rows import spelled
from nerbb_ray.doctor.subtokens import WordPieces, examine_subtokens
from nerbb_ray.doctor.words import KINDS, kinds_of
from nerbb_ray.errors import ModelError
from nerbb_ray.training.encoding import encode

Rows = dict[str, list[tuple[str, str]]]
Write = Callable[..., Found]


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("Paris", ()),
        ("na\u00efve", ()),
        ("\u0928\u092e\u0938\u094d\u0924\u0947", ()),
        ("\U0001f602", ()),
        ("", ("empty",)),
        ("\u00a0", ("empty",)),
        ("New\u00a0York", ("blank_inside",)),
        ("10 000", ("blank_inside",)),
        ("a\x07b", ("control",)),
        ("caf\ufffd", ("replacement",)),
        ("G\u00c3\u00b6teborg", ("mojibake",)),
        ("don\u00e2\u20ac\u2122t", ("mojibake",)),
        ("\u00c3ngela", ()),
        ("soft\u00adhyphen", ("invisible",)),
        ("zero\u200bwidth", ("invisible",)),
        ("\ue000", ("private",)),
        ("cafe\u0301", ("not_nfc",)),
        ("&amp;", ("reference",)),
        ("AT&T;", ()),
        ("x" * 101, ("long",)),
        ("http://example.org/" + "x" * 101, ()),
    ],
)
def test_kinds_of_odd_words(word: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of(word) == kinds


def test_every_kind_has_a_meaning() -> None:
    from nerbb_ray.doctor.word_problems import MEANINGS

    assert list(MEANINGS) == list(KINDS)


def test_odd_words_are_counted_with_their_places(clean: Rows, write: Write) -> None:
    clean["train"].append(("a\x07b c a\x07b", "O O B-PER"))
    clean["test"].append(("x a\x07b", "O O"))
    found = write(clean)
    findings = examine(found.corpus(), found.readings)
    odd = findings.split("train").odd["control"]
    assert (odd.count, odd.tagged, odd.examples) == (2, 1, ((r"'a\x07b'", 2),))
    problem = next(problem for problem in findings.problems if problem.check == "control")
    assert (problem.count, [str(place) for place in problem.places]) == (
        3,
        ["train.jsonl:13", "train.jsonl:13", "test.jsonl:13"],
    )


def test_long_sentence(clean: Rows, write: Write) -> None:
    clean["train"].append((" ".join(f"w{i}" for i in range(300)), " ".join(["O"] * 300)))
    problem = next(p for p in examine(write(clean).corpus()).problems if p.check == "long_sentence")
    assert (problem.severity, problem.count) == ("warning", 1)
    assert "300" in problem.text


@pytest.mark.parametrize(
    ("word", "shown"),
    [("\ufe0f", r"'\ufe0f'"), ("cafe\u0301", r"'cafe\u0301'"), ("\u00e9", "'\u00e9'"), ("x" * 70, f"'{'x' * 60}'...")],
)
def test_what_cannot_be_seen_is_spelled_out(word: str, shown: str) -> None:
    assert spelled(word) == shown


WORDS = st.one_of(
    st.sampled_from(
        ["anna", "Paris", "\ufe0f", "\u00ad", "", " ", "\u4e2d", "a-b", "acmecorp", "\U0001f602", "x" * 30]
    ),
    st.text(max_size=5),
)


@given(
    words=st.lists(st.lists(WORDS, min_size=1, max_size=8), min_size=1, max_size=4), length=st.sampled_from([4, 8, 64])
)
@settings(deadline=None, max_examples=100)
def test_numbers_are_those_of_the_training_data(tiny_tokenizer: Any, words: list[list[str]], length: int) -> None:
    sentences = [Sentence(tuple(row), ("O",) * len(row)) for row in words]
    found = examine_subtokens(SplitRows("train", "", sentences), WordPieces(tiny_tokenizer, length))
    encoded = encode(sentences, ("O",), tiny_tokenizer, length)
    whole = encode(sentences, ("O",), tiny_tokenizer, 10_000)
    assert found.slices == encoded.num_slices
    assert found.total == len(whole.input_ids) - 2 * whole.num_slices
    assert found.unknown == (whole.input_ids == tiny_tokenizer.unk_token_id).sum()
    assert found.dropped.count == sum(map(len, words)) - whole.num_labelled
    assert found.cut == sum(whole.lengths > length)


def test_words_without_sub_token_are_found(clean: Rows, write: Write, tiny_tokenizer: Any) -> None:
    clean["train"].append(("love \ufe0f \u00ad", "O O B-PER"))
    found = write(clean)
    findings = examine(found.corpus(), found.readings, tiny_tokenizer)
    subtokens = findings.split("train").subtokens
    assert subtokens is not None
    assert (subtokens.dropped.count, subtokens.dropped.tagged) == (2, 1)
    assert dict(subtokens.dropped.examples) == {r"'\ufe0f'": 1, r"'\xad'": 1}
    problem = next(problem for problem in findings.problems if problem.check == "dropped_word")
    assert (problem.severity, str(problem.places[0])) == ("warning", "train.jsonl:13")


def test_sentence_longer_than_a_slice(clean: Rows, write: Write, tiny_tokenizer: Any) -> None:
    clean["test"].append((" ".join(["anna"] * 127), " ".join(["O"] * 127)))
    clean["test"].append((" ".join(["anna"] * 126), " ".join(["O"] * 126)))
    subtokens = examine(write(clean).corpus(), None, tiny_tokenizer, 128).split("test").subtokens
    assert subtokens is not None
    assert (subtokens.cut, subtokens.slices, subtokens.lengths.spread.max) == (1, 15, 129)
    assert [place.sentence for place in subtokens.cut_places] == [13]


def test_unknown_words_are_counted(clean: Rows, write: Write, tiny_tokenizer: Any) -> None:
    clean["val"] += [("see \u4e2d", "O O"), ("\u4e2d \u56fd", "O O")]
    subtokens = examine(write(clean).corpus(), None, tiny_tokenizer).split("val").subtokens
    assert subtokens is not None
    assert subtokens.unknown_words.examples == (("\u4e2d", 2), ("\u56fd", 1))


def test_length_without_room_for_a_word_is_refused(clean: Rows, write: Write, tiny_tokenizer: Any) -> None:
    with pytest.raises(ModelError, match="max_seq_length must be > 2"):
        examine(write(clean).corpus(), None, tiny_tokenizer, 2)
