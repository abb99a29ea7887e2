"""Fine-tuning one model: an epoch, its validation, the rule's decision, a report; at the end the test split.

Knows no Ray: the same loop runs in the actor of a Tune trial, in each worker of a TorchTrainer, and in a plain script.
"""

import logging
import random
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.ner.metrics import Counts, count
from nerbb_ray.training import artifacts
from nerbb_ray.training.adaptive import AdaptiveState, Reason, Stage, advance, learning_rates, start
from nerbb_ray.training.batches import IGNORED, batches_of, evaluation_order, make_batch, training_order
from nerbb_ray.training.context import TrialContext, device_precision
from nerbb_ray.training.data import EncodedCorpus
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.model import ModelSource, load_model, load_tokenizer, save_model

WEIGHT_DECAY = 0.01
MONITORED = {"val_loss": "val/loss", "val_acc": "val/token/all/acc", "val_f1": "val/entity/micro/f1"}
EVALUATION_BUDGET = 4096  # sub-tokens of an evaluation batch, padding included

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every epoch of a trial needs."""

    trial: TrialSpec
    data: EncodedCorpus
    source: ModelSource
    ctx: TrialContext
    model: Any
    tokenizer: Any
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    dtype: torch.dtype

    @property
    def pad(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)

    def logits(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """*Shape:* (B, T) twice -> (B, T, number of tags), in fp32."""
        with torch.autocast(self.ctx.device.type, self.dtype, enabled=self.dtype != torch.float32):
            output: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return output.float()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A split as the model sees it: `loss` is the cross entropy per labelled token, NaN if there is none."""

    counts: Counts
    loss: float

    def metrics(self, split: str) -> dict[str, float]:
        return self.counts.metrics(split, self.loss)


def train_trial(trial: TrialSpec, data: EncodedCorpus, source: ModelSource, ctx: TrialContext) -> None:
    """Train until the rule stops, reporting after every epoch; the last report has the test metrics and all results.

    Same trial, same machine, same number of threads: the same losses, bit for bit on CPU.

    Args:
        data: pruned to what the run uses.
    """
    session = set_up(trial, data, source, ctx)
    hparams, state, started = trial.hparams, start(trial.hparams), time.monotonic()
    steps = data.steps_per_epoch(hparams.batch_size)
    history: list[float | None] = []
    kept = Kept()
    while state.stage is not Stage.STOPPED:
        epoch, stage = state.epoch, state.stage
        rates = learning_rates(state, hparams, steps)
        train_loss = train_epoch(session, epoch, rates)
        val = evaluate(session, data.val)
        val_metrics = val.metrics("val")
        history.append(val_metrics[MONITORED[hparams.monitor]] if data.val.num_labelled else None)
        state = advance(state, history[-1], hparams)
        kept.consider(session, val, state, epoch)
        report = {
            "trial_name": trial.name,
            "run": trial.run,
            "seed": trial.seed,
            "epoch": epoch,
            "stage": stage.value,
            "lr": rates[-1],
            "train/loss": train_loss,
            **val_metrics,
            "history": history.copy(),
            "ends_itself": ctx.ends_itself,
        }
        if state.stage is Stage.STOPPED:
            report |= finish(session, kept, state)
        report["elapsed_s"] = time.monotonic() - started
        log.info("epoch %d %s lr %.3g: %s", epoch, stage.value, rates[-1], _losses(report))
        ctx.report(report)


