"""What MLflow could not do, in a line, and what to do about it."""

import os
import re
import shlex
import sys

from nerbb_ray.errors import NerbbError
from nerbb_ray.logs import without_password
from nerbb_ray.mlflow_store.database import problem_of, sqlite_file, upgrade_commands

USERNAME, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
# by MLflow's names, where its server answers in its own words, and by the number of any other answer
NOT_KNOWN = re.compile(
    r"UNAUTHENTICATED|CUSTOMER_UNAUTHORIZED|INVALID_ACCESS_TOKEN|error code 401\b|\b401 Client Error"
)
NOT_ALLOWED = re.compile(r"PERMISSION_DENIED|error code 403\b|\b403 Client Error")


def advice(error: BaseException, tracking_uri: str) -> str:
    """The first line of an error of MLflow's, without passwords, and the way out."""
    if isinstance(error, NerbbError):
        return str(error)
    first = without_password((str(error).splitlines() or [type(error).__name__])[0])
    text = f"{getattr(error, 'error_code', '')} {error}"
    if "out-of-date database schema" in text:
        return f"{first}; {_upgrade(tracking_uri)}"
    if database := sqlite_file(tracking_uri):
        return problem_of(error, database) or f"{first}; the file stays as it is"
    if NOT_KNOWN.search(text):
        return f"it does not know who asks ({first}); {_who()}"
    if NOT_ALLOWED.search(text):
        return f"it does not allow this ({first}); {_who()}"
    return f"{first}; start the server, or set MLFLOW_TRACKING_URI to one that runs"


def _who() -> str:
    """How MLflow is told who asks, by what the environment has of it now."""
    given = [name for name in (USERNAME, PASSWORD, TOKEN) if os.environ.get(name)]
    ways = f"{USERNAME} and {PASSWORD}, or {TOKEN}"
    if not given:
        return f"set {ways}"
    user = f" (user {os.environ[USERNAME]!r})" if USERNAME in given else ""
    return f"check {' and '.join(given)}{user}: what is needed is {ways}, of a user who may read and write there"


def _upgrade(tracking_uri: str) -> str:
    if database := sqlite_file(tracking_uri):
        return f"upgrade it, with a copy first: {upgrade_commands(database)}"
    uri = shlex.quote(without_password(tracking_uri))
    return f"make a copy of the database, then upgrade it: {shlex.quote(sys.executable)} -m mlflow db upgrade {uri}"
