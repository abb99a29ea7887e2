"""Trying 20 steps of a search's shapes, in processes like those of its trials, as many at a time.

Results are kept in the store, by what they depend on.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.errors import ResourceError
from nerbb_ray.preparation.prepare import Prepared
from nerbb_ray.preparation.resources import Allotment

FORMAT = "3"  # of the files; part of their name
STEPS = 20
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


def _key(job: Mapping[str, Any], concurrent: int) -> str:
    """What the costs depend on; not the fraction of the data, nor what changes only the values of the weights."""
    trial = TrialSpec.from_dict(job["trial"])
    versions = [importlib.metadata.version(name) for name in ("torch", "transformers")]
    machine = (platform.node(), platform.machine(), os.cpu_count())
    parts = (
        *(FORMAT, job["data"], job["source"], job["threads"], job["gpu"], concurrent, *machine, *versions),
        *(trial.hparams.batch_size, trial.hparams.max_seq_length, trial.settings.precision),
        # layers and weights without a gradient, and adapters, are other work
        *(trial.hparams.freeze_layers, trial.hparams.lora_rank, trial.hparams.lora_targets),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _tried(job: Mapping[str, Any], concurrent: int) -> list[dict[str, float]]:
    """What some processes measure at the same time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps({**job, "concurrent": concurrent}), encoding="utf-8")
        command = [sys.executable, "-m", "nerbb_ray.forecast.try_steps", str(path), str(time.time())]
        environment = os.environ | {"OMP_NUM_THREADS": str(job["threads"])}
        running = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(concurrent)
        ]
        try:
            ended = [process.communicate(timeout=PATIENCE_S) for process in running]
        except subprocess.TimeoutExpired as error:
            message = f"20 steps of the search took more than {PATIENCE_S} s; plan without --calibrate"
            raise ResourceError(message) from error
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
