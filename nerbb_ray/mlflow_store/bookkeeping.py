"""What the MLflow run of a trial has beside the trial's own metrics: its epochs, the best one, how long it took.

Of our own trials these have plain names. A trainable that knows nothing of nerbb_ray may report metrics of the same
names: of its trials they begin with `nerbb/`, as versions before 0.13 did not write them.
"""

import math
from typing import TYPE_CHECKING

from nerbb_ray.mlflow_store.class_values import is_detail, read_tags
from nerbb_ray.mlflow_store.names import read_name, read_value
from nerbb_ray.results.reports import CURVE
from nerbb_ray.results.trial_result import TrialResult

if TYPE_CHECKING:
    from mlflow.entities import Run

FOREIGN = "nerbb.foreign"  # a tag
PREFIX = "nerbb/"
COUNTS = ("epoch", "epochs", "best_epoch", "kept_epoch", "elapsed_s")


def count_name(name: str, *, foreign: bool) -> str:
    """How a count of a trial is called among its metrics."""
    return f"{PREFIX}{name}" if foreign else name


def end_values(result: TrialResult) -> dict[str, float]:
    """What MLflow gets of the end of a trial: its metrics that have a page there, and its counts."""
    counts = {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "kept_epoch": result.kept_epoch,
        "elapsed_s": result.duration_s,
    }
    known = {
        count_name(name, foreign=result.foreign): float(value) for name, value in counts.items() if value is not None
    }
    # of what has a curve, the latest value is to be that of the chosen weights
    final = {
        name: value
        for name, value in result.metrics.items()
        if result.foreign or not is_detail(name) or CURVE.fullmatch(name)
    }
    return final | known


def is_foreign(run: "Run") -> bool:
    """Whether a child run is of a trainable that knows nothing of nerbb_ray."""
    # versions before 0.13 did not say so; our own trials always have a model
    return FOREIGN in run.data.tags or (bool(run.data.params) and "pretrained_model_name" not in run.data.params)


def counts_of(run: "Run") -> dict[str, float]:
    """The counts of a child run by their plain names, as far as it has them."""
    found, foreign = run.data.metrics, is_foreign(run)
    prefix = PREFIX if foreign and _has_prefix(run) else ""
    names = ("epoch", "epochs", "elapsed_s") if foreign else COUNTS
    known = {name: found[prefix + name] for name in names if prefix + name in found}
    # before they were told apart, a foreign metric may have taken their place
    return {name: value for name, value in known.items() if math.isfinite(value)}


def metrics_of(run: "Run") -> dict[str, float]:
    """The metrics of the trial that a child run stands for; of a foreign one, those of its last report."""
    found = run.data.metrics
    names = _of_last_report(run) if is_foreign(run) else [name for name in found if name.startswith(("val/", "test/"))]
    return {read_name(name): read_value(found[name]) for name in names} | read_tags(run.data.tags)


def _of_last_report(run: "Run") -> list[str]:
    """It came to MLflow with the number of epochs; a trial may have reported other metrics before."""
    steps = {metric.key: metric.step for metric in getattr(run.data, "_metric_objs", ())}  # RunData.metrics has none
    end = steps.get(count_name("epochs", foreign=_has_prefix(run)))
    return [name for name, step in steps.items() if step == end and not _is_count(name, run)]


def _has_prefix(run: "Run") -> bool:
    return any(PREFIX + name in run.data.metrics for name in COUNTS)


def _is_count(name: str, run: "Run") -> bool:
    return name.startswith(PREFIX) if _has_prefix(run) else name in COUNTS
