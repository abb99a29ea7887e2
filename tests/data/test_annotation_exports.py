"""Exports of Label Studio and of doccano: what counts, how characters are counted, what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.data.detect import read_file
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.options import ReadingOptions
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


def test_the_newest_annotation_counts_where_all_are_dated(tmp_path: Path) -> None:
    """As in Label Studio's own converter; a reviewer's correction is a new annotation behind the imported one."""
    old, new = "2024-05-01T09:00:00.000000Z", "2024-05-02T09:00:00.000000Z"
    rows = [
        task(result(ANNA, created_at=old), result(OSLO, created_at=new)),
        task(result(OSLO, created_at=new), result(ANNA, created_at=old)),
        task(result(ANNA, created_at=old), result(OSLO, created_at=new, was_cancelled=True)),
        task(result(ANNA, created_at=old, ground_truth=True), result(OSLO, created_at=new)),
        task(result(ANNA, created_at=old), result(OSLO)),
    ]
    reading = reading_of(tmp_path, rows)
    assert found(reading) == ["Oslo/B-LOC", "Oslo/B-LOC", "Anna/B-PER", "Anna/B-PER", "Anna/B-PER"]
    assert reading.notes == [
        "4 times a task has several annotations: the ground truth counts (1), else the newest that is not cancelled"
    ]


def test_one_annotator_with_two_annotations_of_a_task_is_one_document(tmp_path: Path) -> None:
    rows = [task(result(ANNA, completed_by=1), result(OSLO, completed_by=2), result(OSLO, completed_by=1))]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(rows))
    reading = read_file(path, ReadingOptions(annotator="1"))
    assert found(reading) == ["Anna/B-PER"]
    assert reading.notes == ["1 times a task has several annotations: the first that is not cancelled counts"]


def test_minimal_export_of_several_annotators_says_how_to_take_one(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": TEXT, "label": [one], "annotator": n} for n, one in enumerate((ANNA, OSLO), start=1)]
    (note,) = reading_of(tmp_path, rows).notes
    assert "--annotator" in note


TIMED = {"annotator": 1, "lead_time": 3.2, "annotation_id": 7}
ENTITIES = {
    "lists": {"entities": [[0, 4, "PER"]]},
    "objects": {"entities": [{"start": 0, "end": 4, "label": "PER"}]},
    "doccano's objects": {"entities": [{"id": 1, "label": "PER", "start_offset": 0, "end_offset": 4}], "relations": []},
    "the store's": {"tags": [{"token": "Anna", "tag": "PER", "char_start": 0, "char_end": 4}]},
}


@pytest.mark.parametrize("about", [*({key: TIMED[key]} for key in TIMED), TIMED], ids=str)
@pytest.mark.parametrize("entities", ENTITIES.values(), ids=ENTITIES)
def test_who_has_annotated_and_how_long_makes_no_task_of_a_record(tmp_path: Path, entities, about) -> None:
    key = next(iter(entities))
    rows = [{"text": TEXT, **entities, **about}, {"text": "It rains", key: [], **about}]
    for order in (rows, rows[::-1]):
        reading = reading_of(tmp_path, order, "export.jsonl")
        assert sorted(found(reading)) == ["", "Anna/B-PER"]
        assert reading.format == "spans"


def test_records_of_an_approver_say_how_many_nobody_has_approved(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": TEXT, "label": [[0, 4, "PER"]], "annotation_approver": "admin"},
        {"id": 2, "text": "Bob sings", "label": [], "annotation_approver": None},
    ]
    assert reading_of(tmp_path, rows, "a.jsonl").notes == [
        "1 of 2 records have no annotation_approver: they count all the same; take out those that nobody has looked at"
    ]
    nobody = [row | {"annotation_approver": None} for row in rows]
    assert reading_of(tmp_path, nobody, "a.jsonl").notes == []


CSV = "id,label,text,place,annotator\n"
REGION = '"[{{""start"":{},""end"":{},""text"":""{}"",""labels"":[""{}""]}}]"'
PER, LOC = REGION.format(0, 4, "Anna", "PER"), REGION.format(14, 18, "Oslo", "LOC")


def of_csv(tmp_path: Path, *rows: str, **options: str) -> Reading:
    path = tmp_path / "export.csv"
    path.write_text(CSV + "".join(f"{row}\n" for row in rows))
    return read_file(path, ReadingOptions(**options))


def test_the_first_task_of_a_csv_may_have_no_entity(tmp_path: Path) -> None:
    rows = f"1,,{TEXT},,1", f"2,{PER},{TEXT},,1"
    for order in (rows, rows[::-1]):
        reading = of_csv(tmp_path, *order)
        assert sorted(found(reading)) == ["", "Anna/B-PER"]
        assert reading.format == "label_studio"


def test_a_second_label_set_of_a_csv_is_seen_wherever_it_begins(tmp_path: Path) -> None:
    rows = f"1,{PER},{TEXT},,1", f"2,{PER},{TEXT},{LOC},1"
    with pytest.raises(DataError, match=r"2 sets of labels: label \(PER 2\); place \(LOC 1\)"):
        of_csv(tmp_path, *rows)
    assert found(of_csv(tmp_path, *rows, tag_column="place")) == ["", "Oslo/B-LOC"]


@pytest.mark.parametrize("blank", ["\u2028", "\x85", "\x0c"])
def test_characters_that_only_python_takes_for_line_ends_stay_in_their_field(tmp_path: Path, blank: str) -> None:
    reading = of_csv(tmp_path, f"1,{PER},Anna lives{blank}in Oslo,,1", f"2,,{TEXT},,1")
    assert "Anna/B-PER" in found(reading)


def test_entities_that_share_only_a_blank_do_not_overlap(tmp_path: Path) -> None:
    row = {"text": "Bob in Oslo", "label": [[0, 4, "PER"], [3, 11, "LOC"]]}
    reading = reading_of(tmp_path, [row], "a.jsonl")
    assert found(reading) == ["Bob/B-PER in/B-LOC Oslo/I-LOC"]
    assert reading.notes == []
    twice = {"text": "Bob sings", "label": [[0, 4, "PER"], [0, 3, "PER"]]}
    reading = reading_of(tmp_path, [twice], "a.jsonl")
    assert found(reading) == ["Bob/B-PER"]
    assert len(reading.notes) == 1
