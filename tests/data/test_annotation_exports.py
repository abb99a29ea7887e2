"""Exports of Label Studio and of doccano: what counts, how characters are counted, what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.data.detect import read_file
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

TEXT = "Anna lives in Oslo"
ANNA = {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}
OSLO = {"start": 14, "end": 18, "text": "Oslo", "labels": ["LOC"]}


def result(*values: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"result": [{"type": "labels", "value": value} for value in values], **keys}


def task(*annotations: dict[str, Any], text: str = TEXT, **keys: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"text": text}, "annotations": list(annotations), "predictions": [], **keys}


def reading_of(tmp_path: Path, rows: Any, name: str = "export.json") -> Reading:
    path = tmp_path / name
    lines = path.suffix == ".jsonl" and isinstance(rows, list)
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows, indent=1))
    return read_file(path)


def found(reading: Reading) -> list[str]:
    """The entities of each sentence."""
    return [
        " ".join(f"{token}/{tag}" for token, tag in zip(s.tokens, s.tags, strict=True) if tag != "O")
        for s in reading.sentences
    ]


def test_first_annotation_that_is_not_cancelled_counts(tmp_path: Path) -> None:
    rows = [
        task(result(ANNA, was_cancelled=True), result(OSLO), result(ANNA, OSLO)),
        task(result(ANNA)),
        task(result()),
        task(),
        task(result(ANNA, was_cancelled=True)),
    ]
    reading = reading_of(tmp_path, rows)
    assert found(reading) == ["Oslo/B-LOC", "Anna/B-PER", ""]
    assert reading.notes == [
        "1 times a task has several annotations: the first that is not cancelled counts",
        "2 tasks without an annotation (or with cancelled ones only) left out",
    ]
    assert reading.documents == [0, 1, 2]


def test_export_without_annotations_says_why_it_has_no_sentences(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps([task(), task()]))
    with pytest.raises(DataError, match=r"train has no sentences \(2 tasks without an annotation"):
        read_path(tmp_path / "export.json")


def test_exports_of_old_versions_are_read(tmp_path: Path) -> None:
    old = {"id": 1, "data": {"my_text": TEXT}, "completions": [result(ANNA, skipped=True), result(OSLO)]}
    assert found(reading_of(tmp_path, [old])) == ["Oslo/B-LOC"]


def test_other_results_than_labels_are_skipped(tmp_path: Path) -> None:
    annotation = result(ANNA, {"start": 0, "end": 2, "text": "An"})
    annotation["result"] += [
        {"type": "choices", "value": {"choices": ["good"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
    ]
    reading = reading_of(tmp_path, [task(annotation)])
    assert found(reading) == ["Anna/B-PER"]
    assert reading.notes == ["1 region without a label left out"]


def test_minimal_export_with_several_annotators_keeps_the_first(tmp_path: Path) -> None:
    about = {"annotator": 1, "created_at": "2024", "lead_time": 1.5}
    rows = [
        {"id": 1, "text": TEXT, "label": [ANNA], "annotation_id": 1, **about},
        {"id": 1, "text": TEXT, "label": [OSLO], "annotation_id": 2, **about},
        {"id": 2, "text": TEXT, "annotation_id": 3, **about},
        {"id": 3, "sentence": TEXT, "label": [OSLO], "annotation_id": 4, **about},
    ]
    reading = reading_of(tmp_path, rows)
    assert found(reading) == ["Anna/B-PER", "", "Oslo/B-LOC"]
    assert len(reading.notes) == 1


@pytest.mark.parametrize("javascript", [False, True])
def test_places_are_counted_as_the_text_of_the_entity_says(tmp_path: Path, javascript: bool) -> None:
    text = "😀😀 Anna"
    start = 5 if javascript else 3
    entity = {"start": start, "end": start + 4, "text": "Anna", "labels": ["PER"]}
    reading = reading_of(tmp_path, [task(result(entity), text=text)])
    assert found(reading) == ["Anna/B-PER"]
    assert ["UTF-16" in note for note in reading.notes] == [True] * javascript


def test_places_that_nothing_confirms_are_noted(tmp_path: Path) -> None:
    entity = {"start": 2, "end": 6, "labels": ["PER"]}
    assert len(reading_of(tmp_path, [task(result(entity), text="😀 Anna")]).notes) == 1
    assert reading_of(tmp_path, [task(result(entity), text="x Anna")]).notes == []
    row = {"text": "😀 Anna", "label": [[2, 6, "PER"]]}
    assert len(reading_of(tmp_path, [row]).notes) == 1


def test_line_ends_in_the_text_of_an_entity_may_be_written_in_several_ways(tmp_path: Path) -> None:
    text = "New\nYork"
    for surface in ("New\nYork", "New\\nYork", "New York"):
        entity = {"start": 0, "end": 8, "text": surface, "labels": ["LOC"]}
        assert found(reading_of(tmp_path, [task(result(entity), text=text)])) == ["New/B-LOC York/I-LOC"]


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1, "text": TEXT, "label": [[0, 4, "PER"], [14, 18, "LOC"]], "Comments": []},
        {"id": 1, "data": TEXT, "label": [[0, 4, "PER"], [14, 18, "LOC"]]},
        {"text": TEXT, "labels": [[14, 18, "LOC"], [0, 4, "PER"]]},
        {"text": TEXT, "annotations": [[0, 4, "PER"], [14, 18, "LOC"]]},
        {
            "text": TEXT,
            "entities": [
                {"id": 1, "start_offset": 0, "end_offset": 4, "label": "PER"},
                {"id": 2, "start_offset": 14, "end_offset": 18, "label": "LOC"},
            ],
            "relations": [{"id": 1, "from_id": 1, "to_id": 2, "type": "lives in"}],
        },
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_every_form_of_doccano_is_read(tmp_path: Path, row: dict[str, Any], name: str) -> None:
    empty = {key: [] if isinstance(value, list) else value for key, value in row.items()}
    assert found(reading_of(tmp_path, [row, empty], name)) == ["Anna/B-PER Oslo/B-LOC", ""]


def test_json_with_an_object_on_each_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"text": "Anna", "label": [[0, 4, "PER"]]}\n{"text": "x", "label": []}\n')
    assert found(read_file(path)) == ["Anna/B-PER", ""]


def test_rows_of_the_store_are_read_from_an_array(tmp_path: Path) -> None:
    assert found(reading_of(tmp_path, [{"tokens": ["Anna"], "tags": ["B-PER"]}])) == ["Anna/B-PER"]


def doc(*labels: Any) -> dict[str, Any]:
    return {"text": TEXT, "label": list(labels)}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            doc([0, 4, "PER"], [2, 6, "LOC"]),
            "but PER 0-4 'Anna' and LOC 2-6 'na l' do. Say which is kept with --overlaps",
        ),
        (doc([0, 19, "PER"]), "0 <= start < end <= 18 (length of text) must hold; got PER 0, 19"),
        (doc([-1, 4, "PER"]), "must hold; got PER -1, 4"),
        (doc([4, 4, "PER"]), "must hold; got PER 4, 4"),
        (doc([4, 5, "PER"]), "PER at 4-5 covers no word"),
        (doc([0, 4, " "]), "an entity must have a class; got ' ' for 'Anna'"),
        (doc([0, 4, 7]), "the name of a class is not in the file, only its number 7"),
        (doc([0.0, 4, "PER"]), "an entity must be"),
        (doc([0, True, "PER"]), "an entity must be"),
        (doc([0, 4]), "an entity must be"),
        (doc("PER"), 'an entity must be [start, end, "class"], or an object'),
        (doc(None), "an entity must be"),
        (doc([0, 10**30, "PER"]), "must hold"),
        (task(result({**ANNA, "text": "Anne"})), "text[0:4] is 'Anna', but PER says 'Anne'"),
        (
            task(result(ANNA, {**ANNA, "labels": ["LOC"]})),
            "PER 0-4 'Anna' and LOC 0-4 'Anna' do. Say which is kept with --overlaps",
        ),
        (task(result({**ANNA, "labels": ["PER", "LOC"]})), "PER 0-4 'Anna' and LOC 0-4 'Anna' do"),
        (task(result({"start": 1, "end": 3, "labels": ["X"]}), text="😀a"), "must hold; got X 1, 3"),
        (task(result({**ANNA, "end": 99})), "must hold; got PER 0, 99"),
        (task(result({**ANNA, "start": "0"})), 'an entity must be {"start": int'),
        (task(result({**ANNA, "labels": [1]})), 'an entity must be {"start": int'),
        (task({"result": None}), '"result" of an annotation must be a list of objects'),
        (task({"result": ["x"]}), '"result" of an annotation must be a list of objects'),
        ({"data": {"text": TEXT}, "annotations": {"a": 1}}, '"annotations" must be a list of objects'),
        ({"data": {"a": "x", "b": "y"}, "annotations": [result()]}, 'expected the text of the task as "text"'),
        ({"data": {"text": 3}, "annotations": [result()]}, 'expected the text of the task as "text"'),
        ({"data": {"text": TEXT}, "annotations": [{"result": [{"type": "hypertextlabels"}]}]}, "HyperText"),
        ({"data": {"text": TEXT}, "annotations": [{"result": [{"type": "paragraphlabels"}]}]}, "Paragraphs"),
        (
            {"text": TEXT, "annotations": [{"start_offset": 0, "end_offset": 4, "label": 2}]},
            "JSONL (Text label)",
        ),
        ({"text": 3, "label": []}, "or an export of a known tool (gliner, tokens, label_studio,"),
        ({"a": {"b": {"c": []}}}, "or an export of a known tool"),
        ([], "a text with its entities, or an export of a known tool"),
        ("text", "got 'text'"),
        (None, "got None"),
    ],
)
def test_bad_record_is_named(tmp_path: Path, row: Any, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" + json.dumps(row, indent=1) + "]")
    with pytest.raises(DataError, match=re.escape(f"{path}:1: record 1: ")) as caught:
        read_file(path)
    assert message in str(caught.value)


def test_second_record_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[\n {"text": "x",\n  "label": []},\n\n {"text": "x", "label": [[0, 9, "A"]]}]')
    with pytest.raises(DataError, match=r"a\.json:5: record 2: "):
        read_file(path)


@pytest.mark.parametrize(
    "text",
    [
        '[{"text": "x", "label": []}, {"tokens": ["a"], "tags": ["O"]}]',
        '[{"text": "x", "label": []}, {"data": {"text": "x"}, "annotations": []}]',
    ],
)
def test_one_file_has_one_format(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"record 2: one file has one format; got .*, but record 1 is of spans"):
        read_file(tmp_path / "a.json")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[{}",
        '[{"a": 1}{"b": 2}]',
        '[{"a": 1},]',
        '[{"text": "x", "label": []}] x',
        "{",
        "[1e999]",
        "nope",
        "[" * 100_000,
        '{"a":' * 100_000,
        '[{"text": "\\ud800", "label": []}]',
        '[{"text": "a\x01b", "label": []}]',
        '{"text": "x"} {"text": "y"}',
        "[" + "9" * 5000 + "]",
    ],
)
def test_damaged_json_is_an_error_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json:1: "):
        read_file(tmp_path / "a.json")


def test_tasks_that_have_predictions_only_are_no_data(tmp_path: Path) -> None:
    untouched = {"data": {"text": "Bert works"}, "predictions": [result(ANNA)]}
    reading = reading_of(tmp_path, [task(result(ANNA)), untouched])
    assert found(reading) == ["Anna/B-PER"]
    assert "1 task without an annotation (or with cancelled ones only) left out" in reading.notes
    alone = reading_of(tmp_path, [untouched])
    assert not alone.sentences
    assert "1 task without an annotation" in alone.notes[0]
