"""Decoding against all tag sequences of short sentences, one by one."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.ner.decoding import SMOOTHING, Decoder, argmax, bigrams, constrained, unknown_word
from nerbb_ray.ner.metrics import count
from nerbb_ray.ner.tags import SCHEMES, Scheme, convert, entities, tag_set

CLASSES = ("LOC", "PER")


def is_well_formed(tags: list[str], scheme: Scheme) -> bool:
    """Every word with a class is part of a strict entity, and converting it changes nothing."""
    covered = {word for _, start, end in entities(tags, scheme) for word in range(start, end)}
    classified = {word for word, tag in enumerate(tags) if tag != "O"}
    return covered == classified and convert(tags, scheme, scheme) == tags


def by_brute_force(decoder: Decoder, log_probs: np.ndarray) -> tuple[float, list[tuple[int, ...]]]:
    """The highest score of all sequences of a sentence, and all that have it."""
    n_words, n_tags = log_probs.shape

    def score(sequence: tuple[int, ...]) -> float:
        emitted = sum(float(log_probs[word, tag]) for word, tag in enumerate(sequence))
        steps = sum(float(decoder.step[a, b]) for a, b in itertools.pairwise(sequence))
        return emitted + steps + float(decoder.first[sequence[0]]) + float(decoder.last[sequence[-1]])

    scored = {sequence: score(sequence) for sequence in itertools.product(range(n_tags), repeat=n_words)}
    best = max(scored.values())
    return best, [sequence for sequence, value in scored.items() if value >= best - 1e-4]


def drawn(rng: np.random.Generator, n_words: int, n_tags: int) -> np.ndarray:
    logits = rng.normal(0, 2, (n_words, n_tags))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def gold_of(rng: np.random.Generator, scheme: Scheme, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Random well-formed training data."""
    tags = tag_set(CLASSES, scheme)
    rows = [convert([tags[i] for i in rng.integers(0, len(tags), n)], scheme, scheme) for n in lengths]
    ids = [tags.index(tag) for row in rows for tag in row]
    return np.array(ids, np.int16), np.concatenate([[0], np.cumsum(lengths)])


def decoders(scheme: Scheme, rng: np.random.Generator) -> list[Decoder]:
    tags = tag_set(CLASSES, scheme)
    gold, starts = gold_of(rng, scheme, [4, 1, 6, 0, 3])
    return [argmax(len(tags)), constrained(tags, scheme), bigrams(tags, scheme, gold, starts, 0.5)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("seed", range(6))
def test_the_sequence_is_the_best_of_all(scheme: Scheme, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_tags = len(tag_set(CLASSES, scheme))
    lengths = [3, 1, 0, 2, 3 if n_tags > 5 else 5]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    log_probs = drawn(rng, starts[-1], n_tags)
    for decoder in decoders(scheme, rng):
        found = decoder.decode(log_probs, starts)
        for begin, end in itertools.pairwise(starts):
            if begin < end:
                _, best = by_brute_force(decoder, log_probs[begin:end])
                assert tuple(found[begin:end]) in best


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(SCHEMES)), st.integers(0, 10**6), st.lists(st.integers(0, 12), max_size=8))
def test_whatever_the_model_says_the_sequence_is_well_formed(scheme, seed, lengths) -> None:
    rng = np.random.default_rng(seed)
    tags = tag_set(CLASSES, scheme)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    log_probs = drawn(rng, starts[-1], len(tags))
    for decoder in decoders(scheme, rng)[1:]:
        found = decoder.decode(log_probs, starts)
        for begin, end in itertools.pairwise(starts):
            assert is_well_formed([tags[i] for i in found[begin:end]], scheme)
        strict = count(found, found, starts, tags, scheme)
        assert strict.entity.sum() == strict.lenient[1], "nothing is lost in strict counting"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 9), max_size=6))
def test_plain_tags_need_no_constraint(seed, lengths) -> None:
    rng = np.random.default_rng(seed)
    tags = tag_set(CLASSES, "plain")
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    log_probs = drawn(rng, starts[-1], len(tags))
    assert np.array_equal(constrained(tags, "plain").decode(log_probs, starts), log_probs.argmax(axis=1))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_well_formed_predictions_stay_as_they_are(scheme: Scheme) -> None:
    rng = np.random.default_rng(1)
    tags = tag_set(CLASSES, scheme)
    gold, starts = gold_of(rng, scheme, [5, 3, 8])
    sure = np.full((len(gold), len(tags)), -20.0, np.float32)
    sure[np.arange(len(gold)), gold] = 0
    for decoder in decoders(scheme, rng):
        assert np.array_equal(decoder.decode(sure, starts), gold)


