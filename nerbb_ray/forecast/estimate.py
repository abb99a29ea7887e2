"""The forecast of an experiment: epochs times costs, on the slots that there are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nerbb_ray.config.spec import ExperimentSpec, Member, RunSpec
from nerbb_ray.config.trials import any_trial_of, most_trials, proposed_run
from nerbb_ray.errors import ResultError
from nerbb_ray.forecast.calibrate import calibrated
from nerbb_ray.forecast.costs import Costs, encoder_weights, from_earlier, from_measured, rough
from nerbb_ray.forecast.epochs import Epochs, expected_epochs
from nerbb_ray.forecast.gpu_sharing import share_gpus
from nerbb_ray.forecast.remaining import RACE_SHARE, makespan
from nerbb_ray.mlflow_store.reader import finished_trials
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.preparation.prepare import Preparation, Prepared, prepare
from nerbb_ray.preparation.resources import Allotment, allot, cpu_has_bf16, this_machine
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.store import StorePaths
from nerbb_ray.training.encoded_corpus import load_encoded
from nerbb_ray.training.model_files import weight_bytes
from nerbb_ray.training.sources import on_this_machine

DRAWS = 200
START_S, END_S = 9.0, 2.0  # of Ray and of what stands around the trials
DRIVER_MB = 900.0
LOW, HIGH = 0.1, 0.9  # quantiles: 8 of 10 experiments end between
SEED = 0


@dataclass(frozen=True, slots=True)
class RunForecast:
    """Of the trials of one run."""

    run: str
    trials: int
    steps_per_epoch: int
    epochs: Epochs
    costs: Costs

    @property
    def trial_s(self) -> float:
        """A trial on average."""
        return self.epochs.mean * self.costs.epoch_s + self.costs.trial_s


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an experiment will cost.

    Args:
        trials: that are expected; of those that are left (`left`) where a search may start fewer.
        most_trials: with those that have ended.
        wall_s: low, expected and high: 8 of 10 experiments should end between.
        device_hours: of all CPUs, or GPUs (`device`), that trials occupy.
        memory_mb: at the worst moment, of the whole machine; disk_mb: (while it runs, afterwards).
        price: for `wall_s` at `price_per_hour`; None without a price.
        notes: what could not be known.
    """

    experiment: str
    runs: tuple[RunForecast, ...]
    trials: int
    most_trials: int
    concurrent: int
    resources: str
    steps: int
    wall_s: tuple[float, float, float]
    device: str
    device_hours: float
    memory_mb: float
    disk_mb: tuple[float, float]
    price: tuple[float, float, float] | None
    notes: tuple[str, ...]
    left: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def forecast(
    spec: ExperimentSpec,
    preparation: Preparation,
    options: RunOptions,
    *,
    calibrate: bool = False,
    price: float | None = None,
) -> Forecast:
    """Foresee what is still missing of an experiment.

    Args:
        preparation: of the data; asks no server.
        calibrate: try 20 steps of every shape of the search first; its cache keeps what they cost.
        price: per hour; `[search] price_per_hour` if left out.
    Raises:
        NerbbError: data or model are not here, or not even one trial fits on this machine.
    """
    resources, machine = options.apply(spec.resources), this_machine()
    allotment = allot(resources, machine, most_trials(spec))
    earlier, notes = _earlier(preparation.store)
    own = [trial for name, trial in earlier if name == spec.name and not options.overwrite]
    known = [trial for _, trial in earlier if trial.ok]
    runs = []
    if calibrate:
        shared = share_gpus(resources, spec, prepare(spec, preparation), machine, preparation.cache)
        allotment = allot(shared, machine, most_trials(spec))
    all_prepared = [preparation.run(spec, run) for run in spec.runs]
    for run, prepared in zip(spec.runs, all_prepared, strict=True):
        count = _trials(spec, run, own)
        trial = any_trial_of(spec, run)
        costs = _costs(spec, run, prepared, allotment, known, preparation.cache if calibrate else None)
        epochs = expected_epochs(trial, prepared.steps_per_epoch, known)
        runs.append(RunForecast(run.name, count, prepared.steps_per_epoch, epochs, costs))
    weights = _weights_mb(all_prepared[0])
    spent_s = sum(trial.duration_s or 0.0 for trial in own) / allotment.concurrent
    return _put_together(spec, tuple(runs), allotment, weights, price, notes, spent_s)


def _earlier(store: StorePaths) -> tuple[list[tuple[str, TrialResult]], list[str]]:
    """The trials of all experiments of the store that have ended; of a database file without MLflow's slow imports."""
    try:
        return finished_trials(store.tracking_uri), []
    except ResultError as error:
        return [], [f"earlier experiments are not known: {error}"]


def _trials(spec: ExperimentSpec, run: RunSpec, own: Sequence[TrialResult]) -> int:
    """How many trials of a run are still to come, as far as can be expected.

    Args:
        own: that have ended of the experiment.
    """
    done: dict[str, dict[Member, str]] = {}
    for trial in own:
        if trial.member in spec.members and (trial.status != "cut" or spec.search.may_cut):
            done.setdefault(trial.run, {})[trial.member] = trial.status
    if not run.space:
        return len(spec.members) - _settled(spec, done.get(run.name, {}))
    alone, params = replace(spec, runs=(run,)), {trial.run: trial.params for trial in own}
    proposed = [found for name, found in done.items() if proposed_run(alone, name, params[name]) is not None]
    return max(0, spec.search.num_samples * len(spec.members) - sum(_settled(spec, found) for found in proposed))


