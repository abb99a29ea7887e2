"""What trials will really run on: the kind of device, and the number format that `precision = auto` means there.

It is found out once for all trials of an experiment. Where computers of a cluster differ, all get what all of them
have, so that the seeds of a run are the same thing wherever they run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from nerbb_ray.preparation.resources import Allotment, cpu_has_bf16

A_BIT = 0.001  # of a GPU, for the task that looks at it


@dataclass(frozen=True, slots=True)
class Hardware:
    """Args:
    bf16: whether the device has products of this format in hardware.
    """

    device: Literal["cpu", "cuda"]
    bf16: bool

    def precision(self, wanted: str) -> str:
        """What `precision` means on it: fp32, bf16 or fp16."""
        if wanted != "auto":
            return wanted
        return "bf16" if self.bf16 else "fp32"


def hardware_of(allotment: Allotment, *, here: bool) -> Hardware:
    """What the trials get. Ray must be connected.

    Args:
        here: whether all of them run on this computer.
    """
    if here and not allotment.gpus:
        return Hardware("cpu", cpu_has_bf16())
    found = list(_on_all_nodes(bool(allotment.gpus)))
    device: Literal["cpu", "cuda"] = "cuda" if found and all(cuda for cuda, _, _ in found) else "cpu"
    return Hardware(device, all(on_gpu if device == "cuda" else on_cpu for _, on_cpu, on_gpu in found))


def look() -> tuple[bool, bool, bool]:
    """(whether torch can use a GPU, bf16 products of the CPUs, of the GPU) of the computer that this runs on."""
    import torch

    from nerbb_ray.training.worker import has_bf16

    cuda = torch.cuda.is_available()
    return cuda, cpu_has_bf16(), cuda and has_bf16(torch.device("cuda"))


def look_at_cpu() -> tuple[bool, bool, bool]:
    """The same without a GPU, and without the seconds that torch takes."""
    return False, cpu_has_bf16(), False


def _on_all_nodes(gpus: bool) -> Iterator[tuple[bool, bool, bool]]:
    """What every computer says on which a trial may run."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU" if gpus else "CPU", 0)]
    asked: Any = ray.remote(num_cpus=0, num_gpus=A_BIT if gpus else 0)(look if gpus else look_at_cpu)
    yield from ray.get(
        [
            asked.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
            for node in nodes
        ]
    )
