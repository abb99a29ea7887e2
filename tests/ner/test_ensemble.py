import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.ner.decoding import argmax, constrained, unknown_word
from nerbb_ray.ner.ensemble import calibration_error, ensemble_scores, known_words, mean_log_probs
from nerbb_ray.ner.metrics import count

TAGS = ("O", "B-PER", "I-PER")


def log_probs(rows: list[list[float]]) -> np.ndarray:
    return np.log(np.array(rows)).astype(np.float16)


def drawn(seed: int, words: int, tags: int = 3) -> np.ndarray:
    rows = np.random.default_rng(seed).dirichlet([0.4] * tags, words) + 1e-4
    return np.log(rows / rows.sum(axis=1, keepdims=True)).astype(np.float16)


def brute_force_ece(said: np.ndarray, gold: np.ndarray, bins: int) -> float:
    """Bin by bin, word by word, as the formula reads."""
    total = 0.0
    for number in range(bins):
        inside = []
        for row, right in zip(said.astype(float), gold, strict=True):
            confidence = math.exp(max(row))
            if number / bins < confidence <= (number + 1) / bins:
                inside.append((confidence, float(int(np.argmax(row)) == right)))
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            mean = sum(confidence for confidence, _ in inside) / len(inside)
            total += len(inside) / len(gold) * abs(accuracy - mean)
    return total


def test_probabilities_are_averaged_not_their_logarithms() -> None:
    mean = mean_log_probs([log_probs([[0.9, 0.05, 0.05]]), log_probs([[0.1, 0.85, 0.05]])])
    assert np.exp(mean) == pytest.approx(np.array([[0.5, 0.45, 0.05]]), abs=1e-3)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 10**6))
def test_mean_is_the_logarithm_of_the_mean(members: int, words: int, seed: int) -> None:
    said = [drawn(seed + number, words) for number in range(members)]
    by_hand = np.log(np.mean([np.exp(one.astype(np.float64)) for one in said], axis=0))
    assert mean_log_probs(said) == pytest.approx(by_hand, abs=1e-4)


def test_probability_of_zero_of_one_member_does_not_forbid_a_tag() -> None:
    certain, other = np.array([[0.0, -np.inf]]), np.log([[0.5, 0.5]])
    assert np.exp(mean_log_probs([certain, other])) == pytest.approx(np.array([[0.75, 0.25]]))


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 10**6))
def test_calibration_error_is_that_of_the_formula(words: int, bins: int, seed: int) -> None:
    said = drawn(seed, words).astype(np.float64)
    gold = np.random.default_rng(seed).integers(0, 3, words)
    assert calibration_error(said, gold, bins) == pytest.approx(brute_force_ece(said, gold, bins), abs=1e-9)


@pytest.mark.parametrize(
    ("probability", "n_right", "expected"),
    [(0.9, 9, 0.0), (0.9, 5, 0.4), (0.6, 10, 0.4), (1.0, 10, 0.0)],
)
def test_calibration_error_is_the_gap_between_being_sure_and_being_right(
    probability: float, n_right: int, expected: float
) -> None:
    said = np.log(np.array([[probability, 1 - probability]] * 10) + 1e-12)
    gold = np.array([0] * n_right + [1] * (10 - n_right))
    assert calibration_error(said, gold) == pytest.approx(expected, abs=1e-6)


def test_words_without_subtoken_do_not_count_for_calibration() -> None:
    said = np.vstack([np.log([[0.8, 0.1, 0.1]]), unknown_word(TAGS, "bio")[None]])
    assert known_words(said).tolist() == [True, False]
    assert calibration_error(said, np.array([0, 1])) == pytest.approx(0.2)
    assert math.isnan(calibration_error(said[1:], np.array([1])))


def test_word_without_subtoken_stays_one_in_the_mean() -> None:
    unknown = unknown_word(TAGS, "bio")[None].astype(np.float16)
    assert mean_log_probs([unknown] * 3) == pytest.approx(unknown, abs=1e-6)


def test_ensemble_is_better_than_members_that_err_in_different_places() -> None:
    right, wrong = [0.05, 0.9, 0.05], [0.5, 0.45, 0.05]
    gold, starts = np.ones(3, np.int64), np.arange(4)
    members = [log_probs([wrong if word == who else right for word in range(3)]) for who in range(3)]
    each = [argmax(3)] * 3
    found = ensemble_scores(members, each, argmax(3), gold, starts, TAGS, "bio")
    assert (found.members, found.f1) == (3, 1.0)
    assert found.mean_f1 == pytest.approx(0.8)
    assert found.gain == pytest.approx(0.2)
    assert found.gain_ci95[0] <= found.gain <= found.gain_ci95[1] <= 1


def test_scores_are_those_of_counting_each_by_itself() -> None:
    gold = np.random.default_rng(0).integers(0, 3, 60)
    starts = np.array([0, 7, 7, 20, 41, 60])
    members = [drawn(seed, 60) for seed in (1, 2, 3)]
    decoders = [argmax(3), constrained(TAGS, "bio"), constrained(TAGS, "bio")]
    found = ensemble_scores(members, decoders, constrained(TAGS, "bio"), gold, starts, TAGS, "bio")

    def f1(decoder: object, said: np.ndarray) -> float:
        return count(gold, decoder.decode(said, starts), starts, TAGS, "bio").scores("entity")["micro"].f1

    assert found.f1 == pytest.approx(f1(constrained(TAGS, "bio"), mean_log_probs(members)))
    assert found.mean_f1 == pytest.approx(np.mean([f1(d, m) for d, m in zip(decoders, members, strict=True)]))
    assert found.gain == pytest.approx(found.f1 - found.mean_f1)
    assert 0 <= found.ci95[0] <= found.f1 <= found.ci95[1] <= 1


def test_copies_of_one_model_gain_nothing() -> None:
    gold, starts, said = np.random.default_rng(0).integers(0, 3, 60), np.arange(0, 61, 6), drawn(5, 60)
    found = ensemble_scores([said] * 4, [argmax(3)] * 4, argmax(3), gold, starts, TAGS, "bio")
    assert found.gain == pytest.approx(0, abs=1e-12)
    assert found.gain_ci95 == pytest.approx((0, 0), abs=1e-12)
    assert found.ece == pytest.approx(found.mean_ece, abs=1e-4)


def test_without_any_mistake_there_is_no_interval_of_width_0() -> None:
    gold, starts = np.array([1, 2, 0, 1, 0, 0]), np.array([0, 3, 6])
    said = np.log(np.eye(3)[gold] * 0.97 + 0.01)
    found = ensemble_scores([said] * 2, [argmax(3)] * 2, argmax(3), gold, starts, TAGS, "bio")
    assert found.f1 == 1
    assert all(map(math.isnan, found.ci95))


def test_without_an_entity_f1_is_undefined() -> None:
    said = log_probs([[0.9, 0.05, 0.05]] * 4)
    found = ensemble_scores([said] * 2, [argmax(3)] * 2, argmax(3), np.zeros(4, int), np.array([0, 4]), TAGS, "bio")
    assert all(math.isnan(value) for value in (found.f1, found.gain, *found.ci95, *found.gain_ci95))
    assert found.ece == pytest.approx(0.1, abs=1e-3)


def test_members_of_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="same words and tags"):
        ensemble_scores(
            [drawn(0, 3), drawn(0, 4)], [argmax(3)] * 2, argmax(3), np.zeros(3), np.array([0, 3]), TAGS, "bio"
        )
