"""The bootstrap over sentences against all possible draws, and against simulated test sets whose truth is known."""

from itertools import product

import numpy as np
import pytest

from nerbb_ray.ner.resampling import micro_f1
from nerbb_ray.results.trial_result import TEST_METRIC
from nerbb_ray.verdict.sentences import against_the_best, over_sentences, parse
from nerbb_ray.verdict.verdict import compare
from nerbb_ray.verdict.words import sentence_test_words


def f1(tp: int, fp: int, fn: int) -> float:
    return tp / (tp + (fp + fn) / 2)


FIRST = np.array([[[3, 0, 1], [1, 1, 0], [2, 2, 1], [1, 0, 0]], [[2, 0, 2], [1, 0, 0], [2, 1, 1], [1, 1, 0]]])
SECOND = np.array([[[2, 1, 2], [1, 0, 0], [2, 3, 1], [1, 0, 0]], [[2, 2, 2], [0, 1, 1], [3, 1, 0], [0, 1, 1]]])


def all_draws(with_seeds: bool) -> list[float]:
    """Differences of every way to draw sentences, and seeds, by plain loops."""
    seeds_drawn = list(product(range(2), repeat=2)) if with_seeds else [(0, 1)]
    found = []
    for sentences in product(range(4), repeat=4):
        first, second = (
            [f1(*np.sum([run[seed][k] for k in sentences], axis=0)) for seed in range(2)] for run in (FIRST, SECOND)
        )
        # a seed is lucky for one run only: those of the runs are drawn apart
        for (a, b), (c, d) in product(seeds_drawn, repeat=2):
            found.append((first[a] + first[b] - second[c] - second[d]) / 2)
    return found


def test_it_is_what_all_draws_give() -> None:
    test = over_sentences(FIRST, SECOND, draws=40_000)
    sums = [run.sum(axis=1) for run in (FIRST, SECOND)]
    assert test.mean == pytest.approx(np.mean([f1(*a) - f1(*b) for a, b in zip(*sums, strict=True)]))
    for with_seeds, interval, p in ((False, test.ci95, test.p), (True, test.ci95_seeds, test.p_seeds)):
        draws = np.array(all_draws(with_seeds))
        assert interval == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.01)
        assert p == pytest.approx(2 * min(np.mean(draws <= 0), np.mean(draws >= 0)), abs=0.01)
    assert test.ci95_seeds[1] - test.ci95_seeds[0] >= test.ci95[1] - test.ci95[0]


def test_the_smallest_difference_is_that_which_is_found_in_80_of_100_cases() -> None:
    random = np.random.default_rng(3)
    hard = random.random(400)
    gap = over_sentences(simulated(random, 0.9, hard), simulated(random, 0.8, hard), draws=1000).smallest
    tests = []
    for number in range(300):
        hard = random.random(400)
        first, second = simulated(random, 0.85 + gap / 2, hard), simulated(random, 0.85 - gap / 2, hard)
        tests.append(over_sentences(first, second, draws=400, seed=number))
    assert 0.7 <= np.mean([test.ci95[0] > 0 for test in tests]) <= 0.9


def test_runs_may_have_different_numbers_of_seeds() -> None:
    test = over_sentences(FIRST, SECOND[:1])
    sums = [run.sum(axis=1) for run in (FIRST, SECOND[:1])]
    first, second = ([f1(*one) for one in side] for side in sums)
    assert test.mean == pytest.approx(np.mean(first) - np.mean(second))
    with pytest.raises(ValueError, match="same sentences"):
        over_sentences(FIRST, SECOND[:, :2])


def test_a_run_against_itself_is_no_difference() -> None:
    test = over_sentences(FIRST, FIRST)
    assert (test.mean, test.p) == (0.0, 1.0)
    turned, other = over_sentences(FIRST, SECOND), over_sentences(SECOND, FIRST)
    assert turned.mean == -other.mean


