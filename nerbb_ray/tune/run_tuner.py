"""Run an experiment: prepare, search, collect."""

import gc
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, most_trials, trial_of
from nerbb_ray.errors import NerbbError, ResourceError
from nerbb_ray.forecast.gpu_sharing import share_gpus
from nerbb_ray.interruption import before_termination, catch_termination, interruptible
from nerbb_ray.locks import Lock
from nerbb_ray.logs import log_file
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions, starts_here
from nerbb_ray.preparation.prepare import Preparation, Prepared, notes_on, prepare
from nerbb_ray.preparation.resources import Allotment, MemoryShort, allot, backend, this_machine
from nerbb_ray.results.ensembles import places_of, run_ensembles
from nerbb_ray.results.experiment_result import ExperimentResult, TrialResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.training.stop_request import ask_to_save, asked_to_save
from nerbb_ray.tune.finished import Earlier, earlier_curves, earlier_trials, forget
from nerbb_ray.tune.hardware import Hardware, hardware_of
from nerbb_ray.tune.job import JOBS, RESTARTS, STATES, Job, JobBook, clear_states
from nerbb_ray.tune.ray_session import expect_ray, ray_machine, ray_session
from nerbb_ray.tune.trial_plan import TrialPlan

log = logging.getLogger(__name__)

AT_A_TIME = "max_concurrent_trials"
SAVE_S = 10.0  # that the end of a search waits for the states of its trials, after SIGTERM


