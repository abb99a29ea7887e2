"""The verdict in words."""

import math
import re
from collections.abc import Sequence

import pytest

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, TrialResult
from nerbb_ray.verdict.marks import shown_metric
from nerbb_ray.verdict.verdict import compare, verdict
from nerbb_ray.verdict.words import sentences, shown_p, verdict_text

LUCK = (0.0, 0.02, -0.02, 0.01, -0.01, 0.0)


def words(n: int, metric: str = SELECTION_METRIC, limit: int | None = None, **runs: Sequence[float]) -> list[str]:
    values = {run: dict(enumerate(scores[:n], start=43)) for run, scores in runs.items()}
    return sentences(compare(values, metric), limit)


def around(mean: float, *noise: float) -> list[float]:
    return [mean + luck + some for luck, some in zip(LUCK, (*noise, *[0.0] * 6), strict=False)]


@pytest.mark.parametrize(
    ("n", "runs", "plain", "statistics"),
    [
        (
            6,
            {"runA": around(0.8, 0.01, -0.01), "runB": around(0.85)},
            "runB is almost certainly better than runA: +5.0 points.",
            ["runB is better than runA (+5.0 points, 95 % CI 3.3 to 6.7, p < .001, 6 seeds)"],
        ),
        (
            3,
            {"runA": around(0.8, 0.01, -0.01), "runB": around(0.85)},
            "runB is very likely better than runA: +5.0 points. "
            "Three seeds are thin; `multiple_runs = 6` would say more.",
            [
                "runB is better than runA (+5.0 points, 95 % CI 0.7 to 9.3, p = .032, 3 seeds)",
                "3 seeds each never reach p < .05 in the exact test (its smallest p is .1; 4 seeds can: .029)",
            ],
        ),
        (
            2,
            {"runA": [0.30, 0.32], "runB": [0.83, 0.84]},
            "runB is very likely better than runA: +52 points. Two seeds are thin; `multiple_runs = 6` would say more.",
            [
                "runB is better than runA (+52.5 points, 95 % CI 45.6 to 59.4, p = .003, 2 seeds)",
                "2 seeds each never reach p < .05 in the exact test (its smallest p is .33; 4 seeds can: .029)",
            ],
        ),
        (
            6,
            {"runA": around(0.80, 0.02, -0.02), "runB": around(0.805)},
            "runB is ahead of runA (+0.5 points), but that may be luck.",
            ["runB and runA are tied; about 121 more seeds would settle it, if the differences stay as they are"],
        ),
        (
            6,
            {"runA": around(0.80, 0.02, -0.02), "runB": around(0.8)},
            "runA and runB have the same mean: nobody is ahead.",
            ["runA and runB are tied; runA and runB have the same mean"],
        ),
        (
            6,
            {"runA": around(0.80, 0.05, -0.05), "runB": around(0.801)},
            "runB is ahead of runA (+0.1 points), but that may be luck.",
            ["runB and runA are tied; at the differences seen, not even 1,000 seeds would settle all of it"],
        ),
        (
            6,
            {"runA": around(0.79, 0.03, -0.03), "runB": around(0.805), "runC": around(0.80, 0.02, -0.02)},
            "runB is ahead (+0.5 points against runC, the next), but that may be luck: no run is shown worse.",
            [
                "runB, runC and runA are tied; about 19 (for runA) to 183 more seeds would settle it, "
                "if the differences stay as they are"
            ],
        ),
        (
            6,
            {"runA": around(0.70, 0.01, -0.01), "runB": around(0.85), "runC": around(0.845)},
            "runB is almost certainly better than 1 of 2 other runs; runC may be as good.",
            [
                "runB is better than runA (+15.0 points, 95 % CI 13.3 to 16.7, p < .001, 6 seeds)",
                "runB and runC are tied; about 158 more seeds would settle it, if the differences stay as they are",
            ],
        ),
        (
            1,
            {"runA": [0.8], "runB": [0.9]},
            "runB is ahead with one seed: that says nothing; repeat the runs (multiple_runs)",
            [],
        ),
        (
            1,
            {"runA": [0.8], "runB": [0.8], "runC": [0.7]},
            "runA and runB have the same value with one seed: that says nothing; repeat the runs (multiple_runs)",
            [],
        ),
        (6, {"runA": [0.8, 0.9]}, "there are not two runs with values of val entity micro F1 to compare", []),
        (6, {}, "there are not two runs with values of val entity micro F1 to compare", []),
    ],
)
def test_sentences(n: int, runs: dict[str, Sequence[float]], plain: str, statistics: list[str]) -> None:
    assert words(n, **runs) == [plain, *statistics]