def _settled(spec: ExperimentSpec, done: Mapping[Member, str]) -> int:
    """How many trials of a run will not come: those that have ended, or all where a scheduler has cut the first one."""
    out = spec.search.scheduler is not None and done.get(next(iter(spec.members))) == "cut"
    return len(spec.members) if out else len(done)


def _costs(
    spec: ExperimentSpec,
    run: RunSpec,
    prepared: Prepared,
    allotment: Allotment,
    known: Sequence[TrialResult],
    cache: Path | None,
) -> Costs:
    data = load_encoded(prepared.data).used(run.dataset, run.dataset.fold_numbers[0])
    if cache is not None:
        trial = any_trial_of(spec, run)
        return from_measured(calibrated(trial, prepared, allotment, cache), data)
    bf16 = prepared.precision == "bf16" or (prepared.precision == "auto" and cpu_has_bf16())
    return from_earlier(spec, run, known) or rough(prepared.source, data, allotment.threads, bf16=bf16)


def _weights_mb(prepared: Prepared) -> float:
    """The size of a saved model."""
    folder = on_this_machine(prepared.source)
    size = 0 if folder is None else weight_bytes(folder)
    return (size or encoder_weights(prepared.source) * 4) / 1e6


def _put_together(
    spec: ExperimentSpec,
    runs: tuple[RunForecast, ...],
    allotment: Allotment,
    weights_mb: float,
    price: float | None,
    notes: list[str],
    spent_s: float = 0.0,
) -> Forecast:
    """
    Args:
        spent_s: that earlier calls have taken of the limits of time.
    """
    share = _share(spec, runs)
    trials = [run for seed in range(max((r.trials for r in runs), default=0)) for run in runs if seed < run.trials]
    walls = _walls(trials, allotment.concurrent, share)
    low, middle, high = (float(np.quantile(walls, q)) for q in (LOW, 0.5, HIGH))
    limit = spec.search.hours
    wall = tuple(min(value, max(0.0, limit * 3600 - spent_s)) if limit else value for value in (low, middle, high))
    in_time = wall[1] / middle if middle else 1.0  # what a limit of time leaves
    per_trial = allotment.num_workers * (allotment.gpus or allotment.cpus)
    price = price if price is not None else spec.search.price_per_hour
    memory = max((run.costs.memory_mb or 0 for run in runs), default=0) * allotment.concurrent * allotment.num_workers
    kept = weights_mb * len(trials) * share if spec.settings.checkpoints else 0.0
    return Forecast(
        experiment=spec.name,
        runs=runs,
        trials=max(min(1, len(trials)), round(len(trials) * share * in_time)),
        most_trials=most_trials(spec),
        concurrent=allotment.concurrent,
        resources=str(allotment),
        steps=round(sum(run.steps_per_epoch * run.epochs.mean for run in trials) * share * in_time),
        wall_s=(wall[0], wall[1], wall[2]),
        device="GPU" if allotment.gpus else "CPU",
        device_hours=sum(run.trial_s for run in trials) * share * in_time * per_trial / 3600,
        memory_mb=DRIVER_MB + memory,
        # the states of running trials: weights and two moments, twice, and the best weights
        disk_mb=(kept + min(allotment.concurrent, len(trials)) * weights_mb * 7, kept),
        price=None if price is None else (wall[0] / 3600 * price, wall[1] / 3600 * price, wall[2] / 3600 * price),
        notes=tuple(notes),
        left=len(trials),
    )


def _share(spec: ExperimentSpec, runs: Sequence[RunForecast]) -> float:
    """Of the trials that are left, how many a race probably starts: the first seeds, and a part of the others."""
    seeds = len(spec.members)
    first = min(seeds, spec.search.min_seeds)
    left = sum(run.trials for run in runs)
    if not spec.search.racing or most_trials(spec) == seeds or not left:
        return 1.0
    points = {run.name: spec.search.num_samples if run.space else 1 for run in spec.runs}
    # first seeds come first: what is done of a run is done of them
    firsts = sum(max(0, run.trials - points[run.run] * (seeds - first)) for run in runs)
    return (firsts + RACE_SHARE * (left - firsts)) / left


def _walls(trials: Sequence[RunForecast], slots: int, share: float) -> np.ndarray:
    """Wall times in seconds, equally probable: epochs are drawn for every trial, the error of the speed for all."""
    rng = np.random.default_rng(SEED)
    walls = []
    if not trials:
        return np.zeros(1)
    for _ in range(DRAWS if len(trials) <= 1000 else DRAWS // 10):
        error = rng.standard_normal()
        durations = [
            np.exp(error * run.costs.spread) * (rng.choice(run.epochs.values) * run.costs.epoch_s + run.costs.trial_s)
            for run in trials[: max(1, round(len(trials) * share))]
        ]
        first = max(run.costs.imports_s for run in trials)
        walls.append(START_S + first + makespan(durations, slots) + END_S)
    return np.array(walls)
