"""One process of `calibrate`: a few steps of a trial, with its own code.

    python -m nerbb_ray.forecast.try_steps JOB.json BEGUN

prints what was measured. BEGUN is when the process was started (seconds since 1970): its imports count, too. Processes
that are tried at the same time wait for each other where they are warm: what they cost each other shows only while all
of them train.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.forecast.calibrate import STEPS
from nerbb_ray.training import resume
from nerbb_ray.training.adaptive import rule_of, start
from nerbb_ray.training.batches import Batch
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.encoded_corpus import load_encoded
from nerbb_ray.training.encoding import NO_WORD
from nerbb_ray.training.epoch import train_epoch
from nerbb_ray.training.evaluation import cross_entropy, evaluate
from nerbb_ray.training.progress import Progress, copied, keeps_last_always
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.training.trial_setup import set_up
from nerbb_ray.training.worker import TrialContext

WARM_UP = 3  # steps
SENTENCES = 100  # of the val data
PATIENCE_S = 120  # with the others: one that was killed never comes


def measure(job: Mapping[str, Any], imports_s: float, meet: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Train, evaluate and save a little, with the trial's own code.

    Args:
        imports_s: what the imports of this module took.
        meet: waits until the others are as far.
    """
    trial, source = TrialSpec.from_dict(job["trial"]), ModelSource(**job["source"])
    whole = load_encoded(Path(job["data"]))
    size = trial.hparams.batch_size
    evaluated = whole.val if whole.val.num_sentences else whole.train
    data = replace(
        whole,
        train=whole.train.head(min(whole.train.num_sentences, STEPS * size)),
        val=evaluated.head(min(SENTENCES, evaluated.num_sentences)),
        test=whole.test.head(0),
    )
    with tempfile.TemporaryDirectory() as states:
        ctx = TrialContext(
            report=lambda _: None,
            device=torch.device("cuda" if job["gpu"] else "cpu"),
            threads=job["threads"],
            resume_dir=Path(states),
        )
        set_up_s, session = _timed(lambda: set_up(trial, data, source, ctx))
        few = replace(session, data=replace(session.data, train=session.data.train.head(_few(data.train, size))))
        train_epoch(few, 0, (1e-9,) * few.data.steps_per_epoch(size))
        rates = (1e-9,) * session.data.steps_per_epoch(size)
        meet()
        train_s, _ = _timed(lambda: train_epoch(session, 0, rates))
        eval_s, _ = _timed(lambda: evaluate(session, session.data.val))
        save_s, _ = _timed(lambda: resume.save(session, Progress(start(rule_of(trial.hparams)))))
        _fill_memory(session, int(whole.train.lengths.max()))
    return {
        "imports_s": imports_s,
        "set_up_s": set_up_s,
        "train_s": train_s,
        "tokens": float(data.train.lengths.sum()),
        "eval_s": eval_s,
        "eval_tokens": float(data.val.lengths.sum()),
        "save_s": save_s,
        "memory_mb": peak_memory_mb(),
        **_gpu_memory(ctx.device),
    }


def _fill_memory(session: Any, length: int) -> None:
    """A step with the largest batch that a trial can meet, beside the weights that it keeps: what memory must hold."""
    kept = {} if keeps_last_always(session) else copied(session.model)
    session.model.train()
    size = session.trial.hparams.batch_size
    ids, labels = (torch.full((size * length,), value, device=session.ctx.device) for value in (session.forward.pad, 0))
    batch = Batch(ids, labels, np.full(size * length, NO_WORD, np.int32), np.full(size, length))
    with FastDropout((0,)):
        logits = session.forward.logits(batch)
    loss = cross_entropy(logits, labels)
    torch.autograd.backward(session.scaler.scale(loss))
    session.optimizer.zero_grad(set_to_none=True)
    kept.clear()


def peak_memory_mb() -> float:
    """The most that this process has had in memory; the system counts in kB, that of macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _gpu_memory(device: Any) -> dict[str, float]:
    """`gpu_mb`: of the GPU; `gpu_peak_mb`: what the process has used of it at most, with what CUDA itself takes."""
    if device.type != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info(device)
    outside = total - free - torch.cuda.memory_reserved(device)
    return {"gpu_mb": total / 2**20, "gpu_peak_mb": (torch.cuda.max_memory_reserved(device) + outside) / 2**20}


def _few(split: Any, batch_size: int) -> int:
    return min(int(split.num_sentences), WARM_UP * batch_size)


def _timed(action: Any) -> tuple[float, Any]:
    begun = time.monotonic()
    result = action()
    return time.monotonic() - begun, result


@contextlib.contextmanager
def together(folder: Path, number: int) -> Iterator[Callable[[], None]]:
    """Gives what waits until a number of processes have called it; one that fails before does not keep the others.

    Args:
        folder: of all of them.
    """
    mine = folder / f"warm-{os.getpid()}"

    def meet() -> None:
        mine.touch()
        end = time.monotonic() + PATIENCE_S
        while len(list(folder.glob("warm-*"))) < number and time.monotonic() < end:
            time.sleep(0.001)

    try:
        yield meet
    finally:
        mine.touch()


def main(path: Path, begun: float) -> None:
    imports_s = time.time() - begun
    job = json.loads(path.read_text(encoding="utf-8"))
    with together(path.parent, job["concurrent"]) as meet:
        print(json.dumps(measure(job, imports_s, meet)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
