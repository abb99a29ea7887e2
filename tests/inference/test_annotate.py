"""nerbb annotate, as a user types it: what is written for the tools, from one model, an ensemble, or none."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nerbb_ray import cli
from nerbb_ray.model import Model
from nerbb_ray.ner.tags import tag_set
from nerbb_ray.ner.uncertainty import disagreement, entropy
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TrialResult

TEXTS = [
    "in berlin anna works, and bert",
    "the acmecorp works at 12",
    "bert lives in berlin and anna at acmecorp",
    "at 12, bert!",
]
Nerbb = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def three(trained, untrained, record_trials) -> str:
    """An experiment with three seeds, whose models have never been trained; the third knows nothing of it."""
    rows = []
    for seed in (43, 44, 45):
        spec = replace(trained.trials[43], run="runA", seed=seed)
        folder = trained.store.checkpoints("three", "runA", seed)
        shutil.copytree(untrained(tag_set(("LOC", "ORG"), "bio"), seed), folder)
        metrics = {"val/entity/micro/f1": 0.5}
        result = TrialResult(
            "runA", seed, "ok", metrics, spec.params(), epochs=1, checkpoint=str(folder), identity=Identity.of(spec)
        )
        rows.append((spec, result))
    record_trials(trained.store, "three", rows)
    return "three"


@pytest.fixture
def nerbb(trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Nerbb:
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS))

    def call(*words: object) -> tuple[int, str, str]:
        given = ["annotate", "tiny", str(tmp_path / "texts.txt"), *map(str, words), "--store", str(trained.store.root)]
        return cli.main(given), *capsys.readouterr()

    return call


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_model_annotates_and_its_entropy_per_word_orders(nerbb: Nerbb, model: Model, tmp_path: Path) -> None:
    status, out, _ = nerbb("--for", "jsonl", "--model", "tiny")
    assert status == 0
    assert "4 tasks, the most uncertain first, annotated beforehand by tiny/runA-43" in out
    found = rows(tmp_path / "texts.tasks.jsonl")
    expected = {}
    for text in TEXTS:
        said = model.predict_proba(text)
        table = np.array([list(word["proba_dist"].values()) for word in said])
        expected[text] = float(entropy(table).mean())
    assert [row["text"] for row in found] == sorted(TEXTS, key=lambda text: -expected[text])
    for row in found:
        assert row["uncertainty"] == pytest.approx(expected[row["text"]], abs=1e-4)
        assert [(t["char_start"], t["char_end"], t["tag"]) for t in row["tags"]] == [
            (t["char_start"], t["char_end"], t["tag"]) for t in model.predict(row["text"])
        ]
        assert TEXTS[row["number"] - 1] == row["text"]


def test_members_of_an_ensemble_order_by_what_they_disagree_on(
    nerbb: Nerbb, three: str, trained, tmp_path: Path
) -> None:
    status, out, err = nerbb("--for", "doccano", "--model", three, "--output", tmp_path / "t.jsonl")
    assert status == 0
    assert "annotated beforehand by three/runA-ensemble-of-3" in out
    assert "the data set has no ORG: " in err
    assert "the model does not know PER: it finds none of them" in err
    members = [Model.from_experiment(three, seed=seed, store=trained.store.root) for seed in (43, 44, 45)]
    for row in rows(tmp_path / "t.jsonl"):
        tables = [
            np.array([list(word["proba_dist"].values()) for word in member.predict_proba(row["text"])])
            for member in members
        ]
        assert row["uncertainty"] == pytest.approx(disagreement(tables).mean(), abs=1e-4)
        assert {label for *_, label in row["label"]} <= {"LOC"}
    values = [row["uncertainty"] for row in rows(tmp_path / "t.jsonl")]
    assert values == sorted(values, reverse=True)
    labels = json.loads((tmp_path / "t.labels.json").read_text())
    assert "LOC" in {label["text"] for label in labels}


def test_guesses_of_an_ensemble_are_its_predictions(three: str, trained) -> None:
    ensemble = Model.from_experiment(three, ensemble=True, store=trained.store.root)
    for text, guess in zip(TEXTS, ensemble.guess(TEXTS), strict=True):
        found = [(e["char_start"], e["char_end"], e["tag"]) for e in ensemble.predict(text)]
        assert list(guess.entities) == found
        assert 0 <= guess.confidence <= 1


def test_without_a_model_the_least_alike_come_first_and_nothing_is_annotated(nerbb: Nerbb, tmp_path: Path) -> None:
    status, out, _ = nerbb("--for", "label_studio", "--limit", 2, "--json")
    assert status == 0
    outcome = json.loads(out)
    assert (outcome["tasks"], outcome["order"], outcome["given"]) == (2, "diverse", 4)
    assert outcome["file"] == str(tmp_path / "texts.label_studio.json")
    tasks = json.loads(Path(outcome["file"]).read_text())
    assert all(task.keys() == {"data"} for task in tasks)
    assert Path(outcome["labels"]).read_text().count("<Label ") >= 2


def test_texts_of_the_data_set_are_left_out(nerbb: Nerbb, trained, tmp_path: Path) -> None:
    first = json.loads((trained.store.dataset("tiny") / "train.jsonl").read_text().splitlines()[0])
    texts = tmp_path / "texts.txt"
    texts.write_text(" ".join(first["tokens"]) + "\n" + texts.read_text() + TEXTS[0] + "\n")
    _, out, _ = nerbb("--for", "jsonl", "--order", "file")
    assert "left out of 6 texts: 1 in the data set already, 1 repeated in this file" in out
    assert [row["text"] for row in rows(tmp_path / "texts.tasks.jsonl")] == TEXTS


def test_the_texts_are_not_replaced(trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "Anna"}\n')
    given = ["annotate", "tiny", str(texts), "--for", "jsonl", "--output", str(texts)]
    assert cli.main([*given, "--store", str(trained.store.root)]) == 2
    assert "would replace the texts" in capsys.readouterr().err
    assert texts.read_text() == '{"text": "Anna"}\n'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--for", "jsonl", "--order", "uncertain"], "needs a model"),
        (["--for", "jsonl", "--model", "nothing"], "nothing"),
        (["--for", "jsonl", "--model", "tiny", "--run", "runX"], "has no run 'runX'"),
        (["--for", "jsonl", "--order", "file", "--output", "{texts}"], "must end in .jsonl; got texts.txt"),
        (["--for", "label_studio", "--output", "tasks.xml"], "must end in .json; got tasks.xml"),
    ],
)
def test_refused(nerbb: Nerbb, tmp_path: Path, words: list[str], message: str) -> None:
    status, _, err = nerbb(*(word.format(texts=tmp_path / "texts.txt") for word in words))
    assert status == 2
    assert message in err
    assert (tmp_path / "texts.txt").read_text().splitlines() == TEXTS


@pytest.mark.parametrize("content", ["", "\n  \n"])
def test_a_file_without_texts_is_refused(nerbb: Nerbb, tmp_path: Path, content: str) -> None:
    (tmp_path / "texts.txt").write_text(content)
    status, _, err = nerbb("--for", "jsonl")
    assert (status, err) == (2, f"error: {tmp_path / 'texts.txt'}: must have texts to annotate; got none\n")
    assert not (tmp_path / "texts.tasks.jsonl").exists()


def test_where_the_data_set_has_all_texts_nothing_is_written_and_that_is_said(
    nerbb: Nerbb, trained, tmp_path: Path
) -> None:
    first = json.loads((trained.store.dataset("tiny") / "train.jsonl").read_text().splitlines()[0])
    (tmp_path / "texts.txt").write_text(" ".join(first["tokens"]) + "\n")
    status, out, _ = nerbb("--for", "label_studio")
    assert status == 0
    assert out.splitlines() == [
        "no text is left to annotate: nothing is written",
        "left out of 1 text: 1 in the data set already",
    ]
    _, out, _ = nerbb("--for", "label_studio", "--json")
    assert (json.loads(out)["file"], json.loads(out)["tasks"]) == (None, 0)
    assert [path.name for path in tmp_path.glob("texts*")] == ["texts.txt"]


@pytest.mark.parametrize(
    ("tool", "name"),
    [("jsonl", "texts.tasks.jsonl"), ("doccano", "texts.doccano.jsonl"), ("label_studio", "texts.label_studio.json")],
)
def test_names_of_tasks_say_the_tool_once(nerbb: Nerbb, tmp_path: Path, tool: str, name: str) -> None:
    assert nerbb("--for", tool)[0] == 0
    assert (tmp_path / name).is_file()
