"""Which file is which split; none that could be read is left out without a word."""

import gzip
from pathlib import Path

import pytest
from fixtures.data_files import corpus_of, lines, of_json, zipped

from nerbb_ray.data.folders import read_path
from nerbb_ray.data.split_names import SPLIT_NAMES
from nerbb_ray.errors import DataError

ROWS = lines("Anna/B-PER hi/O | It/O")


@pytest.mark.parametrize(
    ("files", "sizes"),
    [
        ({"a.jsonl.gz": gzip.compress(of_json({"tokens": ["Anna", "hi"], "tags": ["B-PER", "O"]}).encode())}, [1]),
        ({"train.tsv.gz": gzip.compress(ROWS.encode()), "dev.tsv.gz": gzip.compress(ROWS.encode())}, [2, 2]),
        ({"a.zip": zipped(**{"x/train.tsv": ROWS, "x/test.tsv": ROWS})}, [2, 2]),
        ({"a.zip": zipped(**{"all.jsonl": of_json({"text": "Anna hi", "label": [[0, 4, "PER"]]})})}, [1]),
        ({"xx_y-ud-train.iob2": ROWS, "xx_y-ud-dev.iob2": ROWS, "xx_y-ud-test.iob2": ROWS}, [2, 2, 2]),
        ({"eng.train": ROWS, "eng.testa": ROWS, "eng.testb": ROWS}, [2, 2, 2]),
        ({"wnut17train.conll": ROWS, "emerging.dev.conll": ROWS, "emerging.test.annotated": ROWS}, [2, 2, 2]),
        ({"train.tsv": ROWS, "eval.tsv": ROWS}, [2, 2]),
        ({"train_dev.tsv": ROWS, "test.tsv": ROWS}, [2, 2]),
        ({"train.data": ROWS, "dev.data": ROWS}, [2, 2]),
        ({"train": ROWS, "dev": ROWS, "test": ROWS}, [2, 2, 2]),
        ({"data/train.tsv": ROWS, "data/dev.tsv": ROWS, "README.md": "x"}, [2, 2]),
        ({"train/a.tsv": ROWS, "devel/b.tsv": ROWS, "test/c.tsv": ROWS}, [2, 2, 2]),
        ({"data/train/a.tsv": ROWS, "data/test/c.tsv": ROWS}, [2, 2]),
        ({"dataset/train/a.tsv": ROWS, "dataset/test/c.tsv": ROWS, "README.md": "x"}, [2, 2]),
    ],
)
def test_splits_are_found_by_their_names(tmp_path: Path, files: dict[str, str | bytes], sizes: list[int]) -> None:
    corpus_of(tmp_path, files)
    path = tmp_path / "data" / next(iter(files)) if len(files) == 1 else tmp_path / "data"
    assert [len(reading.sentences) for reading in read_path(path).values()] == sizes


def test_readable_files_that_are_not_used_are_named(tmp_path: Path) -> None:
    files = dict.fromkeys(("train.tsv", "train_dev.tsv", "train_old.tsv", "heldout.tsv", "dev.tsv"), ROWS)
    corpus = corpus_of(tmp_path, {**files, "README.txt": "x", "labels.txt": "O", "LICENSE.txt": "x", "notes.md": "x"})
    unused = [note.split(" is not used")[0].rsplit("/", 1)[1] for note in corpus.notes if "is not used" in note]
    assert unused == ["heldout.tsv", "train_dev.tsv", "train_old.tsv"]


def test_split_names_say_which_is_which(tmp_path: Path) -> None:
    files = {"a.tsv": f"{ROWS}\n" * 3, "b.tsv": f"{ROWS}\n" * 2, "c.tsv": ROWS}
    corpus = corpus_of(tmp_path, files, split_names="train=a,val=b.tsv,test=c")
    assert [len(corpus.train), len(corpus.val), len(corpus.test)] == [6, 4, 2]


def test_split_names_may_be_those_of_folders(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a/x.tsv": ROWS, "b/x.tsv": f"{ROWS}\n" * 2}, split_names="train=a,val=b")
    assert [file.sentences for file in corpus.files] == [2, 4]


def test_split_can_be_left_out(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"train.tsv": ROWS * 5, "test.tsv": "word\n"}, split_names="test=none")
    assert "test.tsv is not used" in "\n".join(corpus.notes)


@pytest.mark.parametrize("name", SPLIT_NAMES["val"])
def test_every_name_of_val_is_known(tmp_path: Path, name: str) -> None:
    corpus_of(tmp_path, {"train.tsv": ROWS, f"{name}.tsv": ROWS})
    assert list(read_path(tmp_path / "data")) == ["train", "val"]


def test_annotator_who_has_no_file_is_refused(tmp_path: Path) -> None:
    record = of_json({"text": "Anna hi", "label": []})
    with pytest.raises(DataError, match="--annotator eve: there is no file of this name; got admin, bob"):
        corpus_of(tmp_path, {"a.zip": zipped(**{"admin.jsonl": record, "bob.jsonl": record})}, annotator="eve")


def test_what_is_not_certain_in_a_split_is_read_like_train(tmp_path: Path) -> None:
    train = lines("Anna/NNP/B-PER Berg/NNP/I-PER hi/UH/O you/PRP/O")
    corpus = corpus_of(tmp_path, {"train.tsv": train, "dev.tsv": lines("O/NNP/O B-x/NNP/B-PER")})
    assert corpus.val[0].tokens == ("O", "B-x")
    assert any("dev.tsv: not certain by itself, read like train" in note for note in corpus.notes)


def test_messages_name_files_of_an_archive_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.zip/train\.tsv:1: expected a word and its tag"):
        corpus_of(tmp_path, {"a.zip": zipped(**{"train.tsv": "word\n", "dev.tsv": ROWS})})
