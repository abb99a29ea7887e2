"""The trial plan of an experiment as Ray Tune's Searcher."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from nerbb_ray.config.spec import RunSpec
from nerbb_ray.config.trials import TrialSpec, any_trial_of
from nerbb_ray.results.reports import is_epoch, is_final
from nerbb_ray.training.stop_request import ask_to_end
from nerbb_ray.tune.job import Job, tune_config, varying_keys
from nerbb_ray.tune.trial_plan import WORST, TrialPlan

CHOSEN = "chosen/"  # what the last report has of the kept weights, flattened by Tune


class SeedSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Starts trials as the plan says, and asks those to end that cannot catch up with the leader of a race any more.

    Args:
        make_job: a trial with its paths, written down for whoever will run it.
    """

    def __init__(self, plan: TrialPlan, make_job: Callable[[TrialSpec], Job]) -> None:
        super().__init__()
        self._plan, self._make_job = plan, make_job
        self._varying = varying_keys(plan.spec)
        self._jobs: dict[str, Job] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles it into a file; whoever reads that has other data at hand
        return self.__dict__ | {"_make_job": None}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The configuration of the next trial, Searcher.FINISHED, or None: ask again later."""
        trial = self._plan.next()
        if trial is None:
            return str(Searcher.FINISHED) if self._plan.ended else None
        self._jobs[trial_id] = self._make_job(trial)
        return tune_config(trial, self._varying)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """An epoch: a trial that lags too far behind ends after its next one."""
        job = self._jobs.get(trial_id)
        if job is None or not is_epoch(result):
            return
        why = self._plan.watch(job.trial, result)
        if why and not is_final(result):
            ask_to_end(job.states, why)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Hand on what a trial has reached: a failed one the worst there is, an interrupted one nothing."""
        trial, report = self._jobs.pop(trial_id).trial, result or {}
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
        state = {
            "runs": [any_trial_of(plan.spec, run).to_dict() for run in plan.runs.values()],
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
