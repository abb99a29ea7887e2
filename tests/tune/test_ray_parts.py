"""The scheduler and the callback in a search that knows nothing of nerbb_ray: the example of docs/ray_parts.md."""

import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient
from ray import tune

from nerbb_ray.interruption import interruptible
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
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


def test_a_search_that_tune_restores_goes_on_in_mlflow(tmp_path: Path) -> None:
    """The last repeat of three fails, and is done again by another Tuner."""
    healed, uri = tmp_path / "healed", f"sqlite:///{tmp_path}/mlflow.db"

    def train(config: dict[str, Any]) -> None:
        if config["number"] == 3 and not healed.exists():
            raise RuntimeError
        for _ in range(2):
            tune.report({"loss": config["number"] / 10})

    grid = {"number": tune.grid_search([1, 2, 3])}
    callback = SeedMeanCallback(uri, "restored", group_by=[])
    run_config = tune.RunConfig(name="restored", storage_path=str(tmp_path), callbacks=[callback])
    with interruptible():
        tune.Tuner(train, param_space=grid, run_config=run_config).fit()
        healed.touch()
        tune.Tuner.restore(str(tmp_path / "restored"), train, restart_errored=True).fit()
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("restored")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"all", "all-0", "all-1", "all-2"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert runs["all"].data.metrics["loss/n"] == 3
    assert runs["all"].data.metrics["loss/mean"] == pytest.approx(0.2)
