"""The single writing steps on MlflowClient, each of which may be repeated."""

import json
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nerbb_ray.mlflow_store import schema as records
from nerbb_ray.mlflow_store.class_values import TABLE, table_tag, values_table, write_tags
from nerbb_ray.mlflow_store.confusion_picture import confusion_png
from nerbb_ray.mlflow_store.events import Files, Order
from nerbb_ray.mlflow_store.names import MAX_NAME, write_name
from nerbb_ray.mlflow_store.new_place import follow_move
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import Status, TrialResult

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

STATUS_IN_MLFLOW: dict[Status, str] = {
    "ok": "FINISHED",
    "failed": "FAILED",
    "diverged": "FAILED",
    "interrupted": "KILLED",
    "running": "RUNNING",
    "cut": "KILLED",
}
DIGEST = 36  # MLflow takes so many characters
METRICS_PER_CALL = 900  # MLflow takes 1,000 entities
PARAMS_PER_CALL = 100

log = logging.getLogger(__name__)

Value = TypeVar("Value")


def as_uri(location: str | None) -> str | None:
    """A folder as a URI: MLflow would read a # or a % in a plain path as a part of one."""
    return location if location is None or "://" in location else Path(location).absolute().as_uri()


def place_of_artifacts(tracking_uri: str, folder: str | None) -> str | None:
    """Where a new experiment has its artifacts; a server has its own place for them."""
    return None if tracking_uri.startswith("http") else as_uri(folder)


def open_experiment(client: "MlflowClient", name: str, artifact_location: str | None) -> str:
    """The id of an experiment, which is made or taken out of MLflow's bin if need be."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location, tags={records.KIND: "experiment"}))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    if records.KIND not in experiment.tags:
        client.set_experiment_tag(experiment.experiment_id, records.KIND, "experiment")
    if artifact_location is not None:
        follow_move(client.tracking_uri, experiment.experiment_id, experiment.artifact_location, artifact_location)
    return str(experiment.experiment_id)


def log_metrics(
    client: "MlflowClient",
    run_id: str,
    values: Mapping[str, float],
    time_ms: int,
    step: int,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Under the names that MLflow takes. NaN is kept as NaN.

    Args:
        tags: that are there once all metrics are.
    """
    from mlflow.entities import Metric, RunTag

    named = _named(values)
    metrics = [Metric(name, value, time_ms, step) for name, value in named.items()]
    parts = [metrics[first : first + METRICS_PER_CALL] for first in range(0, len(metrics), METRICS_PER_CALL)]
    for part in parts[:-1]:
        client.log_batch(run_id, metrics=part)
    last_tags = [RunTag(key, text) for key, text in (tags or {}).items()]
    if parts or last_tags:
        client.log_batch(run_id, metrics=parts[-1] if parts else [], tags=last_tags)


def log_params(client: "MlflowClient", run_id: str, params: Mapping[str, object]) -> None:
    """Under the names that MLflow takes."""
    from mlflow.entities import Param

    found = [Param(key, str(value)) for key, value in _named(params).items()]
    for first in range(0, len(found), PARAMS_PER_CALL):
        client.log_batch(run_id, params=found[first : first + PARAMS_PER_CALL])


def _named(values: Mapping[str, Value]) -> dict[str, Value]:
    """By the names that MLflow takes; what has too long a one is left out, with a warning."""
    named = {write_name(name): value for name, value in values.items()}
    for name in [name for name in named if len(name) > MAX_NAME]:
        log.warning("MLflow takes no name of more than %d characters: %s is not stored", MAX_NAME, name)
        del named[name]
    return named


def set_tags(client: "MlflowClient", run_id: str, tags: Mapping[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, text) for key, text in tags.items()])


def set_result(client: "MlflowClient", run_id: str, result: TrialResult, time_ms: int, order: Order) -> None:
    """Everything about the end of a trial but its metrics."""
    texts = {
        records.STATUS: result.status,
        records.ERROR: result.error,
        records.REASON: result.reason,
        records.CHECKPOINT: result.checkpoint,
        records.LOG: result.log,
        records.DATA: result.data,
        records.NOTE: result.note,
        records.IDENTITY: identity_text(result.identity),
        records.ORDER: order_text(order),
    }
    if not result.foreign:
        texts |= write_tags(result.metrics)
        texts |= table_tag(TABLE) if values_table(result.metrics) else {}
    set_tags(client, run_id, {key: text or "" for key, text in texts.items()})
    set_status(client, run_id, STATUS_IN_MLFLOW[result.status], time_ms)


def log_data(client: "MlflowClient", run_id: str, name: str, fingerprint: str, source: str) -> None:
    """The data set of a run, as MLflow's page names it; told twice, it is there once.

    Args:
        source: where it comes from: the name by which it was asked for.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    about = json.dumps({"name": source, "sha256": fingerprint})
    data = Dataset(name=name, digest=fingerprint[:DIGEST], source_type="nerbb_ray", source=about)
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training, validation, test")])])


def identity_text(identity: Identity | None) -> str:
    """As a tag has it; empty if nothing is known."""
    return "" if identity is None else json.dumps(identity.to_dict())


def order_text(order: Order) -> str:
    """As a tag has it."""
    return f"{order[0]}.{order[1]}"


def set_status(client: "MlflowClient", run_id: str, status: str, time_ms: int) -> None:
    if status == "RUNNING":
        client.update_run(run_id, status=status)
    else:
        client.set_terminated(run_id, status, end_time=time_ms)


def store_text(client: "MlflowClient", run_id: str, name: str, text: str) -> None:
    """A file, replaced if it exists."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        client.log_artifact(run_id, str(path))


def store_files(client: "MlflowClient", run_id: str, files: Files) -> None:
    """Texts, a picture of every confusion matrix among them, and those of the files that this machine can see."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.texts.items():
            path = Path(folder, name)
            path.write_text(text, encoding="utf-8")
            if path.match("confusion_matrix_*.csv"):
                level = path.stem.removeprefix("confusion_matrix_")
                title = f"{files.trial.name}: test, {level} level"
                path.with_suffix(".png").write_bytes(confusion_png(text, title))
        if files.texts:
            client.log_artifacts(run_id, folder)
    for path in map(Path, files.paths):
        if path.is_file():
            client.log_artifact(run_id, str(path))
