"""How far a trial is, and which weights it would keep if it ended now."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.config.spec import KEPT_BY_AUTO
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.training.adaptive import AdaptiveState, Reason, Stage
from nerbb_ray.training.epoch import START, Position
from nerbb_ray.training.evaluation import Evaluation, Predicted
from nerbb_ray.training.trial_setup import Session


@dataclass(slots=True)
class Kept:
    """The weights that will be tested and saved: those of the best epoch, or of the last. Of epochs with the same F1,
    the later one, which has seen more.

    Args:
        epoch: after which they were taken; None before there are any.
        val: how they did on the validation split.
        log_probs: what they said of it. *Shape:* (words, tags)
        decoder: that was chosen by it.
        weights: a copy, or None where the model itself still has them.
    """

    epoch: int | None = None
    val: Evaluation | None = None
    log_probs: NDArray[np.float16] | None = None
    decoder: Decoder | None = None
    weights: dict[str, torch.Tensor] | None = None

    def consider(
        self, session: Session, val: tuple[Evaluation, Predicted, Decoder], state: AdaptiveState, epoch: int
    ) -> None:
        """Keep the weights of this epoch if they are the ones to keep so far."""
        if state.reason is Reason.DIVERGED:
            return
        found, predicted, decoder = val
        last = keeps_last(session, state)
        if last or self._is_better(session, found, state, epoch):
            self.epoch, self.val, self.decoder = epoch, found, decoder
            self.log_probs = predicted.log_probs.astype(np.float16)
            # weights that go on being trained must be copied; those of the last epoch are the model's own
            copy = not last and state.stage is not Stage.STOPPED
            self.weights = copied(session.model) if copy else None

    def _is_better(self, session: Session, val: Evaluation, state: AdaptiveState, epoch: int) -> bool:
        if _rule(session) == "best":
            return state.best_epoch == epoch
        return self.val is None or not math.isfinite(self.val.f1) or val.f1 >= self.val.f1

    def restore(self, session: Session) -> None:
        """Bring them back into the model."""
        if self.weights is not None:
            session.model.load_state_dict(self.weights)


@dataclass(slots=True)
class Progress:
    """How far a trial is.

    Args:
        history: the monitored value of every epoch.
        position: in the coming epoch, where it has begun.
        elapsed_s: of training, without what was lost.
        cut: why the trial ends although the rule would go on.
    """

    state: AdaptiveState
    history: list[float | None] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)
    position: Position = START
    elapsed_s: float = 0.0
    cut: str = ""

    @property
    def ended(self) -> bool:
        """Whether the rule has stopped the trial, or somebody else."""
        return bool(self.cut) or self.state.stage is Stage.STOPPED


def keeps_last(session: Session, state: AdaptiveState) -> bool:
    """Whether the weights of the last epoch are kept, whatever they are; also where there is nothing to choose by."""
    return keeps_last_always(session) or (state.best_epoch is None and state.epoch > 0)


def keeps_last_always(session: Session) -> bool:
    """Whether the settings say so."""
    return _rule(session) == "last"


def _rule(session: Session) -> str:
    wanted = session.trial.settings.evaluate_checkpoint
    return KEPT_BY_AUTO if wanted == "auto" else wanted


def copied(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a model, apart from it."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
