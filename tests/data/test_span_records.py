"""Records with entities by their places, and lists in strings, as common tools write them: read, or refused rightly."""

import json
from pathlib import Path
from typing import Any

import pytest
from fixtures.data_files import corpus_of, of_json, shown

from nerbb_ray.data.detect import read_file
from nerbb_ray.errors import DataError

TEXT, RAIN = "Anna Berg saw Oslo", "It rains"
EXPECTED = "Anna/B-PER Berg/I-PER saw/O Oslo/B-LOC | It/O rains/O"
SPANS = [[0, 9, "PER"], [14, 18, "LOC"]]
OBJECTS = [{"start": 0, "end": 9, "label": "PER"}, {"start": 14, "end": 18, "label": "LOC"}]
WORDS, TAGS = TEXT.split(), ["B-PER", "I-PER", "O", "B-LOC"]
BOX = [1, 2, 3, 4]
WORD_SPANS = [{"start": 0, "end": 2, "type": "PER"}, {"start": 3, "end": 4, "type": "LOC"}]


def two(text: str, key: str, entities: Any, empty: Any = ()) -> str:
    """A record with entities and one without."""
    return of_json({text: TEXT, key: entities}, {text: RAIN, key: list(empty) if empty == () else empty})


def with_words(key: str, entities: Any, empty: Any) -> str:
    return of_json(
        {"text": TEXT, "tokens": WORDS, key: entities}, {"text": RAIN, "tokens": ["It", "rains"], key: empty}
    )


def pairs(**shape: str) -> list[dict[str, Any]]:
    """The two entities as objects, by the keys of a tool."""
    return [{name: value[key] for name, key in shape.items()} for value in OBJECTS]


READ: dict[str, tuple[str, str]] = {
    "tuples in csv": ("a.csv", f"text,entities\n{TEXT},\"[(0, 9, 'PER'), (14, 18, 'LOC')]\"\n{RAIN},[]\n"),
    "a string of JSON": ("a.jsonl", two("text", "spans", json.dumps(OBJECTS), "[]")),
    "a string of Python": ("a.jsonl", two("text", "entities", str([tuple(span) for span in SPANS]), "[]")),
    "pii_spans": ("a.jsonl", two("generated_text", "pii_spans", json.dumps(OBJECTS), "[]")),
    "privacy_mask": ("a.jsonl", two("source_text", "privacy_mask", OBJECTS)),
    "CCKS": ("a.jsonl", two("originalText", "entities", pairs(start_pos="start", end_pos="end", label_type="label"))),
    "LightTag": ("a.jsonl", two("content", "annotations", pairs(start="start", end="end", tag_name="label"))),
    "span": ("a.jsonl", two("text", "entities", [{"span": [a, b], "type": label} for a, b, label in SPANS])),
    "pos": ("a.jsonl", two("text", "entities", [{"pos": [a, b], "type": label} for a, b, label in SPANS])),
    "offset and length": (
        "a.jsonl",
        two("text", "entities", [{"offset": a, "length": b - a, "category": c} for a, b, c in SPANS]),
    ),
    "class first": ("a.jsonl", two("text", "entities", [[c, a, b] for a, b, c in SPANS])),
    "class first, and the text": (
        "a.jsonl",
        two("text", "entities", [[c, a, b - 1, TEXT[a:b]] for a, b, c in SPANS]),
    ),
    "places as strings": ("a.jsonl", two("text", "entities", [[str(a), str(b), c] for a, b, c in SPANS])),
    "keys of strings": (
        "a.jsonl",
        two("text", "entities", [{"start": str(a), "end": str(b), "label": c} for a, b, c in SPANS]),
    ),
    "a class in a list": ("a.jsonl", two("text", "entities", [{**item, "label": [item["label"]]} for item in OBJECTS])),
    "tokens beside the text": ("a.jsonl", with_words("annotation", OBJECTS, [])),
    "boxes on a page": (
        "a.jsonl",
        of_json(
            {"words": WORDS, "bboxes": [BOX] * 4, "ner_tags": TAGS},
            {"words": ["It", "rains"], "bboxes": [BOX] * 2, "ner_tags": ["O", "O"]},
        ),
    ),
    "tags with commas in csv": ("a.csv", f'text,labels\n{TEXT},"{",".join(TAGS)}"\n{RAIN},"O,O"\n'),
    "tags with commas and blanks in csv": ("a.csv", f'text,labels\n{TEXT},"{", ".join(TAGS)}"\n{RAIN},"O, O"\n'),
    "tags with commas in JSON": ("a.jsonl", two("text", "labels", ",".join(TAGS), "O,O")),
    "a text and its tags": ("a.jsonl", two("text", "labels", TAGS, ["O", "O"])),
}


@pytest.mark.parametrize("form", READ)
def test_form_is_read(tmp_path: Path, form: str) -> None:
    name, content = READ[form]
    assert shown(corpus_of(tmp_path, {name: content})) == EXPECTED


def test_list_in_a_string_of_parquet_is_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": [TEXT, RAIN], "spans": [json.dumps(OBJECTS), "[]"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert [sentence.tags for sentence in read_file(tmp_path / "a.parquet").sentences] == [tuple(TAGS), ("O", "O")]


