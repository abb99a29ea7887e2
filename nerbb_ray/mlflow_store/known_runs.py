"""The runs of an experiment as MLflow has them: what its writer must know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nerbb_ray.mlflow_store import schema as records
from nerbb_ray.mlflow_store.bookkeeping import counts_of
from nerbb_ray.mlflow_store.events import Order
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import TrialResult

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(slots=True)
class Child:
    """A trial as MLflow has it.

    Args:
        last_epoch: the last one whose values are there; -1 without any.
        attempt_begins: no epoch of the current attempt has come yet.
        order: of the last event that MLflow has of it.
        final: the metrics of its chosen checkpoint; empty without.
    """

    run_id: str
    start_ms: int
    result: TrialResult
    last_epoch: int = -1
    attempt_begins: bool = True
    order: Order = (0, 0)
    has_params: bool = False
    final: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Parent:
    """A run of the grid as MLflow has it, with the latest values of its metrics by their name in MLflow.

    Args:
        verdict: its tags.
        means: the table of all means.
        n_seeds, note, ensemble: what a RunResult has beside its trials.
        has_data: its data set is there.
    """

    run_id: str
    status: str
    metrics: dict[str, float] = field(default_factory=dict)
    has_params: bool = False
    verdict: Mapping[str, str] = field(default_factory=dict)
    means: str | None = None
    n_seeds: int = 0
    note: str | None = None
    ensemble: RunEnsemble | None = None
    has_data: bool = False


def newest_ms(run: "Run") -> int:
    """The latest time that an MLflow run has of anything."""
    metrics = getattr(run.data, "_metric_objs", ())  # RunData.metrics has no times
    times: list[int] = [run.info.start_time or 0, run.info.end_time or 0, *(metric.timestamp for metric in metrics)]
    return max(times)


def child_of(run: "Run") -> Child:
    result, counts = records.trial_result(run), counts_of(run)
    return Child(
        run.info.run_id,
        run.info.start_time,
        result,
        last_epoch=int(counts.get("epoch", -1)),
        order=records.order_of(run),
        has_params=bool(run.data.params),
        final=result.metrics if "epochs" in counts else {},
    )


def parent_of(run: "Run") -> Parent:
    told = (records.VERDICT, records.VERDICT_WORDS, records.DESCRIPTION)
    return Parent(
        run.info.run_id,
        run.info.status,
        dict(run.data.metrics),
        bool(run.data.params),
        verdict={key: run.data.tags[key] for key in told if key in run.data.tags},
        note=run.data.tags.get(records.RUN_NOTE) or None,
        ensemble=records.run_ensemble(run),
        has_data=bool(run.inputs and run.inputs.dataset_inputs),
    )
