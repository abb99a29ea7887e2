"""The scheduler and the callback in a search that knows nothing of nerbb_ray: the example of docs/ray_parts.md."""

import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from nerbb_ray.interruption import interruptible
from nerbb_ray.training.adaptive import Stage, replay_state

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]


@pytest.fixture(scope="module")
def example(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    text = (root / "docs" / "ray_parts.md").read_text()
    (code,) = re.findall(r"<!-- example: ray_parts -->\n```python\n(.*?)```", text, re.DOTALL)
    file = tmp_path_factory.mktemp("example") / "ray_parts.py"
    file.write_text(code)
    names: dict[str, Any] = {"__name__": "ray_parts"}
    exec(compile(code, file, "exec"), names)  # our own page
    return names


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="module")
def grid(example: dict[str, Any], folder: Path) -> Any:
    with interruptible():  # Tune leaves a handler of Ctrl-C behind
        return example["search"](folder)


def test_every_trial_ends_by_the_rule(example: dict[str, Any], grid: Any) -> None:
    assert len(grid) == 6
    assert not grid.errors
    for one in grid:
        history = one.metrics["history"]
        assert 3 < len(history) <= 40
        assert replay_state(example["RULE"], history).stage is Stage.STOPPED
        assert replay_state(example["RULE"], history[:-1]).stage is not Stage.STOPPED


def test_mlflow_has_the_means_over_the_seeds_and_a_child_for_each(grid: Any, folder: Path) -> None:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parents = {run.info.run_name: run for run in runs if run.data.tags["nerbb.kind"] == "run"}
    assert set(parents) == {"0.01", "0.03"}
    for rate, parent in parents.items():
        losses = [one.metrics["loss"] for one in grid if str(one.config["lr"]) == rate]
        found = parent.data.metrics
        assert found["loss/mean"] == pytest.approx(statistics.fmean(losses))
        assert found["loss/sd"] == pytest.approx(statistics.stdev(losses))
        assert found["loss/sem"] == pytest.approx(statistics.stdev(losses) / 3**0.5)
        assert found["loss/n"] == 3
        assert found["loss/ci95_low"] < found["loss/mean"] < found["loss/ci95_high"]
        children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        assert sorted(child.data.params["seed"] for child in children) == ["1", "2", "3"]
        assert {child.info.status for child in children} == {"FINISHED"}
        curve = client.get_metric_history(children[0].info.run_id, "loss")
        assert len(curve) > 3
