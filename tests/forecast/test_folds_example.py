"""configs/folds.ini says what it would run."""

from pathlib import Path

import pytest

from nerbb_ray.paths import StorePaths
from nerbb_ray.tune.__main__ import main


def test_the_example_with_folds_dry_runs(
    root: Path, store: StorePaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the data and the model of the tests: neither of its own is in every clone."""
    text = (root / "configs/folds.ini").read_text()
    path = tmp_path / "folds.ini"
    path.write_text(
        text.replace("dataset_name = crossner_politics", "dataset_name = tiny").replace(
            "sentence-transformers/all-MiniLM-L6-v2", "tiny-bert"
        )
    )
    assert main([str(path), "--dry-run", "--store", str(store.root)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "folds: trials 10" in out
    assert "every run gets 2 seeds on each of 5 folds" in out
    assert "5 folds of the 52 sentences of train and val" in out
    assert "test is untouched" in out
