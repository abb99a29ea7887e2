"""Mistakes of an experiment's models: which, how sure, who agrees; and what annotation tools are given."""

import json
import shutil
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
from nerbb_ray.mistakes.collect import collect
from nerbb_ray.mistakes.found import Mistakes, find_mistakes
from nerbb_ray.mlflow_store.events import Ended, Files, Started
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.ner.decoding import argmax
from nerbb_ray.paths import StorePaths
from nerbb_ray.report.page import write_report
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.log_probs import FILE, LogProbs, SplitLogProbs
from nerbb_ray.results.trial_result import TrialResult

WORDS = ("Hello", "Ann<a>", "Smith", "in", "Paris", "says", "to", "Bert")
N = 6
NAMES = [TAGS[tag] for tag in PATTERN]


def rows(number: int) -> list[dict]:
    return [{"tokens": [*WORDS[:-1], f"Bert{number}{k}"], "tags": NAMES} for k in range(N)]


def said_of(wrong: dict[int, dict[int, tuple[int, float]]]) -> SplitLogProbs:
    """What a model says: right with .8, but for sentence -> word -> (tag, probability)."""
    gold = np.array(PATTERN * N, np.int16)
    said = np.full((len(gold), len(TAGS)), 0.05)
    said[np.arange(len(gold)), gold] = 0.8
    for sentence, words in wrong.items():
        for word, (tag, probability) in words.items():
            row = sentence * len(PATTERN) + word
            said[row] = (1 - probability) / (len(TAGS) - 1)
            said[row, tag] = probability
    return SplitLogProbs(np.log(said).astype(np.float16), gold, np.arange(0, len(gold) + 1, len(PATTERN)))


# sentence 0: both are sure that Paris is a person; 1: both miss Bert; 2: seed 43 alone invents;
# 3: both give "Ann<a> Smith" one word only
BOTH = {0: {4: (2, 0.96)}, 1: {7: (0, 0.7)}, 3: {2: (0, 0.92)}}
WRONG = {43: {**BOTH, 2: {0: (1, 0.5)}}, 44: BOTH}


