"""Fine-tuning one model: an epoch, its validation, the rule's decision, a report; at the end the test split.

Knows no Ray: the same loop runs in the actor of a Tune trial, in each worker of a TorchTrainer, and in a plain script.
"""

import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.results import log_probs
from nerbb_ray.results.log_probs import LogProbs, SplitLogProbs
from nerbb_ray.training import artifacts, resume
from nerbb_ray.training.activity import LOADING, TESTING, Activity, training_in
from nerbb_ray.training.adaptive import MONITORED, Reason, advance, learning_rates, rates_of, rule_of, start
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.epoch import START, train_epoch
from nerbb_ray.training.evaluation import Predicted, evaluate
from nerbb_ray.training.lora import merge_adapters
from nerbb_ray.training.model import save_model, write_decoder
from nerbb_ray.training.optimizer import decay_of
from nerbb_ray.training.progress import Kept, Progress, keeps_last_always
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.training.trial_setup import Session, set_up
from nerbb_ray.training.worker import TrialContext

log = logging.getLogger(__name__)

NOT_VALIDATED = dict.fromkeys(MONITORED.values(), math.nan)  # as of a split without words


def train_trial(trial: TrialSpec, data: EncodedCorpus, source: ModelSource, ctx: TrialContext) -> None:
    """Train until the rule stops, or somebody asks for it.

    Reports after every epoch; the last report has the test metrics and all results.

    Same trial, same machine, same number of threads: the same losses, bit for bit on CPU, also where the trial was
    interrupted, between epochs or within one, and goes on from the state in `ctx.resume_dir`.

    Args:
        data: pruned to what the run uses.
    Raises:
        Terminated: the process is to end; the state is saved.
    """
    ctx.tell(Activity(LOADING))
    session = set_up(trial, data, source, ctx)
    progress = resume.load(session, start(rule_of(trial.hparams)))
    begun = time.monotonic() - progress.elapsed_s
    saver = resume.Saver(session, progress, begun)
    while not progress.ended:
        report = run_epoch(session, progress, saver)
        if not progress.ended:
            progress.cut = ctx.asked_to_end()
        if progress.ended:
            report |= finish(session, progress)
        progress.elapsed_s = report["elapsed_s"] = time.monotonic() - begun
        log.info("epoch %d %s lr %.3g: %s", report["epoch"], report["stage"], report["lr"], _losses(report))
        ctx.report(report)
        if not progress.ended:
            # after the report: an epoch that was reported twice is the same, one that never was would be missed
            saver.after_epoch()


def run_epoch(session: Session, progress: Progress, saver: resume.Saver) -> dict[str, Any]:
    """Train and validate one epoch, and let the rule decide.

    Args:
        saver: is told after every step.
    Returns:
        The report, as it is before the end of the trial.
    """
    trial, data = session.trial, session.data
    epoch, stage = progress.state.epoch, progress.state.stage
    rates = learning_rates(progress.state, trial.hparams, data.steps_per_epoch(trial.hparams.batch_size))
    doing = training_in(stage, epoch, trial.hparams)

    def after_step(step: int, loss_sum: torch.Tensor) -> None:
        session.ctx.tell(Activity(doing, epoch, step, len(rates)))
        saver.after_step(step, loss_sum)

    train_loss = train_epoch(session, epoch, rates, progress.position, after_step)
    progress.position = START
    val = evaluate(session, data.val) if is_validated(session, epoch) else None
    val_metrics = NOT_VALIDATED if val is None else val[0].metrics("val")
    watched = monitored(trial.hparams.monitor, train_loss, val_metrics, measured=bool(val and data.val.num_labelled))
    progress.history.append(watched)
    progress.state = advance(progress.state, watched, rule_of(trial.hparams))
    if val is not None:
        progress.kept.consider(session, val, progress.state, epoch)
    return {
        "trial_name": trial.name,
        "run": trial.run,
        "seed": trial.seed,
        **({} if trial.fold is None else {"fold": trial.fold}),
        "epoch": epoch,
        "stage": stage.value,
        "lr": rates[-1],
        "train/loss": train_loss,
        **val_metrics,
        "history": progress.history.copy(),
        "ends_itself": session.ctx.ends_itself,
    }


def is_validated(session: Session, epoch: int) -> bool:
    """Whether anybody uses what an epoch reaches on the validation data: the rule, or the choice of the kept epoch.

    All of them without `skip_validation`, else all of a training that may end early, or keeps its best epoch, and of
    any other one the last.
    """
    settings, hparams = session.trial.settings, session.trial.hparams
    needed = hparams.early_stopping or not keeps_last_always(session)
    return needed or not settings.skip_validation or epoch + 1 == hparams.max_epochs


