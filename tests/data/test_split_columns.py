"""A column that says the split: all rows of it are understood, or it is refused; nothing goes to train by accident."""

from typing import Any

import pytest
from fixtures.data_files import corpus_of, of_json, zipped

from nerbb_ray.errors import DataError

ROW = {"tokens": ["Anna", "sings"], "tags": ["B-PER", "O"]}


def rows(*splits: Any) -> str:
    return of_json(*({**ROW, "split": split} for split in splits))


@pytest.mark.parametrize(
    ("odd", "got"),
    [
        ("unlabeled", "'unlabeled'"),
        ("", "nothing"),
        (None, "nothing"),
        ("holdout", "'holdout'"),
        ("test2", "'test2'"),
        (3, "3"),
    ],
)
def test_one_value_that_is_no_split_is_refused_with_its_line(tmp_path, odd: Any, got: str) -> None:
    with pytest.raises(DataError, match=rf"jsonl:4: split must say train, val or test, .*; got {got}"):
        corpus_of(tmp_path, {"a.jsonl": rows("train", "train", "test", odd, "dev")})


def test_a_row_without_the_key_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="jsonl:3: split must say train, val or test"):
        corpus_of(tmp_path, {"a.jsonl": rows("train", "test") + "\n" + of_json(ROW)})


def test_val_and_test_without_train_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="split says val and test, and train of none"):
        corpus_of(tmp_path, {"a.jsonl": rows("dev", "test", "test")})


def test_columns_of_other_words_stay_what_they_are(tmp_path) -> None:
    corpus = corpus_of(tmp_path, {"a.jsonl": rows(*["news", "tweets"] * 10)})
    assert len(corpus.train) + len(corpus.val) + len(corpus.test) == 20


TABLE = "token,tag,split\nAnna,B-PER,train\nsings,O,{}\n\nBert,B-PER,test\nsings,O,test\n\nAnna,B-PER,{}\n"


@pytest.mark.parametrize(
    ("within", "other", "message"),
    [
        ("train", "", r"csv:8: split must say train, val or test, as of others; got nothing"),
        ("test", "train", r"csv:3: split must be the same for all words of a sentence; .* 'test'"),
    ],
)
def test_a_column_of_a_table_is_refused_likewise(tmp_path, within: str, other: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        corpus_of(tmp_path, {"a.csv": TABLE.format(within, other)})


def test_a_table_whose_column_says_every_split_is_cut_by_it(tmp_path) -> None:
    corpus = corpus_of(tmp_path, {"a.csv": TABLE.format("train", "dev")})
    assert [len(corpus.train), len(corpus.val), len(corpus.test)] == [1, 1, 1]


def test_a_file_that_is_one_split_by_its_name_is_not_asked(tmp_path) -> None:
    files = {"train.jsonl": rows("train", "train_2", "test"), "dev.jsonl": rows("dev"), "test.jsonl": rows("dev", "x")}
    corpus = corpus_of(tmp_path, files)
    assert [len(corpus.train), len(corpus.val), len(corpus.test)] == [3, 1, 2]


CUT = rows("train", "train", "train", "dev", "test", "test")


@pytest.mark.parametrize(
    "files",
    [
        {"a.jsonl": CUT},
        {"a.jsonl": CUT, "README.md": "x"},
        {"a.zip": zipped(**{"a.jsonl": CUT})},
        {"a.zip": zipped(**{"x/a.jsonl": CUT, "x/LICENSE": "x"})},
    ],
)
def test_the_only_file_is_cut_by_its_key_wherever_it_lies(tmp_path, files) -> None:
    corpus = corpus_of(tmp_path, files)
    assert [len(corpus.train), len(corpus.val), len(corpus.test)] == [3, 1, 2]
    assert any("says the split of every sentence" in note for note in corpus.notes)


def test_the_only_file_of_a_folder_is_refused_like_a_file_that_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl:2: split must say train, val or test"):
        corpus_of(tmp_path, {"a.jsonl": rows("train", "x", "test"), "README.md": "x"})


def test_a_split_that_the_user_leaves_out_of_the_only_file_is_left_out(tmp_path) -> None:
    files = {"a.jsonl": CUT, "README.md": "x"}
    assert [file.sentences for file in corpus_of(tmp_path, files, split_names="test=none").files] == [3, 1]


@pytest.mark.parametrize("parts", [1, 2])
def test_folders_that_are_splits_say_that_a_key_of_their_files_is_not_used(tmp_path, parts: int) -> None:
    files = {f"{split}/x{part}.jsonl": rows("train", "test") for split in ("train", "test") for part in range(parts)}
    notes = [note for note in corpus_of(tmp_path, files).notes if "it is not used" in note]
    assert [("train/" in note, "the key 'split' says" in note) for note in notes] == [(True, True), (False, True)]


def test_files_that_are_splits_say_that_an_unclear_key_is_not_used(tmp_path) -> None:
    notes = corpus_of(tmp_path, {"train.jsonl": rows("train", "x", "test"), "test.jsonl": rows("test")}).notes
    [note] = [note for note in notes if "this is not used" in note]
    assert "train.jsonl:2: split must say train, val or test, as of others; got 'x'" in note
