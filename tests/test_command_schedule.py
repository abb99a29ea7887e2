"""`nerbb show_schedule` of runs with very many epochs."""

import time
from pathlib import Path

import pytest

from nerbb_ray.cli import main

INI = "[dataset]\ndataset_name = data\n[model]\npretrained_model_name = bert\n[hparams]\n"


def show(tmp_path: Path, hparams: str, *options: str) -> int:
    (tmp_path / "exp.ini").write_text(INI + hparams)
    return main(["show_schedule", str(tmp_path / "exp.ini"), "--losses", "1,.8,.6,.7", *options])


@pytest.mark.parametrize(("epochs", "rows"), [(299, 299), (300, 300), (301, 301), (5000, 301)])
def test_middle_of_a_long_table_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], epochs: int, rows: int
) -> None:
    assert show(tmp_path, f"early_stopping = False\nlr_schedule = linear\nmax_epochs = {epochs}\n") == 0
    _, _, *table, end = capsys.readouterr().out.splitlines()
    assert len(table) == rows
    assert [int(row.split()[0]) for row in (table[0], table[149], table[-150], table[-1])] == [
        0, 149, epochs - 150, epochs - 1,
    ]  # fmt: skip
    assert [row.strip() for row in table if "..." in row] == ([f"...  ({epochs - 300} epochs)"] if epochs > 300 else [])
    assert end.startswith(f"{epochs} epochs")


@pytest.mark.parametrize(
    ("hparams", "options", "message"),
    [
        (
            "early_stopping = False\nmax_epochs = 1000000000\n",
            [],
            "runA: at most 10000 epochs can be shown; got 1000000000: lower max_epochs",
        ),
        (
            "patience = 1000000\nmax_epochs = 1000000\n",
            [],
            "runA: at most 10000 epochs can be shown; got 1000000: lower max_epochs",
        ),
        ("", ["--steps-per-epoch", "1000000"], "at most 1000000 steps can be shown; got 12 epochs x 1000000: give"),
    ],
)
def test_what_would_take_minutes_is_refused_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hparams: str, options: list[str], message: str
) -> None:
    begin = time.process_time()
    assert show(tmp_path, hparams, *options) == 2
    assert message in capsys.readouterr().err
    assert time.process_time() - begin < 5


def test_early_stopping_bounds_the_epochs_whatever_max_epochs_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(tmp_path, "max_epochs = 1000000000\npatience = 2\n") == 0
    assert "13 epochs, best epoch 2" in capsys.readouterr().out
