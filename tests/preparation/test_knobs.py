"""Knobs that a model or the data are not made for end with one line before anything starts, drawn ones as well."""

from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import NerbbError
from nerbb_ray.preparation.prepare import Preparation, prepare
from nerbb_ray.tune.__main__ import main

CLASSES = "must be for classes or tags of data set 'tiny' (LOC, PER, O, B-LOC, I-LOC, B-PER, I-PER)"


def searched(path: Path, hparams: str) -> ExperimentSpec:
    """The experiment without its runs, with something to draw from."""
    text = path.read_text().partition("[runA]")[0]
    path.write_text(f"{text}{hparams}\n[search]\nalgorithm = optuna\n")
    return read_ini(path)


@pytest.mark.parametrize(
    ("hparams", "said"),
    [
        ("freeze_layers = 3", "error: exp.ini [hparams] freeze_layers: must be <= 2, the layers of 'tiny-bert'; got 3"),
        (
            "lora_rank = 2\nlora_targets = q_lin",
            "error: exp.ini [hparams] lora_targets: must be linear layers of 'tiny-bert' (query key",
        ),
        (
            "loss_weights = ORG:2 O:1",
            f"error: exp.ini [hparams] loss_weights: {CLASSES}; got ORG",
        ),
    ],
)
def test_a_dry_run_ends_with_one_line(store, experiment, capsys, hparams: str, said: str) -> None:
    path = experiment(hparams=hparams)
    assert main([str(path), "--store", str(store.root), "--dry-run"]) == 2
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if line.startswith("error")]
    assert line.startswith(said)
    assert "expected" not in out, "data and model are here"


def test_errors_name_the_section_that_has_the_value_and_are_told_at_once(store, experiment, capsys) -> None:
    path = experiment(hparams="freeze_layers = 3")
    path.write_text(f"{path.read_text()}loss_weights = ORG:2\n")
    assert main([str(path), "--store", str(store.root), "--dry-run"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: exp.ini [hparams] freeze_layers: must be <= 2, the layers of 'tiny-bert'; got 3",
        f"error: exp.ini [runB] loss_weights: {CLASSES}; got ORG",
    ]


def test_a_run_ends_like_any_other_wrong_file(store, experiment, capsys) -> None:
    path = experiment(hparams="freeze_layers = 3\nreinit_layers = 3")
    assert main([str(path), "--store", str(store.root), "--quiet"]) == 2
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "error: the experiment cannot run as it is described",
        "exp.ini [hparams] freeze_layers: must be <= 2, the layers of 'tiny-bert'; got 3",
        "exp.ini [hparams] reinit_layers: must be <= 2, the layers of 'tiny-bert'; got 3",
    ]


@pytest.mark.parametrize(
    ("hparams", "said"),
    [
        (
            "freeze_layers = randint(0, 4)",
            r"\[hparams\] freeze_layers: must be <= 2, the layers of 'tiny-bert'; got randint\(0, 4\)",
        ),
        (
            "reinit_layers = choice(0, 3, 1)",
            r"\[hparams\] reinit_layers: must be <= 2, the layers of 'tiny-bert'; got 3 of choice\(0, 3, 1\)",
        ),
        (
            "freeze_layers = randint(0, 3)\nreinit_layers = randint(0, 2)",
            r"freeze_layers: must be <= 1 with reinit_layers = 1, .*; got randint\(0, 3\)",
        ),
        ("loss_weights = choice(none, ORG:2)", "got ORG of choice"),
    ],
)
def test_values_that_may_be_drawn_are_looked_at_as_well(store, experiment, hparams: str, said: str) -> None:
    spec = searched(experiment(), hparams)
    with pytest.raises(NerbbError, match=said) as caught:
        prepare(spec, Preparation(store, Path.cwd(), store.cache))
    assert "\n" not in str(caught.value), "one fault is one error"


def test_values_that_were_drawn_at_random_make_one_error(store, experiment) -> None:
    path = experiment()
    text = path.read_text().partition("[runA]")[0]
    path.write_text(f"{text}[search]\nalgorithm = random\nnum_samples = 5\n[runA]\nfreeze_layers = randint(3, 99)\n")
    with pytest.raises(NerbbError) as caught:
        prepare(read_ini(path), Preparation(store, Path.cwd(), store.cache))
    said = "exp.ini [runA] freeze_layers: must be <= 2, the layers of 'tiny-bert'; got randint(3, 99)"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "hparams",
    [
        "freeze_layers = randint(0, 3)",
        "freeze_layers = randint(0, 2)\nreinit_layers = randint(0, 2)",
        "lr_layer_decay = uniform(0.5, 1)\nhidden_dropout = uniform(0, 0.5)",
        "lora_rank = choice(2, 4)\nlora_alpha = uniform(1, 8)",
        "loss_weights = choice(none, inverse, PER:2)\nfocal_gamma = uniform(0, 2)",
    ],
)
def test_values_that_all_can_be_trained_are_accepted(store, experiment, hparams: str) -> None:
    assert prepare(searched(experiment(), hparams), Preparation(store, Path.cwd(), store.cache))
