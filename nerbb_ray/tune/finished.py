"""What earlier calls of an experiment have done already: finished trials are not paid twice, nor mixed with others."""

import logging
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nerbb_ray.config.spec import ExperimentSpec, Member, RunSpec
from nerbb_ray.config.trials import any_trial_of, expand, proposed_run
from nerbb_ray.errors import ConfigError, ResultError, StoreError
from nerbb_ray.mlflow_store.delivery import deliver_waiting
from nerbb_ray.mlflow_store.moved import as_moved
from nerbb_ray.mlflow_store.reader import delete_experiment_runs, find_result, finished_curves, with_val_f1
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.sources import ModelSource

FINISHED = ("ok", "diverged")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier calls left of the runs of an experiment.

    Args:
        trials: all of them, by name, whatever became of them.
        proposed: the runs among them that a search has proposed.
        may_cut: whether a race or a scheduler may cut trials; without, nothing keeps a cut trial from catching up.
        last_driver: number of the last process that wrote of them; the next one is newer.
        ensembles: of their seeds, by run.
        gone: runs that the experiment does not have any more; none of their trials is in `trials`.
    """

    trials: Mapping[str, TrialResult]
    proposed: Mapping[str, RunSpec]
    may_cut: bool = False
    last_driver: int = 0
    ensembles: Mapping[str, RunEnsemble] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    @property
    def finished(self) -> dict[str, TrialResult]:
        """The trials that ended ok or diverged, or that a race or a scheduler has cut: they need not run again.

        Seeds that are no longer asked for are among them: what was measured of a run counts in its mean.
        """
        return {name: trial for name, trial in self.trials.items() if self.has_finished(trial)}

    def has_finished(self, trial: TrialResult) -> bool:
        """Whether its values count."""
        return trial.status in FINISHED or (self.may_cut and trial.status == "cut")

    def refuse_others(self, name: str, planned: Mapping[str, Identity]) -> None:
        """Raises ConfigError if earlier trials of a run are not what its trials would be now: their mean would be one
        of two things. The error shows the differences.

        Of a run that has no finished trial only the parameters have to agree: what it has trained on other data or with
        another model is not used, and begins anew (`Job.claim_states`).

        Args:
            planned: identity of the trials of each run, as far as it is known by now.
        """
        kept = {trial.run for trial in self.finished.values()}
        changes: dict[str, None] = {}
        for trial in self.trials.values():
            now, was = planned[trial.run], trial.known_identity()
            for change in was.differences(now) if trial.run in kept else was.param_differences(now):
                changes[f"  {trial.run}: {change}"] = None
        if changes:
            way_out = "give the file another name, or run it with --overwrite to forget the earlier trials"
            raise ConfigError([f"experiment {name} has trials that are not what they would be now:", *changes, way_out])


def earlier_trials(spec: ExperimentSpec, store: StorePaths, *, must_exist: bool = False) -> Earlier:
    """What earlier calls left.

    Args:
        must_exist: whether an experiment without any earlier trial is an error.
    Raises:
        ConfigError: an earlier trial of a run had other parameters.
        ResultError: there are no earlier trials, but there must be; or MLflow cannot be read.
    """
    # what MLflow does not know yet would be trained again
    name = spec.name
    deliver_waiting(store.undelivered(name), store.tracking_uri, name, str(store.artifacts / name))
    return recorded_trials(spec, store, must_exist=must_exist)


def recorded_trials(spec: ExperimentSpec, store: StorePaths, *, must_exist: bool = False) -> Earlier:
    """As `earlier_trials`, as far as MLflow knows it by now; changes nothing."""
    name = spec.name
    found = find_result(store.tracking_uri, name)
    known = None if found is None else as_moved(found, store)
    if must_exist and not (known and known.trials):
        raise ResultError(f"experiment {name}: there is nothing to resume; run it without --resume")
    planned = {trial.run: trial for trial in expand(spec)}
    proposed = _proposed(spec, known.trials if known else ())
    planned |= {run.name: any_trial_of(spec, run) for run in proposed.values()}
    trials = {trial.name: trial for trial in (known.trials if known else ()) if trial.run in planned}
    ensembles = {run.run: run.ensemble for run in (known.runs if known else ()) if run.ensemble and run.run in planned}
    gone = tuple(run.run for run in (known.runs if known else ()) if run.run not in planned)
    earlier = Earlier(trials, proposed, spec.search.may_cut, known.last_driver if known else 0, ensembles, gone)
    earlier.refuse_others(name, {run: replace(Identity.of(trial), numerics=None) for run, trial in planned.items()})
    return earlier


def refuse_newer(name: str, store: StorePaths, last_driver: int) -> None:
    """Refuse to go on from what was read before the experiment was held, if another store has written meanwhile.

    Args:
        last_driver: number of the last process that wrote, as it was read then.
    Raises:
        StoreError: somebody else ran the experiment in between.
    """
    try:
        known = find_result(store.tracking_uri, name)
    except ResultError as error:
        log.warning("whether another store has run the experiment meanwhile is not known: %s", error)
        return
    if known and known.last_driver > last_driver:
        raise StoreError(
            f"experiment {name} was run with this MLflow from another store while this call began; "
            "type the same again: it goes on from there"
        )


def earlier_curves(spec: ExperimentSpec, store: StorePaths) -> dict[tuple[str, Member], list[float]]:
    """The metric of a race after every epoch of the trials that ended ok, which others are cut by, or were cut."""
    if not spec.search.racing:
        return {}
    return finished_curves(store.tracking_uri, spec.name, spec.search.metric, ("ok", "cut"))


def _proposed(spec: ExperimentSpec, trials: Iterable[TrialResult]) -> dict[str, RunSpec]:
    """The runs of earlier trials that are points of the patterns of an experiment."""
    found = (proposed_run(spec, trial.run, trial.params) for trial in trials)
    return {run.name: run for run in found if run is not None}


def refuse_to_forget(name: str, store: StorePaths, models: Iterable[ModelSource]) -> None:
    """Raises ConfigError if a model that is to be trained lies among what `forget` deletes."""
    own = store.checkpoints(name).resolve()
    for model in models:
        if own in Path(model.location).resolve().parents:
            raise ConfigError(
                [
                    f"experiment {name}: pretrained_model_name must not be a model of the experiment itself with "
                    f"--overwrite, which deletes it; got {model.name}. Copy the folder somewhere else, or give the "
                    "file another name"
                ]
            )


def forget(name: str, store: StorePaths) -> None:
    """Delete what earlier calls left: MLflow marks its runs as deleted, the models are removed."""
    delete_experiment_runs(store.tracking_uri, name)
    for folder in (store.checkpoints(name), store.tensorboard(name), store.ray(name)):
        shutil.rmtree(folder, ignore_errors=True)
    log.info("experiment %s: earlier trials deleted", name)


def with_curves(result: ExperimentResult, store: StorePaths) -> ExperimentResult:
    """With what tells whether F1 was still rising, as far as MLflow has it."""
    try:
        return with_val_f1(result, store.tracking_uri)
    except ResultError as error:
        log.warning("whether val F1 was still rising is not known: %s", error)
        return result
