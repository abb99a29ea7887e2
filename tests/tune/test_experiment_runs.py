"""Experiments on a real Ray: trials, failures, what is repeated and what is not."""

import json
import re
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from ray.tune import ExperimentAnalysis

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import ConfigError, DataError, ModelError, ResourceError, ResultError
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.tune import search
from nerbb_ray.tune.ray_session import ray_beside
from nerbb_ray.tune.run_tuner import run_experiment

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]
QUIET = RunOptions(quiet=True)


def test_every_run_is_trained_with_every_seed_and_tracked(store, experiment) -> None:
    result = run_experiment(read_ini(experiment(hparams="early_stopping = False", resources="")), store, QUIET)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "Ctrl-C is what it was"
    assert [(trial.run, trial.seed, trial.status) for trial in result.trials] == [
        ("runA", 43, "ok"),
        ("runA", 44, "ok"),
        ("runB", 43, "ok"),
        ("runB", 44, "ok"),
    ]
    assert result.best_run().run == "runA"
    mean = result.get("f1", average=True)
    assert mean.n == 2
    for trial in result.trials:
        folder = store.checkpoints("exp", trial.run, trial.seed)
        assert trial.checkpoint == str(folder)
        assert (folder / "model.safetensors").is_file()
        assert Path(trial.log).read_text().count("epoch") >= 3
        assert list(store.tensorboard("exp", trial.run, trial.seed).iterdir())
    assert len({_process(trial.log) for trial in result.trials}) == 2, "a slot's process is used again"
    frame = ExperimentAnalysis(str(store.ray("exp"))).dataframe().sort_values(["config/run", "config/seed"])
    assert frame["config/run"].tolist() == ["runA", "runA", "runB", "runB"]
    assert frame["config/seed"].tolist() == [43, 44, 43, 44]
    assert frame["config/lr_max"].tolist() == [3e-3, 3e-3, 1e-5, 1e-5]
    assert frame["val/entity/micro/f1"].between(0, 1).all()
    stored = load_result(store.tracking_uri, "exp")
    assert [(t.name, t.status, dict(t.metrics)) for t in stored.trials] == [
        (t.name, t.status, pytest.approx(dict(t.metrics), nan_ok=True)) for t in result.trials
    ]
    curves = [trial.val_f1_curve for trial in result.trials]
    assert {len(curve) for curve in curves} == {3}, "which tell whether F1 was still rising"
    assert curves == [trial.val_f1_curve for trial in stored.trials]
    for run, read in zip(result.runs, stored.runs, strict=True):
        assert run.ensemble.seeds == (43, 44)
        mean = run.mean("test/entity/micro/f1").mean
        assert run.ensemble.value("test", "mean_f1") == pytest.approx(mean, abs=0.01)
        assert read.ensemble == replace(run.ensemble, metrics=pytest.approx(dict(run.ensemble.metrics), nan_ok=True))


def _process(log: str) -> str:
    return re.search(r"process (\d+)", Path(log).read_text())[1]


@pytest.mark.slow
def test_the_same_experiment_gives_the_same_numbers_whatever_ran_before_in_a_process(store, experiment) -> None:
    first = run_experiment(read_ini(experiment("first", resources="")), store, QUIET)
    second = run_experiment(read_ini(experiment("second")), store, QUIET)
    assert [dict(trial.metrics) for trial in first.trials] == [
        pytest.approx(dict(trial.metrics), rel=0, abs=0, nan_ok=True) for trial in second.trials
    ]


def test_finished_trials_are_not_repeated_and_new_seeds_are_added(store, experiment) -> None:
    run_experiment(read_ini(experiment(seeds=1, runs=1)), store, QUIET)
    model = store.checkpoints("exp", "runA", 43) / "model.safetensors"
    stamp = model.stat().st_mtime_ns
    result = run_experiment(read_ini(experiment()), store, RunOptions(quiet=True, resume=True))
    assert [trial.name for trial in result.trials] == ["runA-43", "runA-44", "runB-43", "runB-44"]
    assert all(trial.ok for trial in result.trials)
    assert [run.ensemble.seeds for run in result.runs] == [(43, 44), (43, 44)], "also of seeds of an earlier call"
    assert model.stat().st_mtime_ns == stamp
    shutil.rmtree(store.checkpoints("exp"))
    assert run_experiment(read_ini(experiment()), store, QUIET).runs[0].ensemble.seeds == (43, 44), "as MLflow"

    with pytest.raises(ConfigError, match=r"runA: batch_size was 8, now 4") as caught:
        run_experiment(_changed(experiment), store, QUIET)
    assert "--overwrite" in str(caught.value)
    again = run_experiment(_changed(experiment), store, RunOptions(quiet=True, overwrite=True))
    assert all(trial.ok for trial in again.trials)
    assert len(load_result(store.tracking_uri, "exp").trials) == 1


