"""A model is decoded as it was measured: in texts of any length, in files, in evaluations, and after an export."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.errors import ModelError
from nerbb_ray.model import Model
from nerbb_ray.ner.decoding import Decoder, bigrams, constrained
from nerbb_ray.ner.tags import entities, entities_lenient, tag_set
from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.model import DECODING, write_decoder
from nerbb_ray.training.sources import ModelSource, file_of, local_model
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.worker import TrialContext

CLASSES = ("LOC", "PER")
TEXT = "Anna works in Paris . Bert lives in Berlin Paris the Anna " * 20
ZERO_WIDTH = "\u200b"


def with_decoder(folder: Path, kind: str, scheme: str) -> Decoder:
    """Give a model with random weights a decoder."""
    tags = tag_set(CLASSES, scheme)
    gold, starts = np.array([0, 1, 2, 0, 1, 0]), np.array([0, 4, 6])
    decoder = constrained(tags, scheme) if kind == "constrained" else bigrams(tags, scheme, gold, starts, 5.0)
    write_decoder(decoder, tags, folder)
    return decoder


@pytest.fixture(params=[("constrained", "bio"), ("bigrams", "bio"), ("constrained", "bilou"), ("bigrams", "plain")])
def decoded(request, untrained) -> tuple[Model, Decoder]:
    kind, scheme = request.param
    folder = untrained(tag_set(CLASSES, scheme), seed=4)
    decoder = with_decoder(folder, kind, scheme)
    return Model.from_checkpoint(folder, device="cpu"), decoder


def tags_of(model: Model, text: str) -> list[str]:
    return [word["tag"] for word in model.predict(text, level="word")]


def log_probs_of(model: Model, text: str) -> np.ndarray:
    return np.log([list(word["proba_dist"].values()) for word in model.predict_proba(text)])


def test_a_text_is_decoded_as_a_whole_whatever_its_windows(decoded) -> None:
    model, decoder = decoded
    log_probs = log_probs_of(model, TEXT)
    assert len(log_probs) > 3 * model.max_seq_length
    expected = decoder.decode(log_probs, np.array([0, len(log_probs)]))
    found = tags_of(model, TEXT)
    assert found == [model.tags[tag] for tag in expected]
    assert found != [model.tags[tag] for tag in log_probs.argmax(axis=1)], "the decoder must matter here"
    assert model.decoding == str(decoder)


def test_sequences_are_well_formed_and_every_word_has_the_probability_of_its_tag(decoded) -> None:
    model, _ = decoded
    words, entity_list = model.predict(TEXT, level="word"), model.predict(TEXT)
    tags = [word["tag"] for word in words]
    assert entities(tags, model.annotation_scheme) == entities_lenient(tags, model.annotation_scheme)
    for word, other in zip(words, model.predict_proba(TEXT), strict=True):
        assert word["proba"] == other["proba_dist"][word["tag"]]
    for entity in entity_list:
        inside = [w["proba"] for w in words if entity["char_start"] <= w["char_start"] < entity["char_end"]]
        assert entity["proba"] == pytest.approx(sum(inside) / len(inside))


def test_a_file_gets_the_same_tags(decoded, tmp_path) -> None:
    model, _ = decoded
    words = TEXT.split()
    (tmp_path / "in.jsonl").write_text(json.dumps({"tokens": words}) + "\n" + json.dumps({"tokens": []}))
    model.predict_on_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    first, second = (json.loads(line)["tags"] for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first, second) == (tags_of(model, TEXT), [])


def test_texts_do_not_run_into_each_other(decoded) -> None:
    model, _ = decoded
    texts = ["", "Anna", "Paris Berlin", "", TEXT]
    together, alone = model.predict(texts, level="word"), [model.predict(text, level="word") for text in texts]
    assert [[word["tag"] for word in words] for words in together] == [[w["tag"] for w in words] for words in alone]


def test_a_word_without_a_subtoken_carries_on_what_is_around_it(untrained) -> None:
    folder = untrained(tag_set(CLASSES, "bio"), seed=4)
    with_decoder(folder, "constrained", "bio")
    model = Model.from_checkpoint(folder, device="cpu")
    begin = next(w["token"] for w in model.predict(TEXT, level="word") if w["tag"].startswith("B-"))
    words = model.predict(f"{begin} {ZERO_WIDTH} {begin}", level="word")
    unknown = next(word for word in words if word["token"] == ZERO_WIDTH)
    before = words[words.index(unknown) - 1]["tag"]
    assert unknown["tag"] in ("O", f"I-{before[2:]}")
    assert unknown["proba"] == 1.0


def test_a_model_that_says_nothing_is_decoded_by_argmax(untrained) -> None:
    model = Model.from_checkpoint(untrained(tag_set(CLASSES, "bio"), seed=4), device="cpu")
    log_probs = log_probs_of(model, TEXT)
    assert tags_of(model, TEXT) == [model.tags[tag] for tag in log_probs.argmax(axis=1)]
    assert model.decoding == "argmax"


def test_the_order_of_the_outputs_does_not_matter(untrained) -> None:
    tags = tag_set(CLASSES, "bio")
    order = [3, 0, 4, 1, 2]
    folder = untrained(tags, seed=4)
    with_decoder(folder, "bigrams", "bio")
    other = untrained(tags, seed=4)
    with_decoder(other, "bigrams", "bio")
    config = json.loads((other / "config.json").read_text())
    config["id2label"] = {str(place): tags[tag] for place, tag in enumerate(order)}
    config["label2id"] = {tags[tag]: place for place, tag in enumerate(order)}
    (other / "config.json").write_text(json.dumps(config))
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name][order].contiguous()
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    assert tags_of(Model.from_checkpoint(other, device="cpu"), TEXT) == tags_of(
        Model.from_checkpoint(folder, device="cpu"), TEXT
    )


PER = ("O", "B-PER", "I-PER")
GOOD = constrained(PER, "bio").to_dict() | {"tags": PER}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "does not say how to decode"),
        ("[]", "does not say how to decode"),
        ("{}", "does not say how to decode"),
        (GOOD | {"tags": ["O", "B-LOC", "I-LOC"]}, "is for the tags O, B-LOC, I-LOC; the model has O, B-PER, I-PER"),
        ({name: value for name, value in GOOD.items() if name != "tags"}, "KeyError.*'tags'"),
        (GOOD | {"kind": "crf"}, "kind must be one of argmax, constrained, bigrams; got 'crf'"),
        (GOOD | {"first": [0.0]}, "n x n and n tags were expected"),
        (GOOD | {"step": []}, "does not say how to decode"),
        (GOOD | {"last": [0.0, math.nan, 0.0]}, "scores must be numbers or null"),
    ],
)
def test_a_damaged_decoder_is_refused_with_the_way_out(untrained, content, message: str) -> None:
    folder = untrained(PER)
    (folder / DECODING).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ModelError, match=message) as error:
        Model.from_checkpoint(folder, device="cpu")
    assert "or delete it, to decode by argmax" in str(error.value)
    (folder / DECODING).unlink()
    assert Model.from_checkpoint(folder, device="cpu").decoding == "argmax"


@pytest.mark.parametrize("decoding", ["argmax", "constrained", "bigrams", "auto"])
def test_an_evaluation_gives_what_the_trial_reported(trained, tiny_model, tmp_path, decoding: str) -> None:
    spec = trained.trials[43]
    hparams, chosen = replace(spec.hparams, max_epochs=3), replace(spec.settings, decoding=decoding)
    source = local_model("tiny-bert", tiny_model)
    corpus = load_corpus(trained.store.dataset("tiny"))
    data = load_encoded(encode_once(corpus, load_tokenizer(source), hparams.max_seq_length, tmp_path / "cache"))
    reports: list[dict] = []
    context = TrialContext(
        report=reports.append, device=torch.device("cpu"), threads=1, checkpoint_dir=tmp_path / "model"
    )
    train_trial(replace(spec, hparams=hparams, settings=chosen), data, source, context)
    model = Model.from_checkpoint(tmp_path / "model", store=trained.store.root)
    assert model.decoding == reports[-1]["decoding"]
    for phase in ("val", "test"):
        reported = {name: value for name, value in reports[-1]["chosen"].items() if name.startswith(f"{phase}/")}
        assert f"{phase}/entity/micro/f1_argmax" in reported
        assert model.evaluate_on_dataset("tiny", phase) == pytest.approx(reported, abs=1e-9, nan_ok=True)


def test_a_copy_without_the_decoder_is_the_same_model_by_argmax(trained, tmp_path) -> None:
    folder = shutil.copytree(trained.checkpoint(), tmp_path / "copy")
    (folder / DECODING).unlink()
    metrics = Model.from_checkpoint(folder, store=trained.store.root).evaluate_on_dataset("tiny")
    assert metrics["test/entity/micro/f1"] == metrics["test/entity/micro/f1_argmax"]
    assert metrics["test/entity/micro/f1_argmax"] == trained.reports[43]["chosen"]["test/entity/micro/f1_argmax"]


def test_a_model_of_the_hub_may_lack_the_file(monkeypatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    assert file_of(ModelSource("org/model", "org/model", "0" * 40), DECODING) is None
