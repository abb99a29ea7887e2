"""Damaged and strange files of every kind: an error that names the file, or the right sentences; never a crash."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.detect import SUFFIXES, read_file
from nerbb_ray.data.folders import read_path
from nerbb_ray.errors import DataError

ROW = json.dumps({"tokens": ["Ann", "is"], "tags": ["B-PER", "O"]})
DOC = json.dumps({"text": "Ann is", "label": [[0, 3, "PER"]]})
GOOD = {
    "a.csv": "B-PER O\tAnn is",
    "a.jsonl": ROW,
    "b.jsonl": json.dumps({"text": "Ann is", "tags": [{"token": "Ann", "tag": "PER", "char_start": 0, "char_end": 3}]}),
    "c.jsonl": DOC,
    "a.conll": "Ann\tB-PER\nis\tO",
    "a.json": f"[{DOC}]",
}
KINDS = pytest.mark.parametrize("name", GOOD)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def words(path: Path) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(sentence.tokens, sentence.tags) for sentence in read_file(path).sentences]


EXPECTED = [(("Ann", "is"), ("B-PER", "O"))]


@KINDS
@pytest.mark.parametrize("change", ["{}\n", "{}\r\n", "\ufeff{}", "{}\n\n\n", "\ufeff{}\r\n\r\n"])
def test_line_ends_and_byte_order_marks_change_nothing(tmp_path: Path, name: str, change: str) -> None:
    text = GOOD[name].replace("\n", "\r\n") if "\r" in change else GOOD[name]
    assert words(write(tmp_path, name, change.replace("{}", text))) == EXPECTED


@KINDS
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_read_and_said(tmp_path: Path, name: str, encoding: str) -> None:
    path = write(tmp_path, name, GOOD[name].encode(encoding))
    assert words(path) == EXPECTED
    reading = read_file(path)
    assert reading.choices["encoding"] == encoding
    assert f"{path}: read as {encoding}" in reading.notes[0]


@KINDS
def test_mixed_encodings_and_nul_are_named_with_their_line(tmp_path: Path, name: str) -> None:
    good = GOOD[name].encode()
    line = good.count(b"\n") + 2
    mixed = "smör Åsa är på väg hem\n".encode() + good + b"\n\xe5sa\n"
    with pytest.raises(DataError, match=rf"{name}:{line + 1}: is UTF-8 in most places.* byte 0xe5.*--encoding"):
        read_file(write(tmp_path, name, mixed))
    with pytest.raises(DataError, match=rf"{name}:{line}: must be UTF-8 text; byte 0x00"):
        read_file(write(tmp_path, name, good + b"\n\0\n"))


@KINDS
@pytest.mark.parametrize("content", ["", "\n", "\ufeff", " \r\n\t\n"])
def test_empty_file_has_no_sentences(tmp_path: Path, name: str, content: str) -> None:
    assert words(write(tmp_path, name, content)) == []


def test_escaped_nul_is_a_character(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", json.dumps({"text": "A\0nn", "label": [[2, 4, "PER"]]}))
    assert words(path) == [(("A", "\0", "nn"), ("O", "O", "B-PER"))]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "b.jsonl", "c.jsonl", "a.json", "a.ann"])
def test_lines_of_a_megabyte_are_read(tmp_path: Path, name: str) -> None:
    number = 250_000
    text = "Ann " + "abc " * (number - 1)
    tokens, tags = ["Ann", *["abc"] * (number - 1)], ["B-PER", *["O"] * (number - 1)]
    content = {
        "a.csv": " ".join(tags) + "\t" + text.strip(),
        "a.jsonl": json.dumps({"tokens": tokens, "tags": tags}),
        "b.jsonl": GOOD["b.jsonl"].replace("Ann is", text),
        "c.jsonl": GOOD["c.jsonl"].replace("Ann is", text),
        "a.json": GOOD["a.json"].replace("Ann is", text),
        "a.ann": "T1\tPER 0 3\tAnn",
    }[name]
    write(tmp_path, "a.txt", text) if name == "a.ann" else None
    [(found, found_tags)] = words(write(tmp_path, name, content))
    assert (list(found), list(found_tags)) == (tokens, tags)


def test_word_of_a_megabyte_is_read(tmp_path: Path) -> None:
    word = "a" * 2**20
    assert words(write(tmp_path, "a.conll", f"{word}\tB-X\n")) == [((word,), ("B-X",))]


def test_many_entities_in_one_long_line_are_read(tmp_path: Path) -> None:
    labels = [[5 * i, 5 * i + 4, "X"] for i in range(20_000)]
    [(tokens, tags)] = words(write(tmp_path, "a.jsonl", json.dumps({"text": "abcd " * 20_000, "label": labels})))
    assert (len(tokens), set(tags)) == (20_000, {"B-X"})


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_folder_in_the_place_of_a_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").mkdir()
    with pytest.raises(DataError, match=rf"a\{suffix}"):
        read_file(tmp_path / f"a{suffix}")


def check_outcome(path: Path) -> None:
    """Sentences with a tag for each word, or an error that names the file (or the text beside it)."""
    try:
        reading = read_file(path)
    except DataError as error:
        message = str(error)
    else:
        message = str(path)
        assert all(len(s.tokens) == len(s.tags) for s in reading.sentences)
    assert str(path.with_suffix("")) in message


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_are_sentences_or_an_error(tmp_path: Path, suffix: str, content: bytes) -> None:
    if suffix == ".ann":
        (tmp_path / "a.txt").write_bytes(content)
    path = write(tmp_path, f"a{suffix}", content)
    check_outcome(path)


KEYS = [
    "text",
    "data",
    "label",
    "labels",
    "entities",
    "annotations",
    "result",
    "value",
    "start",
    "end",
    "start_offset",
    "end_offset",
    "tokens",
    "tags",
    "id",
    "annotator",
    "type",
    "scheme",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.text("aT \0é", max_size=3) | st.just("text"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.lists(JSON, max_size=3))
def test_json_of_any_shape_is_sentences_or_an_error(tmp_path: Path, name: str, value: list[object]) -> None:
    text = json.dumps(value) if name == "a.json" else "\n".join(map(json.dumps, value))
    path = write(tmp_path, name, text)
    check_outcome(path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "expected files train, val and test .* got nothing"),
        (["train.csv", "train.jsonl"], "expected one file for train; got train.csv, train.jsonl"),
        (["train.csv", "dev.csv", "valid.csv"], "expected one file for val; got dev.csv, valid.csv"),
        (["train/a.csv", "dev/a.csv", "val/a.csv"], "expected one folder for val; got dev, val"),
        (["test.csv"], "expected a file train with one of .* got test.csv"),
        (["a.csv", "b.csv"], "or a single file, or pairs of BRAT; got a.csv, b.csv"),
        (["a.html"], "or a single file, or pairs of BRAT; got a.html"),
        (["dev/a.csv"], "expected a file train"),
    ],
)
def test_folder_that_can_be_meant_in_no_way_or_in_two_is_an_error(
    tmp_path: Path, files: list[str], message: str
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("O\tx\n")
    with pytest.raises(DataError, match=message):
        read_path(tmp_path)


@KINDS
def test_data_without_sentences_are_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"{name}: train has no sentences"):
        read_path(write(tmp_path, name, "\n"))


def test_file_of_another_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.docx:1: must be UTF-8 text; byte 0x00"):
        read_path(write(tmp_path, "a.docx", b"PK\x03\x04\x00\x00"))
    with pytest.raises(DataError, match="there is no such file or folder"):
        read_path(tmp_path / "nothing.csv")


def test_folder_of_folders_with_one_file_each_has_their_splits(tmp_path: Path) -> None:
    for folder, number in (("train", 3), ("validation", 2), ("test", 1)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.jsonl").write_text(f"{DOC}\n" * number)
    sizes = {split: len(reading.sentences) for split, reading in read_path(tmp_path).items()}
    assert sizes == {"train": 3, "val": 2, "test": 1}
