"""BRAT: which lines count, how characters are counted, folders of pairs."""

import re
from pathlib import Path

import pytest

from nerbb_ray.data.folders import read_path
from nerbb_ray.data.formats.brat import read_brat
from nerbb_ray.errors import DataError

TEXT = "Anna Berg lives in Oslo.\nBo does not.\n"


def pair(folder: Path, annotations: str | bytes, text: str | bytes = TEXT, name: str = "a") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in ((".txt", text), (".ann", annotations)):
        (folder / f"{name}{suffix}").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / f"{name}.ann"


def rows(path: Path) -> list[str]:
    return [
        " ".join(f"{token}/{tag}" for token, tag in zip(s.tokens, s.tags, strict=True) if tag != "O")
        for s in read_brat([path]).sentences
    ]


def test_lines_about_entities_are_read_and_the_others_skipped(tmp_path: Path) -> None:
    lines = [
        "T2\tLOC 19 23\tOslo",
        "T1\tPER 0 9\tAnna Berg",
        "R1\tLivesIn Arg1:T1 Arg2:T2",
        "E1\tLOC:T2",
        "A1\tNegation T1",
        "M1\tNegation T1",
        "N1\tReference T1 Wikipedia:1\tAnna",
        "#1\tAnnotatorNotes T1\twho?",
        "*\tEquiv T1 T2",
        "",
        "T3\tPER 25 27\tBo\r",
    ]
    assert rows(pair(tmp_path, "\n".join(lines))) == ["Anna/B-PER Berg/I-PER Oslo/B-LOC", "Bo/B-PER"]


def test_document_is_cut_at_line_ends_but_never_inside_of_an_entity(tmp_path: Path) -> None:
    text = "in New\nYork\n \n\nand Oslo\n"
    path = pair(tmp_path, "T1\tLOC 3 11\tNew York\nT2\tLOC 19 23\tOslo\n", text)
    reading = read_brat([path])
    assert [(s.text, s.tokens, s.tags) for s in reading.sentences] == [
        ("in New\nYork", ("in", "New", "York"), ("O", "B-LOC", "I-LOC")),
        ("and Oslo", ("and", "Oslo"), ("O", "B-LOC")),
    ]
    assert reading.documents == [0, 0]


def test_fragments_are_read_as_all_of_it_and_noted(tmp_path: Path) -> None:
    path = pair(tmp_path, "T1\tPER 0 4;19 23\tAnna Oslo\n")
    reading = read_brat([path])
    assert reading.sentences[0].tags == ("B-PER", "I-PER", "I-PER", "I-PER", "I-PER", "O")
    assert reading.notes == [f"{path}:1: PER 0 4;19 23 has 2 fragments; it is read as all from 0 to 23"]


@pytest.mark.parametrize(
    ("text", "annotations", "note"),
    [
        ("😀 Anna\n", "T1\tPER 2 6\tAnna", None),
        ("😀 Anna\n", "T1\tPER 3 7\tAnna", "UTF-16 units"),
        ("x\r\ny\r\nAnna\r\n", "T1\tPER 6 10\tAnna", None),
        ("x\r\ny\r\nAnna\r\n", "T1\tPER 4 8\tAnna", "line ends of one character"),
        ("\ufeffAnna", "T1\tPER 1 5\tAnna", None),
        ("\ufeffAnna", "T1\tPER 0 4\tAnna", "without the byte order mark"),
    ],
)
def test_the_text_of_an_entity_says_how_characters_are_counted(
    tmp_path: Path, text: str, annotations: str, note: str | None
) -> None:
    reading = read_brat([pair(tmp_path, annotations, text)])
    assert [t for s in reading.sentences for t, tag in zip(s.tokens, s.tags, strict=True) if tag != "O"] == ["Anna"]
    assert [note in line for line in reading.notes] == ([] if note is None else [True])


@pytest.mark.parametrize(
    ("annotations", "line", "message"),
    [
        ("T1\tPER 0 4\tBerg", 1, "a.txt has 'Anna' at 0-4, but the line says 'Berg'"),
        ("T1\tPER 0 9\tAnna Berg\nT2\tPER 5 9\tBerg", 2, "PER 0-9 'Anna Berg' (line 1) and PER 5-9 'Berg' do"),
        ("T1\tPER 30 99\tx", 1, "0 <= start < end <= 38 (length of a.txt) must hold; got PER 30 99"),
        ("T1\tPER 4 4\t", 1, "must hold; got PER 4 4"),
        ("T1\tPER 4 5\t ", 1, "PER at 4-5 covers no word"),
        ("T1\tPER 0 4", 1, "expected an annotation of BRAT"),
        ("T1\tPER 0 four\tAnna", 1, "expected an annotation of BRAT"),
        ("T1\tPER -1 4\tAnna", 1, "expected an annotation of BRAT"),
        ("\nAnna\tB-PER", 2, "expected an annotation of BRAT"),
        ("T1\tPER 0 99999999999999999999\tAnna", 1, "expected an annotation of BRAT"),
    ],
)
def test_bad_line_is_named(tmp_path: Path, annotations: str, line: int, message: str) -> None:
    path = pair(tmp_path, annotations)
    with pytest.raises(DataError, match=re.escape(f"{path}:{line}: ")) as caught:
        read_brat([path])
    assert message in str(caught.value)


