"""Run an experiment: prepare, search, collect."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.logs import log_file
from nerbb_ray.store import StorePaths
from nerbb_ray.tracking.results import ExperimentResult, TrialResult
from nerbb_ray.tune.collect import in_order, trial_result
from nerbb_ray.tune.earlier import finished_trials, forget, refuse_other_data
from nerbb_ray.tune.options import RunOptions
from nerbb_ray.tune.prepare import Preparation, Prepared, prepare
from nerbb_ray.tune.resources import Allotment, Machine, allot, backend, this_machine
from nerbb_ray.tune.session import cluster_address, ray_session
from nerbb_ray.tune.space import RESTARTS, Job, clear_states, job_of, to_param_space

# that the end of a trial waits for MLflow: its place must not stay empty while pictures are drawn and files copied
PATIENCE_S = 0.3

log = logging.getLogger(__name__)


def run_experiment(spec: ExperimentSpec, store: StorePaths, options: RunOptions | None = None) -> ExperimentResult:
    """Run what is missing of an experiment, and return the results of all of it.

    Trials that an earlier call finished with the same parameters are not repeated. A trial that fails does so alone.

    Raises:
        NerbbError: before anything starts: data, models, resources, or parameters that differ from the earlier ones.
    """
    options = options or RunOptions()
    trials = expand(spec)
    with log_file(store.logs(spec.name) / "experiment.log", spec.settings.logging_level, append=True):
        results = {} if options.overwrite else finished_trials(spec.name, trials, store, must_exist=options.resume)
        missing = [trial for trial in trials if trial.name not in results]
        for done in results:
            clear_states(store.ray(spec.name), done)
        if missing:
            resources = options.apply(spec.resources)
            if cluster_address(options.address) is None:
                allot(resources, this_machine(), len(trials))  # refuses what cannot fit at once
            prepared = prepare(spec, Preparation(store, Path.cwd(), store.cache))
            refuse_other_data(spec.name, {run: p.fingerprint for run, p in prepared.items()}, results.values())
            if options.overwrite:
                forget(spec.name, store)
            with ray_session(options.address, dashboard=backend(resources) == "torch_trainer"):
                results |= search(spec, missing, prepared, store, options)
    return ExperimentResult.of(spec.name, in_order(trials, results), n_seeds=spec.settings.multiple_runs)


def search(
    spec: ExperimentSpec,
    trials: Sequence[TrialSpec],
    prepared: dict[str, Prepared],
    store: StorePaths,
    options: RunOptions,
) -> dict[str, TrialResult]:
    """Let Tune run trials on the resources at hand.

    Returns:
        What became of each trial that was started, by its name.
    """
    from nerbb_ray.tune.trainable import make_trainable

    allotment = allot(options.apply(spec.resources), ray_machine(), len(expand(spec)))
    log.info("%d trials, %d at a time, %s each", len(trials), allotment.concurrent, allotment)
    ordered = longest_first(trials, {run: one.steps_per_epoch for run, one in prepared.items()})
    jobs = [make_job(spec, trial, prepared[trial.run], store, allotment) for trial in ordered]
    listening = callbacks(spec, trials, store, options)
    # a process that goes on to another trial saves its imports, but Ray's dashboard keeps the name of its first one
    reuse = allotment.backend == "inprocess" and cluster_address(options.address) is None
    tuner = build_tuner(make_trainable(allotment), spec, jobs, store, allotment, listening, reuse_actors=reuse)
    with same_signals():
        grid = tuner.fit()
    results = [trial_result(job_of(one.config), one.metrics or {}, one.error) for one in grid if one.config]
    return {result.name: result for result in results}


def longest_first(trials: Sequence[TrialSpec], steps_per_epoch: Mapping[str, int]) -> list[TrialSpec]:
    """Of each seed the trials that train on the most sentences first, so that no long one is alone at the end.

    Still seed by seed. A trial that may stop early counts with all epochs that it may take.
    """

    def sentences(trial: TrialSpec) -> int:
        return steps_per_epoch[trial.run] * trial.hparams.batch_size * trial.hparams.max_epochs

    return sorted(trials, key=lambda trial: (trial.seed, -sentences(trial)))


@contextmanager
def same_signals() -> Iterator[None]:
    """Tune leaves handlers of its own behind: the next Ctrl-C of this process, whatever it does by then, were lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ray_machine() -> Machine:
    """CPUs and GPUs of the cluster that this process is connected to."""
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Machine(tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in alive))


def make_job(
    spec: ExperimentSpec, trial: TrialSpec, prepared: Prepared, store: StorePaths, allotment: Allotment
) -> Job:
    """A trial with its absolute paths."""
    keep = spec.settings.checkpoints
    return Job(
        trial=trial,
        data=prepared.data,
        source=prepared.source,
        checkpoint_dir=store.checkpoints(spec.name, trial.run, trial.seed) if keep else None,
        log=store.logs(spec.name) / f"{trial.name}.log",
        storage=store.ray(spec.name),
        allotment=allotment,
    )


def callbacks(spec: ExperimentSpec, trials: Sequence[TrialSpec], store: StorePaths, options: RunOptions) -> list[Any]:
    """What listens to the trials: MLflow, TensorBoard and the screen."""
    from nerbb_ray.tracking.mlflow_callback import SeedMeanCallback
    from nerbb_ray.tracking.tensorboard_callback import CurveCallback
    from nerbb_ray.tune.screen import Screen
    from nerbb_ray.tune.states import StateCleaner

    listening: list[Any] = [
        SeedMeanCallback(
            store.tracking_uri,
            spec.name,
            str(store.artifacts / spec.name),
            spool=store.undelivered(spec.name),
            patience_s=PATIENCE_S,
        ),
        CurveCallback(store.tensorboard(spec.name)),
    ]
    if not options.quiet:
        listening.append(Screen(list(trials)))
    listening.append(StateCleaner())
    return listening


def build_tuner(
    trainable: Any,
    spec: ExperimentSpec,
    jobs: list[Job],
    store: StorePaths,
    allotment: Allotment,
    listening: list[Any],
    *,
    reuse_actors: bool,
) -> Any:
    """The ray.tune.Tuner of an experiment."""
    from ray import tune

    from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler

    return tune.Tuner(
        trainable,
        param_space=to_param_space(jobs),
        tune_config=tune.TuneConfig(
            scheduler=AdaptiveStoppingScheduler(),
            max_concurrent_trials=allotment.concurrent,
            reuse_actors=reuse_actors,
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=spec.name,
            storage_path=str(store.ray(spec.name).parent),
            callbacks=listening,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=RESTARTS),
        ),
    )


def trial_name(trial: Any) -> str:
    """How Ray calls a trial: `runA-43`."""
    return job_of(trial.config).trial.name
