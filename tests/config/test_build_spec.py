"""Experiments defined in Python: keywords of any section, typed values or text, lists as grid axes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, HParams, ModelParams, Resources, RunSpec, Settings
from nerbb_ray.errors import ConfigError

GIVEN: dict[str, Any] = {"dataset_name": "d", "pretrained_model_name": "m"}


def problems_of(params: dict[str, Any], preset: str | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build_spec("exp", params=params, preset=preset)
    return caught.value.problems


def test_keywords_of_every_section_go_into_their_section() -> None:
    params = GIVEN | {
        "prune_ratio_train": 1,
        "lr_max": 3e-5,
        "multiple_runs": 3,
        "gpus_per_worker": 0.5,
        "uncased": False,
    }
    assert build_spec("exp", params=params) == ExperimentSpec(
        name="exp",
        runs=(
            RunSpec(
                name="runA",
                dataset=DatasetParams(dataset_name="d"),
                model=ModelParams(pretrained_model_name="m"),
                hparams=HParams(lr_max=3e-5),
            ),
        ),
        settings=Settings(multiple_runs=3, uncased=False),
        resources=Resources(gpus_per_worker=0.5),
    )


@pytest.mark.parametrize(
    ("key", "python", "text"),
    [
        ("lr_max", 2e-5, "2e-5"),
        ("lr_max", [2e-5, 1], "2e-5, 1"),
        ("lr_max", ("2e-5", 1.0), "2e-5,1"),
        ("early_stopping", False, "off"),
        ("batch_size", 32, " 32 "),
        ("monitor", "val_f1", "VAL_F1"),
        ("pretrained_model_name", Path("some/model"), "some/model"),
        ("cpus_per_worker", None, "auto"),
    ],
)
def test_text_means_the_same_as_in_a_file(
    read: Callable[..., ExperimentSpec], key: str, python: object, text: str
) -> None:
    spec = build_spec("exp", params=GIVEN | {key: python})
    assert spec == build_spec("exp", params=GIVEN | {key: text})
    section = "model" if key.startswith("pre") else "resources" if key.startswith("cpus") else "hparams"
    mine = {"dataset": {"dataset_name": "d"}, "model": {"pretrained_model_name": "m"}}
    mine.setdefault(section, {})[key] = text
    lines = [line for name, keys in mine.items() for line in (f"[{name}]", *(f"{k} = {v}" for k, v in keys.items()))]
    assert read("\n".join(lines), base="") == spec


@pytest.mark.parametrize(
    ("params", "preset", "max_epochs", "schedule"),
    [
        ({}, None, 250, "constant"),
        ({}, "adaptive", 250, "constant"),
        ({}, "stable", 20, "linear"),
        ({"max_epochs": 7}, "stable", 7, "linear"),
        ({"lr_schedule": "cosine"}, "original", 5, "cosine"),
        ({"max_epochs": 9}, "hybrid", 9, "hybrid"),
        ({"preset": "stable"}, "adaptive", 20, "linear"),
        ({}, "none", 250, "constant"),
        ({"preset": "none"}, "stable", 250, "constant"),
        ({"preset": None}, "stable", 250, "constant"),
    ],
)
def test_keyword_beats_preset_beats_default(
    params: dict[str, Any], preset: str | None, max_epochs: int, schedule: str
) -> None:
    (run,) = build_spec("exp", params=GIVEN | params, preset=preset).runs
    assert (run.hparams.max_epochs, run.hparams.lr_schedule) == (max_epochs, schedule)


@pytest.mark.parametrize("values", [[3e-5], (3e-5,)])
def test_a_list_of_one_value_is_that_value(values: object) -> None:
    (run,) = build_spec("exp", params=GIVEN | {"lr_max": values}).runs
    assert (run.name, run.hparams.lr_max) == ("runA", 3e-5)


def test_lists_span_a_grid_in_the_order_of_the_keywords() -> None:
    spec = build_spec("exp", params=GIVEN | {"batch_size": [32, 16], "lr_max": [1e-4, 1e-5]})
    assert [run.name for run in spec.runs] == [
        f"runA(batch_size={size},lr_max={rate})" for size in (32, 16) for rate in ("0.0001", "1e-05")
    ]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"batchsize": 16}, "exp batchsize: unknown keyword; did you mean 'batch_size'?; got 16"),
        ({"multiple_run": 2}, "exp multiple_run: unknown keyword; did you mean 'multiple_runs'?; got 2"),
        ({"batch_size": 1.5}, "exp [hparams] batch_size: must be an integer >= 1; got 1.5"),
        ({"batch_size": "1.5"}, "exp [hparams] batch_size: must be an integer >= 1; got 1.5"),
        ({"lr_max": None}, "exp [hparams] lr_max: must be a number > 0; got None"),
        ({"lr_max": []}, "exp [hparams] lr_max: must be a number > 0; got nothing"),
        ({"lr_max": {2e-5}}, "exp [hparams] lr_max: must be a number > 0; got {2e-05}"),
        ({"lr_max": [2e-5, 2e-5]}, "exp [hparams] lr_max: the values of a grid must differ; got 2e-05 twice"),
        ({"lr_max": ["2e-5, 3e-5"]}, "exp [hparams] lr_max: must be a number > 0; got 2e-5, 3e-5"),
        ({"seed": [1, 2]},
         "exp [settings] seed: must be one value: [settings] is the same for the whole grid; got [1, 2]"),
        ({"preset": "fast"},
         "exp [settings] preset: must be one of none, adaptive, original, stable, hybrid; got fast"),
        ({"lr_schedule": "hybrid"},
         "exp [hparams] early_stopping: must be False with lr_schedule = hybrid, which has a fixed number of epochs "
         "(preset = hybrid sets both); got True (from preset = adaptive)"),
    ],
)  # fmt: skip
def test_a_wrong_keyword_or_value_is_an_error(params: dict[str, Any], problem: str) -> None:
    assert problems_of(GIVEN | params, preset="adaptive") == (problem,)


def test_all_problems_are_named_at_once() -> None:
    assert [line.split(": ")[0] for line in problems_of({"lrmax": 1, "batch_size": 0, "patience": -1})] == [
        "exp lrmax",
        "exp [hparams] batch_size",
        "exp [hparams] patience",
        "exp [dataset] dataset_name",
        "exp [model] pretrained_model_name",
    ]


def test_a_name_that_leaves_its_folder_is_an_error() -> None:
    with pytest.raises(ConfigError, match="the name of the experiment names a folder"):
        build_spec("../exp", params=GIVEN)
