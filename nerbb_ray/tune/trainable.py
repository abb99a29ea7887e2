"""One Tune trial: the loop in the trial's own actor, or in the workers of a TorchTrainer."""

import gc
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nerbb_ray.logs import log_file
from nerbb_ray.tune.resources import Allotment
from nerbb_ray.tune.space import Job, job_of

if TYPE_CHECKING:
    import torch


def make_trainable(allotment: Allotment) -> Any:
    """The function that Tune runs for every trial, with its resources."""
    from ray import tune

    if allotment.backend == "inprocess":
        return tune.with_resources(run_in_actor, {"cpu": allotment.cpus, "gpu": allotment.gpus})
    # the driver of the workers needs no CPU, but a place on the head node; an empty request is refused
    return tune.with_resources(run_in_workers, {"cpu": 0, "node:__internal_head__": 0.001})


def run_in_actor(config: dict[str, Any]) -> None:
    """The whole trial in this process, which Tune uses for the next trial, too."""
    import torch
    from ray import tune

    job = job_of(config)
    run_job(job, tune.report, torch.device("cuda" if job.allotment.gpus else "cpu"))


def run_in_workers(config: dict[str, Any]) -> None:
    """Drive the workers of one trial; they end by returning from their loop."""
    from ray import train, tune
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    job = job_of(config)
    allotment = job.allotment
    TorchTrainer(
        run_worker,
        train_loop_config=config,
        torch_config=TorchConfig(backend="nccl" if allotment.gpus else "gloo"),
        scaling_config=train.ScalingConfig(
            num_workers=allotment.num_workers,
            use_gpu=allotment.gpus > 0,
            resources_per_worker={"CPU": allotment.cpus} | ({"GPU": allotment.gpus} if allotment.gpus else {}),
        ),
        run_config=train.RunConfig(
            name=tune.get_context().get_trial_id(), storage_path=str(job.storage), callbacks=[TuneReportCallback()]
        ),
    ).fit()


def run_worker(config: dict[str, Any]) -> None:
    """One of the workers of a trial."""
    from ray import train
    from ray.train.torch import get_device

    context = train.get_context()
    # workers of one node see all GPUs of their group: each has its own device among them
    run_job(job_of(config), train.report, get_device(), context.get_world_rank(), context.get_world_size())


def run_job(
    job: Job,
    report: Callable[[Mapping[str, Any]], None],
    device: "torch.device",
    rank: int = 0,
    world_size: int = 1,
) -> None:
    """Train a job's trial, with everything that is logged or warned on the way in the trial's log file."""
    import torch

    from nerbb_ray.training.context import TrialContext
    from nerbb_ray.training.data import load_encoded
    from nerbb_ray.training.loop import train_trial

    log = logging.getLogger("nerbb_ray")
    path = job.log if rank == 0 else job.log.with_suffix(f".rank{rank}.log")
    ctx = TrialContext(
        report=report,
        device=device,
        threads=job.allotment.threads,
        checkpoint_dir=job.checkpoint_dir,
        rank=rank,
        world_size=world_size,
        ends_itself=job.allotment.backend == "torch_trainer",
    )
    with log_file(path, job.trial.settings.logging_level):
        try:
            train_trial(job.trial, load_encoded(job.data).pruned(job.trial.dataset), job.source, ctx)
        except Exception:
            log.exception("trial %s failed", job.trial.name)
            raise
        finally:
            # the process goes on to another trial: its model and gradients must not stay
            gc.collect()
            if ctx.device.type == "cuda":
                torch.cuda.empty_cache()
