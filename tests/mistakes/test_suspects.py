"""Labels that are probably wrong: which, why, and the way to an annotation tool and back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_tune import at, tracked
from fixtures.predictions import PATTERN, TAGS, predictions

from nerbb_ray import Store
from nerbb_ray.cli import main
from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import find_corpus, load_corpus
from nerbb_ray.errors import ResultError
from nerbb_ray.mistakes.other_places import labels_of
from nerbb_ray.mistakes.suspect_labels import SuspectLabels, suspect_labels
from nerbb_ray.mistakes.suspect_text import suspects_text
from nerbb_ray.mistakes.suspects import reason
from nerbb_ray.mlflow_store.events import Ended, Started
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.ner.decoding import argmax
from nerbb_ray.ner.tags import Entity
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.log_probs import FILE, SplitLogProbs
from nerbb_ray.results.trial_result import TrialResult

WORDS = ("Hello", "Ann<a>", "Smith", "in", "Paris", "says", "to", "Bert")
TRUE = [TAGS[tag] for tag in PATTERN]  # O B-PER I-PER O B-LOC O O B-PER
SIZES = {"train": 8, "val": 4, "test": 6}
# split, sentence -> the words that were labelled wrongly
SPOILT = {("train", 2): {4: "B-PER"}, ("val", 1): {7: "O"}, ("test", 0): {2: "O"}}
FLAWS = {("train", 2): "wrong-class", ("val", 1): "invented", ("test", 0): "wrong-border"}


def rows(split: str) -> list[dict]:
    made = []
    for number in range(SIZES[split]):
        tags = list(TRUE)
        for word, tag in SPOILT.get((split, number), {}).items():
            tags[word] = tag
        made.append({"tokens": [*WORDS[:-2], f"{split}{number}", WORDS[-1]], "tags": tags})
    return made


def said_of(tags: list[list[str]], seed: int, places: list[int] | None = None) -> SplitLogProbs:
    """What a model says: the truth with .97 (seed 43) or .95, whatever gold is."""
    gold = np.array([TAGS.index(tag) for row in tags for tag in row], np.int16)
    sure = 0.97 if seed == 43 else 0.95
    said = np.full((len(gold), len(TAGS)), (1 - sure) / (len(TAGS) - 1))
    said[np.arange(len(gold)), np.array(PATTERN * len(tags))] = sure
    starts = np.arange(0, len(gold) + 1, len(PATTERN))
    return SplitLogProbs(
        np.log(said).astype(np.float16), gold, starts, None if places is None else np.array(places, np.int64)
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A store with an experiment on two folds, and one without folds, of two seeds each."""
    store = StorePaths(tmp_path_factory.mktemp("suspects") / "store")
    store.create()
    store.dataset("letters").mkdir()
    for split in SIZES:
        path = store.dataset("letters") / f"{split}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows(split)))
    data = load_corpus(store.dataset("letters")).fingerprint
    tags = {split: [row["tags"] for row in rows(split)] for split in SIZES}
    whole = tags["train"] + tags["val"]
    for name, folds in (("folded", 2), ("plain", 0)):
        writer = MlflowWriter(store.tracking_uri, name, str(store.artifacts))
        dataset = DatasetParams(dataset_name="letters", folds=folds)
        for seed in (43, 44):
            for fold in dataset.fold_numbers:
                spec = TrialSpec(
                    run="runA",
                    seed=seed,
                    dataset=dataset,
                    model=ModelParams(pretrained_model_name="model"),
                    hparams=HParams(),
                    settings=Settings(multiple_runs=2),
                    fold=fold,
                )
                val = said_of(tags["val"], seed)
                if fold is not None:
                    places = list(range(fold - 1, len(whole), 2))
                    val = said_of([whole[place] for place in places], seed, places)
                splits = {"val": val, "test": said_of(tags["test"], seed)}
                folder = store.checkpoints(name, "runA", spec.member)
                folder.mkdir(parents=True)
                kept = predictions(seed, splits=splits, data=data, decoder=argmax(len(TAGS)), folds=folds)
                kept.save(folder / FILE)
                values = {"val/entity/micro/f1": 0.9, "test/entity/micro/f1": 0.8}
                about = {"checkpoint": str(folder), "identity": Identity.of(spec, data=data), "fold": fold}
                ended = TrialResult("runA", seed, "ok", values, spec.params(), 3, **about)
                order = 10 * seed + (fold or 0)
                writer.deliver(Started(tracked(spec), *at(order)))
                writer.deliver(Ended(tracked(spec), *at(order + 5000), ended))
    return store


