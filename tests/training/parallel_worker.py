"""One of several workers that train trials together, without Ray: `parallel_worker.py FOLDER RANK`.

FOLDER/jobs: a pickle of (source, jobs); a job is (name, trial, data, number of workers, folder of the states, epoch in
whose report all workers are interrupted or None, steps after which the last worker is to end or None). The reports of a
job go to FOLDER/NAME.RANK.
"""

import contextlib
import json
import pickle
import sys
from pathlib import Path

import torch

from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.resume import Terminated
from nerbb_ray.training.worker import TrialContext


class Interrupted(BaseException):
    """Ends a job."""


def plain(values: dict) -> dict:
    """Of a report: the numbers, and what was found in every test sentence."""
    numbers = {key: value for key, value in values.items() if isinstance(value, float | int)}
    sentences = values.get("artifacts", {}).get("test_sentences.csv", "")
    return numbers | values.get("chosen", {}) | {"sentences": sentences}


def main(folder: Path, rank: int) -> None:
    source, jobs = pickle.loads((folder / "jobs").read_bytes())
    for name, trial, data, world_size, states, last_epoch, steps in jobs:
        if rank >= world_size:
            continue
        torch.distributed.init_process_group("gloo", f"file://{folder / name}", rank=rank, world_size=world_size)
        reports = []

        def report(values: dict, reports: list[dict] = reports, last_epoch: int | None = last_epoch) -> None:
            reports.append(plain(values))
            if values["epoch"] == last_epoch:
                raise Interrupted

        left = iter(range(steps or 0))
        is_last = rank == world_size - 1 and steps is not None
        ctx = TrialContext(
            report=report,
            device=torch.device("cpu"),
            threads=1,
            rank=rank,
            world_size=world_size,
            resume_dir=states,
            terminated=lambda left=left, is_last=is_last: is_last and next(left, None) is None,
        )
        with contextlib.suppress(Interrupted, Terminated):
            train_trial(trial, data, source, ctx)
        (folder / f"{name}.{rank}").write_text(json.dumps(reports))
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
