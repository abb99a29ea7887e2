"""Ray Tune's Tuner for an experiment, and everything that listens to its trials."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ray import tune
from ray.exceptions import OutOfMemoryError
from ray.tune.logger import JsonLoggerCallback

from nerbb_ray.config.trials import TrialSpec, most_trials
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import cluster_address
from nerbb_ray.preparation.resources import Allotment, MemoryShort
from nerbb_ray.results.reports import RAISED, LoopReports, TrackedTrial, TrialJob, is_final, trial_result
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.results.tensorboard import CurveCallback
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.tune.first_seed_cuts import scheduler_of
from nerbb_ray.tune.job import RESTARTS, Job, JobBook, clear_states, name_of
from nerbb_ray.tune.lost_ray import ending_without_ray
from nerbb_ray.tune.notebook import NotebookProgress, in_notebook
from nerbb_ray.tune.ray_private import daemons_live, never_restart
from nerbb_ray.tune.ray_searcher import SeedSearcher
from nerbb_ray.tune.screen import Screen
from nerbb_ray.tune.trainable import make_trainable
from nerbb_ray.tune.trial_plan import TrialPlan

# that the end of a trial waits for MLflow: its place must not stay empty while pictures are drawn and files copied
PATIENCE_S = 0.05

Ensembles = Callable[[Sequence[TrialResult]], Mapping[str, RunEnsemble]]


def fit(
    plan: TrialPlan,
    make_job: Callable[[TrialSpec], Job],
    book: JobBook,
    allotment: Allotment,
    store: StorePaths,
    *,
    driver: int,
    ensembles: Ensembles,
    address: str | None = None,
    quiet: bool = False,
) -> dict[str, TrialResult]:
    """Let Tune run the trials of a plan on the resources at hand.

    Args:
        make_job: writes a trial down for its worker.
        driver: number of this process among all that have run the experiment.
        ensembles: makes at the end those of the seeds, by run, from what became of the trials.
    Returns:
        What became of each trial that was started, by its name.
    Raises:
        MemoryShort: what has ended until then is in MLflow, and the states of the other trials are there.
    """
    keeper = TrialKeeper(book)
    listening = callbacks(plan, book, store, allotment.concurrent, driver=driver, ensembles=ensembles, quiet=quiet)
    listening.append(keeper)
    # a process that goes on to another trial saves its imports, but Ray's dashboard keeps the name of its first one
    reuse = allotment.backend == "inprocess" and cluster_address(address) is None
    trainable = make_trainable(allotment, book)
    tuner = build_tuner(trainable, plan, make_job, book, allotment, listening, store, reuse_actors=reuse)

    def tell_the_end(trials: Sequence[Any] = ()) -> None:
        for listener in listening:
            listener.on_experiment_end(trials=list(trials))

    try:
        with ending_without_ray(daemons_live, lambda: tell_the_end(keeper.begun)):
            grid = tuner.fit()
    except Exception as error:
        tell_the_end()
        if _short_of_memory(error):
            raise MemoryShort(allotment) from error
        raise
    results = [trial_result(book.tracked(one.config), one.metrics or {}, one.error) for one in grid if one.config]
    return {result.name: result for result in results}


def _short_of_memory(error: BaseException) -> bool:
    """Whether Ray's memory monitor is behind an error: Tune ends with it, instead of starting the trial again."""
    chain: BaseException | None = error
    while chain is not None and not isinstance(chain, OutOfMemoryError):
        chain = chain.__cause__ or chain.__context__
    return chain is not None


def callbacks(
    plan: TrialPlan,
    book: JobBook,
    store: StorePaths,
    slots: int,
    *,
    driver: int,
    ensembles: Ensembles,
    quiet: bool,
) -> list[Any]:
    """What listens to the trials: MLflow, TensorBoard, the screen.

    Args:
        slots: trials at the same time.
    """
    name, reports = plan.spec.name, LoopReports(book.tracked)
    mlflow = SeedMeanCallback(
        store.tracking_uri,
        name,
        artifact_location=str(store.artifacts / name),
        spool=store.undelivered(name),
        patience_s=PATIENCE_S,
        reports=reports,
        driver=driver,
        notes=lambda: [(_tracked(trial), note) for trial, note in plan.closing()],
        ensembles=lambda ended: [(_tracked(plan.trial_of_run(run)), made) for run, made in ensembles(ended).items()],
    )
    shown = NotebookProgress if in_notebook() else Screen
    screen = [] if quiet else [shown(plan, book, slots)]
    return [mlflow, CurveCallback(store.tensorboard(name), reports), NumberFiles(), *screen]


def _tracked(trial: TrialSpec) -> TrackedTrial:
    return TrialJob(trial, None).tracked


def build_tuner(
    trainable: Any,
    plan: TrialPlan,
    make_job: Callable[[TrialSpec], Job],
    book: JobBook,
    allotment: Allotment,
    listening: list[Any],
    store: StorePaths,
    *,
    reuse_actors: bool,
) -> Any:
    """The ray.tune.Tuner of an experiment."""
    name = plan.spec.name
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=SeedSearcher(plan, make_job),
            num_samples=most_trials(plan.spec),
            scheduler=scheduler_of(plan.spec, book),
            max_concurrent_trials=allotment.concurrent,
            reuse_actors=reuse_actors,
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(store.ray(name).parent),
            callbacks=listening,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=RESTARTS),
        ),
    )


def trial_name(trial: Any) -> str:
    """How Ray calls a trial: `runA-43`."""
    return name_of(trial.config)


class NumberFiles(JsonLoggerCallback):  # type: ignore[misc]  # Ray has no types
    """Tune's own file of what a trial reports, with its numbers alone: for `ResultGrid.get_dataframe()`."""

    on_trial_start = never_raises(JsonLoggerCallback.on_trial_start)
    on_trial_complete = never_raises(JsonLoggerCallback.on_trial_complete)
    on_trial_error = never_raises(JsonLoggerCallback.on_trial_error)

    @never_raises
    def on_trial_result(self, *, iteration: int, trial: Any, result: dict[str, Any], **_: Any) -> None:
        kept = {name: value for name, value in result.items() if isinstance(value, int | float | str | bool)}
        self.log_trial_result(iteration, trial, {**kept, "config": result.get("config", {})})


class TrialKeeper(tune.Callback):  # type: ignore[misc]  # Ray has no types
    """Lets a trial whose own error has ended it rest, and deletes the states of one that has told its end.

    It comes after the callbacks that write results down: until then a trial can still be repeated from its state.
    """

    def __init__(self, book: JobBook) -> None:
        self._book = book
        self.begun: list[Any] = []

    @never_raises
    def on_trial_start(self, *, trial: Any, **_: Any) -> None:
        self.begun.append(trial)

    @never_raises
    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **_: Any) -> None:
        if result.get(RAISED):
            # a process that died is worth another attempt; an error of the trial itself would come again
            never_restart(trial)

    @never_raises
    def on_trial_complete(self, *, trial: Any, **_: Any) -> None:
        if is_final(trial.last_result or {}):
            job = self._book.of(trial.config)
            clear_states(job.storage, job.trial.name)
