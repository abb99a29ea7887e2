"""From what a trial reports to Tune (see training.loop) to what is tracked of it: curves, final metrics, result.

The last report has the val and test metrics of the chosen checkpoint under "chosen". They have the names of the curves
and come at step = number of epochs, one past the last epoch (counted from 0): so every epoch keeps its own value, and
the latest value of every metric is that of the chosen checkpoint.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from nerbb_ray.config.trial_name import NamedTrial
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TrialResult

CURVE = re.compile(r"lr|train/.*|val/loss|val/token/all/acc|val/entity/.*/f1")
ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning)\b.*", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
ERROR_TAIL_BYTES = 64_000
End = Literal["completed", "failed", "interrupted"]
RAISED = "raised"  # of a report that announces an error of the trial itself, and is not that of an epoch


class TuneTrial(Protocol):
    """What the callbacks use of Tune's Trial."""

    trial_id: str
    experiment_tag: str
    config: dict[str, Any]
    status: str
    last_result: dict[str, Any] | None
    error_file: str | None


@dataclass(frozen=True, slots=True)
class TrackedTrial(NamedTrial):
    """A trial as MLflow and TensorBoard know it.

    Args:
        run: the configuration that it shares with other seeds.
        params: everything that is to be shown of its configuration.
        n_seeds: that the run is to have, with folds on all of them together; 0: not known.
        foreign: of a trainable that knows nothing of nerbb_ray.
        seed_key: of the parameters, the one that only tells the seed.
    """

    run: str
    seed: int
    params: Mapping[str, Any] = field(default_factory=dict)
    n_seeds: int = 0
    identity: Identity | None = None
    fold: int | None = None
    foreign: bool = False
    seed_key: str = "seed"

    @property
    def run_params(self) -> dict[str, Any]:
        """Those of its parameters that are of its run."""
        own = {self.seed_key} if self.foreign else {self.seed_key, "fold"}
        return {key: value for key, value in self.params.items() if key not in own}


class Reports(Protocol):
    """How the reports of trials are read: those of our own loop, or of any Tuner's trainable."""

    def trial(self, trial: TuneTrial) -> TrackedTrial:
        """Who reports."""

    def point(self, report: Mapping[str, Any]) -> tuple[int, dict[str, float]] | None:
        """The step of a report and what the curves show of it; None for one that is no point of them."""

    def outcome(self, trial: TuneTrial, report: Mapping[str, Any]) -> TrialResult | None:
        """The result of a trial whose last report this is; None if it goes on."""

    def ended(self, trial: TuneTrial, end: End) -> TrialResult:
        """The result of a trial that has ended without such a report."""

    def texts(self, report: Mapping[str, Any]) -> dict[str, str]:
        """Files that a last report carries: name -> text."""


@dataclass(frozen=True, slots=True)
class TrialJob:
    """The trial behind one of Tune's, and its log file if it has one."""

    spec: TrialSpec
    log: str | None
    identity: Identity | None = None

    @property
    def tracked(self) -> TrackedTrial:
        """As MLflow knows it."""
        spec = self.spec
        n_seeds = spec.settings.multiple_runs * spec.dataset.num_folds
        return TrackedTrial(spec.run, spec.seed, spec.params(), n_seeds, self.identity, spec.fold)


@dataclass(frozen=True, slots=True)
class LoopReports:
    """The reports of our own loop.

    Args:
        job_of: the trial behind a configuration of Tune's.
    """

    job_of: Callable[[Mapping[str, Any]], TrialJob]

    def trial(self, trial: TuneTrial) -> TrackedTrial:
        return self.job_of(trial.config).tracked

    def point(self, report: Mapping[str, Any]) -> tuple[int, dict[str, float]] | None:
        return (report["epoch"], curve_point(report)) if is_epoch(report) else None

    def outcome(self, trial: TuneTrial, report: Mapping[str, Any]) -> TrialResult | None:
        return result_of(self.job_of(trial.config), report) if is_final(report) else None

    def ended(self, trial: TuneTrial, end: End) -> TrialResult:
        job = self.job_of(trial.config)
        if end == "failed":
            return failure_of(job, trial)
        return replace(result_of(job, trial.last_result), status="interrupted", error="stopped before its end")

    def texts(self, report: Mapping[str, Any]) -> dict[str, str]:
        return dict(report.get("artifacts", {}))


