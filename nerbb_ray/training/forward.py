"""A batch -> the logits of its sub-tokens: in one row where the model takes that, else in padded rows."""

import copy
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from nerbb_ray.errors import ModelError
from nerbb_ray.training.batches import IGNORED, Batch
from nerbb_ray.training.encoding import NO_WORD
from nerbb_ray.training.tiny_copy import NOISE, PADDED, SHORT, TinyCopy, aside
from nerbb_ray.training.unpadded import Row, laid, set_unpadded
from nerbb_ray.training.worker import UNTRIED

LONG = 300  # sub-tokens of the sentences that are tried

log = logging.getLogger(__name__)

_first_positions: dict[str, int | None] = {}  # of models by their configuration: to try one takes a while


@dataclass(frozen=True, slots=True)
class Forward:
    """How a model is run.

    Args:
        pad: token id of padding.
        dtype: of its matrix products.
        first_position: of a sentence in a row; None: the model needs padded rows.
        columns: where in the model's output each of the tags is; None: in order. *Shape:* (number of tags,)
    """

    model: Any
    pad: int
    device: torch.device
    dtype: torch.dtype
    first_position: int | None
    columns: torch.Tensor | None = None

    @classmethod
    def of(
        cls,
        model: Any,
        name: str,
        pad: int,
        device: torch.device,
        dtype: torch.dtype,
        first: int | None = UNTRIED,
    ) -> "Forward":
        """The fastest way that gives the same logits as padded rows.

        Args:
            model: of transformers, or anything that is called like one, such as the mean of several: that is padded.
            first: its first position, where it is known; UNTRIED: it is tried.
        """
        if first == UNTRIED:
            first = first_position(model.config, name) if isinstance(model, PreTrainedModel) else None
        if first is not None:
            set_unpadded(model)
        log.info("model %s: %s", name, "needs padding" if first is None else "goes without padding")
        return cls(model, pad, device, dtype, first)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Of every sub-token, in fp32. *Shape:* (N, number of tags)"""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            found = self._padded(batch) if self.first_position is None else self._in_a_row(batch)
        return (found if self.columns is None else found[:, self.columns]).float()

    def _in_a_row(self, batch: Batch) -> torch.Tensor:
        ids, positions = batch.input_ids[None], places_in_sentences(batch.lengths) + (self.first_position or 0)
        with laid(Row.of(batch.lengths, self.device)):
            output = self.model(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                position_ids=torch.from_numpy(positions).to(self.device)[None],
            )
        logits: torch.Tensor = output.logits[0]
        return logits

    def _padded(self, batch: Batch) -> torch.Tensor:
        mask = torch.from_numpy(np.arange(batch.lengths.max()) < batch.lengths[:, None]).to(self.device)
        ids = torch.full(mask.shape, self.pad, device=self.device).masked_scatter_(mask, batch.input_ids)
        logits: torch.Tensor = self.model(input_ids=ids, attention_mask=mask.long()).logits[mask]
        return logits


def places_in_sentences(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... of each sentence in a row. *Shape:* (B,) -> (N,)"""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def first_position(config: Any, name: str) -> int | None:
    """The position of the first sub-token of a sentence in a row; None: the model does not take rows."""
    described = config.to_json_string(use_diff=False)
    if described not in _first_positions:
        _first_positions[described] = _tried(config, name)
    return _first_positions[described]


def _tried(config: Any, name: str) -> int | None:
    try:
        tiny = TinyCopy(config, name)
    except ModelError:
        return None
    return first_position_of(tiny)


def first_position_of(tiny: TinyCopy) -> int | None:
    """As `first_position`, of a model whose copy is there already."""
    if tiny.model.config._attn_implementation != "sdpa":
        return None  # in a row it would be sdpa, which may be something else
    batch = _sentences(tiny)
    counted_from = (0, tiny.pad + 1)  # by most models, and by RoBERTa and its relatives
    with aside(), torch.inference_mode():
        padded = _of_copy(tiny, None).logits(batch)
        for first in counted_from:
            try:
                found = _of_copy(tiny, first).logits(batch)
            # an architecture that knows no rows fails in its own way, or gives something else
            except Exception as error:
                log.debug("model %s in a row from position %d: %r", tiny.name, first, error)
                continue
            if (found - padded).abs().max() <= NOISE * padded.std():
                return first
    return None


def _of_copy(tiny: TinyCopy, first: int | None) -> Forward:
    model = copy.deepcopy(tiny.model)
    if first is not None:
        set_unpadded(model)
    return Forward(model, tiny.pad, torch.device("cpu"), torch.float32, first)


def _sentences(tiny: TinyCopy) -> Batch:
    """In a row longer than most models have positions, and themselves longer than most windows of attention."""
    longest = tiny.longest(LONG)
    lengths = np.array([SHORT, max(SHORT, longest - PADDED), longest])
    ids = tiny.tokens[torch.arange(int(lengths.sum())) % len(tiny.tokens)]
    nothing = np.full(len(ids), NO_WORD, np.int32)
    return Batch(ids, torch.full_like(ids, IGNORED), nothing, lengths)
