"""evaluate_on_dataset: the numbers of the trial, of another code path (seqeval), and of data of another kind."""

import json
import logging
import math
from pathlib import Path

import pytest

from nerbb_ray.errors import DataError
from nerbb_ray.model import Model
from nerbb_ray.ner.tags import tag_set


def write(folder: Path, *sentences: tuple[str, str]) -> Path:
    """A data set whose splits are the same sentences, (words, tags) each."""
    folder.mkdir()
    rows = [json.dumps({"tokens": words.split(), "tags": tags.split()}) for words, tags in sentences]
    for split in ("train", "val", "test"):
        (folder / f"{split}.jsonl").write_text("\n".join(rows))
    return folder


def test_the_test_split_gives_what_the_trial_reported(trained, model: Model) -> None:
    reported = {name: value for name, value in trained.reports[43]["chosen"].items() if name.startswith("test/")}
    assert model.evaluate_on_dataset("tiny") == pytest.approx(reported, abs=1e-9, nan_ok=True)
    assert list(model.evaluate_on_dataset("tiny")) == list(reported)
    assert 0 < reported["test/entity/micro/f1"] < 1


def test_the_val_split_is_that_of_the_trial_too(trained, model: Model) -> None:
    reported = {name: value for name, value in trained.reports[43]["chosen"].items() if name.startswith("val/")}
    assert model.evaluate_on_dataset("tiny", phase="val") == pytest.approx(reported, abs=1e-9, nan_ok=True)


SENTENCES = ("Anna works in Paris .", "Bert and Anna lives in Berlin Paris .")
GOLD = {
    "bio": ("B-PER O O B-LOC O", "B-PER O B-PER I-PER O B-LOC I-LOC O"),
    "bilou": ("U-PER O O U-LOC O", "U-PER O B-PER L-PER O B-LOC L-LOC O"),
    "plain": ("PER O O LOC O", "PER O PER PER O LOC LOC O"),
    "iob1": ("I-PER O O I-LOC O", "I-PER O I-PER I-PER O I-LOC I-LOC O"),
}


@pytest.mark.parametrize("data_scheme", GOLD)
@pytest.mark.parametrize("model_scheme", ["bio", "bilou", "plain"])
def test_the_scheme_of_the_data_does_not_matter(untrained, tmp_path, model_scheme: str, data_scheme: str) -> None:
    """Entities are the same in all schemes, as long as no two of a class touch."""
    model = Model.from_checkpoint(untrained(tag_set(("LOC", "PER"), model_scheme), seed=1), device="cpu")
    same, other = (
        model.evaluate_on_dataset(str(write(tmp_path / name, *zip(SENTENCES, GOLD[scheme], strict=True))))
        for name, scheme in (("same", model_scheme), ("other", data_scheme))
    )
    assert other == pytest.approx(same, nan_ok=True)
    assert math.isfinite(same["test/loss"])


@pytest.mark.parametrize("tags", [("O", "I-LOC", "I-PER", "B-LOC"), ("B-PER", "E-PER", "I-PER", "S-PER", "O")])
def test_models_of_other_schemes_are_counted_by_their_entities(untrained, tmp_path, tags) -> None:
    from seqeval.metrics import f1_score

    model = Model.from_checkpoint(untrained(tags, seed=2), device="cpu")
    folder = write(tmp_path / "d", *zip(SENTENCES, GOLD["bio"], strict=True))
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({"tokens": text.split()}) for text in SENTENCES))
    model.predict_on_file(rows, tmp_path / "out.jsonl")
    found = [json.loads(line)["tags"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    gold = [tags.split() for tags in GOLD["bio"]]
    if "S-PER" in tags:  # written as bilou, which seqeval knows in other letters
        letters = str.maketrans("UL", "SE")
        found = [[tag[:1].translate(letters) + tag[1:] for tag in row] for row in found]
        gold = [tags.translate(letters).replace("EOC", "LOC").split() for tags in GOLD["bilou"]]
    metrics = model.evaluate_on_dataset(folder)
    assert metrics["test/entity/micro/f1"] == pytest.approx(f1_score(gold, found))
    assert math.isnan(metrics["test/loss"])


def test_classes_that_the_model_does_not_know_are_misses_and_said(model: Model, tmp_path, caplog) -> None:
    known = write(tmp_path / "known", ("Anna works in Paris .", "B-PER O O B-LOC O"))
    more = write(tmp_path / "more", ("Anna works in Paris .", "B-PER O B-TIME B-LOC O"))
    before, after = model.evaluate_on_dataset(str(known)), model.evaluate_on_dataset(str(more))
    assert before["test/entity/micro/recall"] == 1.0
    assert after["test/entity/micro/recall"] == pytest.approx(2 / 3)
    assert (after["test/entity/TIME/recall"], after["test/entity/TIME/support"]) == (0.0, 1.0)
    assert after["test/entity/PER/f1"] == before["test/entity/PER/f1"]
    assert math.isnan(after["test/loss"])
    assert "the model does not know TIME: such entities count as missed" in caplog.text


def test_classes_that_the_data_do_not_have_are_said(model: Model, tmp_path, caplog) -> None:
    folder = write(tmp_path / "d", ("Anna works in Paris .", "B-PER O O O O"))
    with caplog.at_level(logging.WARNING):
        metrics = model.evaluate_on_dataset(str(folder))
    assert "the data have no LOC: predictions of them count as wrong" in caplog.text
    assert metrics["test/entity/micro/precision"] == 0.5
    assert (metrics["test/entity/LOC/precision"], metrics["test/entity/LOC/support"]) == (0.0, 0.0)
    assert math.isfinite(metrics["test/loss"])


def test_a_split_without_sentences_gives_undefined_metrics(model: Model, tmp_path, caplog) -> None:
    folder = write(tmp_path / "d", ("Anna works", "B-PER O"))
    (folder / "test.jsonl").write_text("")
    metrics = model.evaluate_on_dataset(str(folder))
    assert math.isnan(metrics["test/entity/micro/f1"])
    assert "test has no sentences" in caplog.text


def test_only_notes_on_the_split_are_given(model: Model, tmp_path) -> None:
    folder = write(tmp_path / "d", ("Anna works in Paris", "PER O O LOC"))
    notes = model.score(str(folder), "val").notes
    assert [note.partition(":")[0] for note in notes] == ["val"]


@pytest.mark.parametrize(
    ("name", "phase", "message"),
    [("tiny", "dev", "phase must be one of train, val, test; got 'dev'"), ("./nowhere", "test", "no such folder")],
)
def test_what_does_not_exist_is_refused(model: Model, name, phase, message) -> None:
    with pytest.raises(DataError, match=message):
        model.evaluate_on_dataset(name, phase)
