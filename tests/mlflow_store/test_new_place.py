"""A store that was moved or copied: what comes later goes to where it is, and MLflow finds what was there before."""

import shutil
from pathlib import Path

import pytest

from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.schema import open_client
from nerbb_ray.store import StorePaths


def finish(store: StorePaths, drive, run: str, *, tracking_uri: str | None = None) -> None:
    place = str(store.artifacts / "exp")
    driver = drive(SeedMeanCallback(tracking_uri or store.own_tracking_uri, "exp", artifact_location=place))
    driver.finish(driver.start(run), 0, 0.9)
    driver.end()


def artifacts(store: StorePaths) -> dict[str, tuple[str, int]]:
    """Where MLflow has those of the trials, and how many it finds there."""
    client = open_client(store.own_tracking_uri)
    experiment = client.get_experiment_by_name("exp")
    assert experiment.artifact_location == (store.artifacts / "exp").as_uri()
    runs = client.search_runs([experiment.experiment_id])
    return {
        run.info.run_name: (run.info.artifact_uri, len(client.list_artifacts(run.info.run_id)))
        for run in runs
        if run.data.tags.get("mlflow.parentRunId")
    }


@pytest.mark.parametrize("name", ["new", "a # ä b"])
@pytest.mark.parametrize("take", [shutil.move, shutil.copytree])
def test_new_trials_of_a_moved_store_have_their_artifacts_in_it(tmp_path: Path, drive, take, name: str) -> None:
    old, new = StorePaths(tmp_path / "old"), StorePaths(tmp_path / name)
    finish(old, drive, "run1")
    before = {path.relative_to(old.root) for path in old.root.rglob("*") if path.is_file()}
    take(old.root, new.root)
    finish(new, drive, "run2")
    found = artifacts(new)
    assert len(found) == 2
    assert all(uri.startswith(f"{(new.artifacts / 'exp').as_uri()}/") for uri, _ in found.values())
    assert all(count > 0 for _, count in found.values()), "also of the first one, on MLflow's page"
    assert old.root.exists() == (take is shutil.copytree)
    assert not old.root.exists() or before == {p.relative_to(old.root) for p in old.root.rglob("*") if p.is_file()}


def test_where_only_the_database_was_moved_the_artifacts_stay_where_they_are(tmp_path: Path, drive) -> None:
    old, new = StorePaths(tmp_path / "old"), StorePaths(tmp_path / "new")
    finish(old, drive, "run1")
    new.mlflow_db.parent.mkdir(parents=True)
    shutil.copy(old.mlflow_db, new.mlflow_db)
    finish(new, drive, "run2")
    client = open_client(new.own_tracking_uri)
    assert client.get_experiment_by_name("exp").artifact_location == (old.artifacts / "exp").as_uri()


def test_a_database_that_stores_share_keeps_its_places(tmp_path: Path, drive) -> None:
    one, other, shared = StorePaths(tmp_path / "a"), StorePaths(tmp_path / "b"), f"sqlite:///{tmp_path / 'shared.db'}"
    for store, run in ((one, "run1"), (other, "run2")):
        finish(store, drive, run, tracking_uri=shared)
    assert open_client(shared).get_experiment_by_name("exp").artifact_location == (one.artifacts / "exp").as_uri()
