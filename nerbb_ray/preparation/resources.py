"""What a trial gets, and how many run at once: worked out so that nothing waits for ever."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nerbb_ray.config.spec import Resources
from nerbb_ray.errors import ResourceError

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, of Windows below WSL
Backend = Literal["inprocess", "torch_trainer"]


def _fits(there: float, each: float) -> int:
    """How often `each` goes into what is there; 0.3 is three times 0.1."""
    return int(there / each + 1e-9)


def _on_gpus(gpus: float, each: float) -> int:
    """A fraction is of one GPU: of 0.4, two fit on each."""
    return int(gpus) * _fits(1, each) if each < 1 else _fits(gpus, each)


@dataclass(frozen=True, slots=True)
class Machine:
    """This computer, or a whole cluster.

    Args:
        nodes: (CPUs, GPUs) of each computer; a worker must find its place on one of them.
    """

    nodes: tuple[tuple[float, float], ...]

    @property
    def cpus(self) -> float:
        return sum(cpus for cpus, _ in self.nodes)

    @property
    def gpus(self) -> float:
        return sum(gpus for _, gpus in self.nodes)

    def places(self, cpus: float, gpus: float) -> int:
        """How many workers of this size run at once."""
        return sum(min(_fits(c, cpus), _on_gpus(g, gpus) if gpus else _fits(c, cpus)) for c, g in self.nodes)


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


class MemoryShort(Exception):
    """Ray has ended trials because the memory of their computer was nearly used up.

    Args:
        allotment: of these trials.
    """

    def __init__(self, allotment: Allotment) -> None:
        super().__init__("trials were ended because memory was short")
        self.allotment = allotment


def this_machine() -> Machine:
    """The computer that we run on, without asking Ray."""
    return Machine(((usable_cpus(), _gpus()),))


def usable_cpus() -> int:
    """CPUs that this process may use; where the system cannot say (macOS), all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_has_bf16() -> bool:
    """Whether this computer's CPUs have bf16 products: what torch says of them, whose import would take seconds."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.is_file() else ""
    return "amx_bf16" in flags or "avx512_bf16" in flags


def _gpus() -> int:
    """As many as torch can use, which takes its time to say so; not asked where it can have none."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1")
    if hidden or not any(map(os.path.exists, GPU_DRIVERS)):
        return 0
    import torch

    return torch.cuda.device_count()


def allot(wanted: Resources, machine: Machine, num_trials: int) -> Allotment:
    """Size the trials of an experiment.

    auto: one GPU per worker if there are any, an even share of one if there are fewer than workers; the CPUs shared out
    evenly among the workers that can run at once, at least one each.

    Args:
        num_trials: of the whole experiment, whatever is left of it: the threads of a trial decide its last bits.
    Raises:
        ResourceError: not even one trial fits.
    """
    workers = wanted.num_workers
    gpus = wanted.gpus_per_worker
    if gpus is None:
        gpus = _gpu_share(machine, workers, wanted.cpus_per_worker or 1)
    at_most = min(num_trials, wanted.max_concurrent_trials or num_trials)
    cpus = wanted.cpus_per_worker or _even_share(machine, workers, gpus, at_most)
    concurrent = min(at_most, machine.places(cpus, gpus) // workers)
    if concurrent < 1:
        raise ResourceError(
            f"a trial needs {workers} worker(s) with {cpus:g} CPU and {gpus:g} GPU each, but all there is are "
            f"{machine.cpus:g} CPU and {machine.gpus:g} GPU on {len(machine.nodes)} computer(s); lower num_workers, "
            f"cpus_per_worker or gpus_per_worker in [resources]"
        )
    return Allotment(backend(wanted), workers, cpus, gpus, concurrent)


def backend(wanted: Resources) -> Backend:
    """Where the loop of a trial runs."""
    return "torch_trainer" if wanted.num_workers > 1 or wanted.trainer == "torch_trainer" else "inprocess"


def _gpu_share(machine: Machine, workers: int, cpus: float) -> float:
    """The most of a GPU with which all workers of a trial find their places; 0 if they do so without GPUs only."""
    shares = (int(10_000 / n) / 10_000 for n in range(1, workers + 1))  # what Ray counts in
    return next((share for share in shares if machine.places(cpus, share) >= workers), 0.0)


def _even_share(machine: Machine, workers: int, gpus: float, at_most: int) -> float:
    """The most CPUs per worker with which as many trials run at once as with one CPU each."""
    trials = max(1, min(at_most, machine.places(1, gpus) // workers))
    share = max(1, int(machine.cpus // (workers * trials)))
    while share > 1 and machine.places(share, gpus) < workers * trials:
        share -= 1
    return share
