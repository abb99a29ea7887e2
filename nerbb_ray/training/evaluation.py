"""How good a model is: every word of a split is predicted once, decoded, and counted."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.ner.metrics import Counts, count
from nerbb_ray.training.batches import IGNORED, batches_of, evaluation_order
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.forward import Forward
from nerbb_ray.training.trial_setup import Session
from nerbb_ray.training.worker import TrialContext

EVALUATION_BUDGET = 4096  # sub-tokens of an evaluation batch, padding included


Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What a model says of a split.

    Args:
        log_probs: of every tag of every word, by its first sub-token; of a word without any, `unknown_word`. *Shape:*
            (words, tags)
        loss: cross entropy per labelled token, NaN if there is none.
    """

    log_probs: Floats
    loss: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model does on a split.

    Args:
        counts: of the tags that its decoder finds.
        loss: cross entropy per labelled token, NaN if there is none.
        f1_argmax: entity micro F1 with the most probable tag of each word, as published numbers mostly are.
    """

    counts: Counts
    loss: float
    f1_argmax: float = math.nan

    def metrics(self, split: str) -> dict[str, float]:
        return self.counts.metrics(split, self.loss) | {f"{split}/entity/micro/f1_argmax": self.f1_argmax}

    @property
    def f1(self) -> float:
        """Entity micro F1."""
        return self.counts.scores("entity")["micro"].f1


class Predictor(Protocol):
    """What can predict: a trial in training, or a model that was trained."""

    @property
    def model(self) -> Any: ...

    @property
    def ctx(self) -> TrialContext: ...

    @property
    def forward(self) -> Forward: ...

    @property
    def unknown_word(self) -> Floats:
        """What is said of a word without sub-token. *Shape:* (tags,)"""


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum over the labelled tokens. *Shape:* (N, number of tags), (N,) -> ()"""
    return torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")


def evaluate(
    session: Session, split: EncodedSplit, decoder: Decoder | None = None
) -> tuple[Evaluation, Predicted, Decoder]:
    """Predict every word of a split once, decode, and count.

    Args:
        decoder: None: the one that does best on this split is chosen, as far as the settings leave a choice.
    """
    predicted, starts = predict_words(session, split), split.sentence_starts
    if decoder is None:
        decoder, tags = session.decoders.choose(predicted.log_probs, split.gold, starts)
    else:
        tags = decoder.decode(predicted.log_probs, starts)
    return evaluation_of(session.data, split, predicted, tags), predicted, decoder


def evaluation_of(
    data: EncodedCorpus, split: EncodedSplit, predicted: Predicted, tags: NDArray[np.int64]
) -> Evaluation:
    """Of the tags that were found in a split of the data."""
    counts, by_argmax = (
        count(split.gold, found, split.sentence_starts, data.tags, data.scheme)
        for found in (tags, predicted.log_probs.argmax(axis=1))
    )
    return Evaluation(counts, predicted.loss, by_argmax.scores("entity")["micro"].f1)


@torch.inference_mode()
def predict_words(predictor: Predictor, split: EncodedSplit) -> Predicted:
    """What the model says of every word. The batches are shared out among the workers."""
    ctx, unknown = predictor.ctx, predictor.unknown_word
    log_probs: Floats = np.zeros((len(split.gold), len(unknown)), dtype=np.float32)
    loss_sum = torch.zeros((), device=ctx.device)
    predictor.model.eval()
    order = evaluation_order(split.lengths, EVALUATION_BUDGET)
    for batch in batches_of(split, order[ctx.rank :: ctx.world_size], ctx.device):
        logits = predictor.forward.logits(batch)
        loss_sum += cross_entropy(logits, batch.labels)
        first = batch.words != NO_WORD
        found = logits[torch.from_numpy(first).to(ctx.device)].log_softmax(-1)
        log_probs[batch.words[first]] = found.cpu().numpy()
    log_probs = ctx.add(log_probs)
    has_subtoken = np.zeros(len(split.gold), bool)
    has_subtoken[split.words[split.words != NO_WORD]] = True
    log_probs[~has_subtoken] = unknown
    total = float(ctx.add(np.array([loss_sum.item()]))[0])
    return Predicted(log_probs, total / split.num_labelled if split.num_labelled else math.nan)