def test_what_no_draw_tells_has_no_interval_and_no_smallest_difference() -> None:
    test = over_sentences(FIRST[:1], FIRST[:1])
    assert np.isnan([*test.ci95, *test.ci95_seeds, test.smallest]).all()
    said = sentence_test_words("runB", "runA", test)
    assert said == (
        "runB against runA over test sentences: +0.0 points, 95 % -, p = 1; "
        "over sentences and seeds: 95 % -, p = 1; the least that these sentences show: -"
    )
    one_sentence = over_sentences(FIRST[:1, :1], SECOND[:1, :1])
    assert (one_sentence.mean > 0, one_sentence.p) == (True, 1.0)
    nothing = over_sentences(np.zeros((2, 5, 3), int), np.zeros((2, 5, 3), int))
    assert "nan" not in sentence_test_words("runB", "runA", nothing)


def test_one_seed_has_nothing_to_draw() -> None:
    test = over_sentences(FIRST[:1], SECOND[:1])
    assert (test.ci95, test.p) == (test.ci95_seeds, test.p_seeds)


def test_sentences_without_entities_say_nothing() -> None:
    test = over_sentences(np.zeros((2, 5, 3), int), np.zeros((2, 5, 3), int))
    assert np.isnan([test.mean, *test.ci95, test.p]).all()


def simulated(random: np.random.Generator, skill: float, hard: np.ndarray) -> np.ndarray:
    """A model on sentences of one entity each: what it misses, it calls something else."""
    right = random.random(len(hard)) < skill - 0.3 * hard
    return np.stack([right, ~right, ~right], axis=1)[None].astype(int)


def test_intervals_cover_the_truth_of_other_sentences() -> None:
    random = np.random.default_rng(7)
    covered = []
    for number in range(600):
        hard = random.random(150)
        test = over_sentences(simulated(random, 0.9, hard), simulated(random, 0.85, hard), draws=500, seed=number)
        covered.append(test.ci95[0] <= 0.05 <= test.ci95[1])
    assert 0.92 <= np.mean(covered) <= 0.98


def test_large_test_sets_are_drawn_in_parts() -> None:
    random = np.random.default_rng(0)
    first, second = (random.integers(0, 9, (3, 20_000, 3)) for _ in range(2))
    test = over_sentences(first, second, draws=150)
    assert test.ci95[0] <= test.mean <= test.ci95[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sentence,tp\n",
        "sentence,tp,fp,fn\n1,0,0,0\n",
        "sentence,tp,fp,fn\n0,0,-1,0\n",
        "sentence,tp,fp,fn\n0,x,1,0\n",
        "sentence,tp,fp,fn\n0,1\n",
    ],
)
def test_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_file_is_read() -> None:
    assert parse("sentence,tp,fp,fn\n0,1,2,3\n1,0,0,0\n").tolist() == [[1, 2, 3], [0, 0, 0]]
    assert parse("sentence,tp,fp,fn\n").shape == (0, 3)
    assert micro_f1(np.array([1, 2, 3])) == pytest.approx(2 / 7)


def test_every_run_is_held_against_the_best_or_has_a_reason() -> None:
    scores = {
        "best": {43: 0.9, 44: 0.8},
        "runB": {43: 0.8, 44: 0.7},
        "runC": {43: 0.5, 44: 0.7},
        "runD": {43: 0.4, 44: 0.5},
    }
    counts = {
        **{("best", 43 + k): FIRST[k] for k in range(2)},
        **{("runB", 43 + k): SECOND[k] for k in range(2)},
        ("runC", 43): SECOND[0],
        **{("runD", 43 + k): SECOND[k, :3] for k in range(2)},
    }
    found = compare(scores, TEST_METRIC)
    tests, problems = against_the_best(found, counts)
    assert tests == {"runB": over_sentences(FIRST, SECOND)}
    assert problems == {
        "runC": "the sentences of some seeds are not known",
        "runD": "the numbers of sentences differ: 3, 4",
    }
    assert set(against_the_best(found, {})[1]) == set(scores)
