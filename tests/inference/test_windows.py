"""Windows over words: every word is predicted once, in a window that fits, with the context that there is."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.inference.windows import Window, encode_windows, windows
from nerbb_ray.training.encoding import NO_WORD, special_tokens
from nerbb_ray.training.sources import local_model
from nerbb_ray.training.tokenizer import load_tokenizer


@st.composite
def sized(draw: st.DrawFn) -> tuple[list[int], int]:
    room = draw(st.integers(1, 40))
    return draw(st.lists(st.integers(1, room), max_size=120)), room


@settings(max_examples=200, deadline=None)
@given(sized())
def test_every_word_is_predicted_once_in_a_window_that_fits_and_sees_it(case: tuple[list[int], int]) -> None:
    sizes, room = case
    found = windows(sizes, room)
    assert [word for window in found for word in range(window.first, window.last)] == list(range(len(sizes)))
    for window in found:
        assert window.begin <= window.first <= window.last <= window.end
        assert 0 < sum(sizes[window.begin : window.end]) <= room


@settings(max_examples=100, deadline=None)
@given(sized())
def test_a_word_is_predicted_where_it_has_most_context(case: tuple[list[int], int]) -> None:
    sizes, room = case
    found = windows(sizes, room)

    def context(word: int, window: Window) -> float:
        """Sub-tokens on the poorer side; at the ends of the text there is all that exists."""
        if not window.begin <= word < window.end:
            return -1
        before = sum(sizes[window.begin : word]) if window.begin else room
        after = sum(sizes[word + 1 : window.end]) if window.end < len(sizes) else room
        return min(before, after)

    for window in found:
        for word in range(window.first, window.last):
            assert context(word, window) >= max(context(word, other) for other in found) - sizes[word]


@pytest.mark.parametrize(
    ("sizes", "room", "expected"),
    [
        ([], 4, []),
        ([1], 4, [(0, 1, 0, 1)]),
        ([1] * 4, 4, [(0, 4, 0, 4)]),
        ([1] * 6, 4, [(0, 4, 0, 3), (2, 6, 3, 6)]),
        ([1] * 5, 4, [(0, 4, 0, 3), (1, 5, 3, 5)]),
        ([4, 4], 4, [(0, 1, 0, 1), (1, 2, 1, 2)]),
        ([1, 4, 1], 4, [(0, 1, 0, 1), (1, 2, 1, 2), (2, 3, 2, 3)]),
    ],
)
def test_windows_of_small_texts(sizes, room, expected) -> None:
    assert windows(sizes, room) == [Window(*numbers) for numbers in expected]


def test_a_word_in_a_long_text_has_a_quarter_of_a_window_around_it() -> None:
    found = windows([1] * 10_000, 100)
    for window in found[1:-1]:
        assert window.first - window.begin >= 24
        assert window.end - window.last >= 24
    assert len(found) <= 2 * 10_000 / 100


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(local_model("tiny", tiny_model))


@pytest.mark.parametrize("length", [3, 4, 9, 32])
@pytest.mark.parametrize(
    "texts",
    [
        [],
        [[]],
        [["Anna", "works", "in", "Paris"] * 20, [], ["Berlin"]],
        [["a" * 1000, "\u00ad", "Paris"], ["\u200b"]],
        [["abcdefghijklmnop"] * 5],
    ],
)
def test_each_word_with_a_subtoken_has_one_place_in_the_encoded_windows(texts, length, tokenizer) -> None:
    split = encode_windows(texts, tokenizer, length)
    words = [word for text in texts for word in text]
    expected = [i for i, word in enumerate(words) if tokenizer.tokenize(word)]
    assert sorted(split.words[split.words != NO_WORD].tolist()) == expected
    assert split.num_sentences == len(texts)
    prefix, suffix = special_tokens(tokenizer)
    for begin, end in zip(split.slice_starts[:-1], split.slice_starts[1:], strict=True):
        ids = split.input_ids[begin:end].tolist()
        assert len(ids) <= length
        assert (ids[:1], ids[-1:]) == (prefix, suffix)
    for place in np.flatnonzero(split.words != NO_WORD):
        first = tokenizer(words[split.words[place]], add_special_tokens=False)["input_ids"][0]
        assert split.input_ids[place] == first


def test_a_text_that_fits_is_encoded_as_in_training(tokenizer) -> None:
    from nerbb_ray.data.corpus import Sentence
    from nerbb_ray.training.encoding import encode

    texts = [["Anna", "works"], ["xyz", "\u00ad", "Paris", "."]]
    ours = encode_windows(texts, tokenizer, 32)
    theirs = encode([Sentence(tuple(text), ("O",) * len(text)) for text in texts], ("O",), tokenizer, 32)
    for name, values in theirs.arrays().items():
        np.testing.assert_array_equal(ours.arrays()[name], values, err_msg=name)
    assert [key for key, _ in groupby(ours.words.tolist())].count(NO_WORD) > 0
