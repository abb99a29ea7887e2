"""A store that was moved: its own database learns where the artifacts of an experiment are now.

MLflow keeps absolute places and has no call to change them: artifacts of new trials would go to the old place, which
would be made again, and MLflow's page would find none of the earlier ones.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from nerbb_ray.mlflow_store.database import BUSY_S, sqlite_file

log = logging.getLogger(__name__)


def follow_move(tracking_uri: str, experiment_id: str, recorded: str, wanted: str) -> None:
    """Change the place of an experiment's artifacts, and of all its runs, if the store was moved.

    It was, if the database lies beside the wanted place, and the artifacts are there, or no more where they were. In a
    database that stores share, each has a place of its own, and nothing is changed.

    Args:
        recorded, wanted: folders as URIs.
    Raises:
        sqlite3.Error: the database cannot be written.
    """
    database, now, then = sqlite_file(tracking_uri), _folder(wanted), _folder(recorded)
    if recorded == wanted or database is None or now is None or then is None:
        return
    if database.absolute().parent != now.parent.parent or not (now.is_dir() or not then.exists()):
        return
    address = f"{database.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S)) as connection, connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (wanted, experiment_id)
        )
        connection.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
            "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
            (wanted, len(recorded) + 1, experiment_id, len(recorded) + 1, f"{recorded}/"),
        )
    log.info("the store was moved: artifacts of experiment %s are at %s, no more at %s", experiment_id, now, then)


def _folder(uri: str) -> Path | None:
    """Of a file URI, or of a plain path."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return None if parts.scheme else Path(uri)
