"""What a trial knows of the world around it: its place among its workers, its device, and where its reports go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.results.identity import Identity
from nerbb_ray.training.activity import Activity
from nerbb_ray.training.stop_request import CUT, asked_to_end

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PRECISION_OF = {dtype: name for name, dtype in DTYPES.items()}
Report = Callable[[Mapping[str, Any]], None]
UNTRIED = -1  # instead of a first position


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialContext:
    """One of the workers of a trial.

    Args:
        report: takes the metrics of an epoch; it may end the trial by raising.
        checkpoint_dir: where the chosen model is written; None: it is not kept.
        rank, world_size: of this worker among those of the trial.
        threads: CPUs that this worker may use.
        resume_dir: where the state after every epoch is kept; None: nowhere.
        save_s: seconds after which the state is kept within an epoch, too; 0: never.
        terminated: whether this process is to end, and the trial should save its state at once.
        micro_batch: sentences of one pass through the model, where a worker's share of the batch would not fit into
            memory; their gradients are added up. None: the whole share.
        ends_itself: whether the trial ends by returning from its loop, rather than by its scheduler's word.
        identity: what the trial is meant to be; None: whatever it turns out to be here.
        tell: takes what the trial is doing now, to show it.
        first_position: of a sentence in a row without padding; None: the model needs padding; UNTRIED: nobody knows,
            and it is tried.
    """

    report: Report
    device: torch.device
    threads: int
    checkpoint_dir: Path | None = None
    resume_dir: Path | None = None
    save_s: float = 0.0
    terminated: Callable[[], bool] = lambda: False
    micro_batch: int | None = None
    rank: int = 0
    world_size: int = 1
    ends_itself: bool = False
    identity: Identity | None = None
    tell: Callable[[Activity], None] = lambda _: None
    first_position: int | None = UNTRIED

    def anybody(self, *answers: bool) -> list[bool]:
        """For each question, whether any worker says yes; the same on every worker."""
        if self.world_size == 1:
            return list(answers)
        return [bool(votes > 0) for votes in self.add(np.array(answers, dtype=np.float64))]

    def add(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """The sum of an array over all workers, the same on each."""
        if self.world_size == 1:
            return numbers
        tensor = torch.from_numpy(np.array(numbers)).to(self.device)
        torch.distributed.all_reduce(tensor)
        return tensor.cpu().numpy()

    def asked_to_end(self) -> str:
        """Why the trial is to end after this epoch; empty: it may go on. The same on every worker."""
        asked = asked_to_end(self.resume_dir) if self.rank == 0 else ""
        (everywhere,) = self.anybody(bool(asked))
        return (asked or CUT) if everywhere else ""

    def add_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Sum the gradients of all workers in place; a worker without sentences in this batch adds zeros."""
        if self.world_size == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(flat)
        for parameter, summed in zip(parameters, torch.split(flat, [p.numel() for p in parameters]), strict=True):
            parameter.grad = summed.view_as(parameter)


def device_precision(wanted: str, device: torch.device) -> torch.dtype:
    """The number format of the matrix products: auto is bf16 where the hardware has it, else fp32."""
    if wanted == "auto":
        return torch.bfloat16 if has_bf16(device) else torch.float32
    return DTYPES[wanted]


def has_bf16(device: torch.device) -> bool:
    """Whether the hardware has bf16 products: CUDA from compute capability 8 on, CPUs with AMX or AVX512-BF16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
