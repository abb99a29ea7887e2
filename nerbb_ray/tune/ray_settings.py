"""What must be known of Ray before it is imported: its settings, and how long the paths of its files get.

As `ray_private`, this is of Ray's inside, and written for Ray 2.60.
"""

import os
from pathlib import Path

# Settings of the driver. A process that imports Ray reads them then; what the user has set stays
DRIVER_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # without our environment these would be of no use: an idle process for every CPU
    "RAY_prestart_worker_first_driver": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # our callbacks write what Tune's own loggers would write again
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # Train hands on one report per poll: its default of 2 s would throttle short epochs
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}
# an actor takes the next trial when the thread of the last one has ended; the default of 2 s is short on a busy machine
WORKER_SETTINGS = {"TUNE_FUNCTION_THREAD_TIMEOUT_S": "600"}

# of the longest name of a socket: below the folder of a session, whose name ends with the number of the process
SESSION = "session_2026-01-31_12-00-00_123456_{pid}/sockets/{socket}"
SOCKET, DASHBOARD_SOCKET = "plasma_store", "dash_TaskEventsHead"


def longest_socket(folder: Path, *, dashboard: bool) -> str:
    """The longest path of a socket of a Ray whose temporary folder this is."""
    session = SESSION.format(pid=os.getpid(), socket=DASHBOARD_SOCKET if dashboard else SOCKET)
    return str(folder / session)
