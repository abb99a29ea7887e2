"""How many trials share a GPU: as many as its memory holds and as do more steps together than one.

Both are measured once and remembered in the store. Trials that only take turns on a GPU gain nothing by sharing it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from nerbb_ray.config.spec import ExperimentSpec, Resources
from nerbb_ray.config.trials import TrialSpec, any_trial_of, most_trials
from nerbb_ray.errors import ResourceError
from nerbb_ray.forecast.calibrate import calibrated
from nerbb_ray.preparation.prepare import Prepared, extremes
from nerbb_ray.preparation.resources import Allotment, Machine, backend

RESERVE = 0.1  # of a GPU's memory: what measuring one process cannot know of several
AT_MOST = 4  # trials on a GPU: by then they rather wait for each other than fill its gaps
WORTH = 1.1  # times the steps of one trial at a time, below which sharing a GPU is not worth its memory

log = logging.getLogger(__name__)


def share_gpus(
    resources: Resources, spec: ExperimentSpec, prepared: Mapping[str, Prepared], machine: Machine, cache: Path
) -> Resources:
    """Replace `gpus_per_worker = auto` by a fraction, if there are more trials than GPUs and memory has room for them.

    Whatever cannot be measured leaves a whole GPU to every trial.
    """
    asked = resources.gpus_per_worker is None and backend(resources) == "inprocess"
    if (
        not asked
        or not machine.gpus
        or min(most_trials(spec), resources.max_concurrent_trials or 2**31) <= machine.gpus
    ):
        return resources
    alone = Allotment("inprocess", 1, max(1.0, machine.cpus // machine.gpus), 1.0, 1)

    def tried(trial: TrialSpec, number: int) -> dict[str, float]:
        beside = replace(alone, concurrent=number, cpus=max(1.0, alone.cpus // number))
        return calibrated(trial, prepared[trial.run], beside, cache)

    trials = list(_largest(spec, prepared))
    try:
        found = [tried(trial, 1) for trial in trials]
    except ResourceError as error:
        log.warning("every trial gets a whole GPU: %s", error)
        return resources
    gpu, peak = (extreme(one[key] for one in found) for extreme, key in ((min, "gpu_mb"), (max, "gpu_peak_mb")))
    held = trials_per_gpu(gpu, peak, machine.cpus / machine.gpus)
    log.info("a trial needs up to %.0f of the %.0f MB of a GPU: %d trial(s) fit", peak, gpu, held)
    times = [one["train_s"] for one in found]
    slowest = trials[times.index(max(times))]
    number = fastest_number(max(times), held, lambda number: tried(slowest, number)["train_s"])
    return replace(resources, gpus_per_worker=int(10_000 / number) / 10_000)  # what Ray counts in


def fastest_number(alone_s: float, held: int, shared_s: Callable[[int], float]) -> int:
    """How many trials on a GPU do the most steps together; 1 where several are not worth it, or fail beside each other.

    Args:
        alone_s: seconds of some steps of a trial that has the GPU for itself.
        held: as many trials as fit.
        shared_s: what the same steps take each of so many trials at a time; raises ResourceError.
    """
    best, most = 1, WORTH
    for number in range(2, held + 1):
        try:
            gain = number * alone_s / shared_s(number)
        except ResourceError as error:
            log.warning("not %d trials on a GPU: %s", number, error)
            break
        log.info("%d trials on a GPU: %.2f times the steps of one", number, gain)
        if gain >= most:
            best, most = number, gain
    return best


def trials_per_gpu(gpu_mb: float, peak_mb: float, cpus_per_gpu: float) -> int:
    """At least one; no more than memory and CPUs allow.

    Args:
        gpu_mb: memory of a GPU.
        peak_mb: what a trial needs of it at most.
        cpus_per_gpu: every trial has a CPU of its own.
    """
    return max(1, min(int((1 - RESERVE) * gpu_mb / peak_mb), int(cpus_per_gpu), AT_MOST))


def _largest(spec: ExperimentSpec, prepared: Mapping[str, Prepared]) -> Iterator[TrialSpec]:
    """The trial with the largest batches of every model, data set and number format."""
    largest: dict[tuple[object, ...], TrialSpec] = {}
    for run in spec.runs:
        for point in extremes(run) if run.space else [run]:
            one = prepared[point.name]
            trial = any_trial_of(spec, point)
            shape = (one.source.location, one.data, one.precision)
            if shape not in largest or _size(trial) > _size(largest[shape]):
                largest[shape] = trial
    yield from largest.values()


def _size(trial: TrialSpec) -> int:
    return trial.hparams.batch_size * trial.hparams.max_seq_length
