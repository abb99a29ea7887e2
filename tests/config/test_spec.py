"""Rules that hold between the parts of an experiment, however it was built."""

import pickle

import pytest

from nerbb_ray.config.keys import BadLines
from nerbb_ray.config.search import Search
from nerbb_ray.config.spec import (
    DatasetParams,
    ExperimentSpec,
    HParams,
    ModelParams,
    Resources,
    RunSpec,
    Settings,
)
from nerbb_ray.errors import ConfigError, UnfitError

DATASET, MODEL = DatasetParams(dataset_name="d"), ModelParams(pretrained_model_name="m")
RUN = RunSpec(name="runA", dataset=DATASET, model=MODEL)


@pytest.mark.parametrize(
    ("hparams", "key"),
    [
        (HParams(mode="max"), "mode"),
        (HParams(monitor="val_f1", mode="min"), "mode"),
        (HParams(lr_schedule="hybrid"), "early_stopping"),
        (HParams(lr_schedule="hybrid", early_stopping=False, max_epochs=6), "lr_cooldown_epochs"),
    ],
)
def test_hyperparameters_that_contradict_each_other_make_no_run(hparams: HParams, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RunSpec(name="runA", dataset=DATASET, model=MODEL, hparams=hparams)
    (problem,) = caught.value.problems
    assert problem.startswith(f"[hparams] {key}: must be ")


@pytest.mark.parametrize(
    "hparams",
    [
        HParams(lr_schedule="cosine"),
        HParams(lr_schedule="hybrid", early_stopping=False, max_epochs=7),
        HParams(max_epochs=1),
        HParams(monitor="val_acc", mode="max"),
    ],
)
def test_hyperparameters_that_agree_make_a_run(hparams: HParams) -> None:
    assert RunSpec(name="runA", dataset=DATASET, model=MODEL, hparams=hparams).hparams == hparams


def test_a_run_needs_data_and_a_model() -> None:
    with pytest.raises(ConfigError) as caught:
        RunSpec(name="runA", dataset=DatasetParams(), model=ModelParams())
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "[dataset] dataset_name",
        "[model] pretrained_model_name",
    ]


@pytest.mark.parametrize("trainer", ["auto", "torch_trainer"])
def test_workers_of_one_process_are_one(trainer: str) -> None:
    problem = r"^\[resources\] trainer: must be auto or torch_trainer with num_workers = 3: .*; got inprocess$"
    with pytest.raises(ConfigError, match=problem):
        Resources(trainer="inprocess", num_workers=3)
    assert Resources(trainer="inprocess").num_workers == 1
    assert Resources(trainer=trainer, num_workers=3).trainer == trainer


def test_seeds_beyond_all_measure_make_no_experiment() -> None:
    with pytest.raises(ConfigError, match=r"^\[settings\] multiple_runs: .* trials .*; got 1 x 100001$"):
        ExperimentSpec(name="e", runs=(RUN,), settings=Settings(multiple_runs=100_001))
    assert len(ExperimentSpec(name="e", runs=(RUN,), settings=Settings(multiple_runs=100_000)).settings.seeds) == 100000


@pytest.mark.parametrize("preset", [None, "none"])
def test_no_preset_can_be_said(preset: str | None) -> None:
    assert Settings(preset=preset) == Settings()
    assert Settings(preset=preset).preset is None


@pytest.mark.parametrize(
    ("name", "runs", "problem"),
    [
        ("e", (), "at least one run"),
        ("e", (RUN, RUN), "must be unique; got 'runA' twice"),
        ("e", (RunSpec(name="A", dataset=DATASET, model=MODEL),), "must begin with run; got 'A'"),
        ("e", (RunSpec(name="run/..", dataset=DATASET, model=MODEL),), "names a folder"),
        ("../e", (RUN,), "names a folder"),
    ],
)
def test_an_experiment_has_runs_with_names_of_their_own(name: str, runs: tuple[RunSpec, ...], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        ExperimentSpec(name=name, runs=runs)


@pytest.mark.parametrize(
    ("search", "named"),
    [
        (Search(racing=True), "racing = True"),
        (Search(scheduler="asha"), "scheduler = asha"),
        (Search(scheduler="median"), "scheduler = median"),
    ],
)
def test_what_compares_epochs_needs_the_validation_of_each(search: Search, named: str) -> None:
    skipping = Settings(skip_validation=True, evaluate_checkpoint="last")
    ExperimentSpec(name="e", runs=(RUN,), settings=skipping)
    with pytest.raises(ConfigError, match=rf"\[settings\] skip_validation: must be False with \[search\] {named}, "):
        ExperimentSpec(name="e", runs=(RUN,), settings=skipping, search=search)


@pytest.mark.parametrize("kept", ["auto", "best", "best_f1"])
def test_a_choice_among_all_epochs_needs_their_validation(kept: str) -> None:
    settings = Settings(skip_validation=True, evaluate_checkpoint=kept)
    with pytest.raises(ConfigError, match=rf"skip_validation: must be False with evaluate_checkpoint = {kept}, which"):
        ExperimentSpec(name="e", runs=(RUN,), settings=settings)


def test_errors_of_values_cross_borders_of_processes() -> None:
    error = pickle.loads(pickle.dumps(UnfitError("freeze_layers", "must be <= 6", 99)))
    assert (error.key, error.rule, error.value, str(error)) == (
        "freeze_layers",
        "must be <= 6",
        99,
        "freeze_layers must be <= 6; got 99",
    )
    assert pickle.loads(pickle.dumps(BadLines(["a: 1", "b: 2"]))).faults == ("a: 1", "b: 2")
