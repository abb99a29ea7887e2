"""Trying 20 steps of a search's shapes, in processes like those of its trials, as many at a time.

    python -m nerbb_ray.forecast.calibrate JOB.json

prints what one process measured. Results are kept in the store, by what they depend on.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray import atomic
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.errors import ResourceError
from nerbb_ray.preparation.prepare import Prepared
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.training import resume
from nerbb_ray.training.adaptive import rule_of, start
from nerbb_ray.training.batches import Batch
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.encoded_corpus import load_encoded
from nerbb_ray.training.encoding import NO_WORD
from nerbb_ray.training.epoch import train_epoch
from nerbb_ray.training.evaluation import cross_entropy, evaluate
from nerbb_ray.training.progress import Progress
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.training.trial_setup import set_up
from nerbb_ray.training.worker import TrialContext

FORMAT = "2"  # of the files; part of their name
STEPS, WARM_UP = 20, 3
SENTENCES = 100  # of the val data
PATIENCE_S = 900

log = logging.getLogger(__name__)


def calibrated(trial: TrialSpec, prepared: Prepared, allotment: Allotment, cache: Path) -> dict[str, float]:
    """What 20 steps of a trial cost, with as many beside them as will run later: measured now, or earlier.

    Raises:
        ResourceError: the steps could not be tried; the message has the reason.
    """
    job = {
        "trial": replace(trial, settings=replace(trial.settings, precision=prepared.precision)).to_dict(),
        "data": str(prepared.data),
        "source": asdict(prepared.source),
        "threads": allotment.threads,
        "gpu": allotment.gpus > 0,
    }
    path = cache / f"calibration-{_key(job, allotment.concurrent)}.json"
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    log.info("trying %d steps of %s, %d at a time", STEPS, trial.run, allotment.concurrent)
    measured = _mean(_tried(job, allotment.concurrent))
    atomic.write_text(path, json.dumps(measured))
    return measured


def shape(trial: TrialSpec, prepared: Prepared) -> tuple[Any, ...]:
    """Trials of the same shape cost the same per sub-token."""
    hparams = trial.hparams
    return (prepared.source, prepared.data, hparams.batch_size, hparams.max_seq_length, prepared.precision)


def _key(job: Mapping[str, Any], concurrent: int) -> str:
    """What the costs depend on; not the fraction of the data, nor what changes only the values of the weights."""
    trial = TrialSpec.from_dict(job["trial"])
    versions = [importlib.metadata.version(name) for name in ("torch", "transformers")]
    machine = (platform.node(), platform.machine(), os.cpu_count())
    parts = (
        *(FORMAT, job["data"], job["source"], job["threads"], job["gpu"], concurrent, *machine, *versions),
        *(trial.hparams.batch_size, trial.hparams.max_seq_length, trial.settings.precision),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _tried(job: Mapping[str, Any], concurrent: int) -> list[dict[str, float]]:
    """What some processes measure at the same time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(dict(job)), encoding="utf-8")
        command = [sys.executable, "-m", "nerbb_ray.forecast.calibrate", str(path)]
        environment = os.environ | {"OMP_NUM_THREADS": str(job["threads"])}
        running = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(concurrent)
        ]
        try:
            ended = [process.communicate(timeout=PATIENCE_S) for process in running]
        finally:
            for process in running:
                process.kill()
    for process, (_, errors) in zip(running, ended, strict=True):
        if process.returncode:
            reason = next((line for line in reversed(errors.splitlines()) if line.strip()), "no message")
            raise ResourceError(f"20 steps of the search could not be tried: {reason}; plan without --calibrate")
    return [json.loads(output.splitlines()[-1]) for output, _ in ended]


def _mean(measured: list[dict[str, float]]) -> dict[str, float]:
    """Over the processes."""
    return {name: sum(one[name] for one in measured) / len(measured) for name in measured[0]}


def measure(job: Mapping[str, Any], begun: float) -> dict[str, float]:
    """Train, evaluate and save a little, with the trial's own code."""
    imports_s = time.monotonic() - begun
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
    """A step with the largest batch that a trial can meet: memory has to do for it."""
    session.model.train()
    size = session.trial.hparams.batch_size
    ids, labels = (torch.full((size * length,), value, device=session.ctx.device) for value in (session.forward.pad, 0))
    batch = Batch(ids, labels, np.full(size * length, NO_WORD, np.int32), np.full(size, length))
    with FastDropout((0,)):
        logits = session.forward.logits(batch)
    loss = cross_entropy(logits, labels)
    torch.autograd.backward(session.scaler.scale(loss))
    session.optimizer.zero_grad(set_to_none=True)


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


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), time.monotonic())))
