"""The rule of every single key: what is parsed, what is allowed, and the defaults of the reference page."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from nerbb_ray.config.keys import keys_of, written
from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Resources, Settings
from nerbb_ray.errors import ConfigError

CLASSES = (DatasetParams, ModelParams, Settings, HParams, Resources)
# where SPEC 2 and 3 go beyond the reference page
BEYOND = {"monitor": {"val_f1"}}


def reference_rows(page: str) -> dict[str, tuple[str, str, str]]:
    """key -> (default, type, values) of the tables on the reference page."""
    rows = re.findall(r"^\| (\w+) +\| (?:Yes|No) +\| (\S+) +\| (\w+) +\| ([^|]+?) *\|", page, re.MULTILINE)
    return {key: (default, kind, values) for key, default, kind, values in rows}


def test_the_reference_pages_keys_have_its_types_defaults_and_values(shared: Path) -> None:
    rows = reference_rows((shared / "reference" / "nerblackbox-training.md").read_text())
    assert len(rows) == 7 + 1 + 4 + 14
    ours = {key: (cls, rule) for cls in CLASSES for key, rule in keys_of(cls).items()}
    for key, (default, kind, values) in rows.items():
        cls, rule = ours[key]
        value = getattr(cls(), key)
        assert type(value).__name__ == kind, key
        if default != "---":
            assert value == rule.parse(default), key
        if kind == "str" and "e.g." not in values:
            allowed = {word.strip() for word in values.split(",")}
            assert set(rule.rule.removeprefix("one of ").split(", ")) == allowed | BEYOND.get(key, set()), key


def test_no_key_is_in_two_sections() -> None:
    names = [key for cls in CLASSES for key in keys_of(cls)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("cls", CLASSES)
def test_every_default_is_written_so_that_it_is_parsed_back(cls: type) -> None:
    for key, rule in keys_of(cls).items():
        value = getattr(cls(), key)
        if value is not None and value != "":
            assert rule.parse(written(value)) == value, key


@pytest.mark.parametrize(
    ("text", "value"),
    [(t, True) for t in ("true", "True", "YES", "on", "1")] + [(t, False) for t in ("false", "No", "off", "OFF", "0")],
)
def test_booleans_are_read_in_eight_ways_and_any_case(text: str, value: bool) -> None:
    assert keys_of(HParams)["early_stopping"].parse(text) is value


@pytest.mark.parametrize(
    ("cls", "key", "text"),
    [
        (HParams, "early_stopping", "y"),
        (HParams, "early_stopping", "2"),
        (HParams, "batch_size", "1.5"),
        (HParams, "batch_size", "1_6"),
        (HParams, "batch_size", "١٦"),
        (HParams, "batch_size", "9" * 5000),
        (HParams, "lr_max", "fast"),
        (HParams, "lr_max", "1_0"),
        (Resources, "num_workers", "auto"),
        (Resources, "gpus_per_worker", "all"),
    ],
)
def test_text_of_another_type_is_not_parsed(cls: type, key: str, text: str) -> None:
    with pytest.raises(ValueError):
        keys_of(cls)[key].parse(text)


@pytest.mark.parametrize(
    ("cls", "key", "value"),
    [
        (HParams, "batch_size", 0),
        (HParams, "batch_size", 16.0),
        (HParams, "batch_size", True),
        (HParams, "max_seq_length", 7),
        (HParams, "max_epochs", 0),
        (HParams, "patience", -1),
        (HParams, "min_delta", -1e-9),
        (HParams, "lr_max", 0.0),
        (HParams, "lr_max", math.nan),
        (HParams, "lr_max", math.inf),
        (HParams, "lr_max", 10**400),
        (HParams, "lr_max", "2e-5"),
        (HParams, "monitor", "VAL_LOSS"),
        (HParams, "monitor", np.array(["val_loss"])),
        (HParams, "early_stopping", 1),
        (HParams, "lr_schedule", None),
        (DatasetParams, "prune_ratio_val", 1.01),
        (DatasetParams, "dataset_name", "a,b"),
        (DatasetParams, "dataset_name", "a #b"),
        (DatasetParams, "dataset_name", ";b"),
        (DatasetParams, "dataset_name", "a\nb"),
        (DatasetParams, "dataset_name", " a"),
        (DatasetParams, "dataset_name", "\ud800"),
        (DatasetParams, "dataset_name", None),
        (DatasetParams, "dataset_subset_name", ""),
        (Settings, "seed", 0),
        (Settings, "preset", "fast"),
        (Settings, "uncased", 1),
        (Resources, "cpus_per_worker", 0),
        (Resources, "gpus_per_worker", -0.5),
        (Resources, "max_concurrent_trials", 1.5),
    ],
)
def test_a_value_outside_its_rule_is_refused_with_section_key_rule_and_value(
    cls: type, key: str, value: object
) -> None:
    with pytest.raises(ConfigError) as caught:
        cls(**{key: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"[{cls.section}] {key}: must be {keys_of(cls)[key].rule}; got ")
    assert problem.endswith(repr(value))


def test_all_fields_outside_their_rules_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        HParams(batch_size=0, lr_max=-1, monitor="f1")
    assert [problem.split()[1] for problem in caught.value.problems] == ["batch_size:", "monitor:", "lr_max:"]


@pytest.mark.parametrize(
    ("given", "kind", "value"),
    [
        (HParams(lr_max=1).lr_max, float, 1.0),
        (HParams(lr_max=np.float64(2e-5)).lr_max, float, 2e-5),
        (HParams(batch_size=np.int64(8)).batch_size, int, 8),
        (HParams(monitor=np.str_("val_f1")).monitor, str, "val_f1"),
        (Resources(gpus_per_worker=1).gpus_per_worker, float, 1.0),
        (Resources(gpus_per_worker=0).gpus_per_worker, float, 0.0),
    ],
)
def test_allowed_values_become_the_plain_type_of_their_key(given: object, kind: type, value: object) -> None:
    assert type(given) is kind
    assert given == value


@pytest.mark.parametrize(("monitor", "mode"), [("val_loss", "min"), ("val_acc", "max"), ("val_f1", "max")])
def test_mode_follows_from_the_monitor_unless_it_is_given(monitor: str, mode: str) -> None:
    assert HParams(monitor=monitor).mode == mode
    assert HParams(monitor=monitor, mode="max").mode == "max"


def test_seeds_follow_the_base_seed() -> None:
    assert Settings(seed=42, multiple_runs=3).seeds == (43, 44, 45)
