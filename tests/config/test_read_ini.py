"""What an experiment file means: sections, defaults, precedence, runs and grids."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, HParams, ModelParams, Resources, RunSpec, Settings

Read = Callable[..., ExperimentSpec]

# the reference page, section "Example: static experiment configuration file with parameters", word for word
REFERENCE_EXAMPLE = """\
[dataset]
dataset_name = swedish_ner_corpus
annotation_scheme = plain
prune_ratio_train = 0.1  # for testing
prune_ratio_val = 1.0
prune_ratio_test = 1.0
train_on_val = False
train_on_test = False

[model]
pretrained_model_name = af-ai-center/bert-base-swedish-uncased

[settings]
checkpoints = True
logging_level = info
multiple_runs = 1
seed = 42

[hparams]
max_epochs = 250
early_stopping = True
monitor = val_loss
min_delta = 0.0
patience = 0
mode = min
lr_warmup_epochs = 2
lr_num_cycles = 4
lr_cooldown_restarts = True
lr_cooldown_epochs = 7

[runA]
batch_size = 16
max_seq_length = 128
lr_max = 2e-5
lr_schedule = constant

[runB]
batch_size = 32
max_seq_length = 64
lr_max = 3e-5
lr_schedule = cosine
"""


def test_the_reference_pages_example_is_read_with_its_comments(read: Read) -> None:
    dataset = DatasetParams(dataset_name="swedish_ner_corpus", annotation_scheme="plain", prune_ratio_train=0.1)
    model = ModelParams(pretrained_model_name="af-ai-center/bert-base-swedish-uncased")
    run_b = HParams(batch_size=32, max_seq_length=64, lr_max=3e-5, lr_schedule="cosine")
    assert read(REFERENCE_EXAMPLE, base="") == ExperimentSpec(
        name="exp",
        runs=(
            RunSpec(name="runA", dataset=dataset, model=model, hparams=HParams()),
            RunSpec(name="runB", dataset=dataset, model=model, hparams=run_b),
        ),
        settings=Settings(),
        resources=Resources(),
    )


def test_the_example_in_these_tests_is_the_reference_pages(shared: Path) -> None:
    page = (shared / "reference" / "nerblackbox-training.md").read_text()
    dedented = "\n".join(line.removeprefix("        ") for line in page.splitlines())
    assert REFERENCE_EXAMPLE.strip() in dedented


def test_dataset_and_model_are_sufficient(read: Read) -> None:
    spec = read("")
    dataset, model = DatasetParams(dataset_name="d"), ModelParams(pretrained_model_name="m")
    assert spec == ExperimentSpec(name="exp", runs=(RunSpec(name="runA", dataset=dataset, model=model),))


def test_the_experiment_is_called_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "my.försök 1.ini"
    path.write_text("[dataset]\ndataset_name=d\n[model]\npretrained_model_name=m\n", encoding="utf-8")
    assert read_ini(path).name == "my.försök 1"


@pytest.mark.parametrize(
    "line",
    [
        "lr_max = 3e-5",
        "LR_Max = 3e-5",
        "lr_max: 3e-5",
        "lr_max=3e-5",
        "  lr_max  =  0.00003  ",
        "lr_max = 3e-5  # a comment",
        "lr_max = 3e-5 ; a comment",
        "lr_max =\n  3e-5",
        "lr_max = 3e-5\r",
    ],
)
def test_the_ways_of_writing_a_line(read: Read, line: str) -> None:
    assert read(f"[hparams]\n# first\n{line}\n; last\n").runs[0].hparams == HParams(lr_max=3e-5)


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_may_end_as_on_other_systems(read: Read, end: str) -> None:
    spec = read("[hparams]\nmax_epochs = 3 # few\npatience = 2\n".replace("\n", end))
    assert (spec.runs[0].hparams.max_epochs, spec.runs[0].hparams.patience) == (3, 2)


def test_a_byte_order_mark_is_no_text_before_the_first_section(read: Read) -> None:
    base = "\ufeff[dataset]\ndataset_name = d\n[model]\npretrained_model_name = m\n"
    assert read("", base=base).runs[0].dataset.dataset_name == "d"


def test_a_percent_sign_is_an_ordinary_character(read: Read) -> None:
    assert read("dataset_name = 100%(x)s\n", base="[model]\npretrained_model_name=m\n[dataset]\n").runs[0].dataset == (
        DatasetParams(dataset_name="100%(x)s")
    )


def test_every_section_sets_its_keys(read: Read) -> None:
    spec = read(
        "[settings]\nmultiple_runs = 3\nseed = 1\nprecision = BF16\nuncased = no\nevaluate_checkpoint = last\n"
        "[resources]\nnum_workers = 2\ngpus_per_worker = 0.5\ncpus_per_worker = auto\nmax_concurrent_trials = 4\n"
        "trainer = torch_trainer\n[search]\n"
    )
    settings = Settings(multiple_runs=3, seed=1, precision="bf16", uncased=False, evaluate_checkpoint="last")
    assert spec.settings == settings
    assert spec.resources == Resources(
        num_workers=2, gpus_per_worker=0.5, max_concurrent_trials=4, trainer="torch_trainer"
    )


@pytest.mark.parametrize(
    ("text", "max_epochs", "early_stopping", "lr_schedule"),
    [
        ("", 250, True, "constant"),
        ("[settings]\npreset = stable\n", 20, False, "linear"),
        ("[settings]\npreset = Original\n", 5, False, "linear"),
        ("[settings]\npreset = stable\n[hparams]\nmax_epochs = 7\n", 7, False, "linear"),
        ("[settings]\npreset = stable\n[hparams]\nmax_epochs = 7\n[runA]\nmax_epochs = 8\n", 8, False, "linear"),
        ("[settings]\npreset = stable\n[runA]\nlr_schedule = cosine\n", 20, False, "cosine"),
        ("[settings]\npreset = hybrid\n[hparams]\nmax_epochs = 9\n", 9, False, "hybrid"),
        ("[settings]\npreset = hybrid\n[runA]\nmax_epochs = 9\n", 9, False, "hybrid"),
        ("[hparams]\nmax_epochs = 7\n[runA]\nmax_epochs = 8\n", 8, True, "constant"),
    ],
)
def test_run_beats_section_beats_preset_beats_default(
    read: Read, text: str, max_epochs: int, early_stopping: bool, lr_schedule: str
) -> None:
    expected = HParams(max_epochs=max_epochs, early_stopping=early_stopping, lr_schedule=lr_schedule)
    assert [run.hparams for run in read(text).runs] == [expected]


def test_a_run_may_set_any_key_of_dataset_model_and_hparams(read: Read) -> None:
    text = "[run_1]\ndataset_name = e\nprune_ratio_train = .5\n[run_2]\npretrained_model_name = n\nmonitor = val_acc\n"
    first, second = read(text).runs
    dataset, model = DatasetParams(dataset_name="d"), ModelParams(pretrained_model_name="m")
    changed = replace(dataset, dataset_name="e", prune_ratio_train=0.5)
    assert first == RunSpec(name="run_1", dataset=changed, model=model)
    hparams = HParams(monitor="val_acc", mode="max")
    assert second == RunSpec(
        name="run_2", dataset=dataset, model=replace(model, pretrained_model_name="n"), hparams=hparams
    )


def test_keys_without_default_may_come_from_the_runs_alone(read: Read) -> None:
    text = "[runA]\ndataset_name = d\npretrained_model_name = m\n[runB]\ndataset_name = e\npretrained_model_name = m\n"
    assert [run.dataset.dataset_name for run in read(text, base="").runs] == ["d", "e"]


GRIDS = [
    ("[hparams]\nlr_max = 2e-5, 0.00003\n", ["runA(lr_max=2e-05)", "runA(lr_max=3e-05)"]),
    (
        "[hparams]\nlr_max = 2e-5, 3e-5\nbatch_size = 16, 32\n",
        [f"runA(lr_max={lr},batch_size={size})" for lr in ("2e-05", "3e-05") for size in (16, 32)],
    ),
    (
        "[hparams]\nbatch_size = 32, 16\nlr_max = 3e-5, 2e-5\n",
        [f"runA(batch_size={size},lr_max={lr})" for size in (32, 16) for lr in ("3e-05", "2e-05")],
    ),
    ("[hparams]\nlr_max = 2e-5,\n  3e-5\n[runB]\n", ["runB(lr_max=2e-05)", "runB(lr_max=3e-05)"]),
    ("[hparams]\nlr_max = 2e-5, 3e-5\n[runB]\nlr_max = 1e-4\n", ["runB"]),
    (
        "[hparams]\nlr_max = 2e-5, 3e-5\nbatch_size = 8, 16\n[runB]\nlr_max = 1, 2\n[runC]\nbatch_size = 4\n",
        [f"runB(batch_size={size},lr_max={lr})" for size in (8, 16) for lr in ("1.0", "2.0")]
        + ["runC(lr_max=2e-05)", "runC(lr_max=3e-05)"],
    ),
    ("[runB]\nearly_stopping = no, yes\n", ["runB(early_stopping=False)", "runB(early_stopping=True)"]),
    (
        "[runB]\npretrained_model_name = a/b, c\nprune_ratio_train = 0.5, 1\n",
        [f"runB(pretrained_model_name={m},prune_ratio_train={p})" for m in ("a--b", "c") for p in ("0.5", "1.0")],
    ),
]


@pytest.mark.parametrize(("text", "names"), GRIDS)
def test_a_list_is_an_axis_and_the_first_axis_varies_slowest(read: Read, text: str, names: list[str]) -> None:
    assert [run.name for run in read(text).runs] == names


def test_axes_of_dataset_and_model_multiply_too(read: Read) -> None:
    spec = read("", base="[dataset]\ndataset_name = d, e\n[model]\npretrained_model_name = m, n\n")
    pairs = [(run.dataset.dataset_name, run.model.pretrained_model_name) for run in spec.runs]
    assert pairs == [("d", "m"), ("d", "n"), ("e", "m"), ("e", "n")]


def test_a_points_parameters_are_those_of_its_name(read: Read) -> None:
    spec = read("[hparams]\nlr_max = 2e-5, 3e-5\nmonitor = val_f1, val_loss\n")
    for run in spec.runs:
        assert run.name == f"runA(lr_max={run.hparams.lr_max},monitor={run.hparams.monitor})"
        assert run.hparams.mode == ("max" if run.hparams.monitor == "val_f1" else "min")
