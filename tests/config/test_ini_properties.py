"""Writing and reading are exact inverses, for every valid experiment; no text crashes the reader."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nerbb_ray.config.ini import build_spec, format_ini, read_ini, write_ini
from nerbb_ray.config.keys import Key, keys_of
from nerbb_ray.config.spec import (
    PRESETS,
    DatasetParams,
    ExperimentSpec,
    HParams,
    ModelParams,
    Resources,
    RunSpec,
    Settings,
)
from nerbb_ray.errors import ConfigError
from nerbb_ray.paths import MAX_BYTES

CLASSES = (DatasetParams, ModelParams, Settings, HParams, Resources)
WORDS = st.text("abcXYZ019åß漢._-+=()[]:/\\%#;'\"!* ", min_size=1, max_size=20)
NAMES = WORDS.map(lambda text: " ".join(text.split())).filter(
    lambda text: text != "" and " #" not in f" {text}" and " ;" not in f" {text}"
)


def values_of(cls: type, key: str, rule: Key) -> st.SearchStrategy[Any]:
    """Allowed values of a key, from what its rule says and the type of its default."""
    if rule.rule.startswith("one of ") and rule.kind is not bool:
        return st.sampled_from(rule.rule.removeprefix("one of ").split(", "))
    if key == "loss_weights":
        return st.sampled_from(["none", "inverse", "LOC:2.0 O:0.5", "B-PER:1e-05"])
    by_kind: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(8, 10**9),
        float: st.floats(0, 1, exclude_min=True, exclude_max=True),
        str: NAMES,
    }
    strategy = by_kind[rule.kind]
    return st.none() | strategy if rule.check(None) and getattr(cls(), key) is None else strategy


def params_of(cls: type, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{key: values_of(cls, key, rule) for key, rule in keys_of(cls).items()} | fixed)


def consistent(hparams: HParams) -> HParams:
    """The same, with the rules between keys kept."""
    hybrid = hparams.lr_schedule == "hybrid"
    return replace(
        hparams,
        mode=None,
        early_stopping=hparams.early_stopping and not hybrid,
        lr_cooldown_epochs=min(hparams.lr_cooldown_epochs, hparams.max_epochs),
        label_smoothing=0.0,
        freeze_layers=0,
        reinit_layers=0,
    )


RUN_NAMES = (
    st.text("AB12.(=,) _-å", max_size=8)
    .filter(lambda text: ".." not in text and text[-1:] not in tuple(" ."))
    .map("run{}".format)
)
NO_FOLDS = st.fixed_dictionaries({"folds": st.just(0), "repeats": st.just(1), "split_seed": st.just(42)})
FOLDS = st.fixed_dictionaries(
    {
        "folds": st.integers(2, 4),
        "repeats": st.integers(1, 2),
        "split_seed": st.integers(0, 10**9),
        "train_on_val": st.just(False),
        "train_on_test": st.just(False),
    }
)


def runs_of(folds: dict[str, Any]) -> st.SearchStrategy[tuple[RunSpec, ...]]:
    """Runs of one layout of folds, by which they are compared."""
    run = st.builds(
        RunSpec,
        name=RUN_NAMES,
        dataset=params_of(DatasetParams, **{key: st.just(value) for key, value in folds.items()}),
        model=params_of(ModelParams),
        hparams=params_of(HParams).map(consistent),
    )
    return st.lists(run, min_size=1, max_size=4, unique_by=lambda run: run.name).map(tuple)


SPECS = st.builds(
    ExperimentSpec,
    name=st.just("exp"),
    runs=(NO_FOLDS | FOLDS).flatmap(runs_of),
    settings=params_of(Settings, multiple_runs=st.integers(1, 3_000), skip_validation=st.just(False))
    | params_of(Settings, multiple_runs=st.integers(1, 3_000), evaluate_checkpoint=st.just("last")),
    resources=params_of(Resources, num_workers=st.just(1))
    | params_of(Resources, trainer=st.sampled_from(["auto", "torch_trainer"])),
)


def through_a_file(text: str | bytes) -> ExperimentSpec:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exp.ini"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_ini(path)


def outcome(build: Callable[[], ExperimentSpec]) -> ExperimentSpec | tuple[str, ...]:
    """An experiment, or the problems that there are instead."""
    try:
        return build()
    except ConfigError as error:
        return error.problems


@settings(deadline=None)
@given(SPECS)
def test_what_is_written_is_read_back_exactly(spec: ExperimentSpec) -> None:
    assert through_a_file(format_ini(spec)) == spec


@settings(deadline=None)
@given(st.data())
def test_a_grid_is_expanded_once_and_then_stable(data: st.DataObject) -> None:
    keys = data.draw(
        st.lists(st.sampled_from(["lr_max", "batch_size", "pretrained_model_name", "dataset_name"]), unique=True)
    )
    rules = {key: (cls, rule) for cls in CLASSES for key, rule in keys_of(cls).items()}
    axes = {
        key: data.draw(st.lists(values_of(rules[key][0], key, rules[key][1]), min_size=1, max_size=3, unique=True))
        for key in keys
    }
    fixed: dict[str, Any] = {"dataset_name": "d", "pretrained_model_name": "m"}
    spec = outcome(lambda: build_spec("exp", params=fixed | axes))
    if isinstance(spec, tuple):
        # names such as a/b and a--b make the same folder, and long ones are no folder
        rules = ("must be the name of one run; got two", f"must not be longer than {MAX_BYTES} bytes")
        assert all(any(rule in line for rule in rules) for line in spec)
        return
    assert len(spec.runs) == math.prod(len(values) for values in axes.values())
    assert through_a_file(format_ini(spec)) == spec


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_written_and_read_back(preset: str) -> None:
    spec = build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": "m", "max_epochs": 9}, preset=preset)
    assert spec.settings.preset == preset
    assert through_a_file(format_ini(spec)) == spec


HEADERS = ["[dataset]", "[hparams]", "[runA]", "[settings] x", "[", "[]", "[a", "a]", "=", ":", "  ", "#", "[[x]]"]
VALUES = ["", "1", "0.5", "auto", "hybrid", "true", "a, b", "1,2", ",", "# x", "1e999", "-0"]
LINES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(HEADERS),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", " ", "\t", "    "]),
        st.sampled_from([key for cls in CLASSES for key in keys_of(cls)]),
        st.sampled_from([" = ", ":", "=", " "]),
        st.sampled_from(VALUES) | st.text(max_size=9),
    ),
)


def reads_or_refuses(content: bytes) -> None:
    found = outcome(lambda: through_a_file(content))
    if isinstance(found, tuple):
        assert found
        assert all(line.startswith(("exp.ini ", "exp.ini:")) for line in found)
    else:
        assert through_a_file(format_ini(found)) == found


@settings(max_examples=300, deadline=None)
@example(["[a", "b] = c"])
@example(["[hparams]", "lr_max = 1", "lr_max", "  lr_max = 2", "lr_max = 3", "   lr_max"])
@example(["[runA]", "[runA]", "[runA] 1", "[runA", "[runA]]"])
@given(st.lists(LINES, max_size=25))
def test_arbitrary_lines_give_an_experiment_or_a_config_error(lines: list[str]) -> None:
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    reads_or_refuses(content)
    reads_or_refuses(b"[dataset]\ndataset_name = d\n[model]\npretrained_model_name = m\n" + content)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_a_config_error(content: bytes) -> None:
    with pytest.raises(ConfigError):
        through_a_file(content)


def test_a_file_is_written_under_the_experiments_name_only(tmp_path: Path) -> None:
    spec = build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": "m"})
    assert read_ini(write_ini(spec, tmp_path / "exp.ini")) == spec
    with pytest.raises(ValueError, match=r"must be called exp\.ini; got other\.ini"):
        write_ini(spec, tmp_path / "other.ini")
    assert not (tmp_path / "other.ini").exists()


def test_common_values_are_written_once_and_differing_ones_in_every_run() -> None:
    spec = build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": "m", "lr_max": [1, 2]})
    text = format_ini(spec)
    assert text.count("batch_size") == 1
    assert text.endswith("\n[runA(lr_max=1.0)]\nlr_max = 1.0\n\n[runA(lr_max=2.0)]\nlr_max = 2.0\n")


def test_folds_without_end_are_counted_and_refused() -> None:
    folds = {"folds": 10**9, "repeats": 10**9}
    problems = outcome(lambda: build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": "m", **folds}))
    assert isinstance(problems, tuple)
    assert "must make at most 100000 trials" in problems[0]
