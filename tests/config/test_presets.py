"""The presets give exactly the keys that they are known for; the rest are defaults."""

from dataclasses import asdict
from typing import Any

import pytest

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import PRESETS, HParams

# SPEC 2; the reference page lists defaults beside them, which change nothing
EXPECTED: dict[str, dict[str, Any]] = {
    "adaptive": {"max_epochs": 250, "early_stopping": True, "lr_schedule": "constant"},
    "original": {"max_epochs": 5, "early_stopping": False, "lr_schedule": "linear"},
    "stable": {"max_epochs": 20, "early_stopping": False, "lr_schedule": "linear"},
    "hybrid": {"early_stopping": False, "lr_schedule": "hybrid", "max_epochs": 9},
}


def test_there_are_no_other_presets() -> None:
    assert set(PRESETS) == set(EXPECTED)


@pytest.mark.parametrize("preset", EXPECTED)
def test_a_preset_gives_these_keys_and_no_others(preset: str) -> None:
    params: dict[str, Any] = {"dataset_name": "d", "pretrained_model_name": "m"}
    if preset == "hybrid":
        params["max_epochs"] = 9
    (run,) = build_spec("exp", params=params, preset=preset).runs
    assert asdict(run.hparams) == asdict(HParams()) | EXPECTED[preset]


def test_adaptive_is_what_happens_without_a_preset() -> None:
    assert HParams(**PRESETS["adaptive"]) == HParams()
