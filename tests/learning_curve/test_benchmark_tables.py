"""The tables of the benchmarks of the learning curve and of the annotation loop, against known answers."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import ttest_1samp


@pytest.fixture
def bench(root: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_annotation_loop
    import bench_learning_curve
    import bench_splits
    import frozen_encoder

    return SimpleNamespace(
        loop=bench_annotation_loop, curve=bench_learning_curve, splits=bench_splits, frozen=frozen_encoder
    )


def cells(table: str, row: int) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[2 + row].strip("|").split("|")]


def loops(*scores: float) -> dict[str, list[dict[str, float]]]:
    """A loop of two rounds for each seed, of which the second has these scores."""
    first = {"sentences": 50, "f1": 0.3, "words": 900, "entities": 90}
    return {
        str(seed): [first, {"sentences": 100, "f1": score, "words": 2000, "entities": 190}]
        for seed, score in enumerate(scores, start=43)
    }


def test_differences_to_chance_are_those_of_the_same_seeds_with_students_interval(bench) -> None:
    random, uncertain = (0.4, 0.42, 0.41, 0.44), (0.45, 0.44, 0.47, 0.46)
    table = bench.loop.table({"random": loops(*random), "uncertain": loops(*uncertain)})
    assert cells(table, 0) == ["50", "30.0 +- 0.0 (900)", "30.0 +- 0.0 (900)", "+0.0 [+0.0, +0.0]"]
    gains = 100 * (np.array(uncertain) - random)
    low, high = ttest_1samp(gains, 0).confidence_interval(0.95)
    assert cells(table, 1)[-1] == f"{gains.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
    assert cells(table, 1)[1] == f"{100 * np.mean(random):.1f} +- {100 * np.std(random, ddof=1):.1f} (2000)"


def test_only_what_was_told_counts_as_covered_or_not(bench) -> None:
    test = bench.curve.Test
    table = bench.curve.table(
        [
            test("a", True, True, False, 4.0),
            test("a", True, True, True, 6.0),
            test("a", False, False, False, np.nan),
            test("b", False, False, False, np.nan),
        ]
    )
    assert cells(table, 0) == ["a", "3", "2", "100 %", "50 %", "5.0 points"]
    assert cells(table, 1) == ["b", "1", "0", "-", "-", "-"]
    assert cells(table, 2) == ["all", "4", "2", "100 %", "50 %", "5.0 points"]


def test_only_sizes_up_to_half_are_asked_about_a_size(bench) -> None:
    law = {size: 0.8 - 0.3 * (size / 100) ** -0.5 for size in (25, 35, 50, 71, 100, 141, 200)}
    curve = {str(size): {"43": value - 0.004, "44": value + 0.004} for size, value in law.items()}
    tests = list(bench.curve.recorded("c", "frozen", {"0": curve}))
    assert len(tests) == 2  # 141 of 25 to 71, 200 of 25 to 100
    assert all(test.kind == "c, frozen" for test in tests)
    assert all(test.score for test in tests if test.told)


def test_chosen_sentences_keep_their_words(bench) -> None:
    words = bench.frozen.Words(np.arange(12.0).reshape(6, 2), np.arange(6), np.array([0, 2, 3, 6]))
    some = words.of([2, 0])
    assert some.gold.tolist() == [3, 4, 5, 0, 1]
    assert some.starts.tolist() == [0, 3, 5]
    assert some.features[3].tolist() == [0, 1]


def test_the_first_subtoken_speaks_for_a_word(bench) -> None:
    states = np.array([[9.0], [1], [2], [3], [9]])
    found = bench.frozen.first_subtokens(states, [None, 0, 0, 2, None], 4)
    assert found.tolist() == [[1], [0], [3], [0]]


def test_a_head_learns_what_can_be_learned(bench) -> None:
    random = np.random.default_rng(0)
    gold = random.integers(0, 3, 600)
    features = (np.eye(3)[gold] + 0.1 * random.normal(size=(600, 3))).astype(np.float32)
    words = bench.frozen.Words(features, gold, np.arange(0, 601, 10))
    head = bench.frozen.train_head(words, 3, 43, bench.frozen.LARGE)
    said = bench.frozen.log_probs(head, words)
    assert (said.argmax(axis=1) == gold).mean() > 0.95
    assert np.exp(said).sum(axis=1) == pytest.approx(np.ones(600))
    f1 = bench.frozen.entity_f1(np.log(np.eye(3)[gold] * 0.97 + 0.01), words, ("O", "B-A", "I-A"), "bio")
    assert 0 < f1 <= 1


def test_spread_of_folds_and_of_seeds_are_told_apart(bench) -> None:
    scores = {
        f"{seed}-fold{fold}": {"val": 0.5 + 0.1 * fold + shift, "test": 0.4 + shift}
        for fold in (1, 2, 3)
        for seed, shift in ((43, -0.01), (44, 0.01))
    }
    found = cells(bench.splits.table({"c": {"stratified": scores}}), 0)
    assert found[:4] == ["c", "stratified", "6", "70.0"]
    # means 60, 70, 80: variance 100, less half of the seeds' own, which is 2
    assert [float(value) for value in found[4:6]] == pytest.approx([np.sqrt(100 - 2 / 2), np.sqrt(2)], abs=0.005)
    assert found[6:] == ["40.0", "0.00", "1.41"]