def test_a_word_of_which_nothing_is_known_carries_on_what_is_around_it() -> None:
    tags = tag_set(CLASSES, "bio")
    ids = [tags.index(tag) for tag in ("O", "O", "B-PER", "I-PER", "O")]
    log_probs = np.full((5, len(tags)), -9.0, np.float32)
    log_probs[np.arange(5), ids] = -0.1
    log_probs[[1, 3]] = unknown_word(tags, "bio")
    found = constrained(tags, "bio").decode(log_probs, np.array([0, 5]))
    assert [tags[i] for i in found] == ["O", "O", "B-PER", "O", "O"]
    log_probs[4] = -9.0
    log_probs[4, tags.index("I-PER")] = -0.1
    found = constrained(tags, "bio").decode(log_probs, np.array([0, 5]))
    assert [tags[i] for i in found] == ["O", "O", "B-PER", "I-PER", "I-PER"]


def test_bigrams_are_smoothed_log_shares_of_the_training_data() -> None:
    tags = tag_set(["X"], "plain")  # O, X
    gold, starts = np.array([0, 1, 1, 1, 0], np.int16), np.array([0, 3, 5])
    decoder = bigrams(tags, "plain", gold, starts, 2.0)

    def share(times: int, total: int, n: int) -> float:
        return 2.0 * math.log((times + SMOOTHING) / (total + n * SMOOTHING))

    # O X X | X O: O is followed once by X, and is last once
    assert decoder.step[0].tolist() == pytest.approx([share(0, 2, 3), share(1, 2, 3)])
    assert decoder.step[1].tolist() == pytest.approx([share(1, 3, 3), share(1, 3, 3)])
    assert decoder.last.tolist() == pytest.approx([share(1, 2, 3), share(1, 3, 3)])
    assert decoder.first.tolist() == pytest.approx([share(1, 2, 2), share(1, 2, 2)])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_decoder_survives_a_way_through_json(scheme: Scheme) -> None:
    rng = np.random.default_rng(3)
    for decoder in decoders(scheme, rng):
        again = Decoder.from_dict(json.loads(json.dumps(decoder.to_dict(), allow_nan=False)))
        assert (again.kind, again.weight) == (decoder.kind, decoder.weight)
        for name in ("first", "step", "last"):
            assert np.array_equal(getattr(again, name), getattr(decoder, name))


def test_many_sentences_are_decoded_in_pieces(monkeypatch) -> None:
    from nerbb_ray.ner import decoding

    rng = np.random.default_rng(5)
    tags = tag_set(CLASSES, "bilou")
    lengths = rng.integers(0, 20, 50)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    log_probs = drawn(rng, starts[-1], len(tags))
    decoder = constrained(tags, "bilou")
    whole = decoder.decode(log_probs, starts)
    monkeypatch.setattr(decoding, "AT_ONCE", 3 * len(tags) ** 2)
    assert np.array_equal(decoder.decode(log_probs, starts), whole)


@pytest.mark.slow
def test_the_last_words_of_a_book_are_decoded_as_precisely_as_the_first() -> None:
    """The sums of a million words would leave no digits in float32 for small differences."""
    rng = np.random.default_rng(7)
    tags = tag_set(CLASSES, "bio")
    block = drawn(rng, 20, len(tags)) * 0.001 - 3  # all but the same
    block[[0, -1]] = -30.0
    block[[0, -1], 0] = 0  # surely O: what is between does not depend on the other blocks
    decoder = constrained(tags, "bio")
    once = decoder.decode(block, np.array([0, 20]))
    assert len(set(once.tolist())) > 2
    found = decoder.decode(np.tile(block, (10_000, 1)), np.array([0, 200_000]))
    assert np.array_equal(found.reshape(10_000, 20), np.tile(once, (10_000, 1)))


def test_a_decoder_for_tags_in_another_order_finds_the_same_tags() -> None:
    rng = np.random.default_rng(8)
    tags, order = tag_set(CLASSES, "bio"), [2, 0, 4, 1, 3]
    log_probs, starts = drawn(rng, 30, len(tags)), np.array([0, 12, 30])
    for decoder in decoders("bio", rng):
        found = decoder.arranged(order).decode(log_probs[:, order], starts)
        assert np.array_equal(np.array(order)[found], decoder.decode(log_probs, starts))
