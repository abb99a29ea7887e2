"""A trial of several workers: a TorchTrainer, which this trial's process drives."""

from typing import Any

from ray import train, tune
from ray.train.torch import TorchTrainer, get_device
from ray.tune.integration.ray_train import TuneReportCallback

from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.tune.job import RESTARTS, Job
from nerbb_ray.tune.torch_rendezvous import MeetingConfig

with lazy_modules():  # only the workers train: who drives them does without transformers
    from nerbb_ray.tune import run_job


def run_in_workers(job: Job) -> None:
    """Drive the workers of one trial; they end by returning from their loop."""
    _trainer(job).fit()


def _trainer(job: Job) -> Any:
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


def run_worker(config: dict[str, Any]) -> None:
    """One of the workers of a trial."""
    context = train.get_context()
    # workers of one node see all GPUs of their group: each has its own device among them
    rank, world_size = context.get_world_rank(), context.get_world_size()
    run_job.run_job(Job.from_dict(config), train.report, get_device(), rank, world_size)
