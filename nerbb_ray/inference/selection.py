"""Which trial of an experiment is meant, and where its model is."""

import math
from collections.abc import Sequence
from pathlib import Path

from nerbb_ray.arguments import text_of
from nerbb_ray.config.spec import Member, member_title
from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.moved import as_moved
from nerbb_ray.mlflow_store.reader import find_result, load_result
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, RunResult, TrialResult
from nerbb_ray.spelling import did_you_mean
from nerbb_ray.training.model_files import ADAPTER, CONFIG, IS_ADAPTER

FEWEST_MEMBERS = 2  # of an ensemble


def load_experiment(store: StorePaths, name: str) -> ExperimentResult:
    """The results of an experiment, with the places where its models are now.

    Raises:
        ResultError: it was never run, or there is no such experiment.
    """
    text_of("the name of an experiment", name, ResultError)
    found = find_result(store.tracking_uri, name)
    if found is not None and found.trials:
        return as_moved(found, store)
    if name in store.configs():
        raise ResultError(f"experiment {name!r} has not been run yet; run it first: nerbb run_experiment {name}")
    return load_result(store.tracking_uri, name)


def choose_trial(result: ExperimentResult, run: str | None = None, seed: Member | None = None) -> TrialResult:
    """The best trial of an experiment, of a run, or of all with a seed: highest val entity micro F1.

    Args:
        seed: with folds, that of several trials; `43-fold2` is one of them.
    Raises:
        ResultError: there is no such run or seed, or none of its trials ended ok.
    """
    if run is not None:
        _check_run(result, run)
    trials = [trial for trial in result.trials if run in (None, trial.run)]
    if seed is not None:
        trials = _of_seed(result, trials, run, seed)
    if len(trials) == 1 and not trials[0].ok:
        error = f": {trials[0].error}" if trials[0].error else ""
        raise ResultError(f"trial {trials[0].name} of experiment {result.name} is {trials[0].status}{error}")
    return ExperimentResult.of(result.name, trials).best_trial()


def _check_run(result: ExperimentResult, name: str) -> RunResult:
    runs = {run.run: run for run in result.runs}
    if text_of("run", name, ResultError) not in runs:
        raise ResultError(f"experiment {result.name} has no run {name!r}; {did_you_mean(name, list(runs))}")
    return runs[name]


def _of_seed(
    result: ExperimentResult, trials: Sequence[TrialResult], run: str | None, seed: Member
) -> list[TrialResult]:
    found = [trial for trial in trials if str(seed) in (str(trial.seed), str(trial.member))]
    if found:
        return found
    known = {trial.member: None for trial in sorted(trials, key=lambda trial: (trial.seed, trial.fold or 0))}
    of_run = f" of {run}" if run else ""
    raise ResultError(
        f"experiment {result.name} has no {member_title(seed)}{of_run}; there are {', '.join(map(str, known))}"
    )


def fold_note(result: ExperimentResult, trial: TrialResult) -> str | None:
    """What is to be known of one of several fold models; None without folds."""
    others = sum(one.ok for one in result.trials if one.run == trial.run)
    if trial.fold is None or others < FEWEST_MEMBERS:
        return None
    return (
        f"{trial.name} is one of {others} fold models of {trial.run}: it was trained without the sentences of its "
        "fold, and the val F1 of the folds are of different sentences; all of them together are the ensemble "
        "(--ensemble, in Python ensemble=True)"
    )


def choose_members(
    result: ExperimentResult, run: str | None = None, number: int | None = None
) -> tuple[TrialResult, ...]:
    """The trials of an ensemble: those that ended ok of a run, or of the best one, the best of them first.

    One that has not learnt what the others have (val F1 near 0) would only blur them, and is left out.

    Args:
        number: of them, those with the highest val entity micro F1; None: all.
    Raises:
        ResultError: there is no such run, or there are too few.
    """
    chosen = result.best_run() if run is None else _check_run(result, run)
    members = chosen.learnt_trials
    if len(members) < (wanted := number or FEWEST_MEMBERS):
        failed = chosen.n_ok - len(members)
        without = f" (without {failed} whose val F1 is near 0)" if failed else ""
        raise ResultError(
            f"an ensemble of {wanted} models needs as many {chosen.member}s that ended ok; run {chosen.run} of "
            f"experiment {result.name} has {len(members)}{without}: train more (multiple_runs), or use one model "
            "without --ensemble"
        )
    return tuple(sorted(members, key=lambda trial: (-_val_f1(trial), trial.seed))[:number])


def _val_f1(trial: TrialResult) -> float:
    value = trial.metrics.get(SELECTION_METRIC, math.nan)
    return value if math.isfinite(value) else -1.0


def checkpoint_folder(name: str, trial: TrialResult) -> Path:
    """Where the model of a trial lies.

    Args:
        name: of the experiment.
    Raises:
        ResultError: it was not kept, is there no more, or is an adapter only.
    """
    again = f"run the experiment again (nerbb run_experiment {name} --overwrite)"
    if not trial.checkpoint:
        off = str(trial.params.get("checkpoints")) == "False"
        why = "ran with checkpoints = False" if off else "has no saved model"
        mend = "set checkpoints = True in [settings], and " if off else ""
        raise ResultError(f"trial {trial.name} of experiment {name} {why}; to get its model, {mend}{again}")
    folder = Path(trial.checkpoint)
    if (folder / CONFIG).is_file():
        return folder
    if (folder / ADAPTER).is_file():  # earlier versions trained models with an adapter as they were
        raise ResultError(f"the model of trial {trial.name} cannot be loaded: {folder / ADAPTER}: {IS_ADAPTER}")
    raise ResultError(f"the model of trial {trial.name} was at {folder} and is there no more; {again}")
