"""Which slices are trained and evaluated together, and the batches that are made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.training.encoding import EncodedSplit

IGNORED = -100  # of torch's cross entropy


@dataclass(frozen=True, slots=True)
class Batch:
    """B slices in a row, one after the other, the shortest first: N sub-tokens.

    Args:
        input_ids: *Shape:* (N,)
        labels: tag of each sub-token that starts a word, else IGNORED. *Shape:* (N,)
        words: number of that word in its split, else NO_WORD. *Shape:* (N,)
        lengths: sub-tokens of each slice. *Shape:* (B,)
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    words: NDArray[np.int32]
    lengths: NDArray[np.int64]

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        input_ids, labels = (t.pin_memory().to(device, non_blocking=True) for t in (self.input_ids, self.labels))
        return Batch(input_ids, labels, self.words, self.lengths)


def training_order(num_slices: int, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The global batches of an epoch, drawn anew for every seed and epoch: every slice once, the last one smaller."""
    order = np.random.default_rng([seed, epoch]).permutation(num_slices)
    return [order[first : first + batch_size] for first in range(0, num_slices, batch_size)]


def parts(members: NDArray[np.int64], size: int | None) -> list[NDArray[np.int64]]:
    """Slices of a batch in pieces of at most `size`; None: all at once. No slices, no piece."""
    step = size or max(1, len(members))
    return [members[first : first + step] for first in range(0, len(members), step)]


def evaluation_order(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Every slice once, in batches of similar length with at most `budget` sub-tokens after padding (or one slice)."""
    order = np.argsort(lengths, kind="stable")
    batches: list[NDArray[np.int64]] = []
    first = 0
    for last in range(len(order)):
        if last > first and (last - first + 1) * int(lengths[order[last]]) > budget:
            batches.append(order[first:last])
            first = last
    if first < len(order):
        batches.append(order[first:])
    return batches


def make_batch(split: EncodedSplit, labels: NDArray[np.int64], members: Sequence[int] | NDArray[Any]) -> Batch:
    """The named slices.

    Args:
        labels: `split.labels(IGNORED)`, made once by the caller.
    """
    lengths = split.lengths[members]
    order = np.argsort(lengths, kind="stable")
    lengths, starts = lengths[order], split.slice_starts[members][order]
    places = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    return Batch(
        input_ids=torch.from_numpy(split.input_ids[places].astype(np.int64)),
        labels=torch.from_numpy(labels[places]),
        words=split.words[places],
        lengths=lengths,
    )


def batches_of(split: EncodedSplit, order: Sequence[NDArray[np.int64]], device: torch.device) -> Iterator[Batch]:
    """The batches of an order, one after the other, on the device."""
    labels = split.labels(IGNORED)
    for members in order:
        yield make_batch(split, labels, members).to(device)