def is_epoch(report: Mapping[str, Any]) -> bool:
    """Whether an epoch has ended."""
    return not report.get(RAISED)


def is_final(report: Mapping[str, Any]) -> bool:
    return bool(report.get("final"))


def curve_point(report: Mapping[str, Any]) -> dict[str, float]:
    """What the curves show of the epoch of a report; nothing of val where it was not validated, or has no words."""
    shown = {name: float(value) for name, value in report.items() if CURVE.fullmatch(name)}
    return {name: value for name, value in shown.items() if not (name.startswith("val/") and math.isnan(value))}


def final_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """The val and test metrics of the chosen checkpoint; empty if there is none."""
    return {name: float(value) for name, value in report["chosen"].items()}


def result_of(job: TrialJob, report: Mapping[str, Any] | None) -> TrialResult:
    """What a trial has reached with its latest report; `running` unless it is the last one."""
    report = report or {}
    trial = job.spec
    running = TrialResult(
        run=trial.run,
        seed=trial.seed,
        fold=trial.fold,
        status="running",
        params=trial.params(),
        epochs=report["epoch"] + 1 if "epoch" in report else None,
        duration_s=report.get("elapsed_s"),
        log=report.get("log") or job.log,
        identity=job.identity,
    )
    if not is_final(report):
        return running
    return replace(
        running,
        status="diverged" if report.get("diverged") else "cut" if report.get("cut") else "ok",
        metrics=final_metrics(report),
        epochs=report.get("epochs", running.epochs),
        error=_divergence(report, trial) if report.get("diverged") else None,
        checkpoint=report.get("checkpoint") or None,
        best_epoch=_epoch(report, "best_epoch"),
        kept_epoch=_epoch(report, "kept_epoch"),
        reason=report.get("reason") or None,
        note=_note(report),
    )


def _epoch(report: Mapping[str, Any], name: str) -> int | None:
    """Reports have numbers only: -1 stands for none."""
    epoch = report.get(name, -1)
    return None if epoch < 0 else epoch


def trial_result(job: TrialJob, last_report: Mapping[str, Any] | None, error: Exception | None) -> TrialResult:
    """What became of a trial: ok, diverged, failed (with the error's own line) or interrupted."""
    result = result_of(job, last_report)
    if error is not None:
        return replace(result, status="failed", metrics={}, checkpoint=None, error=error_line(str(error)))
    if result.status == "running":
        return replace(result, status="interrupted", error="interrupted before its end")
    return result


def _note(report: Mapping[str, Any]) -> str | None:
    if not report.get("micro_batch"):
        return None
    return f"memory was short: micro-batches of {report['micro_batch']} sentences, gradients added up, same batch_size"


def _divergence(report: Mapping[str, Any], trial: TrialSpec) -> str:
    value = (report.get("history") or [math.nan])[-1]
    return f"{trial.hparams.monitor} is {value} in epoch {report.get('epoch')} (counted from 0)"


def failure_of(job: TrialJob, trial: TuneTrial) -> TrialResult:
    """The result of a trial that raised: its error, and where to read more."""
    so_far = result_of(job, trial.last_result)
    text = read_tail(trial.error_file)
    log = so_far.log if so_far.log and Path(so_far.log).exists() else trial.error_file
    return replace(so_far, status="failed", metrics={}, checkpoint=None, error=error_line(text), log=log)


def read_tail(path: str | None) -> str:
    """The end of a text file; empty if there is no such file."""
    if path is None or not Path(path).is_file():
        return ""
    with Path(path).open("rb") as file:
        file.seek(max(0, Path(path).stat().st_size - ERROR_TAIL_BYTES))
        return file.read().decode(errors="replace")


def error_line(text: str) -> str:
    """The line of the last traceback of a text that names the error: `RuntimeError: CUDA out of memory.`"""
    text = ANSI.sub("", text)
    named = [match.group(0) for match in ERROR_LINE.finditer(text)]
    if named:
        return named[-1].strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "failed without a message"
