"""`nerbb check_dataset`: where it looks, what it prints, its exit status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.cli import main

Check = Callable[..., tuple[int, str, str]]
ROWS = [(f"w{i} Paris now", "O B-LOC O") for i in range(20)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / "datasets" / "mine"
    folder.mkdir(parents=True)
    for split in ("train", "val", "test"):
        lines = [f"{tags}\t{words} {split}" for words, tags in ROWS]
        (folder / f"{split}.csv").write_text("".join(f"{line}\n".replace("O\t", "O O\t") for line in lines))
    return tmp_path / "store"


@pytest.fixture
def check(store: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def call(*words: str) -> tuple[int, str, str]:
        status = main(["check_dataset", "--store", str(store), *words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def leak(store: Path) -> None:
    folder = store / "datasets" / "mine"
    with (folder / "test.csv").open("a") as file:
        file.write((folder / "train.csv").read_text().splitlines()[0] + "\n")


def test_data_set_of_the_store(check: Check) -> None:
    status, out, err = check("mine")
    assert (status, err) == (0, "")
    assert "data set mine: 0 errors, 0 warnings" in out
    assert "LOC" in out


def test_data_set_of_a_folder(check: Check, store: Path) -> None:
    status, out, _ = check(str(store / "datasets" / "mine"))
    assert status == 0
    assert "train.csv, val.csv, test.csv" in out


def test_file_is_looked_over_before_it_is_set_up(check: Check, tmp_path: Path) -> None:
    (tmp_path / "new.conll").write_text("Ann\tB-PER\n\nin\tO\nRome\tI-LOC\n\nBo\tB-PER\n" * 3)
    status, out, _ = check(str(tmp_path / "new.conll"))
    assert status == 0
    assert "3 tags of train break the scheme bio, such as I-LOC after O (new.conll:4" in out


@pytest.mark.parametrize(("planted", "strict", "status"), [(False, True, 0), (True, False, 0), (True, True, 1)])
def test_only_strict_fails_and_only_on_problems(
    planted: bool, strict: bool, status: int, check: Check, store: Path
) -> None:
    if planted:
        leak(store)
    code, out, _ = check("mine", *(["--strict"] if strict else []))
    assert code == status
    assert ("1 sentence of test (4.8 %) also in train (test.csv:21, train.csv:1)" in out) == planted


def test_json_is_strict_and_complete(check: Check, store: Path, tiny_model: Path) -> None:
    leak(store)
    status, out, _ = check("mine", "--json", "--model", str(tiny_model), "--max-seq-length", "16")
    found = json.loads(out, parse_constant=pytest.fail)
    assert status == 0
    assert found["name"] == "mine"
    assert [split["sentences"] for split in found["splits"]] == [20, 20, 21]
    assert found["splits"][0]["subtokens"]["lengths"]["spread"]["max"] > 4
    assert found["overlaps"][1]["pairs"][0][0]["line"] == 21
    assert {"check", "severity", "text", "advice", "count", "places"} <= set(found["problems"][0])


def test_page_is_written_and_named(check: Check, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    status, _, err = check("mine", "--html", str(page))
    assert (status, err) == (0, f"page: {page}\n")
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_scheme_of_training_is_shown_beside_that_of_the_file(check: Check) -> None:
    _, out, _ = check("mine", "--annotation-scheme", "bilou", "--json")
    found = json.loads(out)
    assert (found["scheme"], found["splits"][0]["tagging"]["scheme"]) == ("bilou", "bio")
    assert found["notes"][0].startswith(
        "read from train.csv: rows, a sentence a line, words column 2, tags column 1 (bio)"
    )
    assert found["notes"][3:] == [f"{split}: tags converted from bio to bilou" for split in ("train", "val", "test")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["./nowhere"], "there is no such folder"),
        (["mine", "--subset", "other"], "has no subset 'other'"),
        (["mine", "--model", "MODEL", "--max-seq-length", "2"], "max_seq_length must be > 2"),
        (["mine", "--model", "MODEL", "--max-seq-length", "4096"], "max_seq_length must be <= 128"),
        (["mine", "--max-seq-length", "0"], "must be an integer >= 1"),
        (["mine", "--html", "/proc/nowhere/x.html"], "the page cannot be written"),
    ],
)
def test_mistake_is_told_with_status_2(words: list[str], message: str, check: Check, tiny_model: Path) -> None:
    status, _, err = check(*(str(tiny_model) if word == "MODEL" else word for word in words))
    assert status == 2
    assert message in err
    assert "Traceback" not in err


def test_broken_file_is_named_with_its_line(check: Check, store: Path) -> None:
    with (store / "datasets" / "mine" / "val.csv").open("a") as file:
        file.write("O O\tone\n")
    status, _, err = check("mine")
    assert status == 2
    assert "val.csv:21" in err
