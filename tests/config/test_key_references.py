"""Linked keys: a value that is the name of another key has, in every run, that key's value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.config.check_keys import peers
from nerbb_ray.config.ini import build_spec, format_ini, read_ini
from nerbb_ray.config.spec import ExperimentSpec

Read = Callable[..., ExperimentSpec]
ProblemsOf = Callable[..., list[str]]

BASE = "[dataset]\ndataset_name = d\n{}\n[model]\npretrained_model_name = m\n"


def ratios(spec: ExperimentSpec) -> list[tuple[str, float, float]]:
    return [(run.name, run.dataset.prune_ratio_train, run.dataset.prune_ratio_val) for run in spec.runs]


@pytest.mark.parametrize(
    ("dataset", "runs", "expected"),
    [
        pytest.param(
            "prune_ratio_train = 0.1, 0.5\nprune_ratio_val = prune_ratio_train",
            "",
            [("runA(prune_ratio_train=0.1)", 0.1, 0.1), ("runA(prune_ratio_train=0.5)", 0.5, 0.5)],
            id="along an axis, and no axis itself",
        ),
        pytest.param("prune_ratio_val = prune_ratio_train", "", [("runA", 1.0, 1.0)], id="to a default"),
        pytest.param(
            "prune_ratio_val = PRUNE_ratio_train\nprune_ratio_train = 0.3",
            "",
            [("runA", 0.3, 0.3)],
            id="before the other key, in capitals",
        ),
        pytest.param(
            "prune_ratio_train = prune_ratio_test\nprune_ratio_val = prune_ratio_train\nprune_ratio_test = 0.2",
            "",
            [("runA", 0.2, 0.2)],
            id="to a linked key",
        ),
        pytest.param(
            "prune_ratio_val = prune_ratio_train",
            "[runA]\nprune_ratio_train = 0.2\n[runB]\nprune_ratio_train = 0.4\nprune_ratio_val = 0.5",
            [("runA", 0.2, 0.2), ("runB", 0.4, 0.5)],
            id="the run's own value counts",
        ),
        pytest.param(
            "prune_ratio_train = 0.3",
            "[runA]\nprune_ratio_val = prune_ratio_train, 1.0",
            [("runA(prune_ratio_val=prune_ratio_train)", 0.3, 0.3), ("runA(prune_ratio_val=1.0)", 0.3, 1.0)],
            id="in a list",
        ),
    ],
)
def test_a_linked_key_has_the_value_of_the_other_in_each_run(
    read: Read, dataset: str, runs: str, expected: list[tuple[str, float, float]]
) -> None:
    assert ratios(read(runs, base=BASE.format(dataset))) == expected


@pytest.mark.parametrize(
    ("hparams", "problems"),
    [
        pytest.param(
            "patience = lr_warmup_epochs\nlr_warmup_epochs = patience",
            [
                "[hparams] patience: must not lead back to itself; got patience = lr_warmup_epochs = patience",
                "[hparams] lr_warmup_epochs: must not lead back to itself; got lr_warmup_epochs = patience = "
                "lr_warmup_epochs",
            ],
            id="a circle",
        ),
        pytest.param(
            "max_epochs = patience\npatience = 0",
            ["[hparams] max_epochs: must be an integer >= 1; got 0 (from patience)"],
            id="a value that the other key may have, but not this one",
        ),
        pytest.param(
            "patience = lr_warmup_epoch",
            [
                "[hparams] patience: must be an integer >= 0, or another key of its type (batch_size, max_seq_length, "
                "max_epochs, lr_warmup_epochs, lr_num_cycles, lr_cooldown_epochs, freeze_layers, reinit_layers, "
                "lora_rank); got lr_warmup_epoch"
            ],
            id="no such key",
        ),
        pytest.param(
            "lr_max = max_epochs",
            [
                "[hparams] lr_max: must be a number > 0, or another key of its type (min_delta, lr_head, "
                "lr_layer_decay, weight_decay, adam_beta2, max_grad_norm, label_smoothing, focal_gamma, "
                "hidden_dropout, attention_dropout, classifier_dropout, lora_alpha); got max_epochs"
            ],
            id="a key of another type",
        ),
        pytest.param("patience = patience", ["[hparams] patience: must be an integer >= 0; got patience"], id="itself"),
        pytest.param(
            "patience = prune_ratio_train",
            [
                "[hparams] patience: must be an integer >= 0, or another key of its type (batch_size, max_seq_length, "
                "max_epochs, lr_warmup_epochs, lr_num_cycles, lr_cooldown_epochs, freeze_layers, reinit_layers, "
                "lora_rank); got prune_ratio_train"
            ],
            id="a key of another section",
        ),
    ],
)
def test_a_link_that_gives_no_value_is_told(problems_of: ProblemsOf, hparams: str, problems: list[str]) -> None:
    assert problems_of("[hparams]\n" + hparams) == problems


def test_the_problem_of_a_run_names_the_run(problems_of: ProblemsOf) -> None:
    assert problems_of("[runA]\nmax_epochs = patience") == [
        "[runA] max_epochs: must be an integer >= 1; got 0 (from patience)"
    ]


def test_rules_between_keys_see_the_value_behind_the_link(problems_of: ProblemsOf) -> None:
    text = "[settings]\npreset = hybrid\n[hparams]\nbatch_size = 8\nmax_epochs = 5\nlr_cooldown_epochs = batch_size"
    assert problems_of(text) == [
        "[hparams] lr_cooldown_epochs: must be <= max_epochs = 5 with lr_schedule = hybrid; got 8"
    ]


@pytest.mark.parametrize("key", ["multiple_runs", "num_workers", "dataset_name", "monitor", "mode"])
def test_keys_that_all_runs_share_and_keys_of_text_have_no_peers(key: str) -> None:
    assert peers(key) == ()


SPACE = "[search]\nalgorithm = {}\nnum_samples = 3\n[hparams]\nlr_warmup_epochs = randint(1, 9)\n"


def test_a_key_linked_to_one_that_is_drawn_at_random_has_its_value(read: Read) -> None:
    runs = read(SPACE.format("random") + "patience = lr_warmup_epochs").runs
    assert len({run.hparams.patience for run in runs}) == 3
    assert all(run.hparams.patience == run.hparams.lr_warmup_epochs for run in runs)


def test_a_key_cannot_be_linked_to_one_that_a_search_chooses_later(problems_of: ProblemsOf) -> None:
    assert problems_of(SPACE.format("optuna") + "patience = lr_warmup_epochs") == [
        "[hparams] patience: must not be linked to a key that the search chooses; got lr_warmup_epochs"
    ]


def test_a_domain_has_no_links_in_it(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of("[search]\nalgorithm = random\n[hparams]\npatience = choice(lr_warmup_epochs, 3)")
    assert "must have values that are an integer >= 0, and lr_warmup_epochs is not" in problem


def test_a_name_given_in_python_is_a_link_too() -> None:
    params = {"dataset_name": "d", "pretrained_model_name": "m", "prune_ratio_train": [0.1, 0.2]}
    spec = build_spec("exp", params={**params, "prune_ratio_val": "prune_ratio_train"})
    assert [(train, val) for _, train, val in ratios(spec)] == [(0.1, 0.1), (0.2, 0.2)]


def test_the_written_file_has_the_values(read: Read, tmp_path: Path) -> None:
    spec = read("", base=BASE.format("prune_ratio_train = 0.1, 0.5\nprune_ratio_val = prune_ratio_train"))
    (tmp_path / "exp.ini").write_text(format_ini(spec))
    assert "= prune_ratio_train" not in (tmp_path / "exp.ini").read_text()
    assert read_ini(tmp_path / "exp.ini") == spec
