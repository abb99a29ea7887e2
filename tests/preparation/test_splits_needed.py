"""A split that an experiment compares by must not be empty: `--dry-run` and a run end with 2."""

import shutil
from pathlib import Path

import pytest

from nerbb_ray.paths import StorePaths
from nerbb_ray.tune.__main__ import main

FIXED = "early_stopping = False"


@pytest.fixture
def own_data(store: StorePaths, tiny_dataset: Path) -> Path:
    """The data of the store, which can be spoilt."""
    folder = store.datasets / "tiny"
    folder.unlink()
    shutil.copytree(tiny_dataset, folder)
    return folder


@pytest.mark.parametrize("way", ["--dry-run", ""])
@pytest.mark.parametrize(
    ("empty", "hparams", "message"),
    [
        ("test", "", "runs are compared on test, but test is empty"),
        (
            "val",
            "",
            "exp.ini [hparams] early_stopping: must be False for data set 'tiny', or that must get a val split",
        ),
        ("val", FIXED, "the best trial is chosen on val, but val is empty"),
    ],
)
def test_nothing_starts(
    store: StorePaths, own_data: Path, experiment, capsys, empty: str, hparams: str, message: str, way: str
) -> None:
    (own_data / f"{empty}.jsonl").write_text("")
    words = [str(experiment(hparams=hparams)), "--store", str(store.root), *([way] if way else [])]
    assert main(words) == 2
    assert message in "".join(capsys.readouterr())


@pytest.mark.parametrize("empty", ["val", "test"])
def test_one_trial_needs_neither(store: StorePaths, own_data: Path, experiment, empty: str) -> None:
    (own_data / f"{empty}.jsonl").write_text("")
    file = experiment(hparams=FIXED, seeds=1)
    file.write_text(file.read_text().partition("[runB]")[0])
    assert main([str(file), "--store", str(store.root), "--dry-run"]) == 0
