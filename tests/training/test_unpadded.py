"""Sentences in one row, without padding, are the same to a model as each of them in a padded row of its own."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForTokenClassification

from nerbb_ray.training.batches import IGNORED, Batch, make_batch
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.evaluation import cross_entropy
from nerbb_ray.training.forward import Forward, first_position
from nerbb_ray.training.unpadded import Row

CPU = torch.device("cpu")
PAD, VOCABULARY, ROOM = 1, 60, 40
OF_ALL = {"vocab_size": VOCABULARY, "pad_token_id": PAD, "num_labels": 5}
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": ROOM + 2,
}
OF_MODERNBERT = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3, "local_attention": 8}
# family -> (configuration beside SMALL, position of a sentence's first sub-token in a row; None: it needs padding)
FAMILIES: dict[str, tuple[dict[str, Any], int | None]] = {
    "bert": ({}, 0),
    "roberta": ({}, PAD + 1),
    "xlm-roberta": ({}, PAD + 1),
    "camembert": ({}, PAD + 1),
    "distilbert": ({"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": ROOM}, 0),
    "electra": ({"embedding_size": 8}, 0),
    "albert": ({"embedding_size": 8}, 0),
    # layers with full attention, and with one of 4 sub-tokens to both sides
    "modernbert": (OF_MODERNBERT, 0),
    # a decoder: nobody sees what comes after; keys and values are shared by heads
    "qwen2": ({"num_key_value_heads": 1}, 0),
    "mpnet": ({}, None),
    "deberta-v2": ({"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}, None),
    "xlnet": ({"d_model": 16, "n_layer": 3, "n_head": 2, "d_inner": 32}, None),
    "fnet": ({}, None),
}
TAKE_PART = [name for name, (_, first) in FAMILIES.items() if first is not None]
# longer than all positions together, than a window, one alone, all alike, one that is cut off from the others
LENGTHS = [[7, 3, 12, 5], [40, 1, 40, 3], [9], [6, 6, 6], [4, 5, 4, 40]]


def config_of(family: str, **more: Any) -> Any:
    values, _ = FAMILIES[family]
    given = OF_ALL if {"d_model", "dim"} & set(values) else OF_ALL | SMALL
    return AutoConfig.for_model(family, **given | values | more)


def model_of(family: str, **more: Any) -> Any:
    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_config(config_of(family, **more)).eval()
    for parameter in model.parameters():
        # a model that has just been made looks at all places alike
        parameter.data.mul_(3.0 if parameter.ndim > 1 else 1.0)
    return model


def made_batch(lengths: list[int]) -> Batch:
    """Sentences of random sub-tokens, of which every second one begins a word."""
    random, total = np.random.default_rng(3), sum(lengths)
    every = np.arange(len(lengths) + 1)
    split = EncodedSplit(
        input_ids=random.integers(5, VOCABULARY, total).astype(np.int32),
        words=np.where(np.arange(total) % 2, np.arange(total) // 2, NO_WORD).astype(np.int32),
        slice_starts=np.cumsum([0, *lengths]),
        gold=random.integers(0, 5, total // 2).astype(np.int16),
        sentence_starts=every,
        sentence_slices=every,
    )
    return make_batch(split, split.labels(IGNORED), every[:-1])


def transformers_own(model: Any, batch: Batch) -> torch.Tensor:
    """The logits of padded sentences, put together by hand and by nothing of ours."""
    sentences = torch.split(batch.input_ids, batch.lengths.tolist())
    ids = torch.nn.utils.rnn.pad_sequence(sentences, batch_first=True, padding_value=PAD)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(s) for s in sentences], batch_first=True)
    logits = model(input_ids=ids, attention_mask=mask).logits
    return torch.cat([row[: len(sentence)] for row, sentence in zip(logits, sentences, strict=True)])


def gradients(model: Any, logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    model.zero_grad()
    cross_entropy(logits, batch.labels).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def ours(model: Any) -> Forward:
    return Forward.of(model, "model", PAD, CPU, torch.float32)


@pytest.mark.parametrize(
    ("family", "lengths"),
    [(name, lengths) for name in FAMILIES for lengths in (LENGTHS if name in TAKE_PART else LENGTHS[:1])],
    ids=str,
)
def test_logits_and_gradients_are_those_of_padded_sentences(family: str, lengths: list[int]) -> None:
    model, batch = model_of(family), made_batch(lengths)
    expected = transformers_own(model, batch)
    wanted = gradients(model, expected, batch)
    forward = ours(model)
    assert forward.first_position == FAMILIES[family][1]
    found = forward.logits(batch)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for name, gradient in gradients(model, found, batch).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("family", TAKE_PART)
def test_with_written_out_attention_of_training_it_is_the_same(family: str) -> None:
    """FastDropout takes over the attention where there is dropout; so little of it that nothing is dropped."""
    tiny = {key: 1e-5 for key in [*config_of(family).to_dict(), "classifier_dropout"] if "dropout" in key}
    model, batch = model_of(family, **tiny), made_batch([40, 1, 30, 3])
    expected = transformers_own(model, batch)
    wanted = gradients(model, expected, batch)
    forward = ours(model)
    model.train()
    with FastDropout([1]):
        found = forward.logits(batch)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    for name, gradient in gradients(model, found, batch).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-2, atol=1e-3, msg=name)


def test_sentence_in_a_row_does_not_see_the_others() -> None:
    """Whatever they are: the others are other ones, and it gets the same logits to the last bit but rounding."""
    model = model_of("modernbert")
    forward, batch = ours(model), made_batch([5, 9, 14])
    other = Batch(batch.input_ids.clone(), batch.labels, batch.words, batch.lengths)
    other.input_ids[5:14] = other.input_ids[5:14].flip(0)
    one, two = forward.logits(batch), forward.logits(other)
    torch.testing.assert_close(one[:5], two[:5])
    torch.testing.assert_close(one[14:], two[14:])
    assert not torch.allclose(one[5:14], two[5:14])


def test_bf16_is_near_to_fp32() -> None:
    model, batch = model_of("bert"), made_batch([12, 30, 4])
    expected = ours(model).logits(batch)
    found = Forward.of(model, "model", PAD, CPU, torch.bfloat16).logits(batch)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0.05)


def test_model_of_which_no_copy_can_be_made_is_padded() -> None:
    assert first_position(AutoConfig.for_model("bros", **OF_ALL | SMALL), "bros") is None


def test_model_that_computes_its_attention_eagerly_stays_with_it() -> None:
    config = config_of("bert", classifier_dropout=0.3)  # not one that was tried before
    config._attn_implementation = "eager"
    model = AutoModelForTokenClassification.from_config(config)
    assert ours(model).first_position is None
    assert model.config._attn_implementation == "eager"


def test_model_that_takes_rows_is_saved_and_used_as_any_other(tmp_path) -> None:
    model, batch = model_of("roberta"), made_batch([7, 3, 12])
    expected = transformers_own(model, batch)
    ours(model)
    torch.testing.assert_close(transformers_own(model, batch), expected)
    model.save_pretrained(tmp_path)
    assert "unpadded" not in (tmp_path / "config.json").read_text()
    again = AutoModelForTokenClassification.from_pretrained(tmp_path)
    assert again.config._attn_implementation == "sdpa"
    torch.testing.assert_close(transformers_own(again.eval(), batch), expected)


def test_trying_a_model_leaves_random_state_alone() -> None:
    before = torch.get_rng_state()
    first_position(config_of("bert", classifier_dropout=0.4), "model")
    assert torch.equal(torch.get_rng_state(), before)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40).map(lambda lengths: np.array(sorted(lengths))))
def test_row_has_a_place_for_every_sub_token_and_few_others(lengths) -> None:
    row, total = Row.of(lengths, CPU), int(lengths.sum())
    sources, places = row.sources.tolist(), row.places.tolist()
    assert [sources[place] for place in places] == list(range(total))
    assert sorted([*places, *row.empty.tolist()]) == list(range(len(sources)))
    assert sum(group.places for group in row.groups) == len(sources)
    assert [int(n) for group in row.groups for n in group.mask.sum(1)] == lengths.tolist()
    # one group, or two of which the attention has a good deal fewer places than in one
    squares = sum(group.places * group.mask.shape[1] for group in row.groups)
    whole = len(lengths) * int(lengths[-1]) ** 2
    longest = [int(length) ** 2 for length in lengths]
    best = min((k + 1) * longest[k] + (len(lengths) - k - 1) * longest[-1] for k in range(len(lengths)))
    assert (len(row.groups), squares) == ((2, best) if best < 0.8 * whole else (1, whole))
