"""Knobs that a model or the data are not made for end with one line before anything starts, drawn ones as well."""

from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import NerbbError
from nerbb_ray.preparation.prepare import Preparation, prepare
from nerbb_ray.tune.__main__ import main


def searched(path: Path, hparams: str) -> ExperimentSpec:
    """The experiment without its runs, with something to draw from."""
    text = path.read_text().partition("[runA]")[0]
    path.write_text(f"{text}{hparams}\n[search]\nalgorithm = optuna\n")
    return read_ini(path)


@pytest.mark.parametrize(
    ("hparams", "said"),
    [
        ("freeze_layers = 3", "error: freeze_layers must be <= 2, the layers of 'tiny-bert'; got 3"),
        ("lora_rank = 2\nlora_targets = q_lin", "error: lora_targets must be linear layers of 'tiny-bert' (query key"),
        (
            "loss_weights = ORG:2 O:1",
            "error: data set 'tiny': loss_weights must be for its classes or tags (LOC, PER, O, B-LOC, I-LOC, B-PER, "
            "I-PER); got ORG",
        ),
    ],
)
def test_a_dry_run_ends_with_one_line(store, experiment, capsys, hparams: str, said: str) -> None:
    path = experiment(hparams=hparams)
    assert main([str(path), "--store", str(store.root), "--dry-run"]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert line.startswith(said)


@pytest.mark.parametrize(
    ("hparams", "said"),
    [
        ("freeze_layers = randint(0, 4)", "freeze_layers must be <= 2, the layers of 'tiny-bert'; got 3"),
        ("reinit_layers = choice(0, 3, 1)", "reinit_layers must be <= 2, the layers of 'tiny-bert'; got 3"),
        ("freeze_layers = randint(0, 3)\nreinit_layers = randint(0, 2)", r"must be <= 2, .*; got 2 \+ 1"),
        ("loss_weights = choice(none, ORG:2)", "got ORG"),
    ],
)
def test_values_that_may_be_drawn_are_looked_at_as_well(store, experiment, hparams: str, said: str) -> None:
    spec = searched(experiment(), hparams)
    with pytest.raises(NerbbError, match=said):
        prepare(spec, Preparation(store, Path.cwd(), store.cache))


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