def _changed(experiment):
    path = experiment(seeds=1, runs=1)
    path.write_text(path.read_text().replace("batch_size = 8", "batch_size = 4"))
    return read_ini(path)


def test_results_are_shown_before_ray_ends_and_what_nobody_wants_is_not_made(
    store, experiment, monkeypatch, capsys
) -> None:
    events: list[object] = []

    @contextmanager
    def observed(*args, **options):
        with ray_beside(*args, **options) as wait_for_ray:
            yield wait_for_ray
            events.append("Ray ends")

    monkeypatch.setattr(search, "ray_beside", observed)
    path = experiment(seeds=1, hparams="early_stopping = False", runs=1)
    settings = "[settings]\nskip_validation = True\nevaluate_checkpoint = last\ncheckpoints = False"
    path.write_text(path.read_text().replace("[settings]", settings))
    result = run_experiment(read_ini(path), store, RunOptions(), events.append)
    assert "starting Ray" not in capsys.readouterr().err, "this process is connected to one"
    assert events == [result, "Ray ends"]
    assert all(trial.ok and "val/entity/micro/f1" in trial.metrics for trial in result.trials)
    assert [trial.checkpoint for trial in result.trials] == [None]
    assert not store.checkpoints("exp").exists()
    again = run_experiment(read_ini(path), store, QUIET, events.append)
    assert events == [result, "Ray ends", again], "nothing was left to do"


def test_nothing_starts_when_something_is_missing(store, experiment) -> None:
    def changed(old: str, new: str):
        path = experiment()
        path.write_text(path.read_text().replace(old, new))
        return read_ini(path)

    with pytest.raises(DataError, match="no such folder"):
        run_experiment(changed("= tiny\n", "= ./nowhere\n"), store, QUIET)
    with pytest.raises(ModelError, match="looked here"):
        run_experiment(changed("tiny-bert", "./nowhere"), store, QUIET)
    with pytest.raises(ConfigError, match=r"exp.ini \[hparams\] max_seq_length: must be <= 128"):
        run_experiment(changed("max_seq_length = 32", "max_seq_length = 129"), store, QUIET)
    with pytest.raises(ResourceError, match="64 CPU"):
        run_experiment(changed("cpus_per_worker = 1", "cpus_per_worker = 64"), store, QUIET)
    with pytest.raises(ResultError, match="nothing to resume"):
        run_experiment(read_ini(experiment("never")), store, RunOptions(quiet=True, resume=True))
    assert not store.checkpoints("exp").exists()


@pytest.mark.slow
def test_overwriting_forgets_nothing_before_everything_is_checked(store, experiment) -> None:
    run_experiment(read_ini(experiment(seeds=1)), store, QUIET)
    path = experiment(seeds=1)
    path.write_text(path.read_text().replace("= tiny\n", "= ./nowhere\n"))
    with pytest.raises(DataError):
        run_experiment(read_ini(path), store, RunOptions(quiet=True, overwrite=True))
    assert [trial.status for trial in load_result(store.tracking_uri, "exp").trials] == ["ok", "ok"]
    # fewer seeds or others: what was measured still counts, on the screen as in MLflow
    shifted = experiment(seeds=1)
    shifted.write_text(shifted.read_text().replace("[settings]", "[settings]\nseed = 50"))
    shown = run_experiment(read_ini(shifted), store, QUIET)
    assert [trial.name for trial in shown.trials] == ["runA-43", "runA-51", "runB-43", "runB-51"]
    assert [run.n_ok for run in load_result(store.tracking_uri, "exp").runs] == [2, 2]


def test_overwriting_spares_a_model_that_is_to_be_trained(store, experiment) -> None:
    own = store.checkpoints("exp", "runA", 43)
    shutil.copytree(store.pretrained_models / "tiny-bert", own)
    path = experiment(seeds=1, runs=1)
    path.write_text(path.read_text().replace("= tiny-bert\n", f"= {own}\n"))
    with pytest.raises(ConfigError, match="must not be a model of the experiment itself with --overwrite"):
        run_experiment(read_ini(path), store, RunOptions(quiet=True, overwrite=True))
    assert (own / "model.safetensors").is_file()


@pytest.mark.slow
def test_two_workers_train_the_same_trial(store, experiment) -> None:
    """Workers of Ray Train: the trial ends by itself, and the next one gets its place."""
    spec = read_ini(experiment("two", seeds=1, resources="num_workers = 2", hparams="monitor = val_f1"))
    result = run_experiment(spec, store, QUIET)
    assert [trial.status for trial in result.trials] == ["ok", "ok"]
    for trial, planned in zip(result.trials, expand(spec), strict=True):
        assert trial.epochs == 3
        assert trial.params == planned.params()
        assert (store.checkpoints("two", trial.run, trial.seed) / "config.json").is_file()
    assert json.loads(json.dumps(dict(result.trials[0].metrics)))["test/entity/micro/f1"] >= 0
