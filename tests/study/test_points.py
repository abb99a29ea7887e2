"""A study from the results of its experiments: every run in its place, means and spreads over the seeds."""

import json
import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from nerbb_ray.config.ini import build_spec, read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TEST_METRIC, TrialResult
from nerbb_ray.study.points import Study, study_of
from nerbb_ray.study.text import study_text
from nerbb_ray.verdict.table import finite_json

Scores = Mapping[str, Sequence[float]]
SEEDS = (43, 44, 45)
FILE = """[dataset]
dataset_name = {data}
prune_ratio_train = {fractions}
[model]
pretrained_model_name = m
[settings]
multiple_runs = 3
[run_original]
max_epochs = 5
early_stopping = False
[run_adaptive]
"""


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., ExperimentSpec]:
    def write(name: str, fractions: str, data: str = "d") -> ExperimentSpec:
        path = tmp_path / f"{name}.ini"
        path.write_text(FILE.format(fractions=fractions, data=data))
        return read_ini(path)

    return write


def result_of(spec: ExperimentSpec, scores: Scores, epochs: Mapping[str, Sequence[int]]) -> ExperimentResult:
    """An experiment whose seeds ended with these values, run by run."""
    trials = [
        TrialResult(run, seed, "ok", {TEST_METRIC: score}, epochs=count)
        for run, values in scores.items()
        for seed, score, count in zip(SEEDS, values, epochs[run], strict=False)
    ]
    return ExperimentResult.of(spec.name, trials, n_seeds=3)


def two_fractions(spec: ExperimentSpec) -> ExperimentResult:
    names = [run.name for run in spec.runs]
    values = dict(zip(names, ([0.0, 0.1, 0.2], [0.5, 0.5, 0.5], [0.4, 0.52, 0.6], [0.5, 0.5, 0.5]), strict=True))
    epochs = dict(zip(names, ([5] * 3, [5] * 3, [20, 23, 26], [11, 11, 11]), strict=True))
    return result_of(spec, values, epochs)


@pytest.fixture
def study(spec_of: Callable[..., ExperimentSpec]) -> Study:
    spec = spec_of("exp", "0.4, 0.02")
    return study_of("s", [(spec, two_fractions(spec))])


def test_fractions_are_sorted_and_approaches_named_by_their_sections(study: Study) -> None:
    (panel,) = study.panels
    assert (panel.dataset, panel.model) == ("d", "m")
    assert panel.fractions == (0.02, 0.4)
    assert panel.approaches == ("original", "adaptive")


def test_mean_spread_and_epochs_are_those_of_the_seeds(study: Study) -> None:
    (panel,) = study.panels
    point = panel.points[0.4, "adaptive"]
    score = point.score(TEST_METRIC)
    assert score.mean == pytest.approx(statistics.fmean([0.4, 0.52, 0.6]))
    assert score.sd == pytest.approx(statistics.stdev([0.4, 0.52, 0.6]))
    assert (point.epochs.mean, point.epochs.min, point.epochs.max) == (23, 20, 26)


def test_experiments_on_the_same_data_with_the_same_model_share_a_table(
    spec_of: Callable[..., ExperimentSpec],
) -> None:
    small, full, other = spec_of("small", "0.02, 0.4"), spec_of("full", "1.0"), spec_of("other", "1.0", data="e")
    found = study_of("s", [(small, two_fractions(small)), (full, None), (other, None)])
    assert [(panel.dataset, panel.fractions) for panel in found.panels] == [("d", (0.02, 0.4, 1.0)), ("e", (1.0,))]
    assert found.panels[0].points[1.0, "adaptive"].experiment == "full"
    assert found.trials == (12, 12 + 6 + 6)


def test_two_runs_in_one_place_are_refused(spec_of: Callable[..., ExperimentSpec]) -> None:
    with pytest.raises(ResultError, match=r"must differ in approach.*first: run_original and second: run_original"):
        study_of("s", [(spec_of("first", "1.0"), None), (spec_of("second", "1.0"), None)])


