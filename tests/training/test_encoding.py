"""Words and tags become ids and labels; nothing is lost, shifted or predicted twice."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import Sentence
from nerbb_ray.training.batches import IGNORED, evaluation_order, make_batch, training_order
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit, encode, slices, special_tokens

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
VANISHING = ["️", "‎", "­", "", " ", ""]
WORDS = st.one_of(st.sampled_from(["Paris", "unaffable", "x" * 40, ".", *VANISHING]), st.text(max_size=6))
SENTENCES = st.lists(st.lists(st.tuples(WORDS, st.sampled_from(TAGS)), max_size=30), max_size=6)


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def sentence(*pairs: tuple[str, str]) -> Sentence:
    return Sentence(tuple(word for word, _ in pairs), tuple(tag for _, tag in pairs))


def encoded(tokenizer, rows, max_seq_length=12) -> EncodedSplit:
    return encode([sentence(*row) for row in rows], TAGS, tokenizer, max_seq_length)


def test_the_first_sub_token_of_a_word_carries_its_label(tokenizer) -> None:
    split = encoded(tokenizer, [[("Anna", "B-PER"), ("paz", "O"), ("Paris", "B-LOC")]])
    tokens = tokenizer.convert_ids_to_tokens(split.input_ids)
    assert tokens == ["[CLS]", "anna", "p", "##a", "##z", "paris", "[SEP]"]
    assert split.labels(IGNORED).tolist() == [IGNORED, 3, 0, IGNORED, IGNORED, 1, IGNORED]


@pytest.mark.parametrize("word", VANISHING)
def test_a_word_without_sub_token_keeps_its_place(tokenizer, word: str) -> None:
    split = encoded(tokenizer, [[("Anna", "B-PER"), (word, "I-PER"), ("Paris", "B-LOC")]])
    assert split.gold.tolist() == [3, 4, 1]
    assert split.words[split.words != NO_WORD].tolist() == [0, 2]


def test_a_sentence_of_vanishing_words_has_no_slice(tokenizer) -> None:
    split = encoded(tokenizer, [[("️", "O")], [("Paris", "B-LOC")]])
    assert (split.num_sentences, split.num_slices, split.num_labelled) == (2, 1, 1)


def test_an_empty_split_can_be_encoded(tokenizer) -> None:
    split = encoded(tokenizer, [])
    assert (split.num_sentences, split.num_slices, split.labels(IGNORED).size) == (0, 0, 0)


def test_no_room_for_a_word_is_an_error(tokenizer) -> None:
    with pytest.raises(ValueError, match="no room"):
        encoded(tokenizer, [], max_seq_length=2)


@pytest.mark.parametrize(
    ("word_ids", "room", "expected"),
    [
        ([0, 1, 2, 3], 2, [(0, 2), (2, 4)]),
        ([0, 1, 1, 2], 2, [(0, 1), (1, 3), (3, 4)]),
        ([0, 0, 0, 1], 2, [(0, 2), (3, 4)]),  # a word longer than a slice loses its tail
        ([0, 1, 1, 1, 2], 2, [(0, 1), (1, 3), (4, 5)]),
        ([], 2, []),
        ([0], 1, [(0, 1)]),
    ],
)
def test_sentences_are_cut_at_word_borders(word_ids, room, expected) -> None:
    assert slices(word_ids, room) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=SENTENCES, max_seq_length=st.integers(8, 20))
def test_every_word_is_predicted_once_and_in_its_place(tokenizer, rows, max_seq_length) -> None:
    split = encoded(tokenizer, rows, max_seq_length)
    assert split.gold.tolist() == [TAGS.index(tag) for row in rows for _, tag in row]
    assert np.diff(split.sentence_starts).tolist() == [len(row) for row in rows]
    predicted = split.words[split.words != NO_WORD]
    assert np.all(np.diff(predicted) > 0)
    assert np.all(split.lengths <= max_seq_length)
    # independent: a word is there if and only if it has a sub-token when it is alone
    alone = [
        bool(tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"])
        for row in rows
        for word, _ in row
    ]
    assert predicted.tolist() == np.flatnonzero(alone).tolist()
    prefix, suffix = special_tokens(tokenizer)
    for begin, end in zip(split.slice_starts[:-1], split.slice_starts[1:], strict=True):
        assert split.input_ids[begin : begin + len(prefix)].tolist() == prefix
        assert split.input_ids[end - len(suffix) : end].tolist() == suffix


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(rows=SENTENCES, cut=st.integers(0, 6))
def test_heads_and_sums_equal_encoding_the_sentences_directly(tokenizer, rows, cut) -> None:
    cut = min(cut, len(rows))
    whole, first, rest = (encoded(tokenizer, part) for part in (rows, rows[:cut], rows[cut:]))
    for name, expected in whole.arrays().items():
        np.testing.assert_array_equal((first + rest).arrays()[name], expected)
        np.testing.assert_array_equal(whole.head(cut).arrays()[name], first.arrays()[name])


LENGTHS = st.lists(st.integers(3, 60), min_size=1, max_size=200).map(lambda xs: np.array(xs, dtype=np.int64))


@given(slices=st.integers(1, 200), batch_size=st.integers(1, 20), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_an_epoch_trains_every_slice_once(slices, batch_size, seed, epoch) -> None:
    batches = training_order(slices, batch_size, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(slices))
    assert len(batches) == -(-slices // batch_size)
    assert all(len(batch) == batch_size for batch in batches[:-1])


@given(lengths=LENGTHS, budget=st.integers(1, 300))
def test_evaluation_batches_hold_every_slice_once_within_the_budget(lengths, budget) -> None:
    batches = evaluation_order(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= budget for batch in batches)


def test_the_order_is_seeded_and_differs_by_epoch_and_seed() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        return [batch.tolist() for batch in training_order(200, 16, seed, epoch)]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    together = [{frozenset(batch) for batch in order(1, epoch)} for epoch in (0, 1)]
    assert not together[0] & together[1], "batches are composed anew in every epoch"


def test_a_batch_is_its_slices_in_a_row_the_shortest_first(tokenizer) -> None:
    rows = [[("Paris", "B-LOC"), ("and", "O"), ("Berlin", "B-LOC")], [("Anna", "B-PER")], [("Anna", "B-PER")]]
    split = encoded(tokenizer, rows)
    batch = make_batch(split, split.labels(IGNORED), [0, 2])
    assert batch.lengths.tolist() == [3, 5]
    ids = [split.input_ids[split.slice_starts[n] : split.slice_starts[n + 1]].tolist() for n in (2, 0)]
    assert batch.input_ids.tolist() == ids[0] + ids[1]
    assert batch.labels.tolist() == [IGNORED, 3, IGNORED, IGNORED, 1, 0, 1, IGNORED]
    assert batch.words.tolist() == [NO_WORD, 4, NO_WORD, NO_WORD, 0, 1, 2, NO_WORD]
