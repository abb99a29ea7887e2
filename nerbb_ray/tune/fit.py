"""Ray Tune's Tuner for an experiment, and everything that listens to its trials."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, most_trials
from nerbb_ray.preparation.options import RunOptions, cluster_address
from nerbb_ray.preparation.prepare import Prepared
from nerbb_ray.preparation.resources import Allotment, Machine
from nerbb_ray.results.experiment_result import TrialResult
from nerbb_ray.store import StorePaths
from nerbb_ray.tune.collect import trial_result
from nerbb_ray.tune.job import RESTARTS, Job, job_of
from nerbb_ray.tune.trial_plan import TrialPlan


class MemoryShort(Exception):
    """Ray has ended trials because the memory of their computer was nearly used up.

    Args:
        allotment: of these trials.
    """

    def __init__(self, allotment: Allotment) -> None:
        super().__init__("trials were ended because memory was short")
        self.allotment = allotment


# that the end of a trial waits for MLflow: its place must not stay empty while pictures are drawn and files copied
PATIENCE_S = 0.05


def fit(
    spec: ExperimentSpec,
    store: StorePaths,
    options: RunOptions,
    allotment: Allotment,
    trials: Sequence[TrialSpec],
    *,
    param_space: dict[str, Any] | None = None,
    plan: TrialPlan | None = None,
    make_job: Callable[[TrialSpec], Job] | None = None,
) -> dict[str, TrialResult]:
    """Let Tune run trials on the resources at hand: those of a parameter space, or as a plan says.

    Args:
        trials: that are known beforehand.
    Returns:
        What became of each trial that was started, by its name.
    Raises:
        MemoryShort: what has ended until then is in MLflow, and the states of the other trials are there.
    """
    from nerbb_ray.tune.trainable import make_trainable

    searcher = None
    if plan is not None and make_job is not None:
        from nerbb_ray.tune.ray_searcher import SeedSearcher

        searcher = SeedSearcher(plan, make_job)
    # a process that goes on to another trial saves its imports, but Ray's dashboard keeps the name of its first one
    reuse = allotment.backend == "inprocess" and cluster_address(options.address) is None
    listening = callbacks(spec, trials, store, options, plan, allotment.concurrent)
    tuner = build_tuner(
        make_trainable(allotment),
        spec,
        store,
        allotment,
        listening,
        param_space=param_space,
        searcher=searcher,
        plan=plan,
        reuse_actors=reuse,
    )
    with same_signals():
        try:
            grid = tuner.fit()
        except Exception as error:
            for listener in listening:
                listener.on_experiment_end(trials=[])
            if _short_of_memory(error):
                raise MemoryShort(allotment) from error
            raise
    results = [trial_result(job_of(one.config), one.metrics or {}, one.error) for one in grid if one.config]
    return {result.name: result for result in results}


def _short_of_memory(error: BaseException) -> bool:
    """Whether Ray's memory monitor is behind an error: Tune ends with it, instead of starting the trial again."""
    from ray.exceptions import OutOfMemoryError

    chain: BaseException | None = error
    while chain is not None and not isinstance(chain, OutOfMemoryError):
        chain = chain.__cause__ or chain.__context__
    return chain is not None


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
        precision=prepared.precision,
        checkpoint_dir=store.checkpoints(spec.name, trial.run, trial.seed) if keep else None,
        log=store.logs(spec.name) / f"{trial.name}.log",
        storage=store.ray(spec.name),
        allotment=allotment,
    )


def callbacks(
    spec: ExperimentSpec,
    trials: Sequence[TrialSpec],
    store: StorePaths,
    options: RunOptions,
    plan: TrialPlan | None = None,
    slots: int = 1,
) -> list[Any]:
    """What listens to the trials: MLflow, TensorBoard and the screen.

    Args:
        trials: that are known beforehand.
        slots: trials at the same time.
    """
    from nerbb_ray.mlflow_store.callback import SeedMeanCallback
    from nerbb_ray.results.tensorboard import CurveCallback
    from nerbb_ray.tune.screen import Screen
    from nerbb_ray.tune.states import StateCleaner

    listening: list[Any] = [
        SeedMeanCallback(
            store.tracking_uri,
            spec.name,
            str(store.artifacts / spec.name),
            spool=store.undelivered(spec.name),
            patience_s=PATIENCE_S,
            notes=list if plan is None else plan.closing,
        ),
        CurveCallback(store.tensorboard(spec.name)),
    ]
    if not options.quiet:
        total = len(trials) if plan is None else most_trials(spec) - plan.known
        listening.append(Screen(list(trials), total=total, slots=slots, plan=plan))
    listening.append(StateCleaner())
    return listening


def build_tuner(
    trainable: Any,
    spec: ExperimentSpec,
    store: StorePaths,
    allotment: Allotment,
    listening: list[Any],
    *,
    param_space: dict[str, Any] | None = None,
    searcher: Any = None,
    plan: TrialPlan | None = None,
    reuse_actors: bool,
) -> Any:
    """The ray.tune.Tuner of an experiment: of all points of a parameter space, or of what a searcher suggests."""
    from ray import tune

    from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler

    return tune.Tuner(
        trainable,
        param_space=param_space,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=1 if searcher is None else most_trials(spec),
            scheduler=AdaptiveStoppingScheduler(plan),
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
