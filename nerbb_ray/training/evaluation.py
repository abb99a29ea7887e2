"""How good a model is: every word of a split is predicted once, and counted."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.ner.metrics import Counts, count
from nerbb_ray.training.batches import IGNORED, batches_of, evaluation_order
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.trial_setup import Session
from nerbb_ray.training.worker import TrialContext

EVALUATION_BUDGET = 4096  # sub-tokens of an evaluation batch, padding included


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A split as the model sees it: `loss` is the cross entropy per labelled token, NaN if there is none."""

    counts: Counts
    loss: float

    def metrics(self, split: str) -> dict[str, float]:
        return self.counts.metrics(split, self.loss)


class Predictor(Protocol):
    """What can predict: a trial in training, or a model that was trained."""

    @property
    def model(self) -> Any: ...

    @property
    def ctx(self) -> TrialContext: ...

    @property
    def pad(self) -> int: ...

    def logits(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """*Shape:* (B, T) twice -> (B, T, number of tags), in fp32."""


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum over the labelled tokens. *Shape:* (B, T, number of tags), (B, T) -> ()"""
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def evaluate(session: Session, split: EncodedSplit) -> Evaluation:
    """Predict every word of a split once, and count."""
    return evaluation_of(session.data, split, *predict_words(session, split))


def evaluation_of(data: EncodedCorpus, split: EncodedSplit, predicted: NDArray[np.int64], loss: float) -> Evaluation:
    """Of what was predicted for a split of the data."""
    return Evaluation(count(split.gold, predicted, split.sentence_starts, data.tags, data.scheme), loss)


@torch.inference_mode()
def predict_words(predictor: Predictor, split: EncodedSplit) -> tuple[NDArray[np.int64], float]:
    """(tag id of every word, cross entropy per labelled token). The batches are shared out among the workers."""
    ctx = predictor.ctx
    predicted: NDArray[np.int64] = np.zeros(len(split.gold), dtype=np.int64)  # 0 is O: words without sub-token
    loss_sum = torch.zeros((), device=ctx.device)
    predictor.model.eval()
    order = evaluation_order(split.lengths, EVALUATION_BUDGET)
    for batch in batches_of(split, order[ctx.rank :: ctx.world_size], predictor.pad, ctx.device):
        logits = predictor.logits(batch.input_ids, batch.attention_mask)
        loss_sum += cross_entropy(logits, batch.labels)
        first = batch.words != NO_WORD
        predicted[batch.words[first]] = logits.argmax(-1).cpu().numpy()[first]
    predicted = ctx.add(predicted)
    total = float(ctx.add(np.array([loss_sum.item()]))[0])
    return predicted, total / split.num_labelled if split.num_labelled else float("nan")
