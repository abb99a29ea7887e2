"""A batch without padding: all of its sentences in one row, which see nothing but themselves.

Not what nerbb_ray does, and `bench_step.py` shows why. The matrix products of the linear layers are spared the padding;
those of the attention become larger, because every sentence is multiplied with all of the others, and then masked.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.training.encoding import EncodedSplit


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """T sub-tokens of several sentences, one after the other.

    Args:
        input_ids, position_ids: *Shape:* (1, T)
        attention_mask: True where one sub-token sees another: those of its own sentence. *Shape:* (1, 1, T, T)
        labels: *Shape:* (1, T)
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


def pack(split: EncodedSplit, labels: NDArray[np.int64], members: NDArray[np.int64], first: int) -> PackedBatch:
    """The named sentences in a row.

    Args:
        labels: `split.labels(IGNORED)`.
        first: position of the first sub-token of a sentence, see `first_position`.
    """
    lengths = split.lengths[members]
    ends = np.cumsum(lengths)
    positions = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    places = positions + np.repeat(split.slice_starts[members], lengths)
    sentence = torch.from_numpy(np.repeat(np.arange(len(members)), lengths))
    return PackedBatch(
        input_ids=torch.from_numpy(split.input_ids[places].astype(np.int64))[None],
        position_ids=torch.from_numpy(positions + first)[None],
        attention_mask=(sentence[:, None] == sentence)[None, None],
        labels=torch.from_numpy(labels[places])[None],
    )


def first_position(model: Any) -> int:
    """0; RoBERTa and its relatives count from the one after their padding id."""
    return int(model.config.pad_token_id) + 1 if "roberta" in model.config.model_type else 0


def packed_logits(model: Any, batch: PackedBatch) -> torch.Tensor:
    """*Shape:* (1, T, number of tags)."""
    logits: torch.Tensor = model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids
    ).logits
    return logits
