"""Training only the rows of the word embeddings that occur in the data, with the same result as training all of them.

A row that no batch reads has no gradient: AdamW's moments of it stay 0, and all that happens to it is the weight decay,
which multiplies it with 1 - lr * decay in every step. So the rows that do not occur are left out while a trial
trains - no gradients, no moments, no work for the optimizer - and are put back in closed form when the model is saved.
The trained rows are the same numbers in either case. Of a multilingual model most rows are left out.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.encoding import EncodedSplit

WORTH_IT = 0.9  # of the rows in use: with more there is nothing to win
# the low ids are those of the special tokens, and some models compare them or count positions by them: they stay
SPECIAL = 1000
ROWS_AT_ONCE = 8192  # of a table of 250,000 rows, a copy in double precision would be 1.5 GB


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The rows of the word embeddings that a trial trains.

    Args:
        ids: the token ids that occur, ascending; the place in it is the id in training. *Shape:* (num_rows,)
        pretrained: all rows, as they were before training, on the CPU. *Shape:* (vocabulary, dimensions)
    """

    ids: torch.Tensor
    pretrained: torch.Tensor

    def trained(self, token_id: int) -> int:
        """The id in training of a token that occurs."""
        return int(torch.searchsorted(self.ids, token_id))

    def put_back(self, model: Any, rates: Iterable[float], weight_decay: float) -> None:
        """Give a trained model all rows, as if it had trained all of them.

        Args:
            rates: the learning rate of every step that its weights have behind them.
            weight_decay: of the word embeddings in these steps.
        """
        small = model.get_input_embeddings()
        decay = math.prod(1 - rate * weight_decay for rate in rates)
        rows = torch.empty_like(self.pretrained)
        for part, whole in zip(
            torch.split(rows, ROWS_AT_ONCE), torch.split(self.pretrained, ROWS_AT_ONCE), strict=True
        ):
            part.copy_(whole.double() * decay)
        rows[self.ids] = small.weight.detach().cpu()
        model.set_input_embeddings(_embedding(rows.to(small.weight.device), self._padding(small)))

    def _padding(self, small: torch.nn.Embedding) -> int | None:
        return None if small.padding_idx is None else int(self.ids[small.padding_idx])


def trim(model: Any, data: EncodedCorpus, special_ids: Iterable[int]) -> tuple[EncodedCorpus, Vocabulary | None]:
    """Leave out the rows of the model's word embeddings that the data does not need.

    Args:
        special_ids: of the tokenizer's special tokens; padding is one of them.
    Returns:
        The data with the ids of training, and what puts the model together again; the same data and None where there
        is nothing to win, or the model does not read its word embeddings as a plain table of its own.
    """
    large = model.get_input_embeddings()
    if type(large) is not torch.nn.Embedding or _shared(model, large.weight):
        return data, None
    splits = (data.train, data.val, data.test)
    special = set(special_ids) | ({large.padding_idx} if large.padding_idx is not None else set())
    low = 1 + max((i for i in special if i < SPECIAL), default=-1)
    used = np.unique(np.concatenate([*(s.input_ids for s in splits), np.arange(low), np.array(sorted(special))]))
    ids = torch.from_numpy(used.astype(np.int64))
    if len(ids) > WORTH_IT * large.num_embeddings or int(ids[-1]) >= large.num_embeddings:
        return data, None
    vocabulary = Vocabulary(ids, large.weight.detach().cpu())
    padding = None if large.padding_idx is None else vocabulary.trained(large.padding_idx)
    model.set_input_embeddings(_embedding(large.weight.detach()[ids.to(large.weight.device)], padding))
    train, val, test = (_renumbered(split, used) for split in splits)
    return replace(data, train=train, val=val, test=test), vocabulary


def _embedding(rows: torch.Tensor, padding: int | None) -> torch.nn.Embedding:
    # given its rows: a table that draws random ones would move torch's random state
    return torch.nn.Embedding(rows.shape[0], rows.shape[1], padding_idx=padding, _weight=rows)


def _shared(model: torch.nn.Module, weight: torch.Tensor) -> bool:
    """Whether another part of the model uses the table as well, or it is not trained at all."""
    named = [name for name, p in model.named_parameters(remove_duplicate=False) if p is weight]
    return len(named) != 1 or not weight.requires_grad


def _renumbered(split: EncodedSplit, used: np.ndarray[Any, Any]) -> EncodedSplit:
    return replace(split, input_ids=np.searchsorted(used, split.input_ids).astype(split.input_ids.dtype))
