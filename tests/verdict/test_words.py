"""The verdict in words."""

import math
import re
from collections.abc import Sequence

import pytest

from nerbb_ray.results.experiment_result import SELECTION_METRIC
from nerbb_ray.verdict.verdict import compare
from nerbb_ray.verdict.words import sentences, shown_metric, shown_p, verdict_text

LUCK = (0.0, 0.02, -0.02, 0.01, -0.01, 0.0)


def words(n: int, metric: str = SELECTION_METRIC, limit: int | None = None, **runs: Sequence[float]) -> list[str]:
    values = {run: dict(enumerate(scores[:n], start=43)) for run, scores in runs.items()}
    return sentences(compare(values, metric), limit)


def around(mean: float, *noise: float) -> list[float]:
    return [mean + luck + some for luck, some in zip(LUCK, (*noise, *[0.0] * 6), strict=False)]


@pytest.mark.parametrize(
    ("n", "runs", "expected"),
    [
        (
            6,
            {"runA": around(0.8, 0.01, -0.01), "runB": around(0.85)},
            ["runB is better than runA (+5.0 points, 95 % CI 4.3 to 5.7, p < .001, 6 seeds)"],
        ),
        (
            3,
            {"runA": around(0.8, 0.01, -0.01), "runB": around(0.85)},
            [
                "runB is better than runA (+5.0 points, 95 % CI 2.5 to 7.5, p = .013, 3 seeds)",
                "3 seeds never reach p < .05 in the exact test (its smallest p is .25; 6 seeds can: .031)",
            ],
        ),
        (
            6,
            {"runA": around(0.80, 0.02, -0.02), "runB": around(0.805)},
            ["runB and runA are tied; about 47 more seeds would settle it, if the differences stay as they are"],
        ),
        (
            6,
            {"runA": around(0.80, 0.02, -0.02), "runB": around(0.8)},
            ["runA and runB are tied; runA and runB have the same mean"],
        ),
        (
            6,
            {"runA": around(0.80, 0.05, -0.05), "runB": around(0.801)},
            ["runB and runA are tied; at the differences seen, not even 1,000 seeds would settle all of it"],
        ),
        (
            6,
            {"runA": around(0.79, 0.03, -0.03), "runB": around(0.805), "runC": around(0.80, 0.02, -0.02)},
            [
                "runB, runC and runA are tied; about 14 (for runA) to 64 more seeds would settle it, "
                "if the differences stay as they are"
            ],
        ),
        (
            1,
            {"runA": [0.8], "runB": [0.9]},
            ["runB is ahead with one seed: that says nothing; repeat the runs (multiple_runs)"],
        ),
        (6, {"runA": [0.8, 0.9]}, ["there are not two runs with values of val entity micro F1 to compare"]),
        (6, {}, ["there are not two runs with values of val entity micro F1 to compare"]),
    ],
)
def test_sentences(n: int, runs: dict[str, Sequence[float]], expected: list[str]) -> None:
    assert words(n, **runs) == expected


def test_a_loss_is_lower_and_not_in_points() -> None:
    assert words(6, "val/loss", runA=around(0.8, 0.01, -0.01), runB=around(0.85))[0] == (
        "runA is better than runB (lower by 0.0500, 95 % CI 0.0434 to 0.0566, p < .001, 6 seeds)"
    )


def test_many_runs_are_counted_not_listed() -> None:
    runs = {f"run{k}": around(0.5 - k / 10, 0.001 * k, -0.001 * k) for k in range(5)}
    found = words(6, limit=2, **runs)
    assert [line.partition(" (")[0] for line in found] == [
        "run0 is better than run1",
        "run0 is better than run2",
        "... and better than 2 more runs",
    ]
    tied = {f"run{k}": around(0.5 - k / 1000, 0.05 - k / 100, -0.05 + k / 99) for k in range(7)}
    assert words(6, **tied)[0].startswith("run0, run1, run2, run3 and 3 more are tied; ")


def test_runs_without_a_common_seed_are_no_pair() -> None:
    found = sentences(
        compare({"runA": {43: 0.5}, "runB": {44: 0.6}}, SELECTION_METRIC, {"runC": "no seed with a value"})
    )
    assert found[-1] == "runC is not compared: no seed with a value"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "p < .001"), (0.0123, "p = .012"), (0.5, "p = .500"), (0.05, "p = .050"), (1.0, "p = 1")]
)
def test_p_in_words(p: float, text: str) -> None:
    assert shown_p(p) == text


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (SELECTION_METRIC, "val entity micro F1"),
        ("test/loss", "test loss"),
        ("test/entity/PER/recall", "test entity PER recall"),
    ],
)
def test_metric_in_words(metric: str, text: str) -> None:
    assert shown_metric(metric) == text


def test_table_marks_the_best_and_its_ties() -> None:
    runs = {"runA": around(0.8, 0.01, -0.01), "runB": around(0.85), "runC": around(0.849, 0.01, -0.02)}
    found = compare({run: dict(enumerate(scores, start=43)) for run, scores in runs.items()}, SELECTION_METRIC)
    text = verdict_text(found, "exp", width=120)
    assert text.splitlines()[0] == "experiment exp: val entity micro F1 over the seeds 43, 44, 45, 46, 47, 48"
    rows = {line[3:8].strip(): line for line in text.splitlines() if "+- 0." in line}
    assert {run: line[:3].strip() for run, line in rows.items()} == {"runB": "*", "runC": "=", "runA": ""}
    assert re.search(r"5\.0 +4\.3 to 5\.7 +0\.000 +0\.031 +0\.000 +0\.00$", rows["runA"])
    assert all(sentence in text for sentence in sentences(found))
    assert text.isascii()
    narrow = verdict_text(found, "exp", width=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert re.search(r"\* +runB +0\.8500 \+- 0\.0058\n +\[0\.835, 0\.865\]\n", narrow)


def test_what_is_undefined_has_words() -> None:
    found = compare({"runA": {43: math.pi}}, SELECTION_METRIC)
    assert str(found) == sentences(found)[0]
