"""Which slices are trained and evaluated together: length-grouped, seeded batches, padded as little as possible."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.training.encoding import NO_WORD, EncodedSplit

IGNORED = -100  # of torch's cross entropy
# Batches are cut from groups of this many, sorted by length inside the group. More would save more padding, but batches
# of one length train worse: 16 cost 2.4 points of F1 (benchmarks/README.md).
BATCHES_PER_GROUP = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded slices, B of them with T sub-tokens.

    Args:
        input_ids, attention_mask: *Shape:* (B, T)
        labels: tag of each sub-token that starts a word, else IGNORED. *Shape:* (B, T)
        words: number of that word in its split, else NO_WORD. *Shape:* (B, T)
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    words: NDArray[np.int32]

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        tensors = (self.input_ids, self.attention_mask, self.labels)
        input_ids, mask, labels = (t.pin_memory().to(device, non_blocking=True) for t in tensors)
        return Batch(input_ids, mask, labels, self.words)


def training_order(lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The global batches of an epoch: every slice once, ceil(num_slices / batch_size) batches, one of them smaller.

    Slices are shuffled, cut into groups of some batches, sorted by length inside a group, and the batches are shuffled:
    little padding, and still another composition and order in every epoch and for every seed.

    Args:
        lengths: sub-tokens per slice. *Shape:* (num_slices,)
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    group = batch_size * BATCHES_PER_GROUP
    batches = []
    for first in range(0, len(order), group):
        members = order[first : first + group]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches += [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


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


def make_batch(
    split: EncodedSplit, labels: NDArray[np.int64], members: Sequence[int] | NDArray[Any], pad: int
) -> Batch:
    """Pad the named slices to the longest of them.

    Args:
        labels: `split.labels(IGNORED)`, made once by the caller.
        pad: the tokenizer's padding id.
    """
    starts, ends = split.slice_starts[members], split.slice_starts[np.asarray(members) + 1]
    lengths = ends - starts
    width = int(lengths.max())
    columns = np.arange(width)
    mask = columns < lengths[:, None]
    # a padded place reads some other sub-token first, which is then overwritten
    places = np.minimum(starts[:, None] + columns, len(split.input_ids) - 1)
    return Batch(
        input_ids=torch.from_numpy(np.where(mask, split.input_ids[places], pad).astype(np.int64)),
        attention_mask=torch.from_numpy(mask.astype(np.int64)),
        labels=torch.from_numpy(np.where(mask, labels[places], IGNORED)),
        words=np.where(mask, split.words[places], NO_WORD),
    )


def batches_of(
    split: EncodedSplit, order: Sequence[NDArray[np.int64]], pad: int, device: torch.device
) -> Iterator[Batch]:
    """The batches of an order, one after the other, on the device."""
    labels = split.labels(IGNORED)
    for members in order:
        yield make_batch(split, labels, members, pad).to(device)