def test_annotations_without_their_text_are_an_error(tmp_path: Path) -> None:
    path = pair(tmp_path, "")
    (tmp_path / "a.txt").unlink()
    with pytest.raises(DataError, match=r"a\.ann: .* there is no a\.txt"):
        read_brat([path])


@pytest.mark.parametrize("start", [".", "a.ann", "a.txt"])
def test_pair_is_recognised_by_folder_annotations_or_text(tmp_path: Path, start: str) -> None:
    pair(tmp_path / "x", "T1\tPER 0 4\tAnna\n")
    [reading] = read_path(tmp_path / "x" / start).values()
    assert reading.sentences[0].tags[:2] == ("B-PER", "O")
    assert len(reading.sentences) == 2


def test_tree_with_folders_for_the_splits_keeps_them(tmp_path: Path) -> None:
    for folder, name in (("train/one", "a"), ("train/two", "b"), ("dev", "c"), ("test", "d")):
        pair(tmp_path / folder, "T1\tPER 0 4\tAnna\n", name=name)
    readings = read_path(tmp_path)
    assert {split: sorted(set(r.documents)) for split, r in readings.items()} == {
        "train": [0, 1],
        "val": [0],
        "test": [0],
    }


def test_pairs_in_any_folder_are_train_and_texts_alone_are_left_out(tmp_path: Path) -> None:
    pair(tmp_path / "x/deep", "", name="a")
    pair(tmp_path / "x", "T1\tPER 0 4\tAnna\n", name="b")
    (tmp_path / "x" / "c.txt").write_text("never annotated")
    readings = read_path(tmp_path / "x")
    assert {split: len(r.sentences) for split, r in readings.items()} == {"train": 4}
    assert readings["train"].notes == ["1 texts without annotations (.ann) are left out: c.txt"]


def test_pairs_called_like_splits_are_the_splits(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        pair(tmp_path, "T1\tPER 0 4\tAnna\n", name=name)
    assert [(split, len(r.sentences)) for split, r in read_path(tmp_path).items()] == [
        ("train", 2),
        ("val", 2),
        ("test", 2),
    ]


def sizes(path: Path) -> dict[str, int]:
    return {split: len(set(reading.documents)) for split, reading in read_path(path).items()}


@pytest.mark.parametrize(
    "names",
    [
        ("data/train", "data/dev", "data/test"),
        ("corpus/train", "corpus/dev", "corpus/test"),
        ("repo-main/data/train", "repo-main/data/dev", "repo-main/data/test"),
        ("train_data", "dev_data", "test_data"),
        ("x/train_data", "x/dev_data", "x/test_data"),
    ],
)
def test_folders_of_the_splits_are_found_at_any_depth(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number, folder in enumerate(names, start=1):
        for document in range(number):
            pair(tmp_path / folder, "T1\tPER 0 4\tAnna\n", name=f"a{document}")
    (tmp_path / "README.md").write_text("x")
    assert sizes(tmp_path) == {"train": 1, "val": 2, "test": 3}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("x/train", "x/test", "y/z"), r"called like splits \(x/test, x/train\), others do not \(y/z/a\.ann\)"),
        (("x/train", "x/test", "y/train"), r"called like splits \(x/test, x/train, y/train\), but not side by side"),
        (("x/train", "y/test"), "but not side by side"),
        (("x/test",), "but none in train"),
        (("x/train", "x/dev", "x/valid"), "expected one folder for val; got dev, valid"),
    ],
)
def test_folders_of_splits_that_are_no_data_set_are_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    for folder in names:
        pair(tmp_path / folder, "")
    with pytest.raises(DataError, match=message):
        read_path(tmp_path)


@pytest.mark.parametrize("folder", ["my_test_corpus", "latest", "x/training_material"])
def test_a_folder_whose_name_has_a_split_among_other_words_is_none(tmp_path: Path, folder: str) -> None:
    pair(tmp_path / folder, "")
    assert sizes(tmp_path) == {"train": 1}


@pytest.mark.parametrize("names", ["a b c oil train-crash", "a b c oil train-crash dev-aid", "a b c train"])
def test_documents_called_like_splits_among_others_are_documents(tmp_path: Path, names: str) -> None:
    for name in names.split():
        pair(tmp_path, "", name=name)
    [train] = read_path(tmp_path).values()
    assert len(set(train.documents)) == len(names.split())
    assert any("read as documents like all others: " in note and "train" in note for note in train.notes)


def test_a_document_called_test_and_nothing_else_is_not_taken_for_train(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "test"):
        pair(tmp_path, "", name=name)
    with pytest.raises(DataError, match="expected a file train"):
        read_path(tmp_path)
