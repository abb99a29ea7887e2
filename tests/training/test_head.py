"""A head that a model came with: its rows follow their labels, or every seed gets a new one."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nerbb_ray.training.model import load_model, load_with_notes
from nerbb_ray.training.plain_bert import plain_bert
from nerbb_ray.training.sources import ModelSource

TAGS = ("O", "B-PER", "I-PER")


def source_of(folder: Path) -> ModelSource:
    return ModelSource(folder.name, str(folder), "")


BIO = ("O", "B-LOC", "B-PER", "I-LOC", "I-PER")


def with_head(tiny_model: Path, folder: Path, labels: Sequence[str]) -> Path:
    """The tiny model, fine-tuned for some labels: row n of its head is n + 1 everywhere."""
    from transformers import BertForTokenClassification

    names = dict(enumerate(labels))
    model = BertForTokenClassification.from_pretrained(
        tiny_model, num_labels=len(labels), id2label=names, label2id={v: k for k, v in names.items()},
        ignore_mismatched_sizes=True,
    )  # fmt: skip
    with torch.no_grad():
        rows = torch.arange(1.0, len(labels) + 1)
        model.classifier.weight.copy_(rows[:, None].expand_as(model.classifier.weight))
        model.classifier.bias.copy_(rows)
    model.save_pretrained(folder)
    for file in tiny_model.glob("*token*"):
        shutil.copy(file, folder)
    return folder


def rows_of(model: Any) -> list[float]:
    """What is in the rows of a head that `with_head` has made."""
    assert torch.equal(model.classifier.weight[:, 0], model.classifier.bias)
    return model.classifier.bias.tolist()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (BIO, [1, 2, 3, 4, 5]),
        (BIO[::-1], [5, 4, 3, 2, 1]),
        (("B-PER", "I-PER", "B-LOC", "I-LOC", "O"), [5, 3, 1, 4, 2]),
    ],
)
def test_rows_of_a_head_follow_their_labels(tiny_model: Path, tmp_path: Path, stored, expected) -> None:
    folder = with_head(tiny_model, tmp_path / "m", stored)
    state = torch.get_rng_state()
    model, notes = load_with_notes(source_of(folder), BIO)
    assert rows_of(model) == expected
    assert torch.equal(torch.get_rng_state(), state)
    assert model.config.id2label == dict(enumerate(BIO))
    (note,) = notes
    said = (
        "is kept: every seed begins with the same one" if stored == BIO else "knows the labels of the data in another"
    )
    assert said in note
    plain = plain_bert(source_of(folder), None)
    assert plain is None or plain.notes(BIO) == notes


def test_aligned_head_predicts_what_the_model_predicted(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import BertForTokenClassification

    stored = BIO[::-1]
    folder = with_head(tiny_model, tmp_path / "m", stored)
    before = BertForTokenClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        before.classifier.weight.normal_()
    before.save_pretrained(folder)
    ids = torch.tensor([[2, 30, 31, 3]])
    with torch.no_grad():
        said, says = (model(input_ids=ids).logits for model in (before, load_model(source_of(folder), BIO).eval()))
    # columns in another order may be summed by other instructions: equal but for the last bits
    torch.testing.assert_close(says, said[..., [stored.index(tag) for tag in BIO]])


OTHER_LABELS = {
    "other classes": ("O", "B-ORG", "B-MISC", "I-ORG", "I-MISC"),
    "other scheme": ("O", "U-LOC", "U-PER", "I-LOC", "I-PER"),
    "no names": tuple(f"LABEL_{n}" for n in range(5)),
    "fewer": ("O", "B-LOC", "B-PER"),
    "more": (*BIO, "B-ORG", "I-ORG"),
    "a label twice": ("O", "B-LOC", "B-PER", "I-LOC", "O"),
}


@pytest.mark.parametrize("stored", OTHER_LABELS.values(), ids=OTHER_LABELS)
def test_head_for_other_labels_is_new_with_every_seed(tiny_model: Path, tmp_path: Path, stored) -> None:
    source = source_of(with_head(tiny_model, tmp_path / "m", stored))

    def loaded(seed: int) -> tuple[torch.Tensor, list[str]]:
        torch.manual_seed(seed)
        model, notes = load_with_notes(source, BIO)
        assert not model.classifier.bias.any()
        assert model.classifier.weight.std().item() == pytest.approx(0.02, rel=0.3)
        return model.classifier.weight.detach(), notes

    (first, (note,)), (again, _), (other, _) = loaded(1), loaded(1), loaded(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert "for other labels" in note


def reshaped(folder: Path, name: str, rows: int | None) -> None:
    """Other weights of a head than its labels say: so many rows, or none."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    value = weights.pop(name)
    if rows is not None:
        weights[name] = value[:rows].clone()
    save_file(weights, path, metadata={"format": "pt"})


