"""Folds on a real Ray: every seed on every fold, what is kept of them, and who may go on with whom."""

import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.experiments import preparation_of

from nerbb_ray.cli import main as nerbb
from nerbb_ray.config.ini import read_ini
from nerbb_ray.data.corpus import find_corpus
from nerbb_ray.errors import ConfigError, ResultError
from nerbb_ray.export import export
from nerbb_ray.forecast.dry_run import make_plan
from nerbb_ray.forecast.estimate import forecast
from nerbb_ray.mistakes.collect import collect
from nerbb_ray.mistakes.text import summary
from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.mlflow_store.reader import list_experiments
from nerbb_ray.model import Model
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.report.runs import runs_section
from nerbb_ray.results.ensembles import places_of, read_members
from nerbb_ray.results.out_of_fold import on_the_same_words
from nerbb_ray.tune.__main__ import main
from nerbb_ray.tune.run_tuner import run_experiment
from nerbb_ray.verdict.table import results_text, to_json

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]
QUIET = RunOptions(quiet=True)
F1 = "val/entity/micro/f1"


def folded(path: Path, folds: str = "folds = 2", *, dataset: str = "tiny") -> Path:
    text = path.read_text().replace("dataset_name = tiny", f"dataset_name = {dataset}\n{folds}")
    path.write_text(text.replace("max_epochs = 3", "max_epochs = 2"))
    return path


@pytest.fixture
def without_test(store) -> str:
    """The data of the store with an empty test split."""
    folder, source = store.datasets / "whole", store.datasets / "tiny"
    folder.mkdir()
    for split in ("train", "val"):
        (folder / f"{split}.jsonl").write_text((source / f"{split}.jsonl").read_text())
    (folder / "test.jsonl").write_text("")
    return "whole"


def test_every_seed_is_trained_on_every_fold_and_the_whole_training_split_is_predicted(
    store, experiment, capsys
) -> None:
    path = folded(experiment())
    spec = read_ini(path)
    plan = make_plan(spec, preparation_of(store), QUIET)
    assert (plan.most_trials, len(plan.trials)) == (8, 8)
    assert any("2 folds of the 52 sentences of train and val" in note for note in plan.notes)
    assert forecast(spec, preparation_of(store), QUIET).trials == 8
    result = run_experiment(spec, store, QUIET)
    assert {trial.name for trial in result.trials if trial.ok} == {
        f"{run}-{seed}-fold{fold}" for run in ("runA", "runB") for seed in (43, 44) for fold in (1, 2)
    }
    good = result.best_run()
    # the spread of both
    by_fold = [[t.metrics[F1] for t in good.trials if t.fold == fold] for fold in (1, 2)]
    spread = good.mean(F1).folds
    assert (spread.folds, spread.seeds) == (2, 2)
    assert spread.sd_seeds == pytest.approx(np.sqrt(np.mean([np.var(values, ddof=1) for values in by_fold])))
    assert "over 2 folds" in results_text(result)
    found = json.loads(to_json(result))
    assert found["verdict"]["folds"] == 2
    assert found["verdict"]["differences"][0]["test"] == "paired"
    assert {trial["fold"] for run in found["runs"] for trial in run["trials"]} == {1, 2}
    # what is kept
    members = read_members(good.ok_trials, places_of(store, "exp"))
    corpus = find_corpus("tiny", None, store.datasets)
    whole = on_the_same_words(members.said, "val")
    assert list(whole) == [43, 44]
    for said in whole.values():
        tags = [said.tags[tag] for tag in said.splits["val"].gold]
        assert tags == [tag for sentence in (*corpus.train, *corpus.val) for tag in sentence.tags]
    assert len(on_the_same_words(members.said, "test")) == 4, "test is the same for all folds"
    assert good.ensemble.seeds == ("43-fold1", "43-fold2", "44-fold1", "44-fold2")
    assert all(np.isfinite(good.ensemble.value(split, "f1")) for split in ("val", "test"))
    mistakes = collect(store, result, good.run, "val")
    assert len(mistakes.sentences) == 52
    assert mistakes.seeds == (43, 44)
    # what MLflow knows
    stored = results_of(store, "exp")
    assert {t.name: (t.seed, t.fold, t.metrics[F1]) for t in stored.trials} == {
        t.name: (t.seed, t.fold, t.metrics[F1]) for t in result.trials
    }
    assert [run.n_total for run in stored.runs] == [4, 4]
    assert [(one.n_ok, one.n_total) for one in list_experiments(store.tracking_uri)] == [(8, 8)]
    # the same file again has nothing to do, more repeats go on, another layout is refused
    again = run_experiment(spec, store, QUIET)
    assert {t.name: t.duration_s for t in again.trials} == {t.name: t.duration_s for t in stored.trials}
    _is_told_in_words(store, stored)
    _says_what_it_would_do_again(store, path, capsys)
    path.write_text(path.read_text().replace("folds = 2", "folds = 3"))
    with pytest.raises(ConfigError, match="folds was 2, now 3"):
        run_experiment(read_ini(path), store, QUIET)


