"""A column that says the split: all rows of it are understood, or it is refused; nothing goes to train by accident."""

from typing import Any

import pytest
from fixtures.data_files import corpus_of, of_json

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
