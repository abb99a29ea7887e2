"""Sentences in one row, without padding, are the same to a model as each of them in a row of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForTokenClassification

from nerbb_ray.training.batches import IGNORED, make_batch
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.evaluation import cross_entropy

PAD = 1
SMALL = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "pad_token_id": PAD,
    "num_labels": 5,
}


def made_split(lengths: list[int]) -> EncodedSplit:
    """Sentences of random sub-tokens, of which every second one begins a word."""
    random, total = np.random.default_rng(3), sum(lengths)
    words = np.where(np.arange(total) % 2, np.arange(total) // 2, NO_WORD).astype(np.int32)
    every = np.arange(len(lengths) + 1)
    return EncodedSplit(
        input_ids=random.integers(5, 60, total).astype(np.int32),
        words=words,
        slice_starts=np.cumsum([0, *lengths]),
        gold=random.integers(0, 5, total // 2).astype(np.int16),
        sentence_starts=every,
        sentence_slices=every,
    )


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
def test_packed_sentences_have_the_logits_and_gradients_of_padded_ones(
    kind: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from packing import first_position, pack, packed_logits

    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_config(AutoConfig.for_model(kind, **SMALL)).eval()
    split = made_split([7, 3, 12, 5])
    labels, members = split.labels(IGNORED), np.array([2, 0, 3])

    padded = make_batch(split, labels, members, PAD)
    expected = model(input_ids=padded.input_ids, attention_mask=padded.attention_mask).logits
    cross_entropy(expected, padded.labels).backward()
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()

    packed = pack(split, labels, members, first_position(model))
    found = packed_logits(model, packed)
    cross_entropy(found, packed.labels).backward()
    torch.testing.assert_close(found[0], expected[padded.attention_mask.bool()], rtol=1e-5, atol=1e-6)
    assert torch.equal(packed.labels[0], padded.labels[padded.attention_mask.bool()])
    for one, other in zip(gradients, (p.grad for p in model.parameters() if p.grad is not None), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