def kept(seed: int, data: str) -> LogProbs:
    splits = {"val": said_of({}), "test": said_of(WRONG[seed])}
    return predictions(seed, splits=splits, data=data, decoder=argmax(len(TAGS)))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A store with an experiment of two seeds; one whose predictions are gone; and one where MLflow alone has them."""
    store = StorePaths(tmp_path_factory.mktemp("mistakes") / "store")
    store.create()
    store.dataset("letters").mkdir()
    for number, split in enumerate(("train", "val", "test")):
        path = store.dataset("letters") / f"{split}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows(number)))
    data = load_corpus(store.dataset("letters")).fingerprint
    for name in ("exp", "gone", "in MLflow"):
        writer = MlflowWriter(store.tracking_uri, name, str(store.artifacts))
        for seed in (43, 44):
            spec = TrialSpec(
                run="runA",
                seed=seed,
                dataset=DatasetParams(dataset_name="letters"),
                model=ModelParams(pretrained_model_name="model"),
                hparams=HParams(),
                settings=Settings(multiple_runs=2),
            )
            folder = store.checkpoints(name, "runA", seed)
            if name != "gone":
                folder.mkdir(parents=True)
                kept(seed, data).save(folder / FILE)
            values = {"val/entity/micro/f1": 0.9, "test/entity/micro/f1": 0.8}
            identity = Identity.of(spec, data=data)
            ended = TrialResult("runA", seed, "ok", values, spec.params(), 3, checkpoint=str(folder), identity=identity)
            writer.deliver(Started(tracked(spec), *at(seed)))
            if name == "in MLflow":
                writer.deliver(Files(tracked(spec), *at(seed + 5), {}, (str(folder / FILE),)))
                shutil.rmtree(folder)
            writer.deliver(Ended(tracked(spec), *at(seed + 10), ended))
    return store


@pytest.fixture
def here(lab: StorePaths, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setattr(Store, "chosen", lab.root)
    return lab


@pytest.fixture(scope="module")
def found(lab: StorePaths) -> Mistakes:
    return collect(lab, load_result(lab.tracking_uri, "exp"))


def test_mistakes_come_with_kind_confidence_and_how_many_seeds_agree(found: Mistakes) -> None:
    told = [(one.sentence, one.mistake.kind, one.mistake.label, one.agree) for one in found.found]
    assert told == [
        (0, "wrong-class", "LOC", 2),
        (3, "wrong-border", "PER", 2),
        (1, "missed", "PER", 2),
    ], "the mean is right about sentence 2"
    # of the wrong border, the word that is predicted
    assert [one.confidence for one in found.found] == pytest.approx([0.96, 0.8, 0.7], abs=0.01)


def test_predictions_whose_folder_is_gone_are_those_of_mlflow(lab: StorePaths, found: Mistakes) -> None:
    again = collect(lab, load_result(lab.tracking_uri, "in MLflow"))
    assert again.found == found.found
    assert not (lab.cache / "artifacts").exists(), "what lies on this machine is not copied"


def test_a_mistake_of_one_seed_is_not_one_of_the_others(lab: StorePaths) -> None:
    said = {seed: kept(seed, "x") for seed in (43, 44)}
    sentences = find_corpus("letters", None, lab.datasets).test
    alone = find_mistakes("exp", "runA", {43: said[43]}, argmax(len(TAGS)), "test", sentences)
    assert (2, "invented", 1) in {(one.sentence, one.mistake.kind, one.agree) for one in alone.found}
    assert alone.candidates(0.0) == ()
    surer = replace(said[43], splits={"test": said_of({2: {0: (1, 0.9999)}})})
    doubting = replace(said[44], splits={"test": said_of({2: {0: (0, 0.4)}})})
    both = find_mistakes("exp", "runA", {43: surer, 44: doubting}, argmax(len(TAGS)), "test", sentences)
    assert [(one.sentence, one.agree) for one in both.found] == [(2, 1)]


def test_candidates_are_what_all_seeds_contradict_with_confidence(found: Mistakes) -> None:
    assert [one.sentence for one in found.candidates(0.9)] == [0]
    assert [one.sentence for one in found.candidates(0.5)] == [0, 3, 1]


@pytest.mark.parametrize(("val_f1", "seeds", "candidates"), [(0.01, (43, 44), [0, 3, 1]), (0.5, (43, 44, 45), [1])])
def test_a_seed_that_has_learnt_nothing_hides_no_candidate(lab, tmp_path, val_f1, seeds, candidates) -> None:
    """It says O everywhere, and so agrees with nothing but what is missed."""
    result = load_result(lab.tracking_uri, "exp")
    nothing = {sentence: dict.fromkeys(range(len(PATTERN)), (0, 0.9)) for sentence in range(N)}
    data = result.trials[0].data
    folder = tmp_path / "45"
    folder.mkdir()
    replace(kept(44, data), splits={"val": said_of(nothing), "test": said_of(nothing)}).save(folder / FILE)
    metrics = {**result.trials[0].metrics, "val/entity/micro/f1": val_f1}
    dead = replace(result.trials[0], seed=45, metrics=metrics, checkpoint=str(folder))
    found = collect(lab, ExperimentResult.of("exp", [*result.trials, dead]))
    assert found.seeds == seeds
    assert [one.sentence for one in found.candidates(0.5)] == candidates
    assert (found.note == "without seed 45: its val F1 is near 0 (below a tenth of the best)") == (45 not in seeds)


def test_counts_are_by_class_and_kind(found: Mistakes) -> None:
    assert found.counts() == {
        "PER": {"missed": 1, "invented": 0, "wrong-class": 0, "wrong-border": 1},
        "LOC": {"missed": 0, "invented": 0, "wrong-class": 1, "wrong-border": 0},
    }
    assert [one.sentence for one in found.only(label="LOC").found] == [0]
    assert [one.sentence for one in found.only(label="PER").found] == [0, 3, 1], "also where it was predicted"
    assert [one.sentence for one in found.only(["missed"]).found] == [1]


def test_command_shows_gold_and_prediction_side_by_side(here: StorePaths, capsys: pytest.CaptureFixture) -> None:
    assert main(["errors", "exp"]) == 0
    text = capsys.readouterr().out
    assert "runA, seeds 43, 44, test: 3 mistakes in 3 of 6 sentences" in text
    assert "gold:       Hello [Ann<a> Smith]PER in [Paris]LOC says to [Bert20]PER" in text
    assert "prediction: Hello [Ann<a> Smith]PER in [Paris]PER says to [Bert20]PER" in text
    assert text.index("wrong-class LOC") < text.index("wrong-border PER") < text.index("missed PER")
    assert "1 candidates for wrong annotations" in text
    assert text.isascii()
    assert here


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        ([], [0, 3, 1]),
        (["--class", "LOC"], [0]),
        (["--kind", "wrong class"], [0]),
        (["--kind", "missed", "--kind", "wrong-border"], [3, 1]),
        (["--phase", "val"], []),
        (["--run", "runA", "--class", "ORG"], []),
    ],
)
def test_command_gives_json(words: list[str], sentences: list[int], capsys: pytest.CaptureFixture) -> None:
    assert main(["errors", "exp", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["sentence"] for one in found["mistakes"]] == sentences
    for one in found["mistakes"]:
        assert one["candidate"] == (one["sentence"] == 0)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", ["label_studio", "doccano", "jsonl"])
def test_candidates_can_be_corrected_elsewhere_and_read_again(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Read by the readers of data sets, the file has the annotation as it is now."""
    name = "train.json" if kind == "label_studio" else "train.jsonl"
    path = tmp_path / "again" / name
    path.parent.mkdir()
    words = ["--candidates", str(path), "--format", kind, "--confidence", "0.5"]
    assert main(["errors", "exp", *words]) == 0
    assert "3 sentences whose annotation may be wrong" in capsys.readouterr().err
    corpus = load_corpus(path.parent)
    read = [sentence for split in ("train", "val", "test") for sentence in corpus.split(split)]
    tagged = {(token, tag) for one in read for token, tag in zip(one.tokens, one.tags, strict=True) if tag != "O"}
    for number in (0, 1, 3):
        assert {("Paris", "B-LOC"), ("Smith", "I-PER"), (f"Bert2{number}", "B-PER")} <= tagged
    assert len(read) == 3


