"""What the ensembles of an experiment's seeds gain, in cells and sentences."""

import math
from collections.abc import Sequence

from nerbb_ray.config.spec import member_kind
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.run_ensemble import ECE, F1, GAIN, MEAN_ECE, RunEnsemble
from nerbb_ray.results.trial_result import RunResult, TrialResult

TITLE = "ensemble"
SPLITS = ("val", "test")
PREDICTIONS_KEPT = 3  # the first numerics of which trials keep theirs
NOTHING_KEPT = (
    "no ensemble: an earlier version trained its seeds and kept no predictions to make it from; "
    "the models are one with --ensemble all the same"
)


def ensemble_of(run: RunResult) -> RunEnsemble | None:
    """That of a run, if there is one."""
    return run.ensemble if run.ensemble is not None and run.ensemble.seeds else None


def score_cell(ensemble: RunEnsemble, split: str) -> str:
    """`0.6390 [0.601, 0.672]`"""
    value, (low, high) = ensemble.value(split, F1), ensemble.interval(split, F1)
    if not math.isfinite(value):
        return "-"
    return f"{value:.4f} [{low:.3f}, {high:.3f}]" if math.isfinite(low) else f"{value:.4f}"


def gain_words(ensemble: RunEnsemble, split: str) -> str:
    """`+2.1 points [1.2, 3.0]`"""
    gain, (low, high) = ensemble.value(split, GAIN), ensemble.interval(split, GAIN)
    if not math.isfinite(gain):
        return "-"
    interval = f" [{100 * low:+.1f}, {100 * high:+.1f}]" if math.isfinite(low) else ""
    return f"{100 * gain:+.1f} points{interval}"


def calibration_words(ensemble: RunEnsemble, split: str) -> str:
    """`0.031 -> 0.012`: of the members, of the ensemble."""
    values = [ensemble.value(split, name) for name in (MEAN_ECE, ECE)]
    return " -> ".join(f"{value:.3f}" if math.isfinite(value) else "-" for value in values)


def ensemble_sentences(result: ExperimentResult, best: str | None) -> list[str]:
    """Of the best run what its ensemble gains; of all, why there is none."""
    return gain_sentences(result, best) + missing_sentences(result)


def gain_sentences(result: ExperimentResult, run: str | None) -> list[str]:
    """What the ensemble of a run gains; nothing if there is none."""
    found = next((ensemble_of(one) for one in result.runs if one.run == run), None)
    return [] if run is None or found is None else [_gain_sentence(run, found)]


def _gain_sentence(run: str, found: RunEnsemble) -> str:
    split = "test" if math.isfinite(found.value("test", F1)) else "val"
    members = f"ensemble of the {len(found.seeds)} {member_kind(*found.seeds)}s of {run}"
    use = "Use it with --ensemble" if found.value(split, GAIN) > 0 else "It is no better here than one of them"
    return (
        f"{members} ({found.decoding}): {split} F1 {score_cell(found, split)}, "
        f"{gain_words(found, split)} to their mean; calibration error {calibration_words(found, split)}. {use}"
    )


def missing_sentences(result: ExperimentResult) -> list[str]:
    """What is not in the ensembles; what is true of several runs is said once."""
    runs_of: dict[str, list[RunResult]] = {}
    for run in result.runs:
        if run.ensemble is not None and run.ensemble.note:
            kind = "its ensemble is" if run.ensemble.seeds else "no ensemble:"
            runs_of.setdefault(f"{kind} {run.ensemble.note}", []).append(run)
        elif run.ensemble is None and run.n_ok > 1 and all(map(_kept_nothing, run.ok_trials)):
            runs_of.setdefault(NOTHING_KEPT, []).append(run)
    return [f"{_named(runs)}: {words}" for words, runs in runs_of.items()]


def _kept_nothing(trial: TrialResult) -> bool:
    """Whether a version has trained it that did not keep predictions."""
    return trial.identity is not None and (trial.identity.numerics or PREDICTIONS_KEPT) < PREDICTIONS_KEPT


def _named(runs: Sequence[RunResult]) -> str:
    return runs[0].run if len(runs) == 1 else f"{len(runs)} runs"
