"""The agenda of an experiment as Ray Tune's Searcher."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from nerbb_ray.config.spec import RunSpec
from nerbb_ray.config.trials import TrialSpec, trial_of
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
        agenda = self._agenda
        first = agenda.seeds[0]
        state = {
            "runs": [trial_of(agenda.spec, run, first).to_dict() for run in agenda.runs.values()],
            "values": {run: list(found.items()) for run, found in agenda.values.items()},
            "finished_curves": agenda.finished_curves,
            "durations_h": agenda.durations_h,
        }
        Path(checkpoint_path).write_text(json.dumps(state), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Go on with what `save` wrote; trials that were running then are started again."""
        state = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        agenda = self._agenda
        agenda.runs = {
            point.run: RunSpec(name=point.run, dataset=point.dataset, model=point.model, hparams=point.hparams)
            for point in map(TrialSpec.from_dict, state["runs"])
        }
        agenda.values = {run: dict(found) for run, found in state["values"].items()}
        agenda.finished_curves, agenda.durations_h = state["finished_curves"], state["durations_h"]
        agenda.running.clear()
