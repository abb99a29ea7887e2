"""How far a trial is, and which weights it would keep if it ended now."""

from dataclasses import dataclass, field

import torch

from nerbb_ray.training.adaptive import AdaptiveState, Reason, Stage
from nerbb_ray.training.epoch import START, Position
from nerbb_ray.training.evaluation import Evaluation
from nerbb_ray.training.trial_setup import Session


@dataclass(slots=True)
class Kept:
    """The weights that will be tested and saved: those of the best epoch, or of the last.

    Args:
        epoch: after which they were taken; None before there are any.
        val: how they did on the validation split.
        weights: a copy, or None where the model itself still has them.
    """

    epoch: int | None = None
    val: Evaluation | None = None
    weights: dict[str, torch.Tensor] | None = None

    def consider(self, session: Session, val: Evaluation, state: AdaptiveState, epoch: int) -> None:
        """Keep the weights of this epoch if they are the ones to keep so far."""
        if state.reason is Reason.DIVERGED:
            return
        # without anything to monitor, the last epoch is as good as any
        last = session.trial.settings.evaluate_checkpoint == "last" or state.best_epoch is None
        if last or state.best_epoch == epoch:
            self.epoch, self.val = epoch, val
            # weights that go on being trained must be copied; those of the last epoch are the model's own
            copy = not last and state.stage is not Stage.STOPPED
            self.weights = copied(session.model) if copy else None

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


def copied(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a model, apart from it."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
