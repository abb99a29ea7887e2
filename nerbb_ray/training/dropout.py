"""Dropout on a CPU without its price: torch draws there one random number after the other, 6 ns for each place.

While `FastDropout` is on, whatever a model calls dropout (`torch.nn.functional.dropout`, of which `nn.Dropout` is made,
and the dropout inside `scaled_dot_product_attention`) takes its random bits from numpy, 16 of them for a place. That
is the same thing with other random numbers. The attention is written out with its products in the format that the
model computes in, where torch goes over to fp32 for all of it, and its normalisation in fp32.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

STEPS = 2**16  # of a probability
ATTENTION = torch.nn.functional.scaled_dot_product_attention


class FastDropout(TorchFunctionMode):
    """Takes over the dropout of tensors on the CPU while it is on; everything else is torch's.

    Args:
        seed: what the random numbers follow from, and nothing else.
    """

    def __init__(self, seed: Iterable[int]) -> None:
        super().__init__()
        self.bits = np.random.SFC64(list(seed))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.nn.functional.dropout:
            return self._dropout(*args, **kwargs)
        if func is ATTENTION:
            return self._attention(*args, **kwargs)
        return func(*args, **kwargs)

    def _dropout(
        self, values: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> torch.Tensor:
        if not training or inplace or not _drawn(p, values):
            return torch.nn.functional.dropout(values, p, training, inplace)
        return self.dropped(values, p)

    def _attention(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **options: Any
    ) -> Any:
        p = options.get("dropout_p", 0.0)
        plain = not args and not options.get("is_causal") and not options.get("enable_gqa")
        if not plain or query.dim() != 4 or not _drawn(p, query):
            return ATTENTION(query, key, value, *args, **options)
        scale, mask = options.get("scale"), options.get("attn_mask")
        scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.transpose(-2, -1)
        weights = _masked(scores.float(), mask).softmax(-1)
        return self.dropped(weights.to(value.dtype), p) @ value

    def dropped(self, values: torch.Tensor, p: float) -> torch.Tensor:
        """The values, each of them 0 with probability p; the others grow, so that the mean stays."""
        limit, size = round(p * STEPS), values.numel()
        drawn = torch.from_numpy(self.bits.random_raw(-(-size // 4)).view(np.int16))[:size].view(values.shape)
        factors = torch.empty_like(values, memory_format=torch.contiguous_format, requires_grad=False)
        torch.ge(drawn, limit - STEPS // 2, out=factors)
        return values * factors.mul_(STEPS / (STEPS - limit))


def _drawn(p: float, values: torch.Tensor) -> bool:
    """Whether there is anything to draw, and it is for us to do so."""
    return values.device.type == "cpu" and values.is_floating_point() and 0 < round(p * STEPS) < STEPS


def _masked(scores: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return scores
    if mask.dtype != torch.bool:
        return scores + mask
    # not -inf: a row without anything to look at must not become NaN
    return scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
