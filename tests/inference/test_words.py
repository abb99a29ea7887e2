"""Every prediction cuts text as the words of training were cut: in memory, in files, exported, and in old models."""

import json
from pathlib import Path

import pytest

from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.errors import ModelError
from nerbb_ray.model import Model
from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
from nerbb_ray.training.model import WORDS
from nerbb_ray.training.sources import local_model
from nerbb_ray.training.tokenizer import load_tokenizer

TAGS = ("O", "B-PER", "I-PER")
TEXT = "Mr. O'Hara isn't in 北京, U.S."
CHOSEN = WordSplitting("treebank", ("Mr.",))
WORDS_OF = {
    "former": ["Mr", ".", "O", "'", "Hara", "isn", "'", "t", "in", "北京", ",", "U", ".", "S", "."],
    "chosen": ["Mr.", "O'Hara", "is", "n't", "in", "北", "京", ",", "U.S."],
}


def words_of(model: Model) -> list[str]:
    return [word["token"] for word in model.predict(TEXT, level="word")]


@pytest.mark.parametrize(("stored", "expected"), [(None, "former"), (CHOSEN.to_dict(), "chosen")])
def test_text_is_cut_as_the_model_says(untrained, tmp_path: Path, stored: object, expected: str) -> None:
    config = {} if stored is None else {WORDS: stored}
    model = Model.from_checkpoint(untrained(TAGS, **config), device="cpu")
    assert words_of(model) == WORDS_OF[expected]
    assert [word["token"] for word in model.predict_proba(TEXT)] == WORDS_OF[expected]
    assert all(TEXT[w["char_start"] : w["char_end"]] == w["token"] for w in model.predict(TEXT, level="word"))
    (tmp_path / "in.txt").write_text(TEXT + "\n")
    model.predict_on_file(tmp_path / "in.txt", tmp_path / "out.jsonl", quiet=True)
    [row] = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert row["tags"] == model.predict(TEXT)
    borders = {place for w in model.predict(TEXT, level="word") for place in (w["char_start"], w["char_end"])}
    assert {place for e in row["tags"] for place in (e["char_start"], e["char_end"])} <= borders


@pytest.mark.parametrize("stored", ["runs", {"name": "later"}, {"name": "runs", "joints": "x"}])
def test_a_way_that_is_not_known_is_refused(untrained, stored: object) -> None:
    with pytest.raises(ModelError, match=r"word_splitting of config\.json: .*was it written by a later version"):
        Model.from_checkpoint(untrained(TAGS, **{WORDS: stored}), device="cpu")


def test_a_trial_keeps_the_way_of_its_data(model: Model, trained) -> None:
    config = json.loads((trained.store.checkpoints("tiny", "runA", 43) / "config.json").read_text())
    assert config[WORDS] == {"name": "runs", "joints": []}
    assert model.word_splitting.startswith("runs (")


def test_the_way_goes_from_the_data_to_the_encoded_corpus(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    row = {"tokens": ["the", "U.S.", "is", "n't", "St.", "Paul"], "tags": ["O", "B-L", "O", "O", "B-L", "I-L"]}
    for split in ("train", "val", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    tokenizer = load_tokenizer(local_model("tiny-bert", tiny_model))
    data = load_encoded(encode_once(load_corpus(folder), tokenizer, 16, tmp_path))
    assert data.splitting == WordSplitting("treebank", ("St.",))
