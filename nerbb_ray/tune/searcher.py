"""The agenda of an experiment as Ray Tune's Searcher."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.tune.agenda import WORST, Agenda
from nerbb_ray.tune.space import Job

CHOSEN = "chosen/"  # what the last report has of the kept weights, flattened by Tune


class SeedSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Starts trials as the agenda says.

    Args:
        make_job: a trial with its paths.
    """

    def __init__(self, agenda: Agenda, make_job: Callable[[TrialSpec], Job]) -> None:
        super().__init__()
        self._agenda, self._make_job = agenda, make_job
        self._trials: dict[str, TrialSpec] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The configuration of the next trial, Searcher.FINISHED, or None: ask again later."""
        trial = self._agenda.next()
        if trial is None:
            return str(Searcher.FINISHED) if self._agenda.ended else None
        self._trials[trial_id] = trial
        return {"job": self._make_job(trial).to_config()}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Hand on what a trial has reached: a failed one the worst there is, an interrupted one nothing."""
        trial, report = self._trials.pop(trial_id), result or {}
        if error:
            self._agenda.end(trial, WORST, None)
        elif not report.get("final"):
            self._agenda.end(trial, None, None)
        else:
            metrics = {name.removeprefix(CHOSEN): v for name, v in report.items() if name.startswith(CHOSEN)}
            value = WORST if report.get("diverged") else self._agenda.value_of(metrics)
            self._agenda.end(trial, value, report.get("elapsed_s"), whole=not report.get("cut"))

    def save(self, checkpoint_path: str) -> None:
        """What was reached. A driver that starts again reads it from MLflow instead, which also other drivers can."""
        state = {name: getattr(self._agenda, name) for name in ("runs", "values", "finished_curves", "durations_h")}
        Path(checkpoint_path).write_bytes(pickle.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Go on with what `save` wrote; trials that were running then are started again."""
        for name, value in pickle.loads(Path(checkpoint_path).read_bytes()).items():
            setattr(self._agenda, name, value)
        self._agenda.running.clear()
