"""Where the workers of a trial meet: on the address of their cluster, not on all addresses of their computer.

Without a cluster that is 127.0.0.1. Ray Train's own meeting place, a TCPStore of PyTorch that finds a port for itself,
would listen to every network of the computer for as long as the trial runs.
"""

import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray.train.torch import TorchConfig

from nerbb_ray.tune import worker_termination
from nerbb_ray.tune.ray_private import torch_backend

_hosted: list[Any] = []  # of the worker in whose process the others meet


@dataclass
class MeetingConfig(TorchConfig):  # type: ignore[misc]  # Ray has no types
    """Ray Train's set-up of PyTorch's workers with our meeting place."""

    backend: str = "gloo"

    @property
    def backend_cls(self) -> type:
        return MeetingBackend


class MeetingBackend(torch_backend()):  # type: ignore[misc]  # Ray has no types
    """As Ray's, but for the start."""

    def on_start(self, worker_group: Any, backend_config: MeetingConfig) -> None:
        worker_group.execute(worker_termination.listen)
        size, how = len(worker_group), (backend_config.backend, backend_config.timeout_s)
        address = worker_group.execute_single(0, host, worker_group.execute_single(0, node_address), size)
        ray.get([worker_group.execute_single_async(rank, join, address, rank, size, *how) for rank in range(size)])


def node_address() -> str:
    """Of this computer in its cluster."""
    return str(ray.util.get_node_ip_address())


def host(address: str, world_size: int) -> tuple[str, int]:
    """Open the meeting place in this process; returns its address and port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.create_server((address, 0), family=family)
    port = int(listening.getsockname()[1])
    options: dict[str, Any] = {"is_master": True, "wait_for_workers": False, "master_listen_fd": listening.detach()}
    _hosted[:] = [dist.TCPStore(address, port, world_size, **options)]  # type: ignore[attr-defined]
    return address, port


def join(address: tuple[str, int], rank: int, world_size: int, backend: str, timeout_s: int) -> None:
    """Meet the other workers."""
    store = _hosted.pop() if rank == 0 else dist.TCPStore(*address, world_size, is_master=False)  # type: ignore[attr-defined]
    if backend == "nccl" and not torch.cuda.is_available():
        backend = "gloo"  # torch has none of the GPUs that Ray sees
    timeout = timedelta(seconds=timeout_s)
    dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=timeout)
