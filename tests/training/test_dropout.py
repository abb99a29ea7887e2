"""Fast dropout is dropout: the right share, the right mean, its own random numbers, in every model."""

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForTokenClassification

from nerbb_ray.training.dropout import FastDropout

SIZE = 400_000
SMALL = {"vocab_size": 100, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
ATTENTION = functional.scaled_dot_product_attention


class Nothing(FastDropout):
    """Goes all the way, and drops nothing at the end."""

    def dropped(self, values: torch.Tensor, p: float) -> torch.Tensor:  # noqa: ARG002
        return values


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_vanish_with_the_given_probability_and_the_others_grow(p: float, dtype: torch.dtype) -> None:
    with FastDropout([1]):
        found = functional.dropout(torch.ones(SIZE, dtype=dtype), p)
    share = float((found == 0).double().mean())
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / SIZE) + 2**-17
    kept = found[found != 0]
    assert torch.equal(kept, torch.full_like(kept, 1 / (1 - round(p * 2**16) / 2**16)))


def test_places_are_dropped_independently_of_each_other() -> None:
    with FastDropout([1]):
        first, second = (functional.dropout(torch.ones(SIZE), 0.5) == 0 for _ in range(2))
    for a, b in ((first, second), *((first[k:], first[:-k]) for k in (1, 2, 3, 4))):
        assert abs(float((a == b).double().mean()) - 0.5) < 5 * 0.5 / math.sqrt(SIZE)


def test_random_numbers_follow_from_the_seed_alone() -> None:
    def masks(*seed: int) -> list[torch.Tensor]:
        with FastDropout(seed) as mode:
            assert isinstance(mode, FastDropout)
            return [functional.dropout(torch.ones(size), 0.3) for size in (7, 64)]

    first, torch_state = masks(43, 0, 0), torch.get_rng_state()
    torch.rand(5)
    assert all(map(torch.equal, first, masks(43, 0, 0)))
    assert not any(torch.equal(first[1], masks(*other)[1]) for other in ((44, 0, 0), (43, 1, 0), (43, 0, 1)))
    torch.set_rng_state(torch_state)
    masks(10**20, 0, 0)
    assert torch.equal(torch_state, torch.get_rng_state())


def test_gradients_go_where_values_went() -> None:
    values = torch.randn(3, 50, requires_grad=True)
    with FastDropout([2]):
        found = functional.dropout(values, 0.4)
    found.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values.detach(), found.detach())
    assert 0 < int((values.grad == 0).sum()) < values.numel()


@pytest.mark.parametrize("options", [{"p": 0.0}, {"p": 1.0}, {"training": False}, {"inplace": True}])
def test_what_needs_no_fast_dropout_is_left_to_torch(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    expected = functional.dropout(torch.ones(64), **options)
    torch.manual_seed(0)
    with FastDropout([1]):
        assert torch.equal(functional.dropout(torch.ones(64), **options), expected)


LOOKING = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(1)) < 0.6
MASKS: dict[str, torch.Tensor | None] = {
    "none": None,
    "bool": LOOKING | torch.eye(5, dtype=torch.bool),
    "numbers": torch.zeros(2, 1, 5, 5).masked_fill(~(LOOKING | torch.eye(5, dtype=torch.bool)), -1e9),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_attention_is_that_of_torch(
    mask: torch.Tensor | None, scale: float | None, dtype: torch.dtype, close: float
) -> None:
    torch.manual_seed(0)
    parts = [torch.randn(2, 3, 5, 8).to(dtype).requires_grad_() for _ in range(3)]
    mask = mask.to(dtype) if mask is not None and mask.dtype != torch.bool else mask
    expected = ATTENTION(*parts, attn_mask=mask, scale=scale)
    with Nothing([1]):
        found = ATTENTION(*parts, attn_mask=mask, scale=scale, dropout_p=0.1)
    torch.testing.assert_close(found, expected, atol=close, rtol=close)
    for ours, theirs in zip(*(torch.autograd.grad(out.sum(), parts) for out in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=3 * close, rtol=3 * close)


def test_attention_to_nothing_is_not_nan() -> None:
    query = torch.randn(1, 1, 2, 4)
    with FastDropout([1]):
        found = ATTENTION(query, query, query, attn_mask=torch.zeros(1, 1, 2, 2, dtype=torch.bool), dropout_p=0.1)
    assert torch.isfinite(found).all()


def test_attention_drops_its_weights() -> None:
    query, value = torch.zeros(1, 1, 1, 4), torch.eye(512)[None, None]
    with FastDropout([1]):
        weights = ATTENTION(query, torch.zeros(1, 1, 512, 4), value, dropout_p=0.25)
    assert 80 < int((weights == 0).sum()) < 180
    torch.testing.assert_close(weights.max(), torch.tensor(1 / 512 / 0.75))


MODELS: dict[str, dict[str, Any]] = {
    "bert": {"intermediate_size": 32},
    "roberta": {"intermediate_size": 32, "pad_token_id": 1},
    "electra": {"intermediate_size": 32, "embedding_size": 16},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "vocab_size": 100},
    "deberta-v2": {"intermediate_size": 32},
    "modernbert": {
        "intermediate_size": 32, "attention_dropout": 0.1, "embedding_dropout": 0.1, "mlp_dropout": 0.1,
        "classifier_dropout": 0.1, "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2,
        "eos_token_id": 3,
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_all_dropout_of_a_model_is_fast_and_its_mean_is_the_model_without(kind: str) -> None:
    options = MODELS[kind] if kind == "distilbert" else SMALL | MODELS[kind]
    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_config(AutoConfig.for_model(kind, **options))
    assert any(isinstance(part, nn.Dropout) and part.p for part in model.modules())
    ids = torch.randint(5, 100, (4, 7))
    mask = torch.ones_like(ids)
    mask[0, 4:] = 0

    def logits(mode: FastDropout) -> torch.Tensor:
        with mode, torch.no_grad():
            return torch.as_tensor(model(input_ids=ids, attention_mask=mask).logits)[mask.bool()]

    without = model.eval() and logits(FastDropout([1]))
    model.train()
    torch_state = torch.get_rng_state()
    torch.testing.assert_close(logits(Nothing([1])), without, atol=1e-5, rtol=1e-5)
    assert torch.equal(logits(FastDropout([1])), logits(FastDropout([1])))
    assert not torch.allclose(logits(FastDropout([1])), without)
    # nothing was left for torch to draw
    assert torch.equal(torch_state, torch.get_rng_state())


def test_it_is_off_outside() -> None:
    torch.manual_seed(0)
    first = functional.dropout(torch.ones(64))
    with FastDropout([1]):
        functional.dropout(torch.ones(64))
    torch.manual_seed(0)
    assert torch.equal(first, functional.dropout(torch.ones(64)))