def run_experiment(spec: ExperimentSpec, store: StorePaths, options: RunOptions | None = None) -> ExperimentResult:
    """Run what is missing of an experiment, and return the results of all of it.

    Trials that an earlier call finished are not repeated, if they are what they would be now. A trial that fails does
    so alone. Ctrl-C and SIGTERM end the search; what is finished is kept.

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
        return _until_memory_suffices(spec, store, options)


def _until_memory_suffices(spec: ExperimentSpec, store: StorePaths, options: RunOptions) -> ExperimentResult:
    ended_alone = 0
    while ended_alone <= RESTARTS:
        try:
            return _run_missing(spec, store, options)
        except MemoryShort as short:
            ended_alone += short.allotment.concurrent == 1
            options = _fewer_at_a_time(options, short.allotment)
            _say(f"memory was short: goes on with {dict(options.resources)[AT_A_TIME]} trial(s) at a time", options)
        gc.collect()  # what the error held of the trials
    raise ResourceError(
        f"experiment {spec.name}: memory is too small even for one trial at a time, which Ray has ended again and "
        "again; lower batch_size or max_seq_length, or end other programs. What is finished is kept"
    )


def _fewer_at_a_time(options: RunOptions, allotment: Allotment) -> RunOptions:
    """One trial less at a time, each with as many threads as before: they decide its last bits."""
    fewer = {"cpus_per_worker": allotment.cpus, AT_A_TIME: max(1, allotment.concurrent - 1)}
    return replace(options, overwrite=False, resources=tuple((dict(options.resources) | fewer).items()))


def _say(text: str, options: RunOptions) -> None:
    log.warning(text)
    if not options.quiet:
        print(text, file=sys.stderr)


def _run_missing(spec: ExperimentSpec, store: StorePaths, options: RunOptions) -> ExperimentResult:
    earlier = Earlier({}, {}, spec.search.racing)
    if not options.overwrite:
        earlier = earlier_trials(spec, store, must_exist=options.resume)
    for done in earlier.finished:
        clear_states(store.ray(spec.name), done)
    plan = _plan(spec, 1, earlier)
    preparation = Preparation(store, Path.cwd(), store.cache)
    if earlier.finished and plan.nothing_left():
        _check_what_is_finished(spec, preparation, earlier)
        return _result(plan, earlier.finished, earlier.ensembles)
    return _Search(spec, store, options, earlier, preparation).run()


def _check_what_is_finished(spec: ExperimentSpec, preparation: Preparation, earlier: Earlier) -> None:
    """Nothing is trained, but what is shown must be of the data and models of now, as far as they are still there."""
    try:
        prepared = _prepare(spec, preparation, earlier)
    except NerbbError as error:
        log.warning("whether data and models are still those of the finished trials is not known: %s", error)
        return
    _refuse_others(spec, prepared, earlier, any_version=True)


def _prepare(spec: ExperimentSpec, preparation: Preparation, earlier: Earlier) -> dict[str, Prepared]:
    prepared = prepare(spec, preparation)
    return prepared | {name: preparation.run(spec, run) for name, run in earlier.proposed.items()}


def _refuse_others(
    spec: ExperimentSpec,
    prepared: Mapping[str, Prepared],
    earlier: Earlier,
    hardware: Hardware | None = None,
    *,
    any_version: bool = False,
) -> None:
    """
    Args:
        any_version: whether trials of a version with other numerics will do: nothing is added to them.
    """
    runs = {run.name: run for run in spec.runs if not run.space} | dict(earlier.proposed)
    trials = {name: trial_of(spec, run, spec.settings.seeds[0]) for name, run in runs.items()}
    now = {name: _identity(trial, prepared[name], hardware) for name, trial in trials.items()}
    if any_version:
        now = {name: replace(identity, numerics=None) for name, identity in now.items()}
    earlier.refuse_others(spec.name, now)


def _identity(trial: TrialSpec, prepared: Prepared, hardware: Hardware | None) -> Identity:
    return Identity.of(
        trial,
        data=prepared.fingerprint,
        model=prepared.source.revision,
        precision=_precision(prepared.precision, hardware),
        device=None if hardware is None else hardware.device,
    )


def _precision(wanted: str, hardware: Hardware | None) -> str | None:
    if hardware is None:
        return None if wanted == "auto" else wanted
    return hardware.precision(wanted)


@dataclass
class _Search:
    """The trials that are missing of an experiment."""

    spec: ExperimentSpec
    store: StorePaths
    options: RunOptions
    earlier: Earlier
    preparation: Preparation

    def run(self) -> ExperimentResult:
        """Prepare, start Ray, run the trials, collect."""
        spec, options = self.spec, self.options
        resources = options.apply(spec.resources)
        expect_ray(options.address, dashboard=backend(resources) == "torch_trainer")
        here = this_machine() if starts_here(options.address) else None
        if here:
            allot(resources, here, most_trials(spec))  # refuses what cannot fit at once
        prepared = _prepare(spec, self.preparation, self.earlier)
        _refuse_others(spec, prepared, self.earlier)
        for note in notes_on(prepared):
            _say(f"note: {note}", options)
        if here:
            resources = share_gpus(resources, spec, prepared, here, self.store.cache)
        with ray_session(options.address, dashboard=backend(resources) == "torch_trainer"):
            catch_termination()
            allotment = allot(resources, ray_machine(), most_trials(spec))
            hardware = hardware_of(allotment, here=here is not None)
            _refuse_others(spec, prepared, self.earlier, hardware)
            if options.overwrite:
                forget(spec.name, self.store)
            return self._searched(prepared, allotment, hardware)

    def _searched(self, prepared: dict[str, Prepared], allotment: Allotment, hardware: Hardware) -> ExperimentResult:
        from nerbb_ray.tune.tuner import fit

        plan = _plan(self.spec, allotment.concurrent, self.earlier, self.store, prepared)
        book = JobBook(self.store.ray(self.spec.name) / JOBS)
        made: dict[str, RunEnsemble] = {}

        def make_job(trial: TrialSpec) -> Job:
            if trial.run not in prepared:  # proposed just now
                prepared[trial.run] = self.preparation.run(self.spec, plan.runs[trial.run])
            job = self._job(trial, prepared[trial.run], allotment, hardware)
            if said := job.claim_states():
                _say(said, self.options)
            job.mark_states()
            book.put(job)
            return job

        def ensembles(ended: Sequence[TrialResult]) -> dict[str, RunEnsemble]:
            made.update(self._ensembles(ended))
            return made

        log.info("%d trials, %d at a time, %s each", plan.to_come(), allotment.concurrent, allotment)
        with before_termination(lambda: save_running(self.store.ray(self.spec.name), plan)):
            results = fit(
                plan,
                make_job,
                book,
                allotment,
                self.store,
                driver=self.earlier.last_driver + 1,
                ensembles=ensembles,
                address=self.options.address,
                quiet=self.options.quiet,
            )
        log.info("the search has ended: %s", "all is done" if plan.nothing_left() else plan.ended or "interrupted")
        return _result(plan, self.earlier.finished | results, {**self.earlier.ensembles, **made})

    def _ensembles(self, ended: Sequence[TrialResult]) -> dict[str, RunEnsemble]:
        """Of the runs to which trials have come, and of those that nobody has looked at."""
        trials = self.earlier.finished | {trial.name: trial for trial in ended}
        known = set(self.earlier.ensembles) - {trial.run for trial in ended}
        asked = [trial for trial in trials.values() if trial.run not in known]
        return run_ensembles(asked, places_of(self.store, self.spec.name))

    def _job(self, trial: TrialSpec, prepared: Prepared, allotment: Allotment, hardware: Hardware) -> Job:
        name, keep = self.spec.name, self.spec.settings.checkpoints
        return Job(
            trial=trial,
            identity=_identity(trial, prepared, hardware),
            data=prepared.data,
            source=prepared.source,
            checkpoint_dir=self.store.checkpoints(name, trial.run, trial.seed) if keep else None,
            log=self.store.logs(name) / f"{trial.name}.log",
            storage=self.store.ray(name),
            allotment=allotment,
        )


def _plan(
    spec: ExperimentSpec,
    concurrent: int,
    earlier: Earlier,
    store: StorePaths | None = None,
    prepared: Mapping[str, Prepared] | None = None,
) -> TrialPlan:
    """What is left to do, after what earlier calls have done.

    Args:
        store: where the curves of earlier trials are, if they are needed.
    """
    proposer = None
    if any(run.space for run in spec.runs):
        from nerbb_ray.tune.optuna_points import OptunaProposer

        proposer = OptunaProposer(spec)
        proposer.remember(earlier.proposed)
    steps = {name: one.steps_per_epoch for name, one in (prepared or {}).items()}
    sentences = {
        run.name: float(steps[run.name] * run.hparams.batch_size * run.hparams.max_epochs)
        for run in spec.runs
        if run.name in steps
    }
    plan = TrialPlan(spec, concurrent, proposer, sentences)
    curves = earlier_curves(spec, store) if store is not None and earlier.finished else {}
    plan.go_on_from(earlier.finished, earlier.proposed, curves)
    return plan


def _result(
    plan: TrialPlan, found: Mapping[str, TrialResult], ensembles: Mapping[str, RunEnsemble]
) -> ExperimentResult:
    """The results by the order of the experiment; earlier seeds that it no longer asks for come last."""
    trials = {trial.name: trial for trial in (*_by_run(plan, found), *plan.open_trials())}
    results = [found.get(name) or _never_started(trial) for name, trial in trials.items()]
    results += [result for name, result in found.items() if name not in trials]
    seeds, notes = plan.spec.settings.multiple_runs, plan.notes()
    return ExperimentResult.of(plan.spec.name, results, n_seeds=seeds, notes=notes, ensembles=ensembles)


def _by_run(plan: TrialPlan, found: Iterable[str]) -> Iterator[TrialSpec]:
    """The trials that there are, in the order of the runs."""
    for seed in plan.seeds:
        for run in plan.runs.values():
            trial = trial_of(plan.spec, run, seed)
            if trial.name in found:
                yield trial


def save_running(storage: Path, plan: TrialPlan, limit_s: float = SAVE_S) -> None:
    """Have the running trials save their states at once.

    Args:
        limit_s: how long to wait for them.
    """
    asked = [storage / STATES / f"{run}-{seed}" for run, seed in plan.running]
    for states in asked:
        with suppress(OSError):
            ask_to_save(states)
    deadline = time.monotonic() + limit_s
    while any(map(asked_to_save, asked)) and time.monotonic() < deadline:
        time.sleep(0.1)


def _never_started(trial: TrialSpec) -> TrialResult:
    return TrialResult(trial.run, trial.seed, "interrupted", params=trial.params(), error="never started")
