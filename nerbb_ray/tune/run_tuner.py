"""Run an experiment, under its lock, until its trials are done or memory is too small for even one of them."""

import gc
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import NerbbError, ResourceError
from nerbb_ray.interruption import interruptible
from nerbb_ray.locks import Lock
from nerbb_ray.logs import log_file
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.preparation.prepare import Preparation
from nerbb_ray.preparation.resources import Allotment, MemoryShort
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.tune.earlier_notes import more_seeds, notes_on_earlier
from nerbb_ray.tune.finished import Earlier, earlier_trials, with_curves
from nerbb_ray.tune.job import RESTARTS, clear_states
from nerbb_ray.tune.kept_file import keep_file
from nerbb_ray.tune.late_end import tell_late_end
from nerbb_ray.tune.search import Search, plan_of, prepare_all, refuse_others, result_of, say
from nerbb_ray.tune.trial_plan import TrialPlan

log = logging.getLogger(__name__)

AT_A_TIME = "max_concurrent_trials"
Show = Callable[[ExperimentResult], None]


def run_experiment(
    spec: ExperimentSpec,
    store: StorePaths,
    options: RunOptions | None = None,
    show: Show = lambda _: None,
) -> ExperimentResult:
    """Run what is missing of an experiment, and return the results of all of it.

    Trials that an earlier call finished are not repeated, if they are what they would be now. A trial that fails does
    so alone. Ctrl-C and SIGTERM end the search; what is finished is kept.

    Args:
        show: is called with the results as soon as they are there: to end Ray takes seconds more.
    Raises:
        NerbbError: before anything starts: somebody else runs the experiment, data, models, resources, or trials that
            differ from the earlier ones.
        ResourceError: later on, if Ray has to end even a single trial at a time because memory is short.
    """
    options = options or RunOptions()
    log_path = store.logs(spec.name) / "experiment.log"
    with (
        interruptible(),
        Lock(store.lock(spec.name), f"experiment {spec.name}"),
        log_file(log_path, spec.settings.logging_level, append=True),
    ):
        return _until_memory_suffices(spec, store, options, show)


def _until_memory_suffices(
    spec: ExperimentSpec, store: StorePaths, options: RunOptions, show: Show
) -> ExperimentResult:
    ended_alone = 0
    while ended_alone <= RESTARTS:
        try:
            return _run_missing(spec, store, options, show)
        except MemoryShort as short:
            ended_alone += short.allotment.concurrent == 1
            options = _fewer_at_a_time(options, short.allotment)
            say(f"memory was short: goes on with {dict(options.resources)[AT_A_TIME]} trial(s) at a time", options)
        gc.collect()  # what the error held of the trials
    raise ResourceError(
        f"experiment {spec.name}: memory is too small even for one trial at a time, which Ray has ended again and "
        "again; lower batch_size or max_seq_length, or end other programs. What is finished is kept"
    )


def _fewer_at_a_time(options: RunOptions, allotment: Allotment) -> RunOptions:
    """One trial less at a time, each with as many threads as before: they decide its last bits."""
    fewer = {"cpus_per_worker": allotment.cpus, AT_A_TIME: max(1, allotment.concurrent - 1)}
    return replace(options, overwrite=False, resources=tuple((dict(options.resources) | fewer).items()))


def _run_missing(spec: ExperimentSpec, store: StorePaths, options: RunOptions, show: Show) -> ExperimentResult:
    earlier = Earlier({}, {}, spec.search.may_cut)
    if not options.overwrite:
        earlier = earlier_trials(spec, store, must_exist=options.resume)
    for done in earlier.finished:
        clear_states(store.ray(spec.name), done)
    for note in notes_on_earlier(spec, earlier):
        say(f"note: {note}", options)
    plan = plan_of(spec, 1, earlier)
    preparation = Preparation(store, Path.cwd(), store.cache)
    if earlier.finished and plan.nothing_left():
        _check_what_is_finished(spec, preparation, earlier)
        keep_file(spec, store, options.file)
        say(nothing_ran(spec, plan, more_seeds(spec, earlier)), options)
        ensembles = {**earlier.ensembles, **tell_late_end(spec, store, plan, earlier)}
        result = with_curves(result_of(plan, earlier.finished, ensembles), store)
        show(result)
        return result
    return Search(spec, store, options, earlier, preparation).run(show)


def nothing_ran(spec: ExperimentSpec, plan: TrialPlan, more_seeds: int) -> str:
    """What is said of an experiment that is done already, and how to have more."""
    more = f"multiple_runs = {more_seeds} adds a seed to every run, --overwrite begins anew"
    ended = f"all {plan.known} trials of {spec.name} have" if plan.known != 1 else f"the only trial of {spec.name} has"
    return f"nothing ran: {ended} ended before; {more}"


def _check_what_is_finished(spec: ExperimentSpec, preparation: Preparation, earlier: Earlier) -> None:
    """Nothing is trained, but what is shown must be of the data and models of now, as far as they are still there."""
    try:
        prepared = prepare_all(spec, preparation, earlier)
    except NerbbError as error:
        log.warning("whether data and models are still those of the finished trials is not known: %s", error)
        return
    refuse_others(spec, prepared, earlier, any_version=True)
