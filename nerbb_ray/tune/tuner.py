"""Run an experiment: prepare, search, collect."""

import gc
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import TrialSpec, expand, most_trials, trial_of
from nerbb_ray.errors import ResourceError
from nerbb_ray.forecast.gpu_sharing import share_gpus
from nerbb_ray.logs import log_file
from nerbb_ray.preparation.options import RunOptions, starts_here
from nerbb_ray.preparation.prepare import Preparation, prepare
from nerbb_ray.preparation.resources import Allotment, allot, backend, this_machine
from nerbb_ray.results.experiment_result import ExperimentResult, TrialResult
from nerbb_ray.store import StorePaths
from nerbb_ray.tune.collect import in_order
from nerbb_ray.tune.finished import earlier_curves, finished_trials, forget, refuse_other_data
from nerbb_ray.tune.fit import MemoryShort, fit, make_job, ray_machine
from nerbb_ray.tune.job import RESTARTS, Job, clear_states, longest_first, to_param_space
from nerbb_ray.tune.ray_session import expect_ray, ray_session
from nerbb_ray.tune.trial_plan import Cell, TrialPlan, decides_as_it_goes

log = logging.getLogger(__name__)

AT_A_TIME = "max_concurrent_trials"


def run_experiment(spec: ExperimentSpec, store: StorePaths, options: RunOptions | None = None) -> ExperimentResult:
    """Run what is missing of an experiment, and return the results of all of it.

    Trials that an earlier call finished with the same parameters are not repeated. A trial that fails does so alone.

    Raises:
        NerbbError: before anything starts: data, models, resources, or parameters that differ from the earlier ones.
        ResourceError: later on, if Ray has to end even a single trial at a time because memory is short.
    """
    options = options or RunOptions()
    with log_file(store.logs(spec.name) / "experiment.log", spec.settings.logging_level, append=True):
        ended_alone = 0
        while ended_alone <= RESTARTS:
            try:
                return _run_missing(spec, store, options)
            except MemoryShort as short:
                ended_alone += short.allotment.concurrent == 1
                options = _fewer_at_a_time(options, short.allotment)
                said = f"memory was short: goes on with {dict(options.resources)[AT_A_TIME]} trial(s) at a time"
                log.warning(said)
                if not options.quiet:
                    print(said, file=sys.stderr)
            gc.collect()  # what the error held of the trials
        raise ResourceError(
            f"experiment {spec.name}: memory is too small even for one trial at a time, which Ray has ended again and "
            "again; lower batch_size or max_seq_length, or end other programs. What is finished is kept"
        )


def _fewer_at_a_time(options: RunOptions, allotment: Allotment) -> RunOptions:
    """One trial less at a time, each with as many threads as before: they decide its last bits."""
    fewer = {"cpus_per_worker": allotment.cpus, AT_A_TIME: max(1, allotment.concurrent - 1)}
    return replace(options, overwrite=False, resources=tuple((dict(options.resources) | fewer).items()))


def _run_missing(spec: ExperimentSpec, store: StorePaths, options: RunOptions) -> ExperimentResult:
    earlier: dict[str, TrialResult] = {}
    proposed: dict[str, RunSpec] = {}
    if not options.overwrite:
        earlier, proposed = finished_trials(spec, store, must_exist=options.resume)
    for done in earlier:
        clear_states(store.ray(spec.name), done)
    if not decides_as_it_goes(spec):
        if all(trial.name in earlier for trial in expand(spec)):
            return _result(spec, expand(spec), earlier)
    elif earlier:
        plan = _plan(spec, 1, earlier, proposed)
        if plan.nothing_left():
            return _result(spec, _by_run(plan, earlier), earlier, plan.notes())
    return _search(spec, earlier, proposed, store, options)


def _search(
    spec: ExperimentSpec,
    earlier: dict[str, TrialResult],
    proposed: dict[str, RunSpec],
    store: StorePaths,
    options: RunOptions,
) -> ExperimentResult:
    """Prepare, start Ray, and run the trials that are missing."""
    resources = options.apply(spec.resources)
    expect_ray(options.address, dashboard=backend(resources) == "torch_trainer")
    here = this_machine() if starts_here(options.address) else None
    if here:
        allot(resources, here, most_trials(spec))  # refuses what cannot fit at once
    preparation = Preparation(store, Path.cwd(), store.cache)
    prepared = prepare(spec, preparation)
    prepared |= {name: preparation.run(spec, run) for name, run in proposed.items()}
    refuse_other_data(spec.name, {run: p.fingerprint for run, p in prepared.items()}, earlier.values())
    if options.overwrite:
        forget(spec.name, store)
    if here:
        resources = share_gpus(resources, spec, prepared, here, store.cache)
    with ray_session(options.address, dashboard=backend(resources) == "torch_trainer"):
        allotment = allot(resources, ray_machine(), most_trials(spec))
        if not decides_as_it_goes(spec):
            missing = [trial for trial in expand(spec) if trial.name not in earlier]
            ordered = longest_first(missing, {run: one.steps_per_epoch for run, one in prepared.items()})
            jobs = [make_job(spec, trial, prepared[trial.run], store, allotment) for trial in ordered]
            log.info("%d trials, %d at a time, %s each", len(jobs), allotment.concurrent, allotment)
            results = fit(spec, store, options, allotment, missing, param_space=to_param_space(jobs))
            return _result(spec, expand(spec), earlier | results)
        curves = earlier_curves(spec, store) if earlier else {}
        plan = _plan(spec, allotment.concurrent, earlier, proposed, curves)

        def job_on_demand(trial: TrialSpec) -> Job:
            if trial.run not in prepared:
                prepared[trial.run] = preparation.run(spec, plan.runs[trial.run])
            return make_job(spec, trial, prepared[trial.run], store, allotment)

        log.info("at most %d trials, %d at a time, %s each", most_trials(spec), allotment.concurrent, allotment)
        results = fit(spec, store, options, allotment, [], plan=plan, make_job=job_on_demand)
        log.info("the search has ended: %s", plan.ended or "interrupted")
        found = earlier | results
        return _result(spec, [*_by_run(plan, found), *plan.open_trials()], found, plan.notes())


def _plan(
    spec: ExperimentSpec,
    concurrent: int,
    earlier: Mapping[str, TrialResult],
    proposed: Mapping[str, RunSpec],
    curves: Mapping[Cell, Sequence[float]] | None = None,
) -> TrialPlan:
    """What is left to do, after what earlier calls have done."""
    proposer = None
    if any(run.space for run in spec.runs):
        from nerbb_ray.tune.optuna_points import OptunaProposer

        proposer = OptunaProposer(spec)
        proposer.remember(proposed)
    plan = TrialPlan(spec, concurrent, proposer)
    plan.go_on_from(earlier, proposed, curves)
    return plan


def _by_run(plan: TrialPlan, found: Mapping[str, TrialResult]) -> Iterator[TrialSpec]:
    """The trials that there are, in the order of the runs."""
    for seed in plan.seeds:
        for run in plan.runs.values():
            trial = trial_of(plan.spec, run, seed)
            if trial.name in found:
                yield trial


def _result(
    spec: ExperimentSpec,
    trials: Iterable[TrialSpec],
    results: dict[str, TrialResult],
    notes: Mapping[str, str] | None = None,
) -> ExperimentResult:
    return ExperimentResult.of(
        spec.name, in_order(tuple(trials), results), n_seeds=spec.settings.multiple_runs, notes=notes
    )
