"""Which trials of an experiment make up an ensemble, and how their mean is decoded."""

import logging
from dataclasses import dataclass
from pathlib import Path

from nerbb_ray.arguments import plain, whole_number
from nerbb_ray.config.spec import Member, member_title
from nerbb_ray.errors import ResultError
from nerbb_ray.inference.ensemble import OwnDecoder
from nerbb_ray.inference.selection import FEWEST_MEMBERS, checkpoint_folder, choose_members, load_experiment
from nerbb_ray.mlflow_store.kept_predictions import kept_predictions
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import Members, chosen_decoder, ensemble_from, read_members, with_all_folds
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import TrialResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundEnsemble:
    """The members of an ensemble of an experiment, the best by val F1 first.

    Args:
        trials, folders: of each.
        decoder: how its tags are found; None: as those of its first member.
        scores: as far as the predictions of the members were kept.
    """

    result: ExperimentResult
    trials: tuple[TrialResult, ...]
    folders: tuple[Path, ...]
    decoder: OwnDecoder | None
    scores: RunEnsemble | None


def members_wanted(ensemble: object) -> bool | int:
    """What is said of an ensemble: that there is to be none, True for all members, or how many.

    Raises:
        ResultError: something else.
    """
    wanted = plain(ensemble)
    if isinstance(wanted, bool):
        return wanted
    return whole_number("ensemble, if it is not True or False,", wanted, ResultError, low=FEWEST_MEMBERS)


def find_ensemble(
    store: StorePaths, name: str, run: str | None, seed: Member | None, ensemble: bool | int
) -> FoundEnsemble:
    """The models of the seeds of a run, and how their mean is decoded.

    Args:
        ensemble: True: all; else how many.
    Raises:
        ResultError: there are too few, or not all of their models were kept.
    """
    if seed is not None:
        raise ResultError(f"an ensemble is of several seeds; choose {member_title(seed)} alone, or leave the seed out")
    result = load_experiment(store, name)
    trials = choose_members(result, run, None if ensemble is True else ensemble)
    folders = tuple(checkpoint_folder(name, trial) for trial in trials)
    of_run = next(one for one in result.runs if one.run == trials[0].run)
    # out of fold, every sentence needs the model that has not seen it, whether that is a member or not
    everyone = of_run.ok_trials if ensemble is True or of_run.folds else trials
    read = read_members(everyone, kept_predictions(store, name))
    members = {trial.member for trial in trials}
    kept = Members(
        {trial.member: read.said[trial.member] for trial in trials if trial.member in read.said},
        {member: why for member, why in read.missing.items() if of_run.folds or member in members},
    )
    decoder = None if kept.missing else chosen_decoder(with_all_folds(read, kept))
    if decoder is None:
        why = kept.note or "no seed has the predictions of all its folds"
        log.warning("how the tags of the ensemble are found is that of its best member, not chosen anew: %s", why)
        return FoundEnsemble(result, trials, folders, None, None)
    # those that are left out are named, those that were not wanted are not
    scores = ensemble_from(
        of_run.run, everyone if ensemble is True else trials, read if ensemble is True else kept, decoder
    )
    tags = next(iter(kept.said.values())).tags
    return FoundEnsemble(result, trials, folders, OwnDecoder(decoder, tags), scores)
