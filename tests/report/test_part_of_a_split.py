"""The report says where scores are those of a part of the test split only."""

import pytest

from nerbb_ray.report.runs import runs_section
from nerbb_ray.results.experiment_result import ExperimentResult, TrialResult


@pytest.mark.parametrize(("ratio", "said"), [("0.2", "of the first 20 % of the test split"), ("1.0", None)])
def test_a_part_of_the_test_split_is_said(ratio: str, said: str | None) -> None:
    metrics = {"val/entity/micro/f1": 0.5, "test/entity/micro/f1": 0.4}
    trial = TrialResult("runA", 43, "ok", metrics, {"prune_ratio_test": ratio})
    page = runs_section(ExperimentResult.of("exp", [trial]))
    assert ("split" in page) == (said is not None)
    assert said is None or said in page