def test_tag_for_each_character_is_read(tmp_path: Path) -> None:
    rows = of_json(
        {"text": "王明在北京", "labels": ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"]},
        {"text": "下雨", "labels": ["O"] * 2},
    )
    assert shown(corpus_of(tmp_path, {"a.jsonl": rows})) == "王/B-PER 明/I-PER 在/O 北/B-LOC 京/I-LOC | 下/O 雨/O"


def test_record_that_nobody_has_annotated_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(with_words("annotation", OBJECTS, None))
    reading = read_file(tmp_path / "a.jsonl")
    assert [sentence.tags for sentence in reading.sentences] == [tuple(TAGS)]
    assert "1 records whose annotation is null (nobody has annotated them) are left out" in reading.notes


def test_entities_of_the_class_outside_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(two("text", "entities", [*SPANS, [10, 13, "O"]]))
    reading = read_file(tmp_path / "a.jsonl")
    assert reading.sentences[0].tags == tuple(TAGS)
    assert "1 entities of the class O (outside of entities) are left out" in reading.notes


def test_o_among_classes_of_one_letter_is_a_class(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(two("text", "entities", [[0, 9, "P"], [14, 18, "O"]]))
    assert read_file(tmp_path / "a.jsonl").sentences[0].tags == ("B-P", "I-P", "O", "B-O")


def test_places_of_characters_beside_words_are_read_as_such(tmp_path: Path) -> None:
    """All of them are within the number of words, too, but cut no word."""
    words = ["A", "B", "sings", "so", "well"]
    row = {"text": " ".join(words), "tokens": words, "entities": [[0, 1, "X"], [2, 3, "Y"]]}
    (tmp_path / "a.jsonl").write_text(of_json(row))
    assert read_file(tmp_path / "a.jsonl").sentences[0].tags == ("B-X", "B-Y", "O", "O", "O")


TWO_WORDS = {"tokens": ["It", "rains"], "ner_tags": ["O", "O"]}
MEDMENTIONS = f"1|t|{TEXT}\n1|a|{RAIN}\n1\t0\t9\tAnna Berg\tT047,T116\tC1\n"
PLACES_OF_WORDS = "places of words, not of characters"
REFUSED: dict[str, tuple[str, str, list[str]]] = {
    "places of words": (
        "a.jsonl",
        with_words("entities", WORD_SPANS, []),
        [":1: the entities are at " + PLACES_OF_WORDS, '{"tokenized_text": [...], "ner": '],
    ),
    "places of words, text of entities": (
        "a.jsonl",
        of_json({"sentence": TEXT, "tokens": WORDS, "entities": [{**WORD_SPANS[0], "text": "Anna Berg"}]}),
        [PLACES_OF_WORDS],
    ),
    "places of words without a text": (
        "a.jsonl",
        of_json({"tokens": WORDS, "entities": WORD_SPANS}, {"tokens": ["It", "rains"], "entities": []}),
        [PLACES_OF_WORDS],
    ),
    "null tags": (
        "a.jsonl",
        of_json(TWO_WORDS, {"tokens": WORDS, "ner_tags": None}, TWO_WORDS),
        [':2: "ner_tags" must be a list of strings; got null'],
    ),
    "no tags in the first": (
        "a.jsonl",
        of_json({"tokens": WORDS}, TWO_WORDS, TWO_WORDS),
        [":1: \"ner_tags\" must be a list of strings; got no such key, but 'tokens'"],
    ),
    "a null tag": (
        "a.jsonl",
        of_json(TWO_WORDS, {"tokens": WORDS, "ner_tags": [None, *TAGS[1:]]}),
        [':2: "ner_tags" must be a list of strings; got null in it'],
    ),
    "too few tags in one": (
        "a.jsonl",
        of_json(TWO_WORDS, {"tokens": WORDS, "ner_tags": TAGS[1:]}, TWO_WORDS),
        [":2: expected one tag per token; got 4 in tokens and 3 in ner_tags"],
    ),
    "several types in PubTator": (
        "a.pubtator",
        MEDMENTIONS,
        ["T047 0-9 'Anna Berg' and T116 0-9 'Anna Berg' do", "--overlaps longest, first or drop"],
    ),
    "sentences beside joined tags": (
        "a.tsv",
        f"{TEXT}\t{','.join(TAGS)}\n{RAIN}\tO,O\n\n{TEXT}\t{','.join(TAGS)}\n{RAIN}\tO,O\n",
        [":1: a line is a whole sentence, with 4 words", "put blanks between the tags", "--format rows"],
    ),
    "entities by their text only": (
        "a.jsonl",
        of_json({"text": TEXT, "entities": {"PER": ["Anna Berg"]}}),
        ["has a text, but no entities by their places in entities", "--format spans --tag-column entities"],
    ),
    "an unknown export": (
        "a.jsonl",
        of_json({"source": TEXT, "job": {"annotations": OBJECTS}}),
        ["expected words and tags", "the keys source, job", "--format spans --tag-column job"],
    ),
}


@pytest.mark.parametrize("form", REFUSED)
def test_form_is_refused_with_its_place_and_a_way_out(tmp_path: Path, form: str) -> None:
    name, content, messages = REFUSED[form]
    with pytest.raises(DataError) as caught:
        corpus_of(tmp_path, {name: content})
    for message in messages:
        assert message in str(caught.value)


def test_first_of_several_types_of_pubtator_is_kept_if_the_user_says_so(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a.pubtator": MEDMENTIONS * 3}, overlaps="first")
    assert {tag for sentence in corpus.train for tag in sentence.tags} == {"B-T047", "I-T047", "O"}