MISFITS = {
    "fewer rows": ("classifier.weight", 4, "classifier.weight is 4 x 32 instead of 5 x 32"),
    "smaller bias": ("classifier.bias", 4, "classifier.bias is 4 instead of 5"),
    "no bias": ("classifier.bias", None, "classifier.bias is missing"),
}


@pytest.mark.parametrize("stored", [BIO, BIO[::-1]], ids=["same order", "another order"])
@pytest.mark.parametrize(("name", "rows", "said"), MISFITS.values(), ids=MISFITS)
def test_head_that_does_not_fit_its_own_labels_is_new_and_said(
    tiny_model: Path, tmp_path: Path, stored, name: str, rows: int | None, said: str
) -> None:
    folder = with_head(tiny_model, tmp_path / "m", stored)
    reshaped(folder, name, rows)
    assert plain_bert(source_of(folder), None) is None
    heads = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model, (note,) = load_with_notes(source_of(folder), BIO)
        heads.append(model.classifier.weight)
        assert not model.classifier.bias.any()
    assert not torch.equal(*heads)
    assert heads[0].isfinite().all()
    assert said in note
    assert "every seed begins with a new one" in note
    assert "put into" not in note


def test_head_for_texts_without_a_bias_is_no_head_for_entities(tmp_path: Path) -> None:
    """Of a decoder: its rows would have been kept, being as many as there are tags."""
    from transformers import Qwen2Config, Qwen2ForSequenceClassification

    config = Qwen2Config(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, pad_token_id=0, num_labels=len(BIO),
    )  # fmt: skip
    before = Qwen2ForSequenceClassification(config)
    before.save_pretrained(tmp_path / "m")
    after, (note,) = load_with_notes(source_of(tmp_path / "m"), BIO)
    assert not torch.equal(after.score.weight, before.score.weight)
    assert "for other labels (5 labels without names)" in note


def test_weights_of_another_task_are_no_head_for_entities(tiny_model: Path, tmp_path: Path) -> None:
    """A model that classifies sentences into three classes has a head of the same name and size."""
    from transformers import BertForSequenceClassification

    labels = {0: "entailment", 1: "neutral", 2: "contradiction"}
    model = BertForSequenceClassification.from_pretrained(
        tiny_model, num_labels=3, id2label=labels, label2id={v: k for k, v in labels.items()},
        ignore_mismatched_sizes=True,
    )  # fmt: skip
    model.save_pretrained(tmp_path / "m")
    heads = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        heads.append(load_model(source_of(tmp_path / "m"), TAGS).classifier.weight)
    assert not torch.equal(*heads)
    assert not torch.equal(heads[0], model.classifier.weight)


def test_new_heads_are_those_of_earlier_versions(tiny_model: Path, tmp_path: Path) -> None:
    """Bit for bit: what transformers itself makes where the weights have no head, or one of another size."""
    from transformers import AutoModelForTokenClassification, BertModel

    BertModel.from_pretrained(tiny_model).save_pretrained(tmp_path / "encoder")
    for folder, tags in ((tmp_path / "encoder", TAGS), (tmp_path / "encoder", ("O", "X")), (tiny_model, TAGS)):
        torch.manual_seed(3)
        model, after = load_model(source_of(folder), tags), torch.get_rng_state()
        torch.manual_seed(3)
        direct = AutoModelForTokenClassification.from_pretrained(
            folder, num_labels=len(tags), ignore_mismatched_sizes=True
        )
        assert torch.equal(torch.get_rng_state(), after)
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), direct.parameters(), strict=True))


def test_only_the_rows_of_labels_are_touched(tmp_path: Path) -> None:
    """A ModernBERT has a layer before them, here of as many rows as there are labels."""
    from transformers import ModernBertConfig, ModernBertForTokenClassification

    tags = (*(f"B-{n}" for n in range(15)), "O")
    labels = dict(enumerate(reversed(tags)))
    config = ModernBertConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        pad_token_id=0, id2label=labels, label2id={v: k for k, v in labels.items()},
    )  # fmt: skip
    before = ModernBertForTokenClassification(config)
    before.save_pretrained(tmp_path / "m")
    after = load_model(source_of(tmp_path / "m"), tags)
    assert torch.equal(after.classifier.weight, before.classifier.weight.flip(0))
    assert torch.equal(after.head.dense.weight, before.head.dense.weight)


def test_note_on_the_head_is_in_the_log_of_the_trial(tiny_model: Path, tmp_path: Path, caplog) -> None:
    load_model(source_of(with_head(tiny_model, tmp_path / "m", BIO[::-1])), BIO)
    assert "its head knows the labels of the data in another order" in caplog.text
