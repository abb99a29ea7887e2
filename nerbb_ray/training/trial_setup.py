"""What every epoch of a trial needs: model, optimizer, data, precision."""

import logging
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.ner.choose_decoder import DecoderChoice, Wanted
from nerbb_ray.ner.decoding import unknown_word
from nerbb_ray.results.identity import Identity
from nerbb_ray.training.embedding_trim import Vocabulary, trim
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.forward import Forward
from nerbb_ray.training.knobs import adapt, dropouts_of
from nerbb_ray.training.loss import Objective
from nerbb_ray.training.model import load_config, load_model
from nerbb_ray.training.optimizer import make_optimizer
from nerbb_ray.training.sources import ModelSource, check_unchanged
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.worker import PRECISION_OF, TrialContext, device_precision

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A trial that is set up to be trained on this worker.

    Args:
        identity: what the trial is.
        data: with the token ids of the vocabulary, where that is trimmed.
        forward: how the model is run.
        vocabulary: what puts the model together again before it is saved; None: it is whole.
        decoders: the ways to decode, of which validation chooses.
        objective: what training minimises.
    """

    trial: TrialSpec
    identity: Identity
    data: EncodedCorpus
    source: ModelSource
    ctx: TrialContext
    tokenizer: Any
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    dtype: torch.dtype
    forward: Forward
    vocabulary: Vocabulary | None
    decoders: DecoderChoice
    objective: Objective

    @property
    def model(self) -> Any:
        return self.forward.model

    @property
    def unknown_word(self) -> NDArray[np.float32]:
        """What is said of a word without sub-token. *Shape:* (tags,)"""
        return unknown_word(self.data.tags, self.data.scheme)


def set_up(trial: TrialSpec, data: EncodedCorpus, source: ModelSource, ctx: TrialContext) -> Session:
    """Seeds, model and optimizer: the same on every worker.

    Raises:
        RuntimeError: the trial would be something else here than what it is meant to be.
        ModelError: the model cannot be loaded, or its files have changed.
    """
    torch.set_num_threads(ctx.threads)
    random.seed(trial.seed)
    np.random.seed(trial.seed % 2**32)
    torch.manual_seed(trial.seed % 2**63)  # the new head's weights
    dtype = device_precision(trial.settings.precision, ctx.device)
    identity = _checked_identity(trial, data, source, ctx, dtype)
    check_unchanged(source)
    changes = dropouts_of(load_config(source), trial.hparams, source.name) if trial.hparams.changes_model else {}
    model, tokenizer = load_model(source, data.tags, changes), load_tokenizer(source, trial.settings.uncased)
    depth = adapt(model, trial.hparams, source.name)
    objective = Objective.of(data, trial.hparams)
    pad, vocabulary = int(tokenizer.pad_token_id or 0), None
    # a step whose fp16 gradients overflow does not take place: then the decay is not known beforehand
    if dtype != torch.float16:
        data, vocabulary = trim(model, data, [pad, *tokenizer.all_special_ids])
    model = model.to(ctx.device)
    trained_pad = vocabulary.trained(pad) if vocabulary else pad
    log.info("trial %s: %s", trial.name, trial.params())
    log.info("device %s, %d threads, %s, process %d", ctx.device, ctx.threads, dtype, os.getpid())
    return Session(
        trial=trial,
        identity=identity,
        data=data,
        source=source,
        ctx=ctx,
        tokenizer=tokenizer,
        optimizer=make_optimizer(model, trial.hparams, depth),
        objective=objective,
        scaler=torch.amp.GradScaler(ctx.device.type, enabled=dtype == torch.float16),
        dtype=dtype,
        forward=Forward.of(model, source.name, trained_pad, ctx.device, dtype, ctx.first_position),
        vocabulary=vocabulary,
        decoders=DecoderChoice(
            cast("Wanted", trial.settings.decoding),
            data.tags,
            data.scheme,
            data.train.gold,
            data.train.sentence_starts,
        ),
    )


def _checked_identity(
    trial: TrialSpec, data: EncodedCorpus, source: ModelSource, ctx: TrialContext, dtype: torch.dtype
) -> Identity:
    """What the trial is here."""
    found = Identity.of(
        trial,
        data=data.fingerprint,
        model=source.revision,
        precision=PRECISION_OF[dtype],
        device=ctx.device.type,
        layout=None if trial.fold is None else data.layout,
    )
    if ctx.identity is not None and (wrong := ctx.identity.differences(found)):
        raise RuntimeError(f"the trial would not be what it is meant to be on this computer: {'; '.join(wrong)}")
    return found


def seed_step(random: Sequence[int]) -> None:
    """Torch's random state for a step, which decides on dropout: it depends on nothing that came before.

    Args:
        random: seed, epoch, worker, step.
    """
    torch.manual_seed(int(np.random.SeedSequence(list(random)).generate_state(1, np.uint64)[0] >> 1))
