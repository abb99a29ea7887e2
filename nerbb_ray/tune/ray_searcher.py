"""The plan of an experiment as Ray Tune's Searcher."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from nerbb_ray.config.spec import RunSpec
from nerbb_ray.config.trials import TrialSpec, trial_of
from nerbb_ray.tune.job import Job
from nerbb_ray.tune.trial_plan import WORST, TrialPlan

CHOSEN = "chosen/"  # what the last report has of the kept weights, flattened by Tune


class SeedSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Starts trials as the plan says.

    Args:
        make_job: a trial with its paths.
    """

    def __init__(self, plan: TrialPlan, make_job: Callable[[TrialSpec], Job]) -> None:
        super().__init__()
        self._plan, self._make_job = plan, make_job
        self._trials: dict[str, TrialSpec] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The configuration of the next trial, Searcher.FINISHED, or None: ask again later."""
        trial = self._plan.next()
        if trial is None:
            return str(Searcher.FINISHED) if self._plan.ended else None
        self._trials[trial_id] = trial
        return {"job": self._make_job(trial).to_config()}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Hand on what a trial has reached: a failed one the worst there is, an interrupted one nothing."""
        trial, report = self._trials.pop(trial_id), result or {}
        if error:
            self._plan.end(trial, WORST, None)
        elif not report.get("final"):
            self._plan.end(trial, None, None)
        else:
            metrics = {name.removeprefix(CHOSEN): v for name, v in report.items() if name.startswith(CHOSEN)}
            value = WORST if report.get("diverged") else self._plan.value_of(metrics)
            self._plan.end(trial, value, report.get("elapsed_s"), whole=not report.get("cut"))

    def save(self, checkpoint_path: str) -> None:
        """What was reached. A driver that starts again reads it from MLflow instead, which also other drivers can."""
        plan = self._plan
        first = plan.seeds[0]
        state = {
            "runs": [trial_of(plan.spec, run, first).to_dict() for run in plan.runs.values()],
            "values": {run: list(found.items()) for run, found in plan.values.items()},
            "cut": list(plan.cut.items()),
            "finished_curves": plan.finished_curves,
            "durations_h": plan.durations_h,
        }
        Path(checkpoint_path).write_text(json.dumps(state), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Go on with what `save` wrote; trials that were running then are started again."""
        state = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        plan = self._plan
        plan.runs = {
            point.run: RunSpec(name=point.run, dataset=point.dataset, model=point.model, hparams=point.hparams)
            for point in map(TrialSpec.from_dict, state["runs"])
        }
        plan.values = {run: dict(found) for run, found in state["values"].items()}
        plan.cut = {(run, seed): curve for (run, seed), curve in state["cut"]}
        plan.finished_curves, plan.durations_h = state["finished_curves"], state["durations_h"]
        plan.running.clear()
