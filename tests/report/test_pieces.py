"""Strips, matrices and durations."""

import html
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.ner.metrics import Counts
from nerbb_ray.report import strip as strips
from nerbb_ray.report.matrices import add, heat_map, parse
from nerbb_ray.report.strip import MARGIN, WIDTH, Scale, axis, strip
from nerbb_ray.report.summary import summary_section
from nerbb_ray.report.trials import duration
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, RunResult, TrialResult
from nerbb_ray.training.artifacts import confusion_csv

F1 = "val/entity/micro/f1"


def run(*values: float, name: str = "runA") -> RunResult:
    return RunResult(name, tuple(TrialResult(name, 43 + i, "ok", {F1: v}) for i, v in enumerate(values)))


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_seed_lies_on_the_line_in_the_order_of_the_values(groups: list[list[float]]) -> None:
    runs = [run(*values) for values in groups]
    scale = Scale.of(runs, F1)
    values = sorted(value for group in groups for value in group)
    places = [scale.x(value) for value in values]
    assert places == sorted(places)
    assert min(places) > MARGIN
    assert max(places) < WIDTH - MARGIN
    assert 2 <= len(scale.ticks) <= 6
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)


def test_strip_has_a_dot_for_every_defined_seed_a_mean_and_an_interval() -> None:
    runs = [run(0.50, 0.52, 0.57, math.nan), run(0.6)]
    scale = Scale.of(runs, F1)
    html = strip(runs[0], F1, scale)
    assert re.findall("seed (.*?)</title>", html) == ["43: 0.5000", "44: 0.5200", "45: 0.5700"]
    # logit(0.53) +- 4.303 * 0.0361 / sqrt(3) / (0.53 * 0.47): Student's t for two degrees of freedom
    assert "95 % interval 0.440 to 0.618" in html
    assert f"M{scale.x(0.53)} " in html
    assert "interval" not in strip(runs[1], F1, scale)


def test_interval_that_is_much_wider_than_the_seeds_is_cut_and_says_so() -> None:
    runs = [run(0.95, 0.99, 0.99)]
    html = strip(runs[0], F1, Scale.of(runs, F1))
    left, width = map(float, re.findall(r'<rect x="([\d.]+)" y="7" width="([\d.]+)"', html)[0])
    assert left >= MARGIN
    assert left + width <= WIDTH - MARGIN
    assert "beyond the line" in html


@pytest.mark.parametrize("values", [(), (math.nan,), (0.0,), (1.0, 1.0)])
def test_strip_of_hardly_any_value_can_be_drawn(values: tuple[float, ...]) -> None:
    runs = [run(*values)]
    scale = Scale.of(runs, F1)
    assert axis(scale)
    dots = sum(math.isfinite(value) for value in values)
    assert strip(runs[0], F1, scale).count("<circle") == dots
    assert scale.high - scale.low > 0.99 * strips.MIN_SPAN


def counts(*numbers: int) -> Counts:
    vector = [*numbers, 0, *numbers[1:], 0, 0, 0]
    return Counts.from_vector(("O", "B-a,b", "I-a,b"), "bio", np.array(vector))


@pytest.mark.parametrize("level", ["token", "entity"])
def test_matrices_of_the_seeds_are_added(level: str) -> None:
    one, two = counts(5, 1, 2, 30), counts(7, 0, 4, 20)
    added = add([parse(confusion_csv(one, level)), parse(confusion_csv(two, level))])
    assert added == parse(confusion_csv(one + two, level))
    assert added.labels == (("O", "a,b") if level == "token" else ("a,b", "O"))


def test_matrices_of_different_labels_are_added_by_label() -> None:
    added = add([parse("t,A,B\nA,1,2\nB,3,4\n"), parse("t,B,C\nB,10,20\nC,30,40\n")])
    assert added.labels == ("A", "B", "C")
    assert added.counts == Counter({("A", "A"): 1, ("A", "B"): 2, ("B", "A"): 3, ("B", "B"): 14}) + Counter(
        {("B", "C"): 20, ("C", "B"): 30, ("C", "C"): 40}
    )


@pytest.mark.parametrize("text", ["", "t,A,B\nA,1,2\n", "t,A\nB,1\n", "t,A\nA,x\n", "t,A\nA,1,2\n", "\0"])
def test_damaged_matrix_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_cell_is_the_darker_the_larger_its_share_of_the_row() -> None:
    html = heat_map(parse("t,A,B,C\nA,0,50,50\nB,1,9,0\nC,0,0,0\n"), "caption")
    cells = re.findall(r'--share:([\d.]+)" title="([\d.]+)% of the row">(\d+)<', html)
    assert [n for _, _, n in cells] == ["0", "50", "50", "1", "9", "0", "0", "0", "0"]
    assert [float(strength) for strength, _, _ in cells] == [0, 0.5, 0.5, 0.1, 0.9, 0, 0, 0, 0]
    assert [float(share) for _, share, _ in cells] == [0, 50, 50, 10, 90, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.50 s"), (35.4, "35 s"), (119.6, "2 min 00 s"), (725, "12 min 05 s"), (10920, "3 h 02 min")],
)
def test_duration_is_written_for_readers(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("kept", [True, False])
def test_the_model_to_use_is_that_of_the_best_run_if_one_was_kept(kept: bool) -> None:
    """A lucky seed of another run has the highest val F1."""
    trials = [
        TrialResult(run, seed, "ok", {SELECTION_METRIC: f1}, checkpoint=f"/models/{run}" if kept else None)
        for run, values in {"runA": (0.1, 0.9), "runB": (0.7, 0.8)}.items()
        for seed, f1 in enumerate(values, start=43)
    ]
    section = html.unescape(summary_section(ExperimentResult.of("exp", trials), {}))
    assert ('nerbb predict exp --run runB "Anna lives in Berlin."' in section) == kept
    assert ('Model.from_experiment("exp", run="runB")' in section) == kept
    assert ("nerbb predict" in section) == kept
