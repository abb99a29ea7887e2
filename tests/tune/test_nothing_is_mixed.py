"""Trials that are not the same thing are never mixed, whatever was interrupted, changed or run twice in between."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import ConfigError, StoreError
from nerbb_ray.locks import Lock
from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.preparation.prepare import Preparation
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.results.identity import Identity
from nerbb_ray.tune import search
from nerbb_ray.tune.hardware import Hardware
from nerbb_ray.tune.job import Job
from nerbb_ray.tune.run_job import run_job
from nerbb_ray.tune.run_tuner import run_experiment

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]
QUIET = RunOptions(quiet=True)


@pytest.fixture
def own_data(store: StorePaths) -> Path:
    """The data of the store, as files of its own that may be changed."""
    folder = store.datasets / "tiny"
    source = folder.resolve()
    folder.unlink()
    shutil.copytree(source, folder)
    return folder


@pytest.fixture
def one(experiment: Callable[..., Path]) -> Callable[..., Path]:
    """An experiment with a single run."""

    def write(name: str = "exp", seeds: int = 1) -> Path:
        return experiment(name, seeds, runs=1)

    return write


def mend_a_label(folder: Path) -> None:
    lines = (folder / "train.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    row["tags"] = ["O"] * len(row["tags"])
    (folder / "train.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")


class Interrupted(BaseException):
    pass


def interrupt(path: Path, store: StorePaths, epochs: int) -> Job:
    """A trial whose process ends after some epochs, as a driver that is killed leaves it."""
    spec = read_ini(path)
    trial = expand(spec)[0]
    prepared = Preparation(store, Path.cwd(), store.cache).run(spec, spec.runs[0])
    facts = {"data": prepared.fingerprint, "model": prepared.source.revision, "precision": "fp32", "device": "cpu"}
    job = Job(
        trial=trial,
        identity=Identity.of(trial, **facts),
        data=prepared.data,
        source=prepared.source,
        checkpoint_dir=None,
        log=store.logs(spec.name) / f"{trial.name}.log",
        storage=store.ray(spec.name),
        allotment=Allotment("inprocess", 1, 1.0, 0.0, 1),
        first_position=prepared.first_position,
    )
    job.claim_states()
    job.mark_states()

    def report(values: dict[str, object]) -> None:
        if values["epoch"] == epochs:
            raise Interrupted

    with pytest.raises(Interrupted):
        run_job(job, report, torch.device("cpu"))
    return job


def metrics(result) -> list[dict]:
    return [dict(trial.metrics) for trial in result.trials]


def test_states_of_other_data_are_deleted_and_the_screen_says_so(store, one, own_data, capsys) -> None:
    job = interrupt(one(), store, 2)
    assert {path.name for path in job.states.iterdir()} == {"identity.json", "epoch-1", "epoch-2"}
    mend_a_label(own_data)
    result = run_experiment(read_ini(one()), store)
    said = capsys.readouterr().err
    assert "runA-43 begins anew: the states of an earlier attempt are deleted (the data had the fingerprint" in said
    assert "goes on after" not in job.log.read_text()
    shutil.rmtree(store.ray("exp"))
    assert metrics(result) == [
        pytest.approx(one_, rel=0, abs=0, nan_ok=True) for one_ in metrics(run_experiment(_copy(one), store, QUIET))
    ]


def _copy(one: Callable[..., Path]):
    return read_ini(one("fresh"))


def test_states_of_the_same_trial_are_used_and_the_trial_is_not_cut(store, one, capsys) -> None:
    """Also if it was asked to end before it was interrupted."""
    job = interrupt(one(), store, 1)
    (job.states / "cut").write_text("cannot catch up")
    (trial,) = run_experiment(read_ini(one()), store).trials
    assert "begins anew" not in capsys.readouterr().err
    assert "goes on after 1 epoch" in job.log.read_text()
    assert (trial.status, trial.epochs) == ("ok", 3)
    # what is recorded of a trial is what it was
    (stored,) = results_of(store, "exp").trials
    assert stored.identity == trial.identity
    assert None not in (trial.identity.data, trial.identity.model, trial.identity.precision, trial.identity.device)
    assert trial.identity.params["lr_max"] == "0.003"


@pytest.fixture
def own_model(store: StorePaths) -> Path:
    """The model of the store, as files of its own that may be changed."""
    folder = store.pretrained_models / "tiny-bert"
    source = folder.resolve()
    folder.unlink()
    shutil.copytree(source, folder)
    return folder


def scale_weights(folder: Path, factor: float) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    scaled = {name: value * factor for name, value in weights.items()}
    save_file(scaled, folder / "model.safetensors", {"format": "pt"})


def test_other_models_data_and_number_formats_are_not_in_one_mean(store, one, own_data, own_model, monkeypatch) -> None:
    def run(seeds: int, *, bf16: bool = False, overwrite: bool = False):
        monkeypatch.setattr(search, "hardware_of", lambda *_, **__: Hardware("cpu", bf16))
        path = one(seeds=seeds)
        path.write_text(path.read_text().replace("precision = fp32", "precision = auto"))
        return run_experiment(read_ini(path), store, RunOptions(quiet=True, overwrite=overwrite)).trials

    (first,) = run(1)
    assert first.identity.precision == "fp32"
    with pytest.raises(ConfigError, match="runA: precision was fp32, now bf16"):
        run(2, bf16=True)
    assert [trial.status for trial in run(2)] == ["ok", "ok"]
    scale_weights(own_model, 2)
    for seeds in (3, 1):  # nor is what is finished shown as if it were of the new model
        with pytest.raises(ConfigError, match=r"runA: the model had the revision \w+, now \w+"):
            run(seeds)
    scale_weights(own_model, 0.5)
    mend_a_label(own_data)
    for seeds in (3, 1):
        with pytest.raises(ConfigError, match=r"runA: the data had the fingerprint \w+, now \w+"):
            run(seeds)
    others = run(2, overwrite=True)
    assert [trial.status for trial in others] == ["ok", "ok"]
    assert first.identity.data not in {trial.identity.data for trial in others}


def test_an_experiment_runs_once_at_a_time(store, one) -> None:
    with (
        Lock(store.lock("exp"), "experiment exp"),
        pytest.raises(StoreError, match=r"experiment exp is being run already, by .*process \d+"),
    ):
        run_experiment(read_ini(one()), store, RunOptions(quiet=True, overwrite=True))
    assert not store.checkpoints("exp").exists()
    assert re.match(r".*results/locks/exp\.json", str(store.lock("exp")))


def test_what_another_store_has_run_since_the_trials_were_read_is_not_run_again(
    store, one, drive, tmp_path, monkeypatch
) -> None:
    """Trials are read, prepared for seconds or minutes, and only then is the experiment of a shared MLflow held."""
    from nerbb_ray.mlflow_store.callback import SeedMeanCallback

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    take = search.held_experiment.held_in_mlflow

    def take_late(*arguments):
        other = drive(SeedMeanCallback(store.tracking_uri, "exp", artifact_location=str(tmp_path / "a"), driver=1))
        other.finish(other.start("run1"), 0, 0.9)
        return take(*arguments)

    monkeypatch.setattr(search.held_experiment, "held_in_mlflow", take_late)
    with pytest.raises(StoreError, match="experiment exp was run with this MLflow from another store while"):
        run_experiment(read_ini(one()), store, QUIET)
    assert [trial.metrics["val/entity/micro/f1"] for trial in results_of(store, "exp").trials] == [0.9]
    assert not store.checkpoints("exp").exists()


def test_a_trial_whose_driver_was_killed_is_not_running_for_ever(store, drive) -> None:
    from nerbb_ray.mlflow_store.callback import SeedMeanCallback

    driver = drive(SeedMeanCallback(store.tracking_uri, "exp", artifact_location=str(store.artifacts)))
    driver.report(driver.start(), 0)
    with Lock(store.lock("exp"), "experiment exp"):
        assert [trial.status for trial in results_of(store, "exp").trials] == ["running"]
    (trial,) = results_of(store, "exp").trials
    assert (trial.status, trial.error) == ("interrupted", "its driver was killed; run the experiment again to go on")
