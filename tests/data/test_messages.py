"""What is said of data that are not read as somebody may think: the very place, and why."""

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import pytest
from fixtures.data_files import corpus_of, lines, of_json

from nerbb_ray.data.corpus import Corpus
from nerbb_ray.data.folders import read_path
from nerbb_ray.errors import DataError
from nerbb_ray.inference.files import texts_of

BIO = lines(" | ".join(f"Anna{n}/B-PER sings/O" for n in range(50)))
RECORDS = [{"sentence_id": n // 4, "token": f"w{n}", "ner": "O" if n % 4 else "B-PER"} for n in range(12)]


def records(**changed: Any) -> str:
    return of_json(*RECORDS[:5], {**RECORDS[5], **changed}, *RECORDS[6:])


REFUSED: dict[str, tuple[dict[str, str | bytes], str]] = {
    "null in records of words": ({"a.jsonl": records(token=None)}, "jsonl:6: .*'token' is null: .*keep_default_na"),
    "two words in a record": ({"a.jsonl": records(token="New York")}, "jsonl:6: .*must be one word; got 'New York'"),
    "null as a tag": ({"a.jsonl": records(ner=None)}, "jsonl:6: .*'ner' is null"),
    "comma without quotes": (
        {"u.csv": "word,tag\n" + "Anna,B-PER\nsings,O\n\n" * 16 + ",,O\n"},
        "u.csv:50: expected 2 columns between ',', as in the first line; got ',,O'",
    ),
    "one tag in small letters": (
        {"a.tsv": BIO + "\nCarl\tb-per\nsings\tO\n"},
        "a.tsv:151: a tag must be O, B-<class>, .*; got 'b-per' for 'Carl'",
    ),
    "null as a text": (
        {"a.jsonl": of_json({"text": "Anna", "label": [[0, 4, "PER"]]}, {"text": None, "label": [[0, 4, "PER"]]})},
        "jsonl:2: .*got None in 'text'|jsonl:2: expected a text in 'text'; got null",
    ),
    "a number as a text": (
        {"a.jsonl": of_json({"text": "Anna", "label": [[0, 4, "PER"]]}, {"text": 12, "label": [[0, 4, "PER"]]})},
        "jsonl:2: .*got 12 in 'text'",
    ),
    "more tags than words": (
        {"a.csv": 'text,labels\n"Anna, who sings, lives.","B-PER O O O O O O"\n"It rains, now","O O O O"\n'},
        "a.csv:2: expected one tag per word; got 4 words and 7 tags",
    ),
    "two rows with more tags than words": (
        {"a.csv": 'text,labels\n"Anna, sings","B-PER O O"\n"Bonn grows","B-LOC O"\n'},
        "a.csv:2: expected one tag per word; got 2 words and 3 tags",
    ),
    "places behind the last word": (
        {"a.jsonl": of_json({"tokenized_text": ["a", "b", "c", "d", "e"], "ner": [[3, 5, "loc"]]})},
        "an entity must be in the 5 words, from 0; got loc 3, 5",
    ),
    "bzip2": ({"a.tsv": bz2.compress(BIO.encode())}, "packed with bzip2"),
    "xz": ({"a.tsv": lzma.compress(BIO.encode())}, "packed with xz"),
    "gzip by another name": ({"a.tsv": gzip.compress(BIO.encode())}, "packed with gzip: give it the ending .gz"),
    "spreadsheet": ({"a.xlsx": b"PK\x03\x04" + bytes(30)}, "is a spreadsheet: save it as csv first"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_place_and_the_reason_are_said(tmp_path: Path, name: str) -> None:
    files, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        corpus_of(tmp_path, files)


def test_records_of_one_word_each_are_read_when_all_are_right(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a.jsonl": of_json(*RECORDS)})
    assert [len(sentence.tokens) for sentence in (*corpus.train, *corpus.val, *corpus.test)] == [4, 4, 4]


def notes(corpus: Corpus) -> str:
    return "\n".join(corpus.notes)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("B-PER\u200b", r"invisible characters only: 'PER' = 'PER\u200b'"),
        ("B-PER.", "marks or invisible characters only: PER = PER."),
        ("B-per", "case or blanks only: PER = per"),
    ],
)
def test_classes_that_look_alike_are_told_apart(tmp_path: Path, odd: str, said: str) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": lines(f"Anna/B-PER sings/O Bert/I-PER | Carl/{odd} sings/O It/I-{odd[2:]}")})
    assert said in notes(corpus)


def test_the_same_letters_in_other_code_points_are_told_apart(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": lines("A/B-\u00c9T a/I-\u00c9T b/O | B/B-E\u0301T c/I-E\u0301T d/O")})
    assert r"'E\u0301T' = '\xc9T'" in notes(corpus)


def test_a_class_that_is_hardly_one_is_named(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": lines("Anna/PER sings/O well/_ | Bonn/LOC grows/O fast/O | It/O rains/_")})
    assert "the class '_' stands for no class in other data" in notes(corpus)
    again = corpus_of(tmp_path, {"a.tsv": lines("Anna/PER sings/O well/_ | Bonn/LOC grows/O fast/O")}, outside="_")
    assert again.classes == ("LOC", "PER")


def test_texts_of_nothing_are_counted(tmp_path: Path) -> None:
    rows = [{"text": text, "label": []} for text in ("", "   ", "It rains")]
    corpus = corpus_of(tmp_path, {"a.jsonl": of_json({"text": "Anna", "label": [[0, 4, "PER"]]}, *rows)})
    assert "2 texts of nothing but blanks left out" in notes(corpus)


def test_tasks_with_equal_numbers_and_other_texts_are_other_tasks(tmp_path: Path) -> None:
    tasks = [
        {"id": 1, "text": f"{name} sings", "label": [{"start": 0, "end": 4, "text": name, "labels": ["PER"]}]}
        for name in ("Anna", "Carl", "Carl")
    ]
    [reading] = read_path(_written(tmp_path / "a.json", f"[{of_json(*tasks).replace(chr(10), ',')}]")).values()
    assert [sentence.tokens[0] for sentence in reading.sentences] == ["Anna", "Carl"]
    assert any("1 times a task has several annotations" in note for note in reading.notes)


def _written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_the_first_word_is_no_header_because_its_class_is_usual(tmp_path: Path) -> None:
    text = "Anna\tPER\nlives\t-\nin\t-\nBonn\tLOC\n\n" * 6
    assert "which no other row has" not in notes(corpus_of(tmp_path, {"n.tsv": text}))


def test_a_header_of_other_entities_is_not_that_of_hipe(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": "TOKEN\tNE-Typ\nAnna\tB-PER\nsings\tO\n\nBonn\tB-LOC\ngrows\tO\n"})
    assert corpus.classes == ("LOC", "PER")


def test_a_link_to_nowhere_is_not_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.txt").write_text(BIO)
    (folder / "test.txt").symlink_to(tmp_path / "gone/test.txt")
    with pytest.raises(DataError, match=r"test\.txt.*is a link to .*gone/test\.txt, which is not there"):
        read_path(folder)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_end_where_lines_of_data_do(tmp_path: Path, end: str) -> None:
    path = _written(tmp_path / "a.txt", end.join(["\ufeffAnna sings", "", "Bert sings", ""]))
    assert [row.text for row in texts_of(path)] == ["Anna sings", "", "Bert sings"]