@pytest.fixture
def here(lab: StorePaths, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setattr(Store, "chosen", lab.root)
    return lab


def found_by(lab: StorePaths, name: str):
    return suspect_labels(lab, load_result(lab.tracking_uri, name), "letters")


@pytest.mark.parametrize(
    ("name", "flaws", "looked_at"),
    [
        ("folded", FLAWS, {"train": 8, "val": 4, "test": 6}),
        (
            "plain",
            {place: kind for place, kind in FLAWS.items() if place[0] != "train"},
            {"train": 0, "val": 4, "test": 6},
        ),
    ],
)
def test_exactly_the_spoilt_labels_are_suspicious(lab: StorePaths, name: str, flaws, looked_at) -> None:
    labels = found_by(lab, name)
    assert {(one.split, one.number): one.mistake.kind for one in labels.found} == flaws
    assert labels.looked_at == looked_at
    assert all(one.sentence.tokens[6] == f"{one.split}{one.number}" for one in labels.found), "the right sentence"


def test_the_reason_says_who_how_sure_and_how_the_other_places_are(lab: StorePaths) -> None:
    why = {(one.split, one.number): reason(one) for one in found_by(lab, "folded").found}
    assert why["train", 2] == "2 of 2 models say LOC with .96; 17 other places of `Paris`: 17 LOC"
    assert why["val", 1] == "2 of 2 models say PER with .96; 17 other places of `Bert`: 17 PER"
    assert (
        why["test", 0] == "4 of 4 models say PER for `Ann<a> Smith` with .96; 17 other places of `Ann<a> Smith`: 17 PER"
    )


DEAD = "its val F1 is near 0 (below a tenth of the best)"


@pytest.mark.parametrize(
    ("name", "asked", "note"),
    [
        ("plain", {"val": 1, "test": 1}, f"without seed 44: {DEAD}"),
        # out of fold, each sentence needs the model that has not seen it
        (
            "folded",
            {"train": 2, "val": 2, "test": 2},
            f"of test, without fold model 44-fold1, 44-fold2: {DEAD}",
        ),
    ],
)
def test_seeds_that_have_learnt_nothing_are_not_asked(lab: StorePaths, name: str, asked, note: str) -> None:
    result = load_result(lab.tracking_uri, name)
    trials = [
        trial if trial.seed == 43 else replace(trial, metrics={**trial.metrics, "val/entity/micro/f1": 0.01})
        for trial in result.trials
    ]
    found = suspect_labels(lab, ExperimentResult.of(name, trials), "letters")
    assert {one.split: one.models for one in found.found} == asked
    assert found.note == note


def test_places_with_another_label_make_a_suspect_less_suspicious() -> None:
    here, there = Entity("PER", 0, 1), Entity("LOC", 0, 1)
    sentences = [
        (("Paris", "x"), [here]),
        (("Paris",), [there]),
        (("Paris",), []),
        (("New", "Paris"), [Entity("LOC", 0, 2)]),
    ]
    assert labels_of([("Paris",)], sentences)["Paris",] == {"PER": 1, "LOC": 1, "O": 1}, "a part of a name says nothing"


def test_an_experiment_on_other_data_is_refused(lab: StorePaths) -> None:
    with pytest.raises(ResultError, match="must be about data set 'others'; it is about 'letters'"):
        suspect_labels(lab, load_result(lab.tracking_uri, "folded"), "others")


@pytest.mark.usefixtures("here")
def test_the_command_prints_the_ranking_and_writes_page_and_json(capsys, tmp_path: Path) -> None:
    assert main(["check_dataset", "letters", "--with-experiment", "folded", "--html", str(tmp_path / "p.html")]) == 0
    text = capsys.readouterr().out
    assert "letters: 3 labels that may be wrong, by runA of folded" in text
    assert "17 other places of `Paris`: 17 LOC" in text
    assert "gold:   Hello [Ann<a> Smith]PER in [Paris]PER" in text
    assert "models: Hello [Ann<a> Smith]PER in [Paris]LOC" in text
    assert text.isascii()
    page = (tmp_path / "p.html").read_text()
    assert "Ann&lt;a&gt;" in page
    assert "Ann<a>" not in page
    assert main(["check_dataset", "letters", "--with-experiment", "folded", "--json", "--strict"]) == 1
    told = json.loads(capsys.readouterr().out)["suspects"]
    assert [one["score"] for one in told] == sorted((one["score"] for one in told), reverse=True)
    assert {(one["split"], one["sentence"], one["line"]) for one in told} == {
        ("train", 2, 3),
        ("val", 1, 2),
        ("test", 0, 1),
    }
    assert main(["check_dataset", "letters", "--with-experiment", "plain", "--limit", "1"]) == 0
    text = capsys.readouterr().out
    assert "train was not looked at" in text
    assert "and 1 more (--limit)" in text


@pytest.mark.usefixtures("here")
def test_options_of_the_ranking_need_an_experiment(capsys) -> None:
    assert main(["check_dataset", "letters", "--tasks", "jsonl", "x.json"]) == 2
    assert "--tasks needs --with-experiment" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tasks", "jsonl", "x.json"], "the file of tasks for jsonl must end in .jsonl; got x.json"),
        (["--tasks", "label_studio", "x.jsonl"], "the file of tasks for label_studio must end in .json; got x.jsonl"),
        (["--model", "tiny-bert"], "--model: must be left out with --with-experiment"),
        (["--max-seq-length", "64"], "--max-seq-length: must be left out with --with-experiment"),
        (["--annotation-scheme", "bilou"], "--annotation-scheme: must be left out with --with-experiment"),
        (["--tag-column", "2"], "--tag-column: must be left out with --with-experiment"),
    ],
)
def test_what_would_do_nothing_beside_an_experiment_is_refused(capsys, words: list[str], message: str) -> None:
    assert main(["check_dataset", "letters", "--with-experiment", "plain", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["label_studio", "doccano", "jsonl"])
def test_tasks_come_back_through_set_up_dataset(here: StorePaths, kind: str, tmp_path: Path, capsys) -> None:
    name = f"back_{kind}"
    path = tmp_path / f"{name}.{'json' if kind == 'label_studio' else 'jsonl'}"
    command = ["check_dataset", "letters", "--with-experiment", "folded", "--tasks", kind, str(path)]
    assert main(command) == 0
    assert "3 sentences with labels that may be wrong" in capsys.readouterr().err
    # untouched, they are the sentences with their labels of now, as the data have them
    assert main(["set_up_dataset", str(path), "--val-fraction", "0", "--test-fraction", "0"]) == 0
    back = find_corpus(name, None, here.datasets, scheme="bio").train
    corpus = find_corpus("letters", None, here.datasets)
    asked = {corpus.split(split)[number].tokens[6]: corpus.split(split)[number] for split, number in FLAWS}
    assert {sentence.tokens[-2]: sentence.tags[-1] for sentence in back} == {
        key: sentence.tags[-1] for key, sentence in asked.items()
    }
    # corrected in the tool
    text = path.read_text()
    if kind == "label_studio":
        tasks = json.loads(text)
        assert all("why" in task["data"] for task in tasks)
        for task in tasks:
            task["annotations"] = [{"result": task["predictions"][0]["result"]}]
        path.write_text(json.dumps(tasks))
    else:
        assert all("other places" in json.loads(line)["why"] for line in text.splitlines())
        path.write_text(
            text.replace('27, "PER"]', '27, "LOC"]').replace(
                '"token": "Paris", "tag": "PER"', '"token": "Paris", "tag": "LOC"'
            )
        )
    assert main(["set_up_dataset", str(path), "--val-fraction", "0", "--test-fraction", "0", "--overwrite"]) == 0
    corrected = {s.tokens[-2]: s for s in find_corpus(name, None, here.datasets, scheme="bio").train}
    sentence = corrected["train2"]
    assert sentence.tags[sentence.tokens.index("Paris")] == "B-LOC"


@pytest.mark.parametrize(("folds", "way"), [(0, "[dataset] folds = 5"), (5, "go on with the experiment")])
def test_why_train_was_not_looked_at_is_said(folds: int, way: str) -> None:
    counts = {"train": 0, "val": 0, "test": 9}
    labels = SuspectLabels("data", "exp", "runA", (), counts, {"train": 9, "val": 9, "test": 9}, folds=folds)
    assert way in suspects_text(labels, 5, 100).replace("\n", " ")
