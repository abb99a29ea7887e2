"""Entropy, disagreement and confidence against scipy, and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy as scipy_entropy

from nerbb_ray.ner.uncertainty import confidence, disagreement, entropy, per_word

tables = arrays(np.float64, (3, 4, 5), elements=st.floats(0.001, 1)).map(lambda a: a / a.sum(-1, keepdims=True))


@given(tables)
def test_entropy_is_scipys(members) -> None:
    assert entropy(members[0]) == pytest.approx(scipy_entropy(members[0], axis=-1))


@given(tables)
def test_disagreement_is_the_mean_divergence_from_the_mean(members) -> None:
    mean = members.mean(axis=0)
    divergences = [scipy_entropy(one, mean, axis=-1) for one in members]
    assert disagreement(list(members)) == pytest.approx(np.mean(divergences, axis=0), abs=1e-9)


@given(tables)
def test_models_that_say_the_same_do_not_disagree(members) -> None:
    assert disagreement([members[0]] * 3) == pytest.approx(np.zeros(4), abs=1e-9)
    assert disagreement([members[0]]) == pytest.approx(entropy(members[0]))


def test_certain_models_that_contradict_each_other_disagree_most() -> None:
    certain = np.eye(2)
    assert disagreement([certain, certain[::-1]]) == pytest.approx([np.log(2)] * 2)
    assert entropy(certain) == pytest.approx([0, 0])


def test_a_long_text_is_not_more_uncertain_than_a_short_one_of_the_same_words() -> None:
    table = np.array([[0.5, 0.5], [0.9, 0.1]])
    long = np.tile(table, (10, 1))
    assert per_word(entropy(long)) == pytest.approx(per_word(entropy(table)))
    assert confidence(long, np.zeros(20, int)) == pytest.approx(confidence(table, np.zeros(2, int)))
    assert confidence(table, np.zeros(2, int)) == pytest.approx(np.sqrt(0.45))


def test_nothing_is_certain_and_agreed_on() -> None:
    nothing = np.zeros((0, 3))
    assert per_word(entropy(nothing)) == 0
    assert confidence(nothing, np.zeros(0, int)) == 1
