"""One Tune trial: the loop in the trial's own actor, or in the workers of a TorchTrainer.

A process that dies is started again and goes on from the trial's last state; an error of the trial itself is not tried
again. Where the accelerator's memory is too small for a batch, it is worked on in halves, once.
"""

import ctypes
import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nerbb_ray.logs import log_file
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.results.reports import RAISED
from nerbb_ray.tune import worker_termination
from nerbb_ray.tune.job import RESTARTS, Job, JobBook
from nerbb_ray.tune.ray_private import DRIVER_RESOURCES

if TYPE_CHECKING:
    import torch

    from nerbb_ray.training.worker import TrialContext

Report = Callable[[Mapping[str, Any]], None]
log = logging.getLogger(__name__)


def make_trainable(allotment: Allotment, book: JobBook) -> Any:
    """What Tune runs for every trial, with its resources. Ray's dashboard shows a trial under its name."""
    from ray import tune
    from ray.tune.trainable import wrap_function

    inprocess = allotment.backend == "inprocess"
    run = run_in_actor if inprocess else run_in_workers

    def trial(config: dict[str, Any]) -> None:
        run(book.of(config))

    class Trial(wrap_function(trial)):  # type: ignore[misc]  # Ray has no types
        def setup(self, config: dict[str, Any]) -> None:
            worker_termination.listen()  # here, since this is the main thread, and the loop has another one
            super().setup(config)

        def __repr__(self) -> str:
            return str(self.trial_name)

    resources = {"cpu": allotment.cpus, "gpu": allotment.gpus} if inprocess else DRIVER_RESOURCES
    trainable = tune.with_resources(Trial, resources)
    trainable.__qualname__ = Trial.__name__  # Ray would call the class by the function that made it
    return trainable


def run_in_actor(job: Job) -> None:
    """The whole trial in this process, which Tune uses for the next trial, too."""
    import torch
    from ray import tune

    with _announced(tune.report):
        wants_gpu = job.allotment.gpus > 0
        run_job(job, tune.report, torch.device("cuda" if wants_gpu and torch.cuda.is_available() else "cpu"))


def run_in_workers(job: Job) -> None:
    """Drive the workers of one trial; they end by returning from their loop."""
    from ray import tune

    with _announced(tune.report):
        _trainer(job).fit()


def _trainer(job: Job) -> Any:
    from ray import train, tune
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    from nerbb_ray.tune.torch_rendezvous import MeetingConfig

    allotment = job.allotment
    return TorchTrainer(
        run_worker,
        train_loop_config=job.to_dict(),
        # NCCL refuses two workers of a trial on one GPU, which have a fraction of it each
        torch_config=MeetingConfig(backend="nccl" if allotment.gpus >= 1 else "gloo"),
        scaling_config=train.ScalingConfig(
            num_workers=allotment.num_workers,
            use_gpu=allotment.gpus > 0,
            resources_per_worker={"CPU": allotment.cpus} | ({"GPU": allotment.gpus} if allotment.gpus else {}),
        ),
        run_config=train.RunConfig(
            name=tune.get_context().get_trial_id(),
            storage_path=str(job.storage),
            callbacks=[TuneReportCallback()],
            failure_config=train.FailureConfig(max_failures=RESTARTS),
        ),
    )


@contextmanager
def _announced(report: Report) -> Iterator[None]:
    """Tell the scheduler of an error before it is raised: Tune itself takes it for the death of a process."""
    try:
        yield
    except Exception:
        report({RAISED: True})
        raise


def run_worker(config: dict[str, Any]) -> None:
    """One of the workers of a trial."""
    from ray import train
    from ray.train.torch import get_device

    context = train.get_context()
    # workers of one node see all GPUs of their group: each has its own device among them
    run_job(Job.from_dict(config), train.report, get_device(), context.get_world_rank(), context.get_world_size())


def run_job(job: Job, report: Report, device: "torch.device", rank: int = 0, world_size: int = 1) -> None:
    """Train a job's trial, with everything that is logged or warned on the way in the trial's log file."""
    from nerbb_ray.training.activity import ActivityFile
    from nerbb_ray.training.resume import Terminated
    from nerbb_ray.training.worker import TrialContext

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


def _train(job: Job, ctx: "TrialContext") -> None:
    """Train, in micro-batches if it was found out before that memory is short."""
    import torch

    from nerbb_ray.training.encoded_corpus import load_encoded
    from nerbb_ray.training.loop import train_trial
    from nerbb_ray.training.micro_batch import halved, remembered

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


def _clean_up(device: "torch.device") -> None:
    """The process goes on to another trial: model and gradients of this one must not stay."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    give_back_memory()


def give_back_memory() -> None:
    """Freed memory goes back to the system: glibc keeps the pages between what is left, half of what a trial needs."""
    with suppress(AttributeError, OSError, TypeError):  # another C library, which does not keep them
        ctypes.CDLL(None).malloc_trim(0)
