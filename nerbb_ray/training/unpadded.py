"""Sentences in one row, without padding: a kind of attention for models that use transformers' AttentionInterface.

The linear layers, normalisations and dropout of such a model see nothing but the sub-tokens that there are. Only the
attention needs the sentences side by side: queries, keys and values are put into padded rows, attended as always
(scaled_dot_product_attention), and what comes out is put back into the one row. Both ways are a selection of rows, and
so are their gradients. Where no `Row` is laid, the attention is transformers' own.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "nerbb_ray_unpadded"
WORTH_A_CUT = 0.8  # of the places of the attention: two smaller products cost more than one


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbours of similar length in a row: B sentences, T places for each.

    Args:
        mask: True where a place has a sub-token. *Shape:* (B, T)
    """

    mask: torch.Tensor

    @property
    def places(self) -> int:
        return self.mask.numel()


@dataclass(frozen=True, slots=True)
class Row:
    """Where the N sub-tokens of a row are among the P places of its groups.

    Args:
        places: of each sub-token. *Shape:* (N,)
        sources: the sub-token at each place; at a place without one, which no sub-token looks at, any. *Shape:* (P,)
        empty: the places without sub-token. *Shape:* (P - N,)
    """

    groups: tuple[Group, ...]
    places: torch.Tensor
    sources: torch.Tensor
    empty: torch.Tensor
    _of_heads: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, lengths: NDArray[np.int64], device: torch.device) -> "Row":
        """
        Args:
            lengths: sub-tokens of each sentence, ascending. *Shape:* (B,)
        """
        masks = [np.arange(group[-1]) < group[:, None] for group in np.split(lengths, _cut(lengths))]
        full = np.concatenate([mask.ravel() for mask in masks])
        places, sources = np.flatnonzero(full), np.zeros(len(full), np.int64)
        sources[places] = np.arange(len(places))
        return cls(
            groups=tuple(Group(torch.from_numpy(mask).to(device)) for mask in masks),
            places=torch.from_numpy(places).to(device),
            sources=torch.from_numpy(sources).to(device),
            empty=torch.from_numpy(np.flatnonzero(~full)).to(device),
        )

    def of_heads(self, heads: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The same where every sub-token has rows for some heads, and every group is ordered (B, heads, T).

        Returns:
            The row of a sub-token at each place, and the place of each row. *Shape:* (P x heads,), (N x heads,)
        """
        if heads not in self._of_heads:
            each, sources, places, before = torch.arange(heads, device=self.places.device), [], [], 0
            for group in self.groups:
                (size, length), end = group.mask.shape, before + group.places
                of_group = self.sources[before:end].view(size, 1, length)
                sources.append((of_group * heads + each[:, None]).flatten())
                sentence, place = group.mask.nonzero(as_tuple=True)
                places.append((before * heads + (sentence[:, None] * heads + each) * length + place[:, None]).flatten())
                before = end
            self._of_heads[heads] = torch.cat(sources), torch.cat(places)
        return self._of_heads[heads]


def _cut(lengths: NDArray[np.int64]) -> list[int]:
    """Where to cut ascending sentences in two, so that their attention has the fewest places; [] where it hardly pays.

    A sentence of a group whose longest has T sub-tokens has T^2 places.
    """
    sizes = np.arange(1, len(lengths) + 1)
    squares = lengths.astype(np.float64) ** 2
    places = sizes * squares + sizes[::-1] * squares[-1] - squares[-1]
    best = int(places.argmin())
    return [best + 1] if places[best] < WORTH_A_CUT * places[-1] else []


_laid: ContextVar[Row | None] = ContextVar("row", default=None)


@contextlib.contextmanager
def laid(row: Row) -> Iterator[None]:
    """What a model is given meanwhile, as a batch of one, are sentences in a row."""
    token = _laid.set(row)
    try:
        yield
    finally:
        _laid.reset(token)


def current() -> Row | None:
    """The row that is laid."""
    return _laid.get()


def set_unpadded(model: Any) -> None:
    """Let a model take rows. Whether it can is another question: see tiny_copy."""
    model.set_attn_implementation(ATTENTION)


class _Spread(torch.autograd.Function):
    """From the row to the places. *Shape:* (N x heads, width) -> (P x heads, width)"""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, sources: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        ctx.places = places
        return values.index_select(0, sources)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradients[0].index_select(0, ctx.places), None, None


class _Collected(torch.autograd.Function):
    """From the places to the row. *Shape:* (P, width) -> (N, width)"""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, row: Row) -> torch.Tensor:
        ctx.row = row
        return values.index_select(0, row.places)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0].index_select(0, ctx.row.sources).index_fill_(0, ctx.row.empty, 0), None


def _mask(*, attention_mask: torch.Tensor | None = None, **options: Any) -> Any:
    """The mask that a model asks for: of a row, one for each of its groups, by the same rule (a window, no future)."""
    row = current()
    if row is None:
        return sdpa_mask(attention_mask=attention_mask, **options)
    masks = []
    for group in row.groups:
        sentences, places = group.mask.shape
        shape = {"batch_size": sentences, "q_length": places, "kv_length": places}
        masks.append(sdpa_mask(attention_mask=group.mask, **options | shape))
    return tuple(masks)


def _attention(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, **options: Any
) -> tuple[torch.Tensor, None]:
    """*Shape:* (1, heads, N, width of a head) three times -> (1, N, heads, width of a head)

    Raises:
        NotImplementedError: the model adds something to the weights of a pair of places.
    """
    row = current()
    if row is None:
        output, _ = sdpa_attention_forward(module, query, key, value, mask, **options)
        return output, None
    if options.get("position_bias") is not None or not isinstance(mask, tuple):
        raise NotImplementedError("attention with a bias or a mask of its own knows no row")
    found = []
    for q, k, v, m in zip(*(_in_groups(values, row) for values in (query, key, value)), mask, strict=True):
        output, _ = sdpa_attention_forward(module, q, k, v, m, **options)
        found.append(output.flatten(2).flatten(0, 1))
    collected = _Collected.apply(torch.cat(found), row)  # type: ignore[no-untyped-call]  # torch has no types
    return collected.view(1, len(row.places), -1, value.shape[-1]), None


def _in_groups(values: torch.Tensor, row: Row) -> list[torch.Tensor]:
    """*Shape:* (1, heads, N, width) -> (B, heads, T, width) of each group"""
    _, heads, length, width = values.shape
    rows = values.transpose(1, 2).reshape(length * heads, width)
    flat = _Spread.apply(rows, *row.of_heads(heads))  # type: ignore[no-untyped-call]
    parts = torch.split(flat, [group.places * heads for group in row.groups])
    return [part.view(len(group.mask), heads, -1, width) for part, group in zip(parts, row.groups, strict=True)]


# not only when a model is set to it: one that comes from another process is set already
AttentionInterface.register(ATTENTION, _attention)
AttentionMaskInterface.register(ATTENTION, _mask)
