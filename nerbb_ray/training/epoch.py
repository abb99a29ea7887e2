"""One pass over the training data, from its beginning or from where it was interrupted."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nerbb_ray.training.batches import IGNORED, make_batch, parts, training_order
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.optimizer import set_rate
from nerbb_ray.training.trial_setup import Session, seed_step

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in an epoch training is.

    Args:
        step: optimizer steps that are done.
        loss_sums: of every worker, the sum of the losses of its labelled tokens so far, as the objective weighs them.
    """

    step: int = 0
    loss_sums: tuple[float, ...] = ()


START = Position()
AfterStep = Callable[[int, torch.Tensor], None]


def train_epoch(
    session: Session,
    epoch: int,
    rates: Sequence[float],
    position: Position = START,
    after_step: AfterStep | None = None,
) -> float:
    """Train the steps of an epoch that are not done yet, one per learning rate.

    Everything random in a step follows from seed, epoch, worker and step, so that an epoch that goes on from a position
    ends like one that was not interrupted.

    Args:
        after_step: is told how many steps are done, and the sum of this worker's losses.
    Returns:
        The mean loss per labelled token (see loss.Objective), as it was when each batch was trained.
    """
    started = time.monotonic()
    data, ctx, trial = session.data.train, session.ctx, session.trial
    labels = data.labels(IGNORED)
    masses = np.add.reduceat(session.objective.mass(labels), data.slice_starts[:-1])
    order = training_order(data.num_slices, trial.hparams.batch_size, trial.seed, epoch)
    before = position.loss_sums[ctx.rank] if position.loss_sums else 0.0
    loss_sum = torch.tensor(before, dtype=torch.float32, device=ctx.device)
    session.model.train()
    for step, (rate, members) in enumerate(zip(rates, order, strict=True)):
        if step < position.step:
            continue
        loss_sum += _step(session, epoch, step, rate, members, labels, float(masses[members].sum()))
        if after_step is not None:
            after_step(step + 1, loss_sum)
    total = float(ctx.add(np.array([loss_sum.item()]))[0])
    log.info("epoch %d trained: %d words in %.3f s", epoch, (labels != IGNORED).sum(), time.monotonic() - started)
    return total / float(masses.sum())


def _step(
    session: Session,
    epoch: int,
    step: int,
    rate: float,
    members: np.ndarray[tuple[int], np.dtype[np.int64]],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
    mass: float,
) -> torch.Tensor:
    """One optimizer step with the slices of a global batch.

    Args:
        mass: of the whole batch: it normalises the loss, whoever holds the labelled tokens.
    Returns:
        The sum of the losses of this worker's labelled tokens. *Shape:* ()
    """
    data, ctx, optimizer = session.data.train, session.ctx, session.optimizer
    set_rate(optimizer, rate)
    optimizer.zero_grad(set_to_none=True)
    random = (session.trial.seed, epoch, ctx.rank, step)
    seed_step(random)
    dropout, loss_sum = FastDropout(random), torch.zeros((), device=ctx.device)
    for part in parts(members[ctx.rank :: ctx.world_size], ctx.micro_batch):
        batch = make_batch(data, labels, part).to(ctx.device)
        with dropout:
            logits = session.forward.logits(batch)
        loss = session.objective.total(logits, batch.labels)
        torch.autograd.backward(session.scaler.scale(loss / mass))
        loss_sum += loss.detach()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    ctx.add_gradients(parameters)
    most = session.trial.hparams.max_grad_norm
    if most > 0:
        session.scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, most)
    session.scaler.step(optimizer)
    session.scaler.update()
    return loss_sum
