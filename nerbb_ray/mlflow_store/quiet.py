"""MLflow, quiet and impatient: set before it is imported."""

import logging
import os

SETTINGS = {
    # a server that is down must not block the search for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # its log messages go where ours go, not to a handler of its own
    "MLFLOW_CONFIGURE_LOGGING": "false",
}
LOGGERS = ("mlflow", "alembic", "sqlalchemy", "urllib3", "git")


def quiet_mlflow() -> None:
    """What the user has set in the environment stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
