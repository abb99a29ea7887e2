"""`nerbb study`: what it prints, its files and its exit status."""

import json
from pathlib import Path

import pytest

from nerbb_ray.cli import main

FILE = """[dataset]
dataset_name = {data}
prune_ratio_train = 0.5, 1.0
prune_ratio_val = prune_ratio_train
[model]
pretrained_model_name = {model}
[settings]
multiple_runs = 2
checkpoints = False
[hparams]
max_epochs = 1
early_stopping = False
max_seq_length = 32
lr_warmup_epochs = 0
[run_short]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two experiments on two data sets."""
    path = tmp_path / "both"
    path.mkdir()
    for name in ("one", "two"):
        (path / f"{name}.ini").write_text(FILE.format(data=name, model="m"))
    return path


def test_dry_run_lists_the_experiments_and_their_trials(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", str(folder), "--dry-run"]) == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert rows[2:] == [["one", "one", "m", "short", "2", "2", "4"], ["two", "two", "m", "short", "2", "2", "4"]]


def test_table_reads_only_and_shows_what_is_missing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, page, picture = tmp_path / "store", tmp_path / "s.html", tmp_path / "s.svg"
    options = ["--table", "--only", "two", "--html", str(page), "--plot", str(picture)]
    assert main(["study", str(folder), *options, "--store", str(store)]) == 0
    out = capsys.readouterr().out
    assert "study both: test entity micro F1, 0 of 4 trials ended ok" in out
    assert "### two, m" in out
    assert "### one, m" not in out
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert picture.read_text().startswith("<?xml")
    assert not (store / "results").exists()


def test_json_is_strict(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", str(folder), "--table", "--json", "--phase", "val", "--store", str(tmp_path / "s")]) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=lambda text: pytest.fail(text))
    assert values["metric"] == "val/entity/micro/f1"
    assert [point["score"]["mean"] for panel in values["panels"] for point in panel["points"]] == [None] * 4


def test_an_experiment_that_cannot_run_does_not_keep_the_others_from_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(folder), "--store", str(tmp_path / "store")]) == 2
    printed = capsys.readouterr()
    assert [line for line in printed.err.splitlines() if line.startswith("experiment ")] == [
        "experiment 1 of 2: one",
        "experiment 2 of 2: two",
    ]
    assert printed.err.count("error: ") == 2
    assert "0 of 8 trials ended ok" in printed.out


@pytest.mark.slow
def test_a_study_runs_and_is_not_repeated(
    folder: Path, tiny_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one.ini").write_text(FILE.format(data=tiny_dataset, model=tiny_model))
    command = ["study", str(folder), "--only", "one", "--quiet", "--store", str(tmp_path / "store")]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert "4 of 4 trials ended ok" in first
    states = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "results" / "ray").rglob("*")}
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert main([*command, "--table"]) == 0
    assert capsys.readouterr().out == first
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "results" / "ray").rglob("*.pkl")}
    assert after.items() <= states.items()