@pytest.mark.usefixtures("here")
def test_candidates_have_a_name_that_the_tool_takes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "doubtful.json"
    assert main(["errors", "exp", "--candidates", str(path), "--format", "doccano"]) == 2
    assert "the file of tasks for doccano must end in .jsonl; got doubtful.json" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_page_shows_what_stands_in_the_data_as_text(tmp_path: Path) -> None:
    assert main(["errors", "exp", "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "<strong>Ann&lt;a&gt; Smith</strong>" in page
    assert "Ann<a>" not in page


def test_report_has_the_mistakes_of_the_best_run(here: StorePaths, tmp_path: Path) -> None:
    assert "3 mistakes in 3 of 6 sentences" in write_report("exp", here, tmp_path / "report.html").read_text()
    text = write_report("gone", here, tmp_path / "gone.html").read_text()
    assert "There is nothing to show: run runA of experiment gone has no predictions to look at" in text


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone"], "without seed 43, 44: its file log_probs.npz is not on this computer"),
        (["exp", "--run", "runB"], "no run 'runB'"),
        (["exp", "--kind", "odd"], "invalid choice: 'odd'"),
        (["exp", "--confidence", "2"], "must be between 0 and 1"),
        (["nothing"], "no results"),
    ],
)
def test_command_says_what_it_cannot_do(words: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["errors", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("label", "said"), [("per", "did you mean 'PER'?"), ("Xy", "there are LOC, PER"), ("PER", "")])
def test_class_that_no_entity_has_is_said(label: str, said: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["errors", "exp", "--class", label]) == 0
    noted = capsys.readouterr().err
    assert noted == (f"note: no entity of test is of class '{label}', in gold or predicted; {said}\n" if said else "")


def test_data_that_have_changed_are_refused(here: StorePaths, capsys: pytest.CaptureFixture) -> None:
    path = here.dataset("letters") / "train.jsonl"
    before = path.read_text()
    path.write_text(before + before)
    try:
        assert main(["errors", "exp"]) == 2
    finally:
        path.write_text(before)
    assert "is not the one that the models were evaluated on" in capsys.readouterr().err
