"""Searches on a real Ray: races, proposed points, limits of time, and what is left after an interruption."""

import shutil

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.tune.run_tuner import run_experiment

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]
QUIET = RunOptions(quiet=True)


def searched(path, search: str, hparams: str = ""):
    text = path.read_text().replace("[hparams]", f"[search]\n{search}\n[hparams]\n{hparams}")
    path.write_text(text)
    return read_ini(path)


@pytest.mark.slow
def test_a_race_drops_the_run_that_is_worse_and_says_so(store, experiment) -> None:
    path = experiment(seeds=7)
    # bigrams alone nearly solve the tiny data, without a model that has learnt anything
    path.write_text(path.read_text().replace("precision = fp32", "precision = fp32\ndecoding = argmax"))
    spec = searched(path, "racing = True", "monitor = val_f1")
    result = run_experiment(spec, store, QUIET)
    good, bad = result.runs
    assert result.best_run().run == good.run == "runA"
    assert len(bad.trials) < 7
    assert bad.note.startswith("dropped after")
    stored = load_result(store.tracking_uri, "exp")
    assert {run.run: run.note for run in stored.runs} == {run.run: run.note for run in result.runs}
    # the same file again has nothing to do
    again = run_experiment(spec, store, QUIET)
    assert [(t.name, t.status) for t in again.trials] == [(t.name, t.status) for t in result.trials]
    assert {run.run: run.note for run in again.runs} == {run.run: run.note for run in result.runs}


def test_optuna_proposes_points_and_more_of_them_go_on_from_the_first(store, experiment) -> None:
    path = experiment(seeds=2)
    text = path.read_text().replace("[runA]\nlr_max = 3e-3\n[runB]\nlr_max = 1e-5", "")
    path.write_text(text.replace("max_epochs = 3", "max_epochs = 2\nlr_max = loguniform(1e-5, 1e-2)"))
    spec = searched(path, "algorithm = optuna\nnum_samples = 2")
    result = run_experiment(spec, store, QUIET)
    assert [len(run.trials) for run in result.runs] == [2, 2]
    assert all(trial.ok for trial in result.trials)
    path.write_text(path.read_text().replace("num_samples = 2", "num_samples = 3"))
    more = run_experiment(read_ini(path), store, QUIET)
    assert len(more.runs) == 3
    assert {run.run for run in result.runs} < {run.run for run in more.runs}


def test_a_limit_of_time_ends_the_search_politely(store, experiment, caplog) -> None:
    spec = searched(experiment(resources=""), "max_hours = 0.00001")
    result = run_experiment(spec, store, QUIET)
    assert len(result.trials) < 4
    assert all(trial.ok for trial in result.trials)
    limit = "max_hours = 1e-05 leaves no time for more"
    assert {run.note for run in result.runs} <= {limit}
    assert f"note: {limit}" in caplog.text  # a slow machine may begin no trial at all


@pytest.mark.slow
def test_a_scheduler_of_rays_cuts_first_seeds_and_saves_the_others(store, experiment) -> None:
    path = experiment(hparams="early_stopping = False")
    text = path.read_text().replace("precision = fp32", "precision = fp32\ndecoding = argmax")
    path.write_text(text.replace("max_epochs = 3", "max_epochs = 60"))
    spec = searched(path, "scheduler = asha\ngrace_epochs = 4")
    # one after the other: who comes first to a rung cannot be cut there
    result = run_experiment(spec, store, RunOptions(quiet=True, resources=(("max_concurrent_trials", 1),)))
    good, bad = result.runs
    assert [trial.status for trial in good.trials] == ["ok", "ok"]
    assert [trial.status for trial in bad.trials] == ["cut"]
    assert bad.trials[0].reason.startswith("cut by asha after 4 epochs: val/entity/micro/f1 ")
    assert bad.trials[0].epochs < 60
    assert bad.note == "dropped: its first seed was cut (asha)"
    assert result.best_run().run == good.run
    # the same file again has nothing to do
    again = run_experiment(spec, store, QUIET)
    assert [(t.name, t.status) for t in again.trials] == [(t.name, t.status) for t in result.trials]


@pytest.mark.slow
def test_optuna_begins_with_what_other_experiments_have_measured(store, experiment, capsys) -> None:
    path = experiment(seeds=1)
    path.write_text(path.read_text().replace("max_epochs = 3", "max_epochs = 2"))
    run_experiment(read_ini(path), store, QUIET)
    other = experiment("other", seeds=1)
    text = other.read_text().replace("[runA]\nlr_max = 3e-3\n[runB]\nlr_max = 1e-5", "")
    other.write_text(text.replace("max_epochs = 3", "max_epochs = 2\nlr_max = loguniform(1e-4, 1e-2)"))
    spec = searched(other, "algorithm = optuna\nnum_samples = 1\nwarm_start = True")
    result = run_experiment(spec, store, RunOptions())
    # 1e-5 lies outside of the space
    assert "warm start: points of other experiments: exp (1)\n" in capsys.readouterr().err
    assert [run.n_ok for run in result.runs] == [1]
    third = experiment("third", seeds=1)
    third.write_text(other.read_text().replace("max_epochs = 2", "max_epochs = 1"))
    run_experiment(read_ini(third), store, RunOptions())
    assert "warm start: points of other experiments: none is of the same data, model and parameters\n" in (
        capsys.readouterr().err
    )


@pytest.mark.slow
def test_points_that_do_not_fit_their_model_are_passed_over_and_a_dropout_may_be_left_out(
    store, experiment, capsys
) -> None:
    """Three of four points can be trained; the run beside them leaves the dropout that they have to the model."""
    from transformers import BertConfig, BertForTokenClassification

    deep = shutil.copytree(store.pretrained_models / "tiny-bert", store.pretrained_models / "tiny-deep")
    BertForTokenClassification(BertConfig.from_pretrained(deep, num_hidden_layers=3)).save_pretrained(deep)
    path = experiment(seeds=1)
    text = path.read_text().replace("max_epochs = 3", "max_epochs = 1")
    space = "pretrained_model_name = choice(tiny-bert, tiny-deep)\nfreeze_layers = choice(3, 0)"
    path.write_text(text.replace("[runA]\n", f"[runA]\n{space}\nhidden_dropout = uniform(0.1, 0.2)\n"))
    result = run_experiment(searched(path, "algorithm = optuna\nnum_samples = 6"), store, RunOptions())
    assert "note: points that do not fit are passed over, runA(" in capsys.readouterr().err
    assert len(result.trials) == 7
    assert all(trial.ok for trial in result.trials)
    drawn = {
        (str(trial.params["pretrained_model_name"]), str(trial.params["freeze_layers"])) for trial in result.trials
    }
    assert ("tiny-bert", "3") not in drawn
    # the dropout of runB, recorded as None, is in no interval
    again = run_experiment(read_ini(path), store, QUIET)
    assert {trial.name for trial in again.trials} == {trial.name for trial in result.trials}
