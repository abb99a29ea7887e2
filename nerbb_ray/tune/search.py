"""The trials that are missing of an experiment: prepared, searched by Tune, collected."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nerbb_ray.config.idle_search import idle_keys
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import TrialSpec, any_trial_of, most_trials, trial_of
from nerbb_ray.console import tell
from nerbb_ray.errors import ConfigError
from nerbb_ray.forecast.gpu_sharing import share_gpus
from nerbb_ray.interruption import before_termination, catch_termination
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.mlflow_store import held_experiment
from nerbb_ray.mlflow_store.quiet import quiet_mlflow
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions, is_connected, starting_ray, starts_here
from nerbb_ray.preparation.prepare import Preparation, Prepared, lacking, notes_on, prepare
from nerbb_ray.preparation.resources import Allotment, allot, backend, this_machine
from nerbb_ray.results.ensembles import places_of, run_ensembles
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import NEVER_STARTED, TrialResult
from nerbb_ray.training.stop_request import ask_to_save, asked_to_save
from nerbb_ray.tune.finished import Earlier, earlier_curves, forget, refuse_newer, refuse_to_forget, with_curves
from nerbb_ray.tune.hardware import Hardware, hardware_of
from nerbb_ray.tune.job import JOBS, STATES, Job, JobBook
from nerbb_ray.tune.kept_file import keep_file
from nerbb_ray.tune.ray_session import expect_ray, ray_beside, ray_machine
from nerbb_ray.tune.trial_plan import TrialPlan

with lazy_modules():  # they import Ray, which must not happen before its settings, and not if nothing is left to do
    from nerbb_ray.tune import optuna_points, tuner, warm_start

log = logging.getLogger(__name__)

SAVE_S = 10.0  # that the end of a search waits for the states of its trials, after SIGTERM


def say(text: str, options: RunOptions) -> None:
    """On stderr and in the log of the experiment."""
    log.warning(text)
    if not options.quiet:
        tell(text, sys.stderr)


def import_tuner() -> None:
    """Import what the search needs of Tune and MLflow: seconds, in which Ray starts."""
    quiet_mlflow()
    import mlflow  # noqa: F401

    _ = tuner.fit  # loads it


def prepare_all(spec: ExperimentSpec, preparation: Preparation, earlier: Earlier) -> dict[str, Prepared]:
    """Data and model of every run, those that a searcher has proposed earlier among them."""
    prepared = prepare(spec, preparation)
    return prepared | {name: preparation.run(spec, run) for name, run in earlier.proposed.items()}


def refuse_others(
    spec: ExperimentSpec,
    prepared: Mapping[str, Prepared],
    earlier: Earlier,
    hardware: Hardware | None = None,
    *,
    any_version: bool = False,
) -> None:
    """Raise an error where trials of now would be something else than the earlier ones.

    Args:
        any_version: whether trials of a version with other numerics will do: nothing is added to them.
    """
    runs = {run.name: run for run in spec.runs if not run.space} | dict(earlier.proposed)
    trials = {name: any_trial_of(spec, run) for name, run in runs.items()}
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
        layout=prepared.layout,
    )


def _precision(wanted: str, hardware: Hardware | None) -> str | None:
    if hardware is None:
        return None if wanted == "auto" else wanted
    return hardware.precision(wanted)


@dataclass
class Search:
    """The trials that are missing of an experiment."""

    spec: ExperimentSpec
    store: StorePaths
    options: RunOptions
    earlier: Earlier
    preparation: Preparation

    def run(self, show: Callable[[ExperimentResult], None]) -> ExperimentResult:
        """Prepare, start Ray, run the trials, collect, show.

        Args:
            show: is called with the results before Ray ends, which takes seconds.
        """
        spec, options = self.spec, self.options
        resources = options.apply(spec.resources)
        dashboard = backend(resources) == "torch_trainer"
        if not options.announced and not is_connected():
            say(starting_ray(options), options)
        expect_ray(options.address, dashboard=dashboard)
        here = this_machine() if starts_here(options.address) else None
        if here:
            allot(resources, here, most_trials(spec))  # refuses what cannot fit at once
        if lacking(spec, self.preparation):
            prepare_all(spec, self.preparation, self.earlier)  # says it at once: Ray need not start for it
        with ray_beside(options.address, dashboard=dashboard) as wait_for_ray:
            prepared = prepare_all(spec, self.preparation, self.earlier)
            refuse_others(spec, prepared, self.earlier)
            if options.overwrite:
                refuse_to_forget(spec.name, self.store, [one.source for one in prepared.values()])
            for note in (*notes_on(prepared), *idle_keys(spec)):
                say(f"note: {note}", options)
            if here:
                resources = share_gpus(resources, spec, prepared, here, self.store.cache)
            import_tuner()
            wait_for_ray()
            catch_termination()
            allotment = allot(resources, ray_machine(), most_trials(spec))
            hardware = hardware_of(allotment, here=here is not None)
            refuse_others(spec, prepared, self.earlier, hardware)
            with self._held():
                if options.overwrite:
                    forget(spec.name, self.store)
                keep_file(spec, self.store, options.file)
                result = with_curves(self._searched(prepared, allotment, hardware), self.store)
                show(result)
                return result

    @contextmanager
    def _held(self) -> Iterator[None]:
        """No other store runs the experiment with the same MLflow meanwhile; that of this store alone has its lock."""
        store, name = self.store, self.spec.name
        if not store.shares_mlflow:
            yield
            return
        where = str(store.artifacts / name)
        with held_experiment.held_in_mlflow(store.tracking_uri, name, where, lambda text: say(text, self.options)):
            if not self.options.overwrite:
                refuse_newer(name, store, self.earlier.last_driver)
            yield

    def _searched(self, prepared: dict[str, Prepared], allotment: Allotment, hardware: Hardware) -> ExperimentResult:
        plan = plan_of(self.spec, allotment.concurrent, self.earlier, self.store, prepared)
        book = JobBook(self.store.ray(self.spec.name) / JOBS)
        made: dict[str, RunEnsemble] = {}

        def make_job(trial: TrialSpec) -> Job:
            job = self._job(trial, prepared[trial.run], allotment, hardware)
            if said := job.claim_states():
                say(said, self.options)
            job.mark_states()
            book.put(job)
            return job

        def ensembles(ended: Sequence[TrialResult]) -> dict[str, RunEnsemble]:
            made.update(self._ensembles(ended))
            return made

        if isinstance(plan.proposer, optuna_points.OptunaProposer):
            self._guide(plan.proposer, prepared, hardware)
        log.info("%d trials, %d at a time, %s each", plan.to_come(), allotment.concurrent, allotment)
        with before_termination(lambda: save_running(self.store.ray(self.spec.name), plan)):
            results = tuner.fit(
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
        if limit := plan.out_of_time():
            say(f"note: {limit}; raise the limit and type the same again to go on", self.options)
        return result_of(plan, self.earlier.finished | results, {**self.earlier.ensembles, **made})

    def _guide(
        self, proposer: "optuna_points.OptunaProposer", prepared: dict[str, Prepared], hardware: Hardware
    ) -> None:
        """Tell the searcher what cannot be trained, and what other experiments of the store have measured."""
        spec, told = self.spec, False

        def check(run: RunSpec) -> None:
            nonlocal told
            try:
                prepared[run.name] = self.preparation.run(spec, run)
            except ConfigError as error:
                if not told:
                    say(f"note: points that do not fit are passed over, {run.name} first: {error}", self.options)
                told = True
                raise

        def identity_of(run: RunSpec) -> Identity:
            return _identity(any_trial_of(spec, run), self.preparation.run(spec, run), hardware)

        proposer.check = check
        if spec.search.warm_start:
            say(warm_start.warm_start(proposer, spec, self.store.tracking_uri, identity_of), self.options)

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
            checkpoint_dir=self.store.checkpoints(name, trial.run, trial.member) if keep else None,
            log=self.store.logs(name) / f"{trial.name}.log",
            storage=self.store.ray(name),
            allotment=allotment,
            first_position=prepared.first_position,
        )


def plan_of(
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
        proposer = optuna_points.OptunaProposer(spec)
        proposer.remember(earlier.proposed)
    steps = {name: one.steps_per_epoch for name, one in (prepared or {}).items()}
    sentences = {
        run.name: float(steps[run.name] * run.hparams.batch_size * run.hparams.max_epochs)
        for run in spec.runs
        if run.name in steps
    }
    plan = TrialPlan(spec, concurrent, proposer, sentences)
    curves = earlier_curves(spec, store) if store is not None and earlier.finished else {}
    # with those that failed or were stopped
    spent_s = sum(trial.duration_s or 0.0 for trial in earlier.trials.values())
    plan.go_on_from(earlier.finished, earlier.proposed, curves, spent_s)
    return plan


def result_of(
    plan: TrialPlan, found: Mapping[str, TrialResult], ensembles: Mapping[str, RunEnsemble]
) -> ExperimentResult:
    """The results by the order of the experiment; earlier seeds that it no longer asks for come last."""
    trials = {trial.name: trial for trial in (*_by_run(plan, found), *plan.open_trials())}
    results = [found.get(name) or _never_started(trial) for name, trial in trials.items()]
    results += [result for name, result in found.items() if name not in trials]
    n_seeds, notes = len(plan.spec.members), plan.notes()
    return ExperimentResult.of(plan.spec.name, results, n_seeds=n_seeds, notes=notes, ensembles=ensembles)


def _by_run(plan: TrialPlan, found: Iterable[str]) -> Iterator[TrialSpec]:
    """The trials that there are, in the order of the runs."""
    for member in plan.seeds:
        for run in plan.runs.values():
            trial = trial_of(plan.spec, run, member)
            if trial.name in found:
                yield trial


def save_running(storage: Path, plan: TrialPlan, limit_s: float = SAVE_S) -> None:
    """Have the running trials save their states at once.

    Args:
        limit_s: how long to wait for them.
    """
    asked = [storage / STATES / f"{run}-{member}" for run, member in plan.running]
    for states in asked:
        with suppress(OSError):
            ask_to_save(states)
    deadline = time.monotonic() + limit_s
    while any(map(asked_to_save, asked)) and time.monotonic() < deadline:
        time.sleep(0.1)


def _never_started(trial: TrialSpec) -> TrialResult:
    return TrialResult(
        trial.run, trial.seed, "interrupted", fold=trial.fold, params=trial.params(), error=NEVER_STARTED
    )
