"""The pictures and the page of a study."""

import math
from pathlib import Path

import pytest

from nerbb_ray.config.ini import build_spec
from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TEST_METRIC, TrialResult
from nerbb_ray.study.page import study_page, write_picture
from nerbb_ray.study.plots import draw
from nerbb_ray.study.points import Study, study_of

SCORES = {0.02: (0.1, 0.2, 0.3), 0.1: (0.4,), 1.0: ()}


@pytest.fixture
def study() -> Study:
    """An approach with three, one and no seeds at three fractions."""
    params = {"dataset_name": "d", "pretrained_model_name": "m", "prune_ratio_train": list(SCORES), "multiple_runs": 3}
    spec = build_spec("exp", params=params)
    trials = [
        TrialResult(run.name, seed, "ok", {TEST_METRIC: score}, epochs=10 + seed)
        for run in spec.runs
        for seed, score in enumerate(SCORES[run.dataset.prune_ratio_train])
    ]
    return study_of("s", [(spec, ExperimentResult.of("exp", trials, 3))])


def test_the_lines_are_means_spreads_and_epochs_where_they_are_known(study: Study) -> None:
    scores, spread, epochs = draw(study.panels, study.metric).axes
    drawn = [[line.get_xydata().tolist() for line in axes.lines] for axes in (scores, spread, epochs)]
    assert drawn[0] == [[[0.02, pytest.approx(0.2)], [0.1, 0.4]]]
    assert drawn[1] == [[[0.02, pytest.approx(0.1)]]]
    assert drawn[2] == [[[0.02, 11.0], [0.1, 10.0]]]
    assert [axes.get_xscale() for axes in (scores, spread, epochs)] == ["log"] * 3


def test_the_band_is_one_standard_deviation_wide(study: Study) -> None:
    (band,) = draw(study.panels, study.metric).axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert math.isclose(min(heights), 0.1)
    assert math.isclose(max(heights), 0.4)


def test_no_line_lies_on_the_frame() -> None:
    """The same score everywhere is a line below the upper edge."""
    params = {"dataset_name": "d", "pretrained_model_name": "m", "prune_ratio_train": [0.1, 1.0]}
    spec = build_spec("exp", params=params)
    trials = [TrialResult(run.name, 43, "ok", {TEST_METRIC: 0.9}, epochs=5) for run in spec.runs]
    study = study_of("s", [(spec, ExperimentResult.of("exp", trials, 1))])
    axes = draw(study.panels, study.metric).axes[0]
    low, high = axes.get_ylim()
    assert low + 0.02 * (high - low) < 0
    assert high - 0.02 * (high - low) > 0.9


def test_the_page_has_the_table_and_three_pictures_for_each_data_set_and_model(study: Study) -> None:
    page = study_page(study)
    assert page.count("<svg") == 3 * len(study.panels) == 3
    assert "0.2000 +- 0.1000" in page
    assert "nan" not in page.lower().replace("nanum", "")
    assert page == study_page(study)


def test_a_study_without_results_has_a_page_too() -> None:
    spec = build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": "m"})
    assert "- (0 of 1)" in study_page(study_of("s", [(spec, None)]))


def test_pictures_are_files_of_the_format_that_the_name_says(study: Study, tmp_path: Path) -> None:
    write_picture(study, tmp_path / "new" / "s.png")
    assert (tmp_path / "new" / "s.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ResultError, match=r"must end in \.png, \.svg, \.pdf; got s\.jpg"):
        write_picture(study, tmp_path / "s.jpg")