def _losses(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {report[name]:.4f}" for name in ("train/loss", "val/loss", "val/entity/micro/f1"))


def set_up(trial: TrialSpec, data: EncodedCorpus, source: ModelSource, ctx: TrialContext) -> Session:
    """Seeds, model and optimizer: the same on every worker, but for the state of the dropout."""
    torch.set_num_threads(ctx.threads)
    random.seed(trial.seed)
    np.random.seed(trial.seed)
    torch.manual_seed(trial.seed)
    dtype = device_precision(trial.settings.precision, ctx.device)
    model = load_model(source, data.tags).to(ctx.device)
    if ctx.rank:
        torch.manual_seed(trial.seed + (ctx.rank << 32))
    log.info("trial %s: %s", trial.name, trial.params())
    log.info("device %s, %d threads, %s", ctx.device, ctx.threads, dtype)
    return Session(
        trial=trial,
        data=data,
        source=source,
        ctx=ctx,
        model=model,
        tokenizer=load_tokenizer(source, trial.settings.uncased),
        optimizer=make_optimizer(model),
        scaler=torch.amp.GradScaler(ctx.device.type, enabled=dtype == torch.float16),
        dtype=dtype,
    )


def make_optimizer(model: torch.nn.Module) -> torch.optim.AdamW:
    """Fused AdamW; biases and the weights of normalisations, which are the one-dimensional ones, do not decay."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), eps=1e-8, fused=True)


def train_epoch(session: Session, epoch: int, rates: tuple[float, ...]) -> float:
    """One pass over the training split, one optimizer step per learning rate.

    Returns:
        The mean cross entropy per labelled token, as it was when each batch was trained.
    """
    data, ctx, optimizer = session.data.train, session.ctx, session.optimizer
    labels = data.labels(IGNORED)
    labelled = np.add.reduceat(labels != IGNORED, data.slice_starts[:-1], dtype=np.int64)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    order = training_order(data.lengths, session.trial.hparams.batch_size, session.trial.seed, epoch)
    loss_sum = torch.zeros((), device=ctx.device)
    session.model.train()
    for rate, members in zip(rates, order, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        # the global batch is shared out; its labelled tokens normalise the loss, whoever holds them
        share = members[ctx.rank :: ctx.world_size]
        if len(share):
            batch = make_batch(data, labels, share, session.pad).to(ctx.device)
            loss = cross_entropy(session.logits(batch.input_ids, batch.attention_mask), batch.labels)
            torch.autograd.backward(session.scaler.scale(loss / int(labelled[members].sum())))
            loss_sum += loss.detach()
        ctx.add_gradients(parameters)
        session.scaler.step(optimizer)
        session.scaler.update()
    return float(ctx.add(np.array([loss_sum.item()]))[0]) / int(labelled.sum())


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum over the labelled tokens. *Shape:* (B, T, number of tags), (B, T) -> ()"""
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )


@torch.inference_mode()
def evaluate(session: Session, split: EncodedSplit) -> Evaluation:
    """Predict every word of a split once, and count. The batches are shared out among the workers."""
    ctx, data = session.ctx, session.data
    predicted: NDArray[np.int64] = np.zeros(len(split.gold), dtype=np.int64)  # 0 is O: words without sub-token
    loss_sum = torch.zeros((), device=ctx.device)
    session.model.eval()
    order = evaluation_order(split.lengths, EVALUATION_BUDGET)
    for batch in batches_of(split, order[ctx.rank :: ctx.world_size], session.pad, ctx.device):
        logits = session.logits(batch.input_ids, batch.attention_mask)
        loss_sum += cross_entropy(logits, batch.labels)
        first = batch.words != NO_WORD
        predicted[batch.words[first]] = logits.argmax(-1).cpu().numpy()[first]
    predicted = ctx.add(predicted)
    total = float(ctx.add(np.array([loss_sum.item()]))[0])
    counts = count(split.gold, predicted, split.sentence_starts, data.tags, data.scheme)
    return Evaluation(counts, total / split.num_labelled if split.num_labelled else float("nan"))


class Kept:
    """The weights that will be tested and saved: those of the best epoch, or of the last."""

    def __init__(self) -> None:
        self.weights: dict[str, torch.Tensor] | None = None
        self.val: Evaluation | None = None

    def consider(self, session: Session, val: Evaluation, state: AdaptiveState, epoch: int) -> None:
        """Keep the weights of this epoch if they are the ones to keep so far."""
        if state.reason is Reason.DIVERGED:
            return
        # without anything to monitor, the last epoch is as good as any
        last = session.trial.settings.evaluate_checkpoint == "last" or state.best_epoch is None
        if last or state.best_epoch == epoch:
            self.val = val
            # weights that go on being trained must be copied; those of the last epoch are the model's own
            copy = not last and state.stage is not Stage.STOPPED
            self.weights = {k: v.detach().clone() for k, v in session.model.state_dict().items()} if copy else None

    def restore(self, session: Session) -> None:
        if self.weights is not None:
            session.model.load_state_dict(self.weights)


def finish(session: Session, kept: Kept, state: AdaptiveState) -> dict[str, Any]:
    """Test the kept weights, save them, and put together what the last report has beyond the others."""
    diverged = state.reason is Reason.DIVERGED
    report: dict[str, Any] = {
        "final": True,
        "reason": state.reason.value if state.reason else "",
        "diverged": diverged,
        "epochs": state.epoch,
        "best_epoch": -1 if state.best_epoch is None else state.best_epoch,
        "chosen": {},
        "checkpoint": "",
        "artifacts": {},
        "environment": artifacts.environment(session.source, session.data, session.ctx.device, session.dtype),
    }
    if kept.val is None or (diverged and session.trial.settings.evaluate_checkpoint == "last"):
        return report
    kept.restore(session)
    test = evaluate(session, session.data.test)
    report["chosen"] = kept.val.metrics("val") | test.metrics("test")
    report["artifacts"] = artifacts.files(session.trial, test.counts, report["environment"])
    if session.ctx.checkpoint_dir is not None and session.ctx.rank == 0:
        save_model(session.model, session.tokenizer, session.ctx.checkpoint_dir)
        report["checkpoint"] = str(session.ctx.checkpoint_dir)
    return report
