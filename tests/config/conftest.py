"""Experiment files for the tests of the configuration."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import ConfigError

BASE = "[dataset]\ndataset_name = d\n[model]\npretrained_model_name = m\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ExperimentSpec]:
    """Reads the text of an experiment file; what every file needs comes first unless `base` replaces it."""

    def read_text(text: str, base: str = BASE) -> ExperimentSpec:
        path = tmp_path / "exp.ini"
        path.write_bytes((base + text).encode())
        return read_ini(path)

    return read_text


@pytest.fixture
def problems_of(read: Callable[..., ExperimentSpec]) -> Callable[..., list[str]]:
    """The problems of an experiment file, without the name of the file."""

    def problems(text: str, base: str = BASE) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, base)
        assert all(line.startswith("exp.ini ") for line in caught.value.problems)
        return [line.removeprefix("exp.ini ") for line in caught.value.problems]

    return problems
