"""The report says where scores are those of a part of the test split only."""

import pytest

from nerbb_ray.report.runs import runs_section
from nerbb_ray.report.summary import summary_section
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult


@pytest.mark.parametrize(("ratio", "said"), [("0.2", "of the first 20 % of the test split"), ("1.0", None)])
def test_a_part_of_the_test_split_is_said(ratio: str, said: str | None) -> None:
    metrics = {"val/entity/micro/f1": 0.5, "test/entity/micro/f1": 0.4}
    trial = TrialResult("runA", 43, "ok", metrics, {"prune_ratio_test": ratio})
    result = ExperimentResult.of("exp", [trial])
    for page in (runs_section(result), summary_section(result, {})):
        assert ("split" in page) == (said is not None)
        assert said is None or said in page


@pytest.mark.parametrize("name", ["runA", "run_best"])
def test_the_summary_writes_the_name_of_a_run_as_it_is(name: str) -> None:
    trials = [
        TrialResult(run, seed, "ok", {"val/entity/micro/f1": f1 + seed / 1e4, "test/entity/micro/f1": f1}, {"x": run})
        for run, f1 in ((name, 0.8), ("runZ", 0.4))
        for seed in range(43, 47)
    ]
    page = summary_section(ExperimentResult.of("exp", trials), {})
    assert f'<p class="lead">{name} is ' in page
