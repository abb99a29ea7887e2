"""What a dry run says of earlier trials: which are done, and why a run of now would be refused. Changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import NerbbError
from nerbb_ray.forecast.dry_run import Done
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.mlflow_store.database import sqlite_file
from nerbb_ray.mlflow_store.reader import list_experiments
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.preparation.prepare import Prepared

with lazy_modules():  # scipy and more, which only experiments that have earlier trials need
    from nerbb_ray.tune import finished, search

if TYPE_CHECKING:
    from nerbb_ray.tune.finished import Earlier


def done_before(
    spec: ExperimentSpec, store: StorePaths, options: RunOptions, prepare: Callable[[], Mapping[str, Prepared]]
) -> Done:
    """Compare an experiment with what its earlier calls have left, as the call that runs it would.

    Args:
        prepare: gives the runs whose data and model are on this machine; is called if there are earlier trials. Of the
            other runs only the parameters are compared.
    """
    if options.overwrite:
        return _forgetting(spec, store, prepare())
    if sqlite_file(store.tracking_uri) is None:
        return Done(notes=("what its MLflow server has of earlier trials is asked when it runs",))
    try:
        known = any(one.name == spec.name for one in list_experiments(store.tracking_uri))  # takes no second
        if not known and not options.resume:
            return Done()
        earlier = finished.recorded_trials(spec, store, must_exist=options.resume)
        nothing_left = bool(earlier.finished) and search.plan_of(spec, 1, earlier).nothing_left()
        if earlier.trials:
            _refuse_others(spec, earlier, prepare(), nothing_left=nothing_left)
    except NerbbError as error:
        return Done(problems=(str(error),))
    waiting = store.undelivered(spec.name)
    notes = (
        (f"what waits in {waiting} for MLflow is not looked at: a run delivers it first",) if waiting.exists() else ()
    )
    return Done(frozenset(earlier.finished), notes=notes, nothing_left=nothing_left)


def _forgetting(spec: ExperimentSpec, store: StorePaths, prepared: Mapping[str, Prepared]) -> Done:
    """Whether earlier trials can be forgotten."""
    try:
        finished.refuse_to_forget(spec.name, store, [one.source for one in prepared.values()])
    except NerbbError as error:
        return Done(problems=(str(error),))
    return Done()


def _refuse_others(
    spec: ExperimentSpec, earlier: "Earlier", prepared: Mapping[str, Prepared], *, nothing_left: bool
) -> None:
    """Of the runs that can be looked at here; on which hardware they would be trained, is not known before they are."""
    runs = tuple(run for run in spec.runs if run.name in prepared and not run.space)
    names = {run.name for run in runs}
    if not runs:
        return
    own = replace(
        earlier,
        trials={name: trial for name, trial in earlier.trials.items() if trial.run in names},
        proposed={},
    )
    search.refuse_others(replace(spec, runs=runs), prepared, own, any_version=nothing_left)
