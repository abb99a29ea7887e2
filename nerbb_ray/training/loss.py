"""What training minimises: cross entropy with its knobs. The loss on the validation data is always the plain one.

All of it is a sum over labelled places, divided by the mass of the whole batch (the sum of their weights), whoever of
the workers and whichever micro-batch holds them. With `loss_weights` that is torch's weighted mean.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from nerbb_ray.config.hparams import HParams
from nerbb_ray.training.batches import IGNORED
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.tag_weights import tag_weights

TINY = 1e-6  # of 1 - p: at 0, the derivative of its power is infinite for a gamma below 1


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """The loss of a trial.

    Args:
        weights: of the tags; None: all are 1. *Shape:* (tags,)
        smoothing: share of the true label that is spread over all of them (Szegedy et al. 2016).
        gamma: of the focal loss, (1 - p)^gamma times cross entropy (Lin et al. 2017); 0: none.
    """

    weights: NDArray[np.float64] | None = None
    smoothing: float = 0.0
    gamma: float = 0.0

    @classmethod
    def of(cls, data: EncodedCorpus, hparams: HParams) -> "Objective":
        """
        Args:
            data: pruned to what is trained on.
        """
        return cls(tag_weights(data, hparams.loss_weights), hparams.label_smoothing, hparams.focal_gamma)

    def total(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Sum over the labelled places. *Shape:* (..., tags), (...) -> ()"""
        logits, labels = logits.flatten(0, -2), labels.flatten()
        weights = None if self.weights is None else torch.from_numpy(self.weights).to(logits)
        if not self.gamma:
            return cross_entropy(
                logits, labels, weights, ignore_index=IGNORED, reduction="sum", label_smoothing=self.smoothing
            )
        losses = cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
        losses = (-torch.expm1(-losses)).clamp_min(TINY) ** self.gamma * losses
        return (losses if weights is None else losses * weights[labels.clamp_min(0)]).sum()

    def mass(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """What each place counts: the weight of its label, 0 if it has none. *Shape:* (places,) twice"""
        weights = np.ones(1) if self.weights is None else self.weights
        return np.where(labels == IGNORED, 0.0, weights[np.clip(labels, 0, len(weights) - 1)])
