"""The ensemble of a run's seeds is kept by the run's own record, and read back as it was."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fixtures.fake_tune import Driver
from mlflow.tracking import MlflowClient

from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.results.run_ensemble import RunEnsemble

VALUES = {"val/ensemble/f1": 0.7, "test/ensemble/f1": 0.6, "test/ensemble/gain": 0.02}
UNDEFINED = {"test/ensemble/ece": math.nan}
MADE = RunEnsemble((43, 44), "bigrams, weight 0.25", VALUES | UNDEFINED, "without seed 45: it is not here")


@pytest.fixture
def told(tracking_uri: str, name: str, tmp_path: Path) -> Any:
    """Runs two seeds, and lets an ensemble be made of what became of them."""

    def run(ensemble: RunEnsemble) -> list[str]:
        seen: list[str] = []

        def ensembles(ended: Any) -> Any:
            seen.extend(trial.name for trial in ended)
            return [(driver.reports.trial(driver.trials[0]), ensemble)]

        callback = SeedMeanCallback(tracking_uri, name, artifact_location=str(tmp_path / "files"), ensembles=ensembles)
        driver = Driver(callback)
        for seed in (43, 44):
            driver.finish(driver.start(seed=seed), 0, 0.8, checkpoint=str(tmp_path / str(seed)))
        driver.end()
        return seen

    return run


def test_ensemble_is_read_back_as_it_was(told: Any, tracking_uri: str, name: str) -> None:
    assert told(MADE) == ["runA-43", "runA-44"]
    (run,) = load_result(tracking_uri, name).runs
    assert run.ensemble == replace(MADE, metrics=pytest.approx(VALUES))
    assert math.isnan(run.ensemble.value("test", "ece"))
    assert not any("ensemble" in metric for metric in run.metric_names)


def test_ensemble_that_cannot_be_made_any_more_has_no_numbers(told: Any, tracking_uri: str, name: str) -> None:
    told(MADE)
    gone = RunEnsemble((), note="without seed 43, 44: they are gone")
    told(gone)
    assert load_result(tracking_uri, name).runs[0].ensemble == gone


def test_experiment_without_ensembles_has_none(driver: Any, tracking_uri: str, name: str) -> None:
    driver.finish(driver.start(), 0, 0.8)
    driver.end()
    assert load_result(tracking_uri, name).runs[0].ensemble is None


def test_ensemble_that_cannot_be_made_does_not_keep_the_experiment_from_its_end(
    tracking_uri: str, name: str, tmp_path: Path
) -> None:
    def fails(_: Any) -> Any:
        raise RuntimeError("no")

    callback = SeedMeanCallback(tracking_uri, name, artifact_location=str(tmp_path), ensembles=fails)
    driver = Driver(callback)
    driver.finish(driver.start(), 0, 0.8)
    driver.end()
    assert load_result(tracking_uri, name).trials[0].ok
    assert not callback.undelivered


def test_predictions_of_a_trial_are_an_artifact(told: Any, tracking_uri: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "43").mkdir()
    (tmp_path / "43" / "log_probs.npz").write_bytes(b"PK")
    told(MADE)
    client = MlflowClient(tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    found = {run.info.run_name: {file.path for file in client.list_artifacts(run.info.run_id)} for run in runs}
    assert "log_probs.npz" in found["runA-43"]
    assert "log_probs.npz" not in found["runA-44"]
