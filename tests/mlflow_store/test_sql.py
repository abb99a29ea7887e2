"""The list of experiments, read from the database file, is the one that MLflow's client gives."""

import math
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.database import sqlite_file
from nerbb_ray.mlflow_store.reader import ExperimentSummary, list_by_client, list_experiments
from nerbb_ray.mlflow_store.sql import read_experiments

VAL = "val/entity/micro/f1"


@pytest.fixture
def database(tracking_uri: str) -> Path:
    path = sqlite_file(tracking_uri)
    assert path is not None
    return path


def of_experiment(name: str, summaries: tuple[ExperimentSummary, ...]) -> list[str]:
    # as text, because NaN is not equal to itself
    return [repr(asdict(summary)) for summary in summaries if summary.name.startswith(name)]


def test_list_is_that_of_the_client(driver: Any, drive: Any, tracking_uri: str, name: str, tmp_path: Path) -> None:
    driver.multiple_runs = 4
    for run in ("run10", "run2"):  # as good as each other: the first by number is the best
        driver.finish(driver.start(run, 43), 0, 0.6)
        driver.finish(driver.start(run, 44), 1, 0.7)
    driver.finish(driver.start("runA", 43), 0, math.nan)
    driver.finish(driver.start("runA", 44), 0, 0.9, diverged=True)
    (tmp_path / "error.txt").write_text("RuntimeError: boom\n")
    driver.fail(driver.start("runA", 45), tmp_path / "error.txt")
    driver.report(driver.start("runA", 46), 0)
    repeated = drive(SeedMeanCallback(tracking_uri, f"{name} again", artifact_location=str(tmp_path)))
    for f1 in (0.9, 0.4):
        repeated.finish(repeated.start(), 0, f1)
    drive(SeedMeanCallback(tracking_uri, f"{name} unfinished", artifact_location=str(tmp_path))).start()
    client = MlflowClient(tracking_uri)
    client.create_experiment(f"{name} empty", tmp_path.as_uri(), tags={"nerbb.kind": "experiment"})
    client.create_experiment(f"{name} of somebody else", tmp_path.as_uri())
    binned = client.create_experiment(f"{name} in the bin", tmp_path.as_uri(), tags={"nerbb.kind": "experiment"})
    client.delete_experiment(binned)

    found = of_experiment(name, list_experiments(tracking_uri))
    assert found == of_experiment(name, list_by_client(tracking_uri))
    assert len(found) == 3  # those without trials are not there
    best = {summary.name: summary.best_run for summary in list_experiments(tracking_uri)}
    assert best[name] == "run2"


def test_deleted_and_foreign_runs_do_not_count(driver: Any, tracking_uri: str, name: str) -> None:
    first, second = driver.start(seed=43), driver.start(seed=44)
    for trial, f1 in ((first, 0.6), (second, 0.8)):
        driver.finish(trial, 0, f1)
    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    client.create_run(experiment.experiment_id, tags={"nerbb.run": "runA", "nerbb.seed": "99"})
    (gone,) = client.search_runs([experiment.experiment_id], "tags.`nerbb.seed` = '44'")
    client.delete_run(gone.info.run_id)
    (found,) = [one for one in list_experiments(tracking_uri) if one.name == name]
    assert (found.n_ok, found.val_f1.mean) == (1, 0.6)
    assert of_experiment(name, list_experiments(tracking_uri)) == of_experiment(name, list_by_client(tracking_uri))


def test_experiments_are_in_the_clients_order(tracking_uri: str, name: str, tmp_path: Path, database: Path) -> None:
    client = MlflowClient(tracking_uri)
    names = [f"{name} {k}" for k in range(4)]
    for one in names:
        made = client.create_experiment(one, tmp_path.as_uri(), tags={"nerbb.kind": "experiment"})
        client.create_run(made, tags={"nerbb.kind": "trial", "nerbb.run": "runA", "nerbb.seed": "43"})
    with closing(sqlite3.connect(database)) as connection, connection:
        for one, created_ms in zip(names, (1000, 3000, 2000, 2000), strict=True):
            connection.execute("UPDATE experiments SET creation_time = ? WHERE name = ?", (created_ms, one))
    order = [one.name for one in list_experiments(tracking_uri) if one.name in names]
    assert order == [names[1], names[3], names[2], names[0]]
    assert order == [one.name for one in list_by_client(tracking_uri) if one.name in names]


def test_list_is_read_without_mlflow(driver: Any, tracking_uri: str, name: str) -> None:
    driver.finish(driver.start(), 0, 0.6)
    code = (
        "import sys\nfrom nerbb_ray.mlflow_store.reader import list_experiments\n"
        f"found = [one.n_ok for one in list_experiments({tracking_uri!r}) if one.name == {name!r}]\n"
        "print(found, 'mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1] False"


def test_file_with_other_tables_is_left_to_the_client(tmp_path: Path) -> None:
    database = tmp_path / "mlflow 100 # 1.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    assert read_experiments(database) is None


def test_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(ResultError, match=f"restore {database} from a copy"):
        list_experiments(f"sqlite:///{database}")


def test_reading_leaves_the_file_as_it_is(database: Path) -> None:
    before = database.read_bytes()
    assert read_experiments(database) is not None
    assert database.read_bytes() == before
