"""Ensembles of the seeds of each run, from the predictions that their trials have kept: no model is loaded."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerbb_ray.config.spec import Member, member_title, seed_and_fold
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.ner.ensemble import EnsembleScores, ensemble_scores, mean_log_probs
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.log_probs import FILE, LogProbs
from nerbb_ray.results.out_of_fold import on_the_same_words
from nerbb_ray.results.run_ensemble import ECE, F1, GAIN, HIGH, LEVEL, LOW, MEAN_ECE, MEAN_F1, RunEnsemble
from nerbb_ray.results.trial_result import TrialResult, learnt

log = logging.getLogger(__name__)

Places = Callable[[TrialResult], Iterable[Path]]
FEWEST = 2  # members
NOT_LEARNT = "its val F1 is near 0 (below a tenth of the best)"


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What the seeds of a run say of the same data.

    Args:
        said: by seed.
        missing: seed -> why it is not among them.
    """

    said: Mapping[Member, LogProbs]
    missing: Mapping[Member, str]

    @property
    def note(self) -> str | None:
        """`without seed 44: ...`; None if all are here."""
        seeds_of: dict[str, list[Member]] = {}
        for seed, reason in self.missing.items():
            seeds_of.setdefault(reason, []).append(seed)
        named = (f"without {member_title(*seeds)}: {reason}" for reason, seeds in seeds_of.items())
        return "; ".join(named) or None


def places_of(store: StorePaths, name: str) -> Places:
    """Where the predictions of the trials of an experiment may be: beside the model, also if the store was moved."""

    def places(trial: TrialResult) -> Iterable[Path]:
        folders = [Path(trial.checkpoint)] if trial.checkpoint else []
        return [folder / FILE for folder in (*folders, store.checkpoints(name, trial.run, trial.member))]

    return places


def run_ensembles(trials: Iterable[TrialResult], places: Places) -> dict[str, RunEnsemble]:
    """Of every run with at least two trials that ended ok, by its name; without those that have not learnt anything."""
    by_run: dict[str, list[TrialResult]] = {}
    for trial in trials:
        if trial.ok:
            by_run.setdefault(trial.run, []).append(trial)
    return {run: ensemble_from(run, ok, read_members(ok, places)) for run, ok in by_run.items() if len(ok) >= FEWEST}


def ensemble_from(
    run: str, trials: Sequence[TrialResult], everyone: Members, decoder: Decoder | None = None
) -> RunEnsemble:
    """That of a run.

    Args:
        everyone: what the trials say.
        decoder: None: chosen from what they say.
    """
    members = of_learnt(everyone, trials)
    if len(members.said) < FEWEST:
        found = RunEnsemble((), note=members.note)
    else:
        decoder = decoder or decoder_of_run(with_all_folds(everyone, members))
        metrics = _metrics(members.said, decoder, everyone.said)
        found = RunEnsemble(tuple(members.said), str(decoder), metrics, members.note)
    log.info("ensemble of run %s: seeds %s, %s; %s", run, found.seeds, dict(found.metrics), found.note or "complete")
    return found


def of_learnt(members: Members, trials: Sequence[TrialResult]) -> Members:
    """Without those that have not learnt what others of the run have; they are named."""
    good = {trial.member for trial in learnt(trials)}
    said = {member: one for member, one in members.said.items() if member in good}
    failed = {trial.member: NOT_LEARNT for trial in trials if trial.member not in good}
    return Members(said, {**members.missing, **failed})


def with_all_folds(everyone: Members, members: Members) -> Mapping[Member, LogProbs]:
    """Those by which the decoding is chosen: out of fold, every sentence needs the model that has not seen it."""
    inside = any(one.splits["val"].places is not None for one in everyone.said.values() if "val" in one.splits)
    return everyone.said if inside else members.said


def of_split(everyone: Members, trials: Sequence[TrialResult], split: str) -> Members:
    """Those that speak for a run on a split: all of them out of fold, see above; else those that have learnt."""
    inside = any(one.splits[split].places is not None for one in everyone.said.values() if split in one.splits)
    return everyone if inside else of_learnt(everyone, trials)


