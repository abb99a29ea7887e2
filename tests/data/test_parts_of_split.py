"""A split in several files: shards, or a file a document in the folder of the split."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nerbb_ray.data.fetch import read_local
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

WORDS = ["Anna", "Bob", "Cleo", "Dan", "Eve"]


def rows(*numbers: int) -> list[dict[str, list[str]]]:
    return [{"tokens": [WORDS[n], "sings"], "tags": ["B-PER", "O"]} for n in numbers]


def write(path: Path, numbers: tuple[int, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows(*numbers)), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows(*numbers))))
    else:
        path.write_text("\n".join(f"{WORDS[n]}\tB-PER\nsings\tO\n" for n in numbers))


def first_words(reading: Reading) -> list[str]:
    return [sentence.tokens[0] for sentence in reading.sentences]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("folder", ["", "data"])
def test_shards_are_one_split_in_their_order(tmp_path: Path, suffix: str, folder: str) -> None:
    where = tmp_path / folder
    write(where / f"train-00001-of-00002{suffix}", (2, 3))
    write(where / f"train-00000-of-00002{suffix}", (0, 1))
    write(where / f"test-00000-of-00001{suffix}", (4,))
    found = read_local(tmp_path)
    assert {split: first_words(reading) for split, reading in found.items()} == {
        "train": ["Anna", "Bob", "Cleo", "Dan"],
        "test": ["Eve"],
    }
    assert any("2 files read as one split" in note for note in found["train"].notes)
    assert not any("is not used" in note for note in found["train"].notes)


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00003.jsonl", (0,))
    write(tmp_path / "train-00002-of-00003.jsonl", (1,))
    with pytest.raises(DataError, match=r"expected 3 shards; got train-00000-of-00003.jsonl, train-00002-of-00003"):
        read_local(tmp_path)


def test_files_of_a_folder_that_is_a_split_are_its_documents(tmp_path: Path) -> None:
    write(tmp_path / "train" / "d0.conll", (0, 1))
    write(tmp_path / "train" / "d1.conll", (2, 3))
    write(tmp_path / "test" / "d2.conll", (4,))
    found = read_local(tmp_path)
    assert first_words(found["train"]) == ["Anna", "Bob", "Cleo", "Dan"]
    assert found["train"].documents == [0, 0, 1, 1]
    assert first_words(found["test"]) == ["Eve"]


def test_files_of_several_formats_are_no_split(tmp_path: Path) -> None:
    write(tmp_path / "train" / "a.conll", (0, 1))
    write(tmp_path / "train" / "b.jsonl", (2, 3))
    with pytest.raises(DataError, match=r"files of one split must be of one format; got columns in .*, tokens in"):
        read_local(tmp_path)


def test_two_files_for_a_split_that_are_no_shards_are_still_refused(tmp_path: Path) -> None:
    write(tmp_path / "train_a.conll", (0,))
    write(tmp_path / "train_b.conll", (1,))
    with pytest.raises(DataError, match="expected one file for train"):
        read_local(tmp_path)
