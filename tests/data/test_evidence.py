"""What is not said is told by evidence over the whole file; where it is too weak, it is refused or noted."""

import json
from pathlib import Path
from typing import Any

import pytest
from fixtures.data_files import corpus_of, lines, of_json, shown

from nerbb_ray.data.column_evidence import Column, Grade, grade_of
from nerbb_ray.data.options import AUTO
from nerbb_ray.errors import DataError

TRAIN_DATA = """import spacy
CLASSES = ["PER"]


def load():
    TRAIN_DATA = [
        ("Anna sings", {"entities": [(0, 4, "PER")]}),  # no comma
        ("It rains", {"entities": []}),
    ]
    return TRAIN_DATA
"""
ONE_AND_BOTH = {"text": "New York Times", "label": [[0, 14, "ORG"], [0, 8, "LOC"]]}


def task(entity: dict[str, Any], *people: int, **data: str) -> dict[str, Any]:
    results = [{"from_name": "l", "to_name": "t", "type": "labels", "value": entity}]
    annotations = [{"completed_by": person, "result": results} for person in people or (1,)]
    return {"id": 1, "data": data, "annotations": annotations}


ANNA = {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}
CONLLU_OF_HEADS = "".join(f"{i}\t{word}\t_\tX\t_\t_\t0\troot\t_\t_\n" for i, word in ((1, "Anna"), (2, "sings")))
READ: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "first of those that begin together": (
        {"a.jsonl": of_json(ONE_AND_BOTH)},
        {"overlaps": "first"},
        "New/B-ORG York/I-ORG Times/I-ORG",
        "(--overlaps first)",
    ),
    "first of joined tags": (
        {"a.tsv": "New\tB-ORG|B-LOC\nYork\tI-ORG|I-LOC\nTimes\tI-ORG\n\nIt\tO\n"},
        {"overlaps": "first"},
        "New/B-ORG York/I-ORG Times/I-ORG | It/O",
        "(--overlaps first)",
    ),
    "a text of another name": (
        {
            "a.json": json.dumps(
                [task(ANNA, my_text="Anna sings", origin="letter 5"), task(ANNA, my_text="Anna", origin="x")]
            )
        },
        {},
        "Anna/B-PER sings/O | Anna/B-PER",
        "",
    ),
    "a text that is named": (
        {"a.json": json.dumps([task(ANNA, one="Anna sings", other="Anna left")])},
        {"word_column": "other"},
        "Anna/B-PER left/O",
        "",
    ),
    "two people, the first": (
        {"a.json": json.dumps([task(ANNA, 1, 2, text="Anna sings")])},
        {},
        "Anna/B-PER sings/O",
        "for those of one person say --annotator",
    ),
    "a program": ({"train.py": TRAIN_DATA}, {}, "Anna/B-PER sings/O | It/O rains/O", ""),
    "UTF-16 units that only words confirm": (
        {
            "a.jsonl": of_json(
                {"text": "\U0001f600 Anna sings", "label": [[3, 7, "PER"]]},
                {"text": "Oslo \U0001f600\U0001f600 Bergen", "label": [[0, 4, "LOC"], [10, 16, "LOC"]]},
            )
        },
        {},
        "\U0001f600/O Anna/B-PER sings/O | Oslo/B-LOC \U0001f600/O \U0001f600/O Bergen/B-LOC",
        "2 texts: places are taken as UTF-16 units: so borders of entities are borders of words; as code points, 4",
    ),
    "words and tags as strings": (
        {"a.jsonl": of_json({"tokens": "Anna sings", "tags": "B-PER O"}, {"tokens": "It rains", "tags": "O O"})},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
        "",
    ),
    "lines of a blank that is not ASCII": (
        {"a.txt": "Anna B-PER\nsings O\n\u00a0\nIt O\n\u3000\n"},
        {},
        "Anna/B-PER sings/O | It/O",
        "",
    ),
    "a letter behind a bar": (
        {"a.tsv": "Anna\tPER|B\nBerg\tPER|I\nsings\tO\n\nOslo\tLOC|B\nwaits\tO\n"},
        {},
        "Anna/B-PER Berg/I-PER sings/O | Oslo/B-LOC waits/O",
        "tags are spelled <class>|<letter>",
    ),
}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    "nothing but heads that are 0": (
        {"a.conllu": CONLLU_OF_HEADS},
        {},
        ["no column looks like tags of entities. If one is, say it with --tag-column"],
    ),
    "two strings and no entity": (
        {"a.json": json.dumps([{"data": {"one": "a b", "other": "c d"}, "annotations": [{"result": []}]}])},
        {},
        ["got the keys one, other: say which has it with --word-column"],
    ),
    "a text that is not there": (
        {"a.json": json.dumps([task(ANNA, text="Anna sings")])},
        {"word_column": "body"},
        ['expected the text of the task as "body"', "--word-column"],
    ),
    "splits of a single file": (
        {"a.tsv": lines("Anna/B-PER hi/O")},
        {"split_names": "train=b"},
        ["--split-names means nothing for a single file, all of which is train"],
    ),
    "two lists in a program": (
        {"a.py": TRAIN_DATA + "TEST_DATA = [('Bob', {'entities': []})]\n"},
        {},
        ["has 2 lists of examples: TEST_DATA, TRAIN_DATA. Put each into a file of its own"],
    ),
    "a program without data": ({"a.py": "import sys\n"}, {}, ["is a program without a list of examples"]),
}


@pytest.mark.parametrize("form", READ)
def test_evidence_settles_what_is_meant(tmp_path: Path, form: str) -> None:
    files, options, expected, note = READ[form]
    corpus = corpus_of(tmp_path, files, **options)
    assert shown(corpus) == expected
    assert note in "\n".join(corpus.notes)


@pytest.mark.parametrize("form", REFUSED)
def test_weak_evidence_is_refused_with_the_way_out(tmp_path: Path, form: str) -> None:
    files, options, parts = REFUSED[form]
    with pytest.raises(DataError) as caught:
        corpus_of(tmp_path, files, **options)
    assert [part for part in parts if part not in str(caught.value)] == [], str(caught.value)


def test_single_entity_that_cuts_words_does_not_tell_how_places_are_counted(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a.jsonl": of_json({"text": "\U0001f600 Anna sings", "label": [[3, 7, "PER"]]})})
    assert "nna/B-PER" in shown(corpus)
    assert "their places are taken as code points" in "\n".join(corpus.notes)


@pytest.mark.parametrize(
    ("kinds", "repeats", "grade"), [(1000, 20, Grade.SCHEME), (2100, 30, Grade.SCHEME), (2100, 5, Grade.NONE)]
)
def test_thousands_of_values_that_hardly_repeat_are_no_tags(kinds: int, repeats: int, grade: Grade) -> None:
    tags = [f"{letter}-{number}" for number in range(kinds // 2) for letter in "BI"] * repeats
    found, against = grade_of(Column("1", ["O", *tags]), AUTO)
    assert found == grade
    assert against == ("" if grade else "too many different values")
