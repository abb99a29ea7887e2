"""Tasks in the forms of the tools, and the way back: through Label Studio's own converter, and doccano's export."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from fixtures.convert_with_label_studio import accepted

from nerbb_ray import cli
from nerbb_ray.annotation.tasks import Task, labelling_config, write_labels, write_tasks
from nerbb_ray.data.corpus import Corpus, find_corpus

HERE = Path(__file__).parent / "label_studio"
TASKS = [
    Task(3, "Anna Smith lives in New York.", ((0, 10, "PER"), (20, 28, "LOC")), 0.61, 0.2),
    Task(1, "Nothing here.", (), 0.9, 0.1),
    Task(7, "Berlin, Bonn & <Ems>", ((0, 6, "LOC"), (8, 12, "LOC")), 0.4, 0.3),
]
MODEL = "exp/runA"
EXPECTED = {
    ("Anna", "Smith", "lives", "in", "New", "York", "."): ("B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O"),
    ("Nothing", "here", "."): ("O", "O", "O"),
    ("Berlin", ",", "Bonn", "&", "<", "Ems", ">"): ("B-LOC", "O", "B-LOC", "O", "O", "O", "O"),
}


def appended(tmp_path: Path, export: Path) -> Corpus:
    """The data set `mine`, which has one sentence, after `set_up_dataset EXPORT --append`."""
    first = tmp_path / "first.jsonl"
    first.write_text(json.dumps({"tokens": ["Carl", "won"], "tags": ["B-PER", "O"]}) + "\n")
    options = ["--store", str(tmp_path / "store"), "set_up_dataset", "--name", "mine"]
    assert cli.main([*options, str(first)]) == 0
    assert cli.main([*options, str(export), "--append"]) == 0
    return find_corpus("mine", None, tmp_path / "store/datasets", ask_hub=False)


def added(corpus: Corpus) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {sentence.tokens: sentence.tags for sentence in corpus.train[1:]}


@pytest.mark.parametrize("name", ["result.json", "result_min.json", "result.conll"])
def test_what_label_studio_makes_of_the_tasks_comes_back(tmp_path: Path, name: str) -> None:
    corpus = appended(tmp_path, HERE / name)
    assert added(corpus) == EXPECTED
    assert corpus.train[0].tokens == ("Carl", "won")


def test_the_exports_are_of_the_tasks_that_are_written_today(tmp_path: Path) -> None:
    write_tasks(TASKS, tmp_path / "tasks.json", "label_studio", MODEL)
    today = accepted(json.loads((tmp_path / "tasks.json").read_text()))
    exported = json.loads((HERE / "result.json").read_text())
    assert [{key: row[key] for key in today[0]} for row in exported] == today


def test_label_studios_own_code_takes_the_predictions_and_its_exports_come_back(tmp_path: Path) -> None:
    pytest.importorskip("label_studio_sdk", reason="needs label-studio-sdk, which is no dependency")
    tasks, out = tmp_path / "tasks.json", tmp_path / "out"
    write_tasks(TASKS, tasks, "label_studio", MODEL)
    config = write_labels(("LOC", "PER"), tasks, "label_studio")
    script = HERE.parents[1] / "fixtures/convert_with_label_studio.py"
    subprocess.run([sys.executable, str(script), str(tasks), str(config), str(out)], check=True, timeout=120)
    for number, path in enumerate(sorted(out.glob("*/result.*"))):
        (tmp_path / str(number)).mkdir()
        assert added(appended(tmp_path / str(number), path)) == EXPECTED


def test_predictions_of_label_studio_have_a_score_and_name_the_model(tmp_path: Path) -> None:
    write_tasks(TASKS, tmp_path / "tasks.json", "label_studio", MODEL)
    first, second, _ = json.loads((tmp_path / "tasks.json").read_text())
    assert first["data"] == {"text": TASKS[0].text, "number": 3, "confidence": 0.61, "uncertainty": 0.2}
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == (MODEL, 0.61)
    assert [region["value"] for region in prediction["result"]] == [
        {"start": 0, "end": 10, "text": "Anna Smith", "labels": ["PER"]},
        {"start": 20, "end": 28, "text": "New York", "labels": ["LOC"]},
    ]
    assert second["predictions"][0]["result"] == []


def test_names_of_the_labelling_configuration_are_those_of_the_predictions() -> None:
    config = ET.fromstring(labelling_config(("A & B", 'say "x"', "<C>")))
    labels, text = config.find("Labels"), config.find("Text")
    assert labels is not None
    assert text is not None
    assert [label.get("value") for label in labels] == ["A & B", 'say "x"', "<C>"]
    assert (labels.get("name"), labels.get("toName"), text.get("value")) == ("label", text.get("name"), "$text")


@pytest.mark.parametrize("tool", ["doccano", "jsonl"])
def test_without_a_model_there_is_nothing_beforehand(tmp_path: Path, tool: str) -> None:
    write_tasks([Task(1, "Anna")], tmp_path / "t", tool, None)
    row = json.loads((tmp_path / "t").read_text())
    assert row in ({"text": "Anna", "label": [], "number": 1}, {"text": "Anna", "tags": [], "number": 1})
    write_tasks([Task(1, "Anna")], tmp_path / "t", "label_studio", None)
    assert json.loads((tmp_path / "t").read_text()) == [{"data": {"text": "Anna", "number": 1}}]


@pytest.mark.parametrize("tool", ["doccano", "jsonl", "label_studio"])
def test_what_the_file_says_of_a_text_stays_beside_it(tmp_path: Path, tool: str) -> None:
    given = {"id": 77, "meta": {"from": "mail"}, "number": 5}
    write_tasks([Task(3, "Anna", given=given)], tmp_path / "t", tool, None)
    text = (tmp_path / "t").read_text()
    row = json.loads(text)[0]["data"] if tool == "label_studio" else json.loads(text)
    assert (row["id"], row["meta"], row["number"], row["text"]) == (77, {"from": "mail"}, 3, "Anna")


def test_label_studio_tasks_that_nobody_has_annotated_are_no_data(tmp_path: Path, capsys) -> None:
    write_tasks(TASKS, tmp_path / "tasks.json", "label_studio", MODEL)
    status = cli.main(["--store", str(tmp_path / "store"), "set_up_dataset", str(tmp_path / "tasks.json")])
    assert status == 2, capsys.readouterr()


def doccano_label(row: dict) -> dict:
    """JSONL of a project of sequence labelling."""
    return {"id": row["number"], "text": row["text"], "label": row["label"], "Comments": []}


def doccano_entities(row: dict) -> dict:
    """JSONL of a project that has relations, too."""
    entities = [
        {"id": k, "label": label, "start_offset": start, "end_offset": end}
        for k, (start, end, label) in enumerate(row["label"])
    ]
    return {"id": row["number"], "text": row["text"], "entities": entities, "relations": [], "Comments": []}


@pytest.mark.parametrize("form", [doccano_label, doccano_entities])
def test_doccano_gives_back_what_it_was_given(tmp_path: Path, form) -> None:
    write_tasks(TASKS, tmp_path / "tasks.jsonl", "doccano", MODEL)
    rows = [json.loads(line) for line in (tmp_path / "tasks.jsonl").read_text().splitlines()]
    (tmp_path / "export.jsonl").write_text("".join(f"{json.dumps(form(row))}\n" for row in rows))
    assert added(appended(tmp_path, tmp_path / "export.jsonl")) == EXPECTED
    labels = write_labels(("LOC", "PER"), tmp_path / "tasks.jsonl", "doccano")
    assert labels is not None
    assert json.loads(labels.read_text()) == [{"text": "LOC"}, {"text": "PER"}]


def test_own_format_comes_back(tmp_path: Path) -> None:
    write_tasks(TASKS, tmp_path / "tasks.jsonl", "jsonl", MODEL)
    assert write_labels(("LOC",), tmp_path / "tasks.jsonl", "jsonl") is None
    assert added(appended(tmp_path, tmp_path / "tasks.jsonl")) == EXPECTED
