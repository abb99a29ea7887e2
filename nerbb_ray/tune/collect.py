"""From Tune's results to those of the experiment."""

from dataclasses import replace
from typing import Any

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.results.experiment_result import TrialResult
from nerbb_ray.results.reports import TrialJob, error_line, result_of
from nerbb_ray.tune.job import Job


def trial_result(job: Job, last_report: dict[str, Any] | None, error: Exception | None) -> TrialResult:
    """What became of a trial: ok, diverged, failed (with the error's own line) or interrupted."""
    result = result_of(TrialJob(job.trial, str(job.log)), last_report)
    if error is not None:
        return replace(result, status="failed", metrics={}, checkpoint=None, error=error_line(str(error)))
    if result.status == "running":
        return replace(result, status="interrupted", error="interrupted before its end")
    return result


def in_order(trials: tuple[TrialSpec, ...], results: dict[str, TrialResult]) -> list[TrialResult]:
    """Results by the order of the experiment; a trial that never started is interrupted.

    Earlier seeds that the experiment no longer asks for come last.
    """
    planned = {trial.name for trial in trials}
    return [
        results.get(trial.name)
        or TrialResult(trial.run, trial.seed, "interrupted", params=trial.params(), error="never started")
        for trial in trials
    ] + [result for name, result in results.items() if name not in planned]
