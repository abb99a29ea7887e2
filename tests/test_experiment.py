"""Experiments from Python: what their definition writes and refuses, and one that really runs."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray import Experiment, Store
from nerbb_ray.config.ini import read_ini
from nerbb_ray.errors import ConfigError, ResourceError, ResultError, StoreError
from nerbb_ray.store import StorePaths

SOURCES = {"model": "bert-base-cased", "dataset": "conll2003"}
STATIC = """[dataset]
dataset_name = conll2003  # of the hub
[model]
pretrained_model_name = bert-base-cased
[settings]
multiple_runs = 2
[runA]
lr_max = 2e-5
[runB]
lr_max = 3e-5
"""


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setattr(Store, "chosen", tmp_path / "store")
    Store.create()
    return StorePaths(tmp_path / "store")


@pytest.fixture
def static(store: StorePaths) -> Path:
    path = store.config("static")
    path.write_text(STATIC)
    return path


def test_dynamic_definition_writes_the_file_of_the_same_experiment(store: StorePaths) -> None:
    experiment = Experiment("exp", **SOURCES, lr_max=3e-5, multiple_runs=3)
    assert read_ini(store.config("exp")) == experiment.spec == Experiment("exp", from_config=True).spec
    (run,) = experiment.spec.runs
    assert run.name == "runA"
    assert (run.model.pretrained_model_name, run.dataset.dataset_name) == ("bert-base-cased", "conll2003")
    assert run.hparams.lr_max == 3e-5
    assert experiment.spec.settings.multiple_runs == 3


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({}, (250, True, "constant")),
        ({"from_preset": "original"}, (5, False, "linear")),
        ({"from_preset": "original", "max_epochs": 3}, (3, False, "linear")),
        ({"from_preset": "hybrid", "max_epochs": 30}, (30, False, "hybrid")),
        ({"from_preset": None, "early_stopping": False}, (250, False, "constant")),
    ],
)
def test_keyword_goes_before_preset_before_default(keywords: dict[str, Any], expected: tuple[int, bool, str]) -> None:
    hparams = Experiment("exp", **SOURCES, **keywords).spec.runs[0].hparams
    assert (hparams.max_epochs, hparams.early_stopping, hparams.lr_schedule) == expected


def test_list_is_an_axis_of_the_grid() -> None:
    experiment = Experiment("exp", model=["a", "b"], dataset="d", lr_max=[2e-5, 3e-5])
    points = {(run.model.pretrained_model_name, run.hparams.lr_max) for run in experiment.spec.runs}
    assert points == {("a", 2e-5), ("a", 3e-5), ("b", 2e-5), ("b", 3e-5)}


def test_path_of_a_model_may_be_a_path_object(tmp_path: Path) -> None:
    experiment = Experiment("exp", model=tmp_path / "bert", dataset="d")
    assert experiment.spec.runs[0].model.pretrained_model_name == str(tmp_path / "bert")


def test_all_problems_of_a_definition_are_told_at_once(store: StorePaths) -> None:
    with pytest.raises(ConfigError) as caught:
        Experiment("exp", model="bert", lr_maks=1e-5, batch_size=0, from_preset="adaptiv", dataset_name="x")
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    for part in (
        "dataset: is mandatory",
        "did you mean 'lr_max'",
        "batch_size",
        "adaptiv",
        "dataset_name: is given as",
    ):
        assert part in text
    assert store.configs() == ()


@pytest.mark.parametrize(
    "keywords",
    [{"model": "bert"}, {"dataset": "d"}, {"lr_max": 1e-5}, {"from_preset": "original"}, {"from_preset": None}],
)
def test_static_definition_takes_everything_from_its_file(static: Path, keywords: dict[str, Any]) -> None:
    if keywords == {"from_preset": None}:  # the same as nothing: no preset
        assert Experiment("static", from_config=True, **keywords).spec == read_ini(static)
        return
    with pytest.raises(ConfigError, match=f"{next(iter(keywords))}: belongs into the file"):
        Experiment("static", from_config=True, **keywords)


def test_static_definition_without_a_file_is_refused_with_the_nearest_name(static: Path) -> None:
    assert static.exists()
    with pytest.raises(StoreError, match=r"did you mean static\?"):
        Experiment("statik", from_config=True)


def test_file_that_says_the_same_stays_as_it_is(store: StorePaths) -> None:
    Experiment("exp", **SOURCES)
    commented = "# mine\n" + store.config("exp").read_text()
    store.config("exp").write_text(commented)
    Experiment("exp", **SOURCES)
    assert store.config("exp").read_text() == commented


def test_file_that_says_something_else_is_refused_with_the_difference(store: StorePaths) -> None:
    Experiment("exp", **SOURCES, lr_max=2e-5)
    before = store.config("exp").read_text()
    with pytest.raises(ConfigError) as caught:
        Experiment("exp", **SOURCES, lr_max=[2e-5, 3e-5], multiple_runs=2)
    assert [line.strip() for line in caught.value.problems[1:-1]] == [
        "[settings] multiple_runs: 1 in the file, now 2",
        "[hparams] lr_max: 2e-05 in the file, now nothing",
        "[runA(lr_max=2e-05)] lr_max: nothing in the file, now 2e-05",
        "[runA(lr_max=3e-05)] lr_max: nothing in the file, now 3e-05",
    ]
    assert "from_config=True" in caught.value.problems[-1]
    assert store.config("exp").read_text() == before


def test_overwrite_replaces_the_file(store: StorePaths) -> None:
    Experiment("exp", **SOURCES)
    store.config("exp").write_text("no experiment file")
    experiment = Experiment("exp", **SOURCES, lr_max=1e-4, overwrite=True)
    assert read_ini(store.config("exp")) == experiment.spec


def test_name_that_is_no_file_name_is_refused(store: StorePaths) -> None:
    with pytest.raises(ConfigError, match="name of the experiment"):
        Experiment("../exp", **SOURCES)
    assert not (store.root / "exp.ini").exists()


@pytest.mark.parametrize("name", [5, None, b"x", ["a"], Path("x")])
def test_name_that_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(ConfigError, match="the name of the experiment must be a text; got"):
        Experiment(name, model="m", dataset="d")
    with pytest.raises(StoreError, match="the name of the experiment must be a text; got"):
        Experiment(name, from_config=True)


def test_config_is_shown_as_it_stands_in_the_file(static: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Experiment("static", from_config=True).show_config()
    assert capsys.readouterr().out == static.read_text() + "\n"


def test_experiment_keeps_the_store_it_was_defined_in(store: StorePaths, tmp_path: Path) -> None:
    experiment = Experiment("exp", **SOURCES)
    Store.set_path(tmp_path / "other")
    assert experiment.config == store.config("exp")


def test_results_before_the_first_run_are_refused() -> None:
    with pytest.raises(ResultError, match="'exp' has no results"):
        Experiment("exp", **SOURCES).get_result()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [({"num_worker": 2}, "num_worker: .*did you mean 'num_workers'"), ({"num_workers": 0}, "num_workers: must be")],
)
def test_wrong_keyword_of_run_is_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Experiment("exp", **SOURCES).run(**keywords)


@pytest.mark.parametrize("wrong", [5, ["a"], b"a"])
def test_address_and_file_of_a_wrong_kind_are_refused(wrong: object) -> None:
    experiment = Experiment("exp", **SOURCES)
    with pytest.raises(ResourceError, match="address must be a text; got"):
        experiment.run(address=wrong)
    with pytest.raises(StoreError, match="the file of a report must be a text or a path; got"):
        experiment.report(wrong)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
def test_dynamic_experiment_runs_and_gives_its_results(
    store: StorePaths, tiny_model: Path, tiny_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_dataset, store.dataset("tiny"))
    definition: dict[str, Any] = {"from_preset": "original", "max_epochs": 2, "multiple_runs": 2, "lr_warmup_epochs": 0}
    experiment = Experiment("exp", model=tiny_model, dataset="tiny", lr_max=5e-3, **definition)
    experiment.run()
    assert "2/2" in capsys.readouterr().out
    trials = experiment.results.trials
    assert [trial.status for trial in trials] == ["ok", "ok"]

    f1 = [trial.metrics["test/entity/micro/f1"] for trial in trials]
    best = max(trials, key=lambda trial: trial.metrics["val/entity/micro/f1"])
    assert experiment.get_result() == best.metrics["test/entity/micro/f1"]
    mean: Any = experiment.get_result(average=True)
    assert (mean.n, mean.mean) == (2, pytest.approx(sum(f1) / 2))
    assert str(mean) == f"{mean.mean:.4f} +- {abs(f1[0] - f1[1]) / 2:.4f}"
    recall = experiment.get_result("recall", level="token", label="PER", phase="val")
    assert recall == best.metrics["val/token/PER/recall"]
    with pytest.raises(ResultError, match="LOC, PER, macro, micro"):
        experiment.get_result(label="ORG")

    # from what was tracked, by another process or later, comes the same
    later = Experiment("exp", from_config=True)
    assert [dict(trial.metrics) for trial in later.results.trials] == [
        {name: pytest.approx(value, nan_ok=True) for name, value in trial.metrics.items()} for trial in trials
    ]
    assert not math.isnan(float(later.get_result()))  # type: ignore[arg-type]
    assert all(Path(trial.checkpoint or "", "config.json").is_file() for trial in later.results.trials)

    # nothing is missing: a second call trains nothing and needs no Ray
    shutil.rmtree(store.dataset("tiny"))
    later.run(quiet=True)
    assert later.get_result() == experiment.get_result()