def read_members(trials: Iterable[TrialResult], places: Places) -> Members:
    """The predictions of trials of one run, as far as they are there and of the same words."""
    said: dict[Member, LogProbs] = {}
    missing: dict[Member, str] = {}
    for trial in sorted(trials, key=lambda trial: seed_and_fold(trial.member)):
        found = read_log_probs(trial, places)
        if isinstance(found, str):
            missing[trial.member] = found
        elif said and (difference := differs(next(iter(said.values())), found)):
            missing[trial.member] = f"{difference} as for {member_title(next(iter(said)))}"
        else:
            said[trial.member] = found
    return Members(said, missing)


def read_log_probs(trial: TrialResult, places: Places) -> LogProbs | str:
    """What a trial has kept, or why that cannot be had."""
    if str(trial.params.get("checkpoints")) == "False":
        return "checkpoints = False keeps no predictions"
    path = next((path for path in places(trial) if path.is_file()), None)
    if path is None:
        return f"its file {FILE} is not on this computer"
    try:
        return LogProbs.load(path)
    except (OSError, ValueError) as error:
        return f"{FILE} cannot be read ({error})"


def differs(one: LogProbs, other: LogProbs) -> str | None:
    """Why the predictions of two trials cannot be put together."""
    if (one.tags, one.scheme) != (other.tags, other.scheme):
        return "not the same tags"
    if one.data != other.data or one.splits.keys() != other.splits.keys() or one.folds != other.folds:
        return "not the same data"
    # what is a part of a fold is not the same for all of them
    pairs = [(one.splits[split], other.splits[split]) for split in one.splits if one.splits[split].places is None]
    same = all(np.array_equal(a.gold, b.gold) and np.array_equal(a.starts, b.starts) for a, b in pairs)
    return None if same else "not the same sentences"


def decoder_of_run(said: Mapping[Member, LogProbs]) -> Decoder:
    """That of the ensemble of these trials of a run; that of the first where nothing can be chosen."""
    return chosen_decoder(said) or next(iter(said.values())).decoder


def chosen_decoder(said: Mapping[Member, LogProbs]) -> Decoder | None:
    """Chosen on validation data; with folds, all that is held out of them, so that a seed must have all of its folds.

    Returns:
        None where no seed has; without validation data, that of the first.
    """
    first = next(iter(said.values()))
    if "val" not in first.splits:
        return first.decoder
    members = list(on_the_same_words(said, "val").values())
    return decoder_of(members) if members else None


def decoder_of(members: Sequence[LogProbs]) -> Decoder:
    """How the tags of an ensemble are found: chosen on the validation data like that of a single model."""
    first = members[0]
    if "val" not in first.splits:
        return first.decoder
    val = first.splits["val"]
    mean = mean_log_probs([one.splits["val"].log_probs for one in members])
    return first.decoders.choose(mean, val.gold, val.starts)[0]


def _metrics(
    members: Mapping[Member, LogProbs], decoder: Decoder, everyone: Mapping[Member, LogProbs]
) -> dict[str, float]:
    """
    Args:
        everyone: with the members that are left out, for what is a part of each fold.
    """
    metrics: dict[str, float] = {}
    for split, first_split in next(iter(members.values())).splits.items():
        said = list(on_the_same_words(members if first_split.places is None else everyone, split).values())
        if not said:
            continue
        first, one = said[0], said[0].splits[split]
        scores = ensemble_scores(
            [member.splits[split].log_probs for member in said],
            [member.decoder for member in said],
            decoder,
            one.gold,
            one.starts,
            first.tags,
            first.scheme,
        )
        metrics |= {f"{split}/{LEVEL}/{name}": value for name, value in _values(scores).items()}
    return metrics


def _values(scores: EnsembleScores) -> dict[str, float]:
    intervals = {F1: scores.ci95, GAIN: scores.gain_ci95}
    ends = {
        f"{name}_{end}": value for name, both in intervals.items() for end, value in zip((LOW, HIGH), both, strict=True)
    }
    return {
        F1: scores.f1,
        MEAN_F1: scores.mean_f1,
        GAIN: scores.gain,
        ECE: scores.ece,
        MEAN_ECE: scores.mean_ece,
        **{name: value for name, value in ends.items() if not math.isnan(value)},
    }