def test_a_loss_is_lower_and_not_in_points() -> None:
    assert words(6, "val/loss", runA=around(0.8, 0.01, -0.01), runB=around(0.9)) == [
        "runA is almost certainly better than runB: lower by 0.1000.",
        "runA is better than runB (lower by 0.1000, 95 % CI 0.0827 to 0.1173, p < .001, 6 seeds)",
    ]


def test_many_runs_are_counted_not_listed() -> None:
    runs = {f"run{k}": around(0.5 - k / 10, 0.001 * k, -0.001 * k) for k in range(5)}
    found = words(6, limit=2, **runs)
    assert found[0] == "run0 is almost certainly better than all 4 other runs: +10 points against run1, the next."
    assert [line.partition(" (")[0] for line in found[1:]] == [
        "run0 is better than run1",
        "run0 is better than run2",
        "... and better than 2 more runs",
    ]
    tied = {f"run{k}": around(0.5 - k / 1000, 0.05 - k / 100, -0.05 + k / 99) for k in range(7)}
    assert words(6, **tied)[1].startswith("run0, run1, run2, run3 and 3 more are tied; ")


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        # 4 more seeds of 2 runs
        (15.0, "Two seeds are thin; `multiple_runs = 6` would take about 2 min of training."),
        (0.0, "Two seeds are thin; `multiple_runs = 6` would say more."),
    ],
)
def test_what_more_seeds_would_cost_is_said(duration: float, said: str) -> None:
    values = {"runA": [0.30, 0.32], "runB": [0.83, 0.84]}
    trials = [
        TrialResult(run, seed, "ok", {SELECTION_METRIC: f1}, duration_s=duration)
        for run, scores in values.items()
        for seed, f1 in enumerate(scores, start=43)
    ]
    found = verdict(ExperimentResult.of("exp", trials))
    assert found.sentences[0] == f"runB is very likely better than runA: +52 points. {said}"


def test_a_tie_that_some_seeds_would_settle_says_how_many() -> None:
    found = words(5, runA=around(0.8, 0.01, -0.01), runB=around(0.815))
    assert found[0].startswith("runB is ahead of runA (+1.5 points), but that may be luck. Five seeds are thin; ")
    number = int(re.findall(r"`multiple_runs = (\d+)` would probably tell\.$", found[0])[0])
    assert f"about {number - 5} more seeds would settle it" in found[1]


def test_what_is_not_compared_is_said() -> None:
    found = sentences(
        compare({"runA": {43: 0.5}, "runB": {44: 0.6}}, SELECTION_METRIC, {"runC": "no seed with a value"})
    )
    assert found[-1] == "runC is not compared: no seed with a value"
    few = compare({"runA": {43: 0.5, 44: 0.6}, "runB": {43: 0.1, 44: 0.2}, "runC": {43: 0.6}}, SELECTION_METRIC)
    assert "runC is not compared: only 1 seed" in few.plain


def test_runs_that_are_not_compared_for_the_same_reason_are_named_together() -> None:
    left_out = {f"run{number}": "its first seed was cut" for number in range(8)} | {"runX": "only 1 seed"}
    plain = compare({"runA": {43: 0.5, 44: 0.6}, "runB": {43: 0.1, 44: 0.2}}, SELECTION_METRIC, left_out).plain
    assert plain[1:] == (
        "run0, run1, run2, run3 and 4 more are not compared: its first seed was cut",
        "runX is not compared: only 1 seed",
    )


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
    runs = {"runA": around(0.75, 0.01, -0.01), "runB": around(0.85), "runC": around(0.849, 0.01, -0.02)}
    found = compare({run: dict(enumerate(scores, start=43)) for run, scores in runs.items()}, SELECTION_METRIC)
    text = verdict_text(found, "exp", width=200)
    assert text.splitlines()[0] == found.plain[0], "what is said to people comes first"
    assert text.splitlines()[2] == "experiment exp: val entity micro F1 over the seeds 43, 44, 45, 46, 47, 48"
    rows = {line[3:8].strip(): line for line in text.splitlines() if "+- 0." in line}
    assert {run: line[:3].strip() for run, line in rows.items()} == {"runB": "*", "runC": "=", "runA": ""}
    assert re.search(r"10\.0 +8\.3 to 11\.7 +0\.000 +0\.002 +0\.000 +0\.00$", rows["runA"])
    assert all(sentence in text for sentence in sentences(found))
    assert "equal distributions fall below 0.5, too, in 17 to 24 % of cases at 3 to 8 seeds" in text
    assert text.isascii()
    narrow = verdict_text(found, "exp", width=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert re.search(r"\* +runB +0\.8500 \+- 0\.0058\n +\[0\.835, 0\.864\]\n", narrow)


def test_what_is_undefined_has_words() -> None:
    found = compare({"runA": {43: math.pi}}, SELECTION_METRIC)
    assert str(found) == sentences(found)[0]