def monitored(monitor: str, train_loss: float, val: dict[str, float], *, measured: bool) -> float | None:
    """What the rule gets to see of an epoch.

    A loss that is not finite means divergence, whatever is monitored: predictions of such a model may still score.

    Args:
        measured: whether there is a loss of the validation data.
    Returns:
        None if the split has nothing to measure: no word, or for F1 no entity in truth and prediction.
    """
    if not math.isfinite(train_loss) or (measured and not math.isfinite(val["val/loss"])):
        return math.nan
    value = val[MONITORED[monitor]]
    return value if math.isfinite(value) else None


def _losses(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {report[name]:.4f}" for name in ("train/loss", "val/loss", "val/entity/micro/f1"))


def finish(session: Session, progress: Progress) -> dict[str, Any]:
    """Test the kept weights, save them, and put together what the last report has beyond the others."""
    kept, state = progress.kept, progress.state
    diverged = state.reason is Reason.DIVERGED
    report: dict[str, Any] = {
        "final": True,
        "reason": progress.cut or (state.reason.value if state.reason else ""),
        "cut": bool(progress.cut),
        "micro_batch": session.ctx.micro_batch,
        "diverged": diverged,
        "epochs": state.epoch,
        "best_epoch": -1 if state.best_epoch is None else state.best_epoch,
        "kept_epoch": -1,
        "chosen": {},
        "checkpoint": "",
        "artifacts": {},
        "environment": artifacts.environment(session.source, session.data, session.ctx.device, session.dtype),
    }
    if kept.decoder is not None:
        report["decoding"] = report["environment"]["decoding"] = str(kept.decoder)
    # of a trial that diverged, only weights that were put aside before are worth anything
    if kept.val is None or (diverged and kept.weights is None):
        return report
    if progress.cut:
        # of no use to anybody: neither tested nor saved
        return report | {"chosen": kept.val.metrics("val")}
    kept.restore(session)
    data = session.data
    session.ctx.tell(Activity(TESTING, state.epoch))
    test, predicted, decoder = evaluate(session, data.test, kept.decoder)
    tested = test.metrics("test")
    # val/... of a report is that of its epoch; what the chosen weights reach stands apart
    report |= tested | {"chosen": kept.val.metrics("val") | tested, "kept_epoch": kept.epoch}
    report["artifacts"] = {
        **artifacts.files(session.trial, test.counts, report["environment"]),
        artifacts.TEST_SENTENCES: artifacts.sentences_csv(
            data, decoder.decode(predicted.log_probs, data.test.sentence_starts)
        ),
    }
    if session.ctx.checkpoint_dir is not None and session.ctx.rank == 0:
        save_whole(session, progress, said_of(session, kept, predicted, decoder), session.ctx.checkpoint_dir)
        report["checkpoint"] = str(session.ctx.checkpoint_dir)
    return report


def said_of(session: Session, kept: Kept, test: Predicted, decoder: Decoder) -> LogProbs:
    """What the kept weights say of val and test."""
    data = session.data
    found = {"val": kept.log_probs, "test": test.log_probs.astype(np.float16)}
    splits = {
        name: SplitLogProbs(said, split.gold, split.sentence_starts, data.places.get(name))
        for name, said in found.items()
        if said is not None
        for split in [getattr(data, name)]
    }
    folds = session.trial.dataset.folds
    return LogProbs(data.tags, data.scheme, decoder, session.decoders, data.fingerprint, splits, folds)


def save_whole(session: Session, progress: Progress, said: LogProbs, folder: Path) -> None:
    """Save the kept weights, with the rows of the word embeddings that were left out in training, and what they say.

    Adapters are merged, so that it is an ordinary model.
    """
    hparams, epoch = session.trial.hparams, progress.kept.epoch
    if session.vocabulary is not None and epoch is not None:
        steps = session.data.steps_per_epoch(hparams.batch_size)
        factor, decay = decay_of(session.optimizer, session.model.get_input_embeddings().weight)
        rates = (rate * factor for rate in rates_of(hparams, progress.history, epoch + 1, steps))
        session.vocabulary.put_back(session.model, rates, decay)
    if hparams.lora_rank:
        merge_adapters(session.model)

    def add_files(saved: Path) -> None:
        said.save(saved / log_probs.FILE)
        write_decoder(said.decoder, said.tags, saved)

    splitting, length = session.data.splitting, hparams.max_seq_length
    save_model(session.model, session.tokenizer, folder, length, splitting, add_files)
