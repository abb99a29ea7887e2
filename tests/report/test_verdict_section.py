"""The verdict in the report: what its words, table and pictures show are the numbers of the verdict."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from nerbb_ray.html.document import Section, document
from nerbb_ray.report.verdict import (
    MAX_CURVES,
    MAX_RUNS,
    draw_behind,
    draw_best_of,
    statistics_section,
    verdict_words,
)
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, TrialResult
from nerbb_ray.verdict.verdict import verdict
from nerbb_ray.verdict.words import sentences

Read = Callable[[str], dict[str, Any]]
RUNS = {"runA": (0.80, 0.82, 0.79, 0.83), "run<B>": (0.90, 0.91, 0.88, 0.94), "runC": (0.89, 0.92, 0.87, 0.94)}


def result(**runs: Sequence[float]) -> ExperimentResult:
    trials = [
        TrialResult(run, seed, "ok", {SELECTION_METRIC: f1})
        for run, values in runs.items()
        for seed, f1 in enumerate(values, start=43)
    ]
    return ExperimentResult.of("exp", trials)


def test_words_and_table_are_those_of_the_verdict(sections: Read) -> None:
    of_runs = result(**RUNS)
    found = verdict(of_runs)
    words, folded = verdict_words(of_runs), statistics_section(of_runs)
    part = sections(document("x", [Section("Verdict", words + folded)]))["Verdict"]
    # the first one is in the summary
    assert all(sentence in part.text for sentence in sentences(found)[1:])
    assert "p Holm" not in words
    assert folded.startswith("<details>")
    assert "run&lt;B&gt; is better than runA (+" in folded
    assert "equal distributions fall below 0.5, too, in 17 to 24 % of cases" in folded
    assert [row[:2] for row in part.tables[0][1:]] == [
        ["* run<B>", "0.9075 ± 0.0125 [0.859, 0.940]"],
        ["= runC", "0.9050 ± 0.0155 [0.843, 0.944]"],
        ["runA", "0.8100 ± 0.0091 [0.779, 0.837]"],
    ]


def test_pictures_have_every_difference_and_the_best_of_k() -> None:
    found = verdict(result(**RUNS))
    (forest,), (curves,) = draw_behind(found).axes, draw_best_of(found).axes
    points = [line for line in forest.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in points] == pytest.approx([100 * d.mean for d in found.differences])
    intervals = [tuple(line.get_xdata()) for line in forest.lines if line.get_marker() == "None"][: len(points)]
    assert np.array(intervals) == pytest.approx(100 * np.array([d.ci95 for d in found.differences]))
    assert points[0].get_color() != points[1].get_color(), "a tie does not look like a difference"
    assert [tuple(line.get_ydata()) for line in curves.lines] == list(found.best_of.values())


def test_many_runs_are_cut_in_the_pictures() -> None:
    found = verdict(result(**{f"run{k}": (0.9 - k / 100, 0.91 - k / 100, 0.92) for k in range(40)}))
    (forest,), (curves,) = draw_behind(found).axes, draw_best_of(found).axes
    assert len(forest.get_yticks()) == MAX_RUNS
    assert len(curves.lines) == MAX_CURVES


@pytest.mark.parametrize("runs", [{}, {"runA": (0.5, 0.6)}, {"runA": (0.5,), "runB": (0.6,)}])
def test_without_a_difference_there_are_no_statistics(runs: dict[str, Sequence[float]]) -> None:
    assert statistics_section(result(**runs)) == ""
    assert "<table" not in verdict_words(result(**runs))
