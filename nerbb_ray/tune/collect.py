"""From Tune's results to those of the experiment."""

from typing import Any

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.tracking.results import TrialResult
from nerbb_ray.tune.space import Job


def trial_result(job: Job, last: dict[str, Any], error: Exception | None) -> TrialResult:
    """What became of a trial.

    Args:
        last: its last report; empty if there was none.
        error: what it failed with.
    """
    final = bool(last.get("final"))
    message = None
    if error is not None:
        status, message = "failed", _cause(error)
    elif not final:
        status, message = "interrupted", "interrupted before its end"
    elif last["diverged"]:
        status, message = "diverged", f"the monitored value was not finite after epoch {last['epoch']}"
    else:
        status = "ok"
    return TrialResult(
        run=job.trial.run,
        seed=job.trial.seed,
        status=status,  # type: ignore[arg-type]  # one of the four above
        metrics=last.get("chosen", {}),
        params=job.trial.params(),
        epochs=last.get("epochs", last["epoch"] + 1 if last else None),
        error=message,
        checkpoint=last.get("checkpoint") or None,
        duration_s=last.get("elapsed_s"),
        log=str(job.log),
        best_epoch=last.get("best_epoch"),
        reason=last.get("reason"),
    )


def _cause(error: Exception) -> str:
    """The last line of what a trial failed with: the exception itself, below the layers of Ray."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def in_order(trials: tuple[TrialSpec, ...], results: dict[str, TrialResult]) -> list[TrialResult]:
    """Results by the order of the experiment; a trial that never started is interrupted."""
    return [
        results.get(trial.name)
        or TrialResult(trial.run, trial.seed, "interrupted", params=trial.params(), error="never started")
        for trial in trials
    ]