def test_a_run_that_the_file_no_longer_has_is_left_out(spec_of: Callable[..., ExperimentSpec]) -> None:
    before, now = spec_of("exp", "0.02, 0.4"), spec_of("exp", "0.02, 0.6")
    (panel,) = study_of("s", [(now, two_fractions(before))]).panels
    assert panel.fractions == (0.02, 0.6)
    assert [panel.points[x, "original"].run.n_ok for x in panel.fractions] == [3, 0]


def test_a_model_axis_gives_a_panel_for_each_model() -> None:
    spec = build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": ["m", "n"]})
    assert [panel.model for panel in study_of("s", [(spec, None)]).panels] == ["m", "n"]


def noisy(means: Mapping[str, float]) -> Scores:
    """Three seeds about each mean, with the same luck for every run but for a thousandth."""
    return {run: [mean - 0.02, mean, mean + 0.021 + i / 1000] for i, (run, mean) in enumerate(means.items())}


@pytest.mark.parametrize(
    ("original", "adaptive", "best"),
    [(0.3, 0.6, ("adaptive",)), (0.6, 0.3, ("original",)), (0.5, 0.5, ("adaptive", "original"))],
)
def test_the_best_are_those_that_the_seeds_cannot_tell_apart(
    spec_of: Callable[..., ExperimentSpec], original: float, adaptive: float, best: tuple[str, ...]
) -> None:
    spec = spec_of("exp", "0.1")
    scores = noisy({spec.runs[0].name: original, spec.runs[1].name: adaptive})
    result = result_of(spec, scores, {run.name: [5] * 3 for run in spec.runs})
    assert study_of("s", [(spec, result)]).panels[0].best(0.1, TEST_METRIC) == best


def test_one_seed_has_no_best(spec_of: Callable[..., ExperimentSpec]) -> None:
    spec = spec_of("exp", "0.1")
    result = result_of(spec, {run.name: [0.5] for run in spec.runs}, {run.name: [5] for run in spec.runs})
    assert study_of("s", [(spec, result)]).panels[0].best(0.1, TEST_METRIC) == ()


def test_the_table_says_how_many_seeds_are_missing_and_what_is_not_there_yet(
    spec_of: Callable[..., ExperimentSpec],
) -> None:
    spec = spec_of("exp", "0.1")
    result = result_of(spec, {"run_original": [0.25, 0.35]}, {"run_original": [5, 7]})
    lines = study_text(study_of("s", [(spec, result)])).splitlines()
    assert lines[0] == "study s: test entity micro F1, 2 of 6 trials ended ok"
    cells = [cell.strip() for cell in lines[-1].strip("|").split("|")]
    assert cells == ["0.1", "0.3000 +- 0.0707 (2 of 3)", "6.0 (5 to 7)", "- (0 of 3)", "-"]
    assert len({len(line) for line in lines if line.startswith("|")}) == 1


def test_best_and_tied_have_the_marks_of_every_table(spec_of: Callable[..., ExperimentSpec]) -> None:
    spec = spec_of("exp", "0.1")
    scores = {"run_original": [0.6, 0.7, 0.66], "run_adaptive": [0.62, 0.72, 0.65]}
    result = result_of(spec, scores, {run: [5, 5, 5] for run in scores})
    lines = study_text(study_of("s", [(spec, result)])).splitlines()
    assert re.findall(r"0\.\d{4} \+- 0\.\d{4} ?([*=]?)", lines[-1]) == ["=", "*"]
    assert "* best of its row; = tied: cannot be told from it" in lines[1]


def test_json_has_every_point_and_no_nan(study: Study, spec_of: Callable[..., ExperimentSpec]) -> None:
    nothing = study_of("s", [(spec_of("exp", "0.1"), None)])
    for one in (study, nothing):
        values = json.loads(finite_json(one.to_dict()))
        assert {len(panel["points"]) for panel in values["panels"]} <= {2, 4}
        for point, panel in ((p, q) for q in values["panels"] for p in q["points"]):
            original = one.panels[0].points[point["fraction"], point["approach"]].score(TEST_METRIC).mean
            assert panel["dataset"] == "d"
            assert point["score"]["mean"] == (None if math.isnan(original) else original)
