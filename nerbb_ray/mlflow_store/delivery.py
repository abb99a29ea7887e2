"""From the events of an experiment to MLflow, by way of the folder where they wait if it cannot be reached."""

import logging
from pathlib import Path

from nerbb_ray.errors import ResultError
from nerbb_ray.logs import without_password
from nerbb_ray.mlflow_store.events import Event, from_dict, to_dict
from nerbb_ray.mlflow_store.outbox import Outbox
from nerbb_ray.mlflow_store.spool import Spool
from nerbb_ray.mlflow_store.writer import MlflowWriter

log = logging.getLogger(__name__)


def open_outbox(
    folder: str | Path | None,
    tracking_uri: str,
    experiment: str,
    artifact_location: str | None = None,
    retry_after_s: float = 30.0,
    patience_s: float = 5.0,
) -> Outbox[Event]:
    """An outbox of events to MLflow. Nothing is read, written or asked before the first event.

    Args:
        folder: where events wait; None: in memory only.
    """
    writer = MlflowWriter(tracking_uri, experiment, artifact_location)
    spool = None if folder is None else _spool(folder)
    return Outbox(writer.deliver, f"MLflow at {without_password(tracking_uri)}", spool, retry_after_s, patience_s)


def deliver_waiting(
    folder: str | Path, tracking_uri: str, experiment: str, artifact_location: str | None = None
) -> int:
    """Deliver what earlier drivers of an experiment could not: before anything is decided by what MLflow has of it.

    Where nothing waits, nothing is asked of MLflow. What a running driver has in its hands is left to it. Events that
    MLflow refuses are named in the log and go on waiting.

    Returns:
        How many events MLflow has taken.
    Raises:
        ResultError: MLflow cannot be reached: what it says of the experiment is not all that there is.
    """
    spool = _spool(folder)
    if not spool.path.exists() or spool.is_in_use():
        return 0
    outbox = open_outbox(folder, tracking_uri, experiment, artifact_location)
    found = len(outbox.undelivered)
    left = len(outbox.close())
    if outbox.behind:
        waits = (
            f"{left} events of experiment {experiment} wait in {folder}, and MLflow at {without_password(tracking_uri)}"
        )
        raise ResultError(f"{waits} cannot be reached; nothing is lost: make it run, and try again")
    if found:
        log.info("%d of %d events that waited in %s are in MLflow now", found - left, found, folder)
    return found - left


def _spool(folder: str | Path) -> Spool[Event]:
    return Spool(Path(folder), to_dict, from_dict)
