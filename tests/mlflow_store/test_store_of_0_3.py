"""A store that version 0.3.0 has written: its results are read, and nothing new is mixed into them."""

import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import ConfigError
from nerbb_ray.mlflow_store.overview import experiments_text, results_of
from nerbb_ray.mlflow_store.reader import list_by_client, list_experiments
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.report.page import write_report
from nerbb_ray.results.identity import Identity
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.tune.job import Job
from nerbb_ray.tune.run_tuner import run_experiment
from nerbb_ray.verdict.ensemble_words import NOTHING_KEPT, missing_sentences
from nerbb_ray.verdict.table import results_text

# unpacked, it must lie where it says: two runs with two seeds that ended well, and a trial interrupted after 4 epochs
ARCHIVE = Path(__file__).parents[1] / "fixtures" / "store_0.3.0.tar.xz"
WRITTEN_IN = "/store"
COLUMNS = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("tags", "value"))


@pytest.fixture
def old_store(tmp_path: Path, tiny_dataset: Path, tiny_model: Path) -> StorePaths:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    store = StorePaths(tmp_path / "store")
    with closing(sqlite3.connect(store.mlflow_db)) as database, database:
        for table, column in COLUMNS:
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (WRITTEN_IN, str(store.root)))
    shutil.copytree(tiny_dataset, store.datasets / "tiny")
    shutil.copytree(tiny_model, store.pretrained_models / "tiny-bert")
    return store


def test_its_results_are_what_they_were(old_store: StorePaths) -> None:
    result = results_of(old_store, "finished")
    assert [(trial.name, trial.status, trial.epochs) for trial in result.trials] == [
        ("runA-43", "ok", 3),
        ("runA-44", "ok", 3),
        ("runB-43", "ok", 3),
        ("runB-44", "ok", 3),
    ]
    assert str(result.get("f1", average=True)) == "0.9286 +- 0.0714"
    assert result.best_run().run == "runA"
    assert all(trial.data and len(trial.data) == 64 for trial in result.trials)
    (interrupted,) = results_of(old_store, "interrupted").trials
    assert (interrupted.status, interrupted.epochs) == ("interrupted", 4)


def test_it_says_why_it_has_no_ensembles(old_store: StorePaths) -> None:
    said = missing_sentences(results_of(old_store, "finished"))
    assert said == [f"2 runs: {NOTHING_KEPT}"]
    assert said[0] in " ".join(results_text(results_of(old_store, "finished")).split())


def test_it_is_listed_compared_and_reported(old_store: StorePaths, tmp_path: Path) -> None:
    assert {summary.name for summary in list_experiments(old_store.tracking_uri)} == {"finished", "interrupted"}
    assert list_experiments(old_store.tracking_uri) == list_by_client(old_store.tracking_uri)
    assert "0.9286 (0.8571, 1.0000)" in experiments_text(old_store)
    page = write_report("finished", old_store, tmp_path / "report.html").read_text()
    assert "runB" in page
    assert "cannot be read" not in page


def test_a_finished_experiment_is_shown_again_and_nothing_is_added_to_it(old_store: StorePaths) -> None:
    file = old_store.config("finished")
    result = run_experiment(read_ini(file), old_store, RunOptions(quiet=True))
    assert [trial.status for trial in result.trials] == ["ok"] * 4
    assert str(result.get("f1", average=True)) == "0.9286 +- 0.0714"
    text = file.read_text()
    file.write_text(text.replace("batch_size = 8", "batch_size = 4"))
    with pytest.raises(ConfigError, match="runA: batch_size was 8, now 4"):
        run_experiment(read_ini(file), old_store, RunOptions(quiet=True))
    file.write_text(text.replace("multiple_runs = 2", "multiple_runs = 3"))
    with pytest.raises(ConfigError, match="runA: it was trained by a version with numerics 1, now") as caught:
        run_experiment(read_ini(file), old_store, RunOptions(quiet=True))
    assert "--overwrite" in str(caught.value)


def test_its_states_are_not_gone_on_from(old_store: StorePaths) -> None:
    trial = expand(read_ini(old_store.config("interrupted")))[0]
    job = Job(
        trial=trial,
        identity=Identity.of(trial),
        data=Path("d"),
        source=ModelSource("m", "m", "r"),
        checkpoint_dir=None,
        log=Path("l"),
        storage=old_store.ray("interrupted"),
        allotment=Allotment("inprocess", 1, 1, 0, 1),
        first_position=0,
    )
    assert list(job.states.glob("epoch-*"))
    assert "nobody knows of which data and model they are" in job.claim_states()
    assert not job.states.exists()
