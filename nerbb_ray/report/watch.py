"""A search that runs, as a page: what MLflow knows of it now, ranked."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import Member
from nerbb_ray.config.trials import most_trials
from nerbb_ray.errors import NerbbError
from nerbb_ray.forecast.remaining import Eta
from nerbb_ray.html.document import Section, document, panels, paragraph
from nerbb_ray.html.figures import figure
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.live.page import headline, trials_table
from nerbb_ray.live.state import SearchState, ShownTrial, State
from nerbb_ray.locks import holder_of
from nerbb_ray.mlflow_store.overview import results_so_far
from nerbb_ray.mlflow_store.reader import finished_curves
from nerbb_ray.paths import StorePaths
from nerbb_ray.report.runs import varying
from nerbb_ray.report.search import draw_progress
from nerbb_ray.report.search_values import best_so_far
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.frames import typed_params
from nerbb_ray.results.trial_result import SELECTION_METRIC, Status, TrialResult
from nerbb_ray.spelling import did_you_mean

REFRESH_S = 5
RUNNING: tuple[Status, ...] = ("running",)
STATES: Mapping[str, State] = {"ok": "done", "running": "training"}
Curves = Mapping[tuple[str, Member], Sequence[float]]


def watch_page(store: StorePaths, name: str, now: Callable[[], float] = time.time) -> str:
    """The page as it is now; it loads itself again.

    Args:
        now: seconds since 1970.
    Raises:
        ResultError: there is no such experiment, or MLflow cannot be read.
    """
    result = results_so_far(store, name)
    if result is None or not result.trials:
        begun = "No trial has begun yet." if store.config(name).is_file() else _unknown(store, name)
        return document(f"Search {name}", [Section("Trials", paragraph(begun))], refresh_s=REFRESH_S)
    curves = finished_curves(store.tracking_uri, name, SELECTION_METRIC, statuses=RUNNING)
    search = state_of(result, curves, _total(store, result), now())
    runs = any(trial.running for trial in search.trials) or holder_of(store.lock(name)) is not None
    errors = {trial.name: without_paths(trial.error) for trial in result.trials if trial.error}
    about = [] if runs else ["It does not run now: this is how it stands."]
    sections = [Section("Trials", trials_table(search, errors)), *_progress(result)]
    return document(f"Search {name}", sections, about=[headline(search), *about], refresh_s=REFRESH_S)


def _unknown(store: StorePaths, name: str) -> str:
    return f"There is no experiment {name} in this store; {did_you_mean(name, store.configs())}."


def _total(store: StorePaths, result: ExperimentResult) -> int:
    """How many trials there are to be: what the experiment's file says, if it can be read."""
    known = sum(run.n_total for run in result.runs)
    try:
        return max(known, most_trials(read_ini(store.find_config(result.name))))
    except NerbbError:
        return known


def state_of(result: ExperimentResult, curves: Curves, total: int, now_s: float) -> SearchState:
    """A search as the screen knows it.

    Args:
        curves: of the trials that run, val F1 after every epoch.
        total: trials that it is to have.
        now_s: seconds since 1970.
    """
    keys = varying(result)
    trials = [_shown(trial, keys, curves.get((trial.run, trial.member), ()), now_s) for trial in result.trials]
    begun = [trial.started_s for trial in result.trials if trial.started_s is not None]
    running = any(trial.running for trial in trials)
    ended = [trial.ended_s for trial in result.trials if trial.ended_s is not None]
    end = now_s if running or not ended else max(ended)
    return SearchState(
        name=result.name,
        total=max(total, len(trials)),
        trials=trials,
        elapsed_s=max(0.0, end - min(begun)) if begun else 0.0,
        left_s=_left_s(result, trials, total) if running else None,
    )


def _shown(trial: TrialResult, keys: Sequence[str], curve: Sequence[float], now_s: float) -> ShownTrial:
    params = typed_params(trial.params)
    scores = [*curve, trial.metrics.get(SELECTION_METRIC, math.nan)]
    decided = params.get("early_stopping") is False
    return ShownTrial(
        trial.run,
        trial.seed,
        STATES.get(trial.status, cast("State", trial.status)),
        {key: params[key] for key in keys if key in params},
        trial.epochs or 0,
        cast("int | None", params.get("max_epochs")) if decided else None,
        best_f1=max((score for score in scores if math.isfinite(score)), default=math.nan),
        val_loss=trial.metrics.get("val/loss", math.nan),
        elapsed_s=_elapsed_s(trial, now_s),
    )


def _elapsed_s(trial: TrialResult, now_s: float) -> float:
    if trial.status != "running" and trial.duration_s is not None:
        return trial.duration_s
    end = now_s if trial.status == "running" else trial.ended_s
    return 0.0 if end is None or trial.started_s is None else max(0.0, end - trial.started_s)


def _left_s(result: ExperimentResult, trials: Sequence[ShownTrial], total: int) -> float | None:
    """By how long the trials took that have ended, and how far the others are."""
    running = [trial for trial in trials if trial.running]
    eta = Eta(total, max(1, len(running)))
    for trial in result.trials:
        if trial.status != "running":
            eta.end(trial.run, trial.name, trial.duration_s if trial.ok else None)
    for shown in running:
        eta.epoch(shown.run, shown.name, shown.epochs, shown.elapsed_s, shown.of_epochs)
    left = eta.remaining_s()
    return None if left is None else left[1]


def _progress(result: ExperimentResult) -> list[Section]:
    steps = best_so_far(result)
    return [Section("Best so far", panels([figure(draw_progress(steps))]))] if len(steps) > 1 else []
