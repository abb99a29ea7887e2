"""What a trial gets, and how many run at once: worked out so that nothing waits for ever."""

import os
from dataclasses import dataclass
from typing import Literal

from nerbb_ray.config.spec import Resources
from nerbb_ray.errors import ResourceError

Backend = Literal["inprocess", "torch_trainer"]


@dataclass(frozen=True, slots=True)
class Machine:
    """CPUs and GPUs of this computer or of a whole cluster."""

    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Allotment:
    """Resources of every trial.

    Args:
        backend: inprocess: the loop runs in the trial's own actor; torch_trainer: in workers of Ray Train.
        cpus, gpus: of each worker.
        concurrent: trials that run at the same time.
    """

    backend: Backend
    num_workers: int
    cpus: float
    gpus: float
    concurrent: int

    @property
    def threads(self) -> int:
        """Compute threads of a worker: its whole CPUs."""
        return max(1, int(self.cpus))

    def __str__(self) -> str:
        workers = "" if self.backend == "inprocess" else f"{self.num_workers} x "
        gpus = f" + {self.gpus:g} GPU" if self.gpus else ""
        return f"{workers}{self.cpus:g} CPU{gpus}"


def this_machine() -> Machine:
    """The computer that we run on, without asking Ray."""
    import torch

    return Machine(cpus=len(os.sched_getaffinity(0)), gpus=torch.cuda.device_count())


def allot(wanted: Resources, machine: Machine, num_trials: int) -> Allotment:
    """Size the trials of an experiment.

    auto: one GPU per worker if there are any; the CPUs shared out evenly among the workers that can run at once, at
    least one each.

    Raises:
        ResourceError: not even one trial fits.
    """
    backend: Backend = "torch_trainer" if wanted.num_workers > 1 or wanted.trainer == "torch_trainer" else "inprocess"
    if wanted.num_workers > 1 and wanted.trainer == "inprocess":
        raise ResourceError(
            f"[resources] trainer = inprocess has one worker per trial, but num_workers = {wanted.num_workers}; "
            f"use trainer = auto"
        )
    workers = wanted.num_workers
    gpus = wanted.gpus_per_worker if wanted.gpus_per_worker is not None else min(1.0, machine.gpus // workers)
    slots = max(1, min(num_trials, int(machine.gpus / (workers * gpus)) if gpus else num_trials))
    if wanted.max_concurrent_trials is not None:
        slots = min(slots, wanted.max_concurrent_trials)
    cpus = wanted.cpus_per_worker
    if cpus is None:
        cpus = max(1, machine.cpus // (workers * slots))
    limits = [slots, int(machine.cpus / (workers * cpus))]
    if gpus:
        limits.append(int(machine.gpus / (workers * gpus)))
    if min(limits) < 1:
        raise ResourceError(
            f"a trial needs {workers} worker(s) with {cpus:g} CPU and {gpus:g} GPU each, but all there is are "
            f"{machine.cpus:g} CPU and {machine.gpus:g} GPU; lower num_workers, cpus_per_worker or gpus_per_worker in "
            f"[resources]"
        )
    return Allotment(backend, workers, cpus, gpus, min(limits))
