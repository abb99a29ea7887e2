"""A trial in a process that trains: on its own, or as one of the workers of a trial.

Where the accelerator's memory is too small for a batch, it is worked on in halves, once.
"""

import ctypes
import gc
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from ray import tune

from nerbb_ray.logs import log_file
from nerbb_ray.training.activity import ActivityFile
from nerbb_ray.training.encoded_corpus import load_encoded
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.micro_batch import halved, remembered
from nerbb_ray.training.resume import Terminated
from nerbb_ray.training.worker import TrialContext
from nerbb_ray.tune import worker_termination
from nerbb_ray.tune.job import Job

Report = Callable[[Mapping[str, Any]], None]
log = logging.getLogger(__name__)


def run_in_actor(job: Job) -> None:
    """The whole trial in this process, which Tune uses for the next trial, too."""
    wants_gpu = job.allotment.gpus > 0
    run_job(job, tune.report, torch.device("cuda" if wants_gpu and torch.cuda.is_available() else "cpu"))


def run_job(job: Job, report: Report, device: torch.device, rank: int = 0, world_size: int = 1) -> None:
    """Train a job's trial, with everything that is logged or warned on the way in the trial's log file."""
    path = job.log if rank == 0 else job.log.with_suffix(f".rank{rank}.log")
    ctx = TrialContext(
        report=report,
        device=device,
        threads=job.allotment.threads,
        checkpoint_dir=job.checkpoint_dir,
        resume_dir=job.states,
        rank=rank,
        world_size=world_size,
        ends_itself=job.allotment.backend == "torch_trainer",
        identity=job.identity,
        first_position=job.first_position,
        save_s=60 * job.trial.settings.save_minutes,
        terminated=worker_termination.asked,
        tell=ActivityFile(job.activity if rank == 0 else None).tell,
    )
    # a trial that is started again adds to its log
    with log_file(path, job.trial.settings.logging_level, append=job.begun):
        if job.allotment.gpus and device.type == "cpu":
            log.warning("Ray gave a GPU, but torch has none here: training on the CPU; is it a CPU build of torch?")
        worker_termination.trial_begins()
        try:
            _train(job, ctx)
        except Exception:
            log.exception("trial %s failed", job.trial.name)
            raise
        except Terminated:
            log.warning("the state is saved, and the process ends")
            worker_termination.end()
        finally:
            worker_termination.trial_ends()
            _clean_up(device)


def _train(job: Job, ctx: TrialContext) -> None:
    """Train, in micro-batches if it was found out before that memory is short."""
    # every trial of an experiment has the number format that `auto` means on all of their computers
    settings = replace(job.trial.settings, precision=job.identity.precision or job.trial.settings.precision)
    trial = replace(job.trial, settings=settings)
    data = load_encoded(job.data).used(trial.dataset, trial.fold)
    micro_batch = remembered(job.states)
    try:
        train_trial(trial, data, job.source, replace(ctx, micro_batch=micro_batch))
        return
    except torch.OutOfMemoryError:
        smaller = halved(job.states, job.trial.hparams.batch_size, ctx.world_size)
        if micro_batch is not None or smaller is None:
            raise
        log.warning("out of memory; goes on with micro-batches of %d sentences", smaller)
        if ctx.world_size > 1:
            raise  # all workers begin again, and find what was remembered
    # outside of the handler, whose traceback holds on to the tensors
    _clean_up(ctx.device)
    train_trial(trial, data, job.source, replace(ctx, micro_batch=smaller))


def _clean_up(device: torch.device) -> None:
    """The process goes on to another trial: model and gradients of this one must not stay."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    give_back_memory()


def give_back_memory() -> None:
    """Freed memory goes back to the system: glibc keeps the pages between what is left, half of what a trial needs."""
    with suppress(AttributeError, OSError, TypeError):  # another C library, which does not keep them
        ctypes.CDLL(None).malloc_trim(0)