def _is_told_in_words(store, result) -> None:
    """A fold model is no seed, wherever it is named."""
    text, page = results_text(result), runs_section(result)
    assert "over the fold models" in text
    assert "the seeds cannot tell" not in text + page
    assert "over the seeds" not in text
    assert "a dot per fold model" in page
    assert "seed 43-fold1" not in page
    out_of_fold = collect(store, result, None, "val")
    assert ", train and val out of fold: " in summary(out_of_fold)
    assert {split for split, _ in out_of_fold.places} == {"train", "val"}
    assert summary(collect(store, result, None, "test")).startswith(f"{result.best_run().run}, fold models 43-fold1, ")
    # one of them by its name, and what is to be known of it
    model = Model.from_experiment("exp", seed="43-fold2", store=store.root)
    assert model.name.endswith("-43-fold2")
    assert "is one of 4 fold models" in model.notes[0]
    assert any("most of val was training data" in note for note in model.score("tiny", "val").notes)
    assert not any("training data" in note for note in model.score("tiny", "test").notes)
    assert Model.from_experiment("exp", ensemble=True, store=store.root).notes == ()
    with pytest.raises(ResultError, match="has no fold model 43-fold3; there are 43-fold1, 43-fold2, 44-fold1"):
        Model.from_experiment("exp", seed="43-fold3", store=store.root)
    card = (export("exp", store.root / "exported", store=store.root) / "README.md").read_text()
    assert "This model, fold model 4" in card
    assert "are of different sentences" in card


def _says_what_it_would_do_again(store, path: Path, capsys) -> None:
    """`--dry-run` of an experiment that has run: what is done, what is added, and what would be refused."""

    def dry_run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(path), "--dry-run", "--store", str(store.root), *words])
        return status, *capsys.readouterr()

    text = path.read_text()
    status, out, _ = dry_run()
    assert status == 0
    assert "trials 8 (8 done before)" in out
    assert "nothing is left to do" in out
    assert "expected" not in out
    path.write_text(text.replace("folds = 2", "folds = 2\nrepeats = 2"))
    status, out, _ = dry_run("--json")
    assert [trial["done"] for trial in json.loads(out)["trials"]].count(True) == 8
    assert len(json.loads(out)["trials"]) == 16
    for change, said in (
        ("folds = 3", "folds was 2, now 3"),
        ("folds = 2\nsplit_seed = 7", "split_seed was 42, now 7"),
    ):
        path.write_text(text.replace("folds = 2", change))
        status, _, err = dry_run()
        assert status == 2
        assert said in err
        assert dry_run("--overwrite")[0] == 0, "nothing of the earlier trials is left then"
        capsys.readouterr()
        store.config("exp").parent.mkdir(exist_ok=True)
        store.config("exp").write_text(path.read_text())
        assert nerbb(["plan", "exp", "--store", str(store.root)]) == 2
        assert said in capsys.readouterr().err
    path.write_text(text)
    with (store.datasets / "tiny" / "train.jsonl").open("a") as file:
        file.write((store.datasets / "tiny" / "val.jsonl").read_text().splitlines()[0] + "\n")
    status, _, err = dry_run()
    assert status == 2
    assert "the data had the fingerprint" in err
    lines = (store.datasets / "tiny" / "train.jsonl").read_text().splitlines(keepends=True)
    (store.datasets / "tiny" / "train.jsonl").write_text("".join(lines[:-1]))


@pytest.mark.slow
def test_more_repeats_go_on_from_fewer(store, experiment) -> None:
    path = folded(experiment(seeds=1, runs=1))
    first = run_experiment(read_ini(path), store, QUIET)
    path.write_text(path.read_text().replace("folds = 2", "folds = 2\nrepeats = 2"))
    more = run_experiment(read_ini(path), store, QUIET)
    assert [trial.fold for trial in more.trials] == [1, 2, 3, 4]
    assert [t.metrics for t in more.trials[:2]] == [t.metrics for t in first.trials]
    members = read_members(more.trials, places_of(store, "exp"))
    assert list(on_the_same_words(members.said, "val")) == ["43-repeat1", "43-repeat2"]


@pytest.mark.slow
def test_without_test_data_every_fold_is_test_once(store, experiment, without_test) -> None:
    spec = read_ini(folded(experiment(seeds=1, runs=1), "folds = 3", dataset=without_test))
    assert any(
        "no test data: every fold is test once" in note for note in make_plan(spec, preparation_of(store), QUIET).notes
    )
    result = run_experiment(spec, store, QUIET)
    said = read_members(result.trials, places_of(store, "exp")).said
    for split in ("val", "test"):
        places = np.concatenate([one.splits[split].places for one in said.values()])
        assert sorted(places) == list(range(52))
    assert all(not set(one.splits["val"].places) & set(one.splits["test"].places) for one in said.values())
    assert np.isfinite(result.best_run().mean("test/entity/micro/f1").mean)


def test_more_folds_than_sentences_and_two_without_test_are_refused(store, experiment, without_test) -> None:
    many = read_ini(folded(experiment("many"), "folds = 100"))
    said = "many.ini [dataset] folds: must be <= 52, the sentences in train and val of data set 'tiny'; got 100"
    assert list(make_plan(many, preparation_of(store), QUIET).problems) == [said]
    few = read_ini(folded(experiment("few"), "folds = 2", dataset=without_test))
    with pytest.raises(ConfigError, match=r"\[dataset\] folds: must be >= 3 .*no test data"):
        run_experiment(few, store, QUIET)
