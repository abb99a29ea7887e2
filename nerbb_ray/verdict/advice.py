"""Where the models of an experiment are, and the commands that are useful now: lines that can be pasted."""

import math
import os
import shlex
from collections.abc import Iterator

from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, RunResult, TrialResult

EXAMPLE = "Anna lives in Berlin."


def model_lines(result: ExperimentResult) -> Iterator[str]:
    """The best model: that of the best seed of the best run, or why there is none; and where all are."""
    saved = [trial for trial in result.trials if trial.ok and trial.checkpoint]
    yield from _best_model(result, bool(saved))
    folders = [os.path.dirname(os.path.dirname(trial.checkpoint or "")) for trial in saved]  # noqa: PTH120
    if len(saved) > 1:
        yield f"all models: {os.path.commonpath(folders)}"


def _best_model(result: ExperimentResult, any_saved: bool) -> Iterator[str]:
    if not any(run.n_ok for run in result.runs):
        return
    try:
        run = result.best_run()
    except ResultError:
        if any_saved:
            yield "best model: none can be named, since val F1 is undefined everywhere"
        return
    trial, highest = best_seed(run), _highest(result)
    if not trial.checkpoint:
        yield f"best model: that of {trial.name} was not kept (checkpoints = False)"
        return
    yield f"best model: {trial.checkpoint}"
    if highest is not None and highest.run != run.run:
        value = highest.metrics[SELECTION_METRIC]
        yield f"  (val F1 of {highest.name} is higher, {value:.4f}: a lucky seed of a run with a lower mean)"


def best_seed(run: RunResult) -> TrialResult:
    """The ok trial of a run with the highest val entity micro F1; the first one if it is undefined in all."""

    def value(trial: TrialResult) -> float:
        found = trial.metrics.get(SELECTION_METRIC, math.nan)
        return found if math.isfinite(found) else -math.inf

    return max(run.ok_trials, key=value)


def _highest(result: ExperimentResult) -> TrialResult | None:
    try:
        return result.best_trial()
    except ResultError:
        return None


def next_commands(result: ExperimentResult, store: str | None) -> Iterator[str]:
    """Whole command lines, quoted for a shell.

    Args:
        store: that they have to name; None for the default one.
    """
    name = result.name
    if not any(run.n_ok for run in result.runs):
        return
    commands = [["report", name]]
    if sum(run.n_ok > 0 for run in result.runs) > 1:
        commands.append(["compare", name])
    if run_with_model(result) is not None:
        of_run = run_to_name(result)
        chosen = [] if of_run is None else ["--run", of_run]
        commands += [["predict", name, *chosen, EXAMPLE], ["export", name, f"{name}-model", *chosen]]
    where = [] if store is None else ["--store", store]
    for command in commands:
        yield shell_line(["nerbb", *command, *where])


def run_to_name(result: ExperimentResult) -> str | None:
    """The run to be named for its model: without it, the trial with the highest val F1 is taken, whatever its run is.
    None where that is the same run, or nothing was kept."""
    run, highest = run_with_model(result), _highest(result)
    return run if highest is not None and highest.run != run else None


def run_with_model(result: ExperimentResult) -> str | None:
    """The best run, if the model of its best seed was kept."""
    try:
        run = result.best_run()
    except ResultError:
        return None
    return run.run if best_seed(run).checkpoint else None


def shell_line(words: list[str]) -> str:
    """A command as it would be typed: a text in double quotes, as far as these quote it."""
    return " ".join(f'"{word}"' if word == EXAMPLE else shlex.quote(word) for word in words)
