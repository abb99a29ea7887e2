"""What an epoch and a trial cost: measured beforehand, known from earlier trials, or a rough estimate."""

import functools
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import any_trial_of
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.sources import ModelSource

REPORT_S = 0.15  # of an epoch, for what the driver does with it
IMPORTS_S = 8.0  # of the first trial in a process, where it was not measured
# of the speed of fp32 products, with something to spare: bench_peak.py found 0.60 and 0.97 for a step
USE_OF_PEAK, USE_OF_PEAK_BF16 = 0.5, 0.8
TRAIN_FLOPS, EVAL_FLOPS = 6, 2  # per weight and sub-token (Kaplan et al. 2020)
BYTES_OF_WEIGHT = 16  # fp32 weight, gradient, two moments
# what does not change the time of an epoch
OTHER_KEYS = {
    *("run", "seed", "fold", "split_seed", "repeats", "preset", "checkpoints", "logging_level", "multiple_runs"),
    *("lr_max", "lr_schedule", "lr_warmup_epochs", "lr_num_cycles", "lr_cooldown_restarts", "lr_cooldown_epochs"),
    *("max_epochs", "monitor", "early_stopping", "min_delta", "patience", "mode", "evaluate_checkpoint", "decoding"),
}


@dataclass(frozen=True, slots=True)
class Costs:
    """Of the trials of a run.

    Args:
        epoch_s: training, validation, writing down.
        trial_s: beyond the epochs: model, test data, saving.
        imports_s: of the first trial in a process.
        memory_mb: of a trial's process; None: not known.
        spread: standard deviation of the logarithm of the true duration.
        source: where the figures come from, in words.
    """

    epoch_s: float
    trial_s: float
    imports_s: float
    memory_mb: float | None
    spread: float
    source: str


def from_earlier(spec: ExperimentSpec, run: RunSpec, earlier: Sequence[TrialResult]) -> Costs | None:
    """The costs of a run by trials that did the same work per epoch; None if there are none."""
    wanted = {k: str(v) for k, v in any_trial_of(spec, run).params().items() if k not in OTHER_KEYS}
    same = [
        trial.duration_s / trial.epochs
        for trial in earlier
        if trial.epochs and trial.duration_s and all(str(trial.params.get(k)) == v for k, v in wanted.items())
    ]
    if not same:
        return None
    source = f"{len(same)} earlier trials on the same data"
    return Costs(statistics.median(same), 0.5, IMPORTS_S, None, 0.2, source)


def from_measured(measured: Mapping[str, float], data: EncodedCorpus) -> Costs:
    """The costs of a run by the calibration of its shape (see calibrate)."""
    train = measured["train_s"] / measured["tokens"] * int(data.train.lengths.sum())
    evaluate = measured["eval_s"] / measured["eval_tokens"]
    return Costs(
        epoch_s=train + evaluate * int(data.val.lengths.sum()) + measured["save_s"] + REPORT_S,
        trial_s=measured["set_up_s"] + evaluate * int(data.test.lengths.sum()) + measured["save_s"],
        imports_s=measured["imports_s"],
        memory_mb=measured["memory_mb"],
        spread=0.12,
        source="20 steps tried here",
    )


def rough(
    source: ModelSource, data: EncodedCorpus, threads: int, flops: float | None = None, *, bf16: bool = False
) -> Costs:
    """The costs of a run by the size of its model and the speed of this machine's matrix products.

    Args:
        flops: of fp32 products, per second and thread; measured if left out.
        bf16: whether the run's products are of this format.
    """
    speed = (flops or matmul_flops()) * threads * (USE_OF_PEAK_BF16 if bf16 else USE_OF_PEAK)
    weights = encoder_weights(source)
    train = TRAIN_FLOPS * weights * int(data.train.lengths.sum()) / speed
    evaluate = EVAL_FLOPS * weights / speed
    return Costs(
        epoch_s=train + evaluate * int(data.val.lengths.sum()) + REPORT_S,
        trial_s=1.0 + evaluate * int(data.test.lengths.sum()),
        imports_s=IMPORTS_S,
        memory_mb=600 + BYTES_OF_WEIGHT * weights / 1e6,
        spread=0.6,
        source="a rough estimate from the size of the model (--calibrate measures)",
    )


def encoder_weights(source: ModelSource) -> float:
    """Weights in the layers, by the model's configuration: 12 x layers x width^2; those of bert-base without one."""
    path = Path(source.location) / "config.json"
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    layers = config.get("num_hidden_layers") or config.get("n_layers") or 12
    width = config.get("hidden_size") or config.get("dim") or 768
    return 12.0 * layers * width**2


@functools.cache
def matmul_flops(size: int = 64, seconds: float = 0.1) -> float:
    """Floating point operations per second of one thread's matrix products, in fp32.

    Small ones, which a library leaves to one thread, and the fastest of many: on a busy machine, two threads would
    mostly wait for each other.
    """
    a, times = np.ones((size, size), dtype=np.float32), 8
    a @ a
    fastest, end = math.inf, time.process_time() + seconds
    while (begun := time.process_time()) < end:
        for _ in range(times):
            a @ a
        fastest = min(fastest, time.process_time() - begun)
    return 2.0 * size**3 * times / fastest
