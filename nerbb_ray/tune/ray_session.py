"""Ray, quiet and local: how the driver connects, and what every worker process does first."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nerbb_ray.errors import ResourceError
from nerbb_ray.preparation.options import cluster_address
from nerbb_ray.preparation.resources import Machine

log = logging.getLogger(__name__)

REACHABLE_S = 10
SETTINGS = {
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
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


# an actor takes the next trial when the thread of the last one has ended; the default of 2 s is short on a busy machine
WORKER_SETTINGS = {"TUNE_FUNCTION_THREAD_TIMEOUT_S": "600"}


def worker_setup() -> None:
    """Runs first in every worker process: the cluster's address for clean-up actors, and the interface for Gloo.

    Without the address, the actor that frees the workers of a stopped trial cannot find the cluster when several run on
    one host; without the interface, Gloo binds loopback where the host's name resolves to it.
    """
    import psutil
    import ray

    os.environ.setdefault("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    address = ray.util.get_node_ip_address()
    for name, addresses in psutil.net_if_addrs().items():
        if any(a.address == address for a in addresses):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
            os.environ.setdefault("NCCL_SOCKET_IFNAME", name)


@contextmanager
def ray_session(address: str | None = None, *, num_cpus: int | None = None, dashboard: bool = True) -> Iterator[None]:
    """Connect to Ray, or start it on this machine; an already connected process keeps its connection.

    Args:
        address: of a cluster; None starts Ray here and stops it afterwards.
        num_cpus: of a Ray started here; None: all.
        dashboard: of a Ray started here, on 127.0.0.1. Trials with workers of their own need it: the state API, which
            frees the places of their workers, is part of it. It costs a dozen processes.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    address = cluster_address(address)
    if address:
        _check_reachable(address)
        try:
            ray.init(address=address, **_common())
        except ConnectionError as error:
            raise ResourceError(f"no Ray cluster at {address}: {error}; start one with `ray start --head`") from error
    else:
        _start_here(num_cpus, dashboard)
    _log_like_the_rest()
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _loopback_only() -> Iterator[None]:
    """A Ray that starts meanwhile listens on 127.0.0.1, as on macOS and Windows; on Linux it is every address.

    Its processes read the variable. So does this one, but when it imports Ray, which may be long ago.
    """
    from ray._private import ray_constants

    name = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    before = os.environ.get(name), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[name], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        variable, ray_constants.ENABLE_RAY_CLUSTER = before
        if variable is None:
            del os.environ[name]
        else:
            os.environ[name] = variable


def _start_here(num_cpus: int | None, dashboard: bool) -> None:
    """Start Ray on this machine. On a busy one its daemons may miss Ray's fixed deadline of 30 s: tried twice."""
    import ray

    for attempt in (1, 2):
        try:
            with _loopback_only():
                ray.init(
                    address="local",
                    num_cpus=num_cpus,
                    include_dashboard=dashboard,
                    dashboard_host="127.0.0.1",
                    **_common(),
                )
            return
        # Ray raises a bare Exception for this
        except Exception as error:
            log.warning("Ray did not start (attempt %d): %s", attempt, error)
            ray.shutdown()
            last = error
    raise ResourceError(f"Ray did not start on this machine: {last}; is it very busy? Try again.") from last


def _common() -> dict[str, Any]:
    """How every connection is made: quiet, and with the same first steps in every worker.

    Ray writes into the environment that it is given, so that every connection gets one of its own.
    """
    return {
        "runtime_env": {"worker_process_setup_hook": worker_setup, "env_vars": dict(WORKER_SETTINGS)},
        "logging_level": logging.ERROR,
        "log_to_driver": False,
    }


def ray_machine() -> Machine:
    """CPUs and GPUs of the cluster that this process is connected to."""
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Machine(tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in alive))


def _check_reachable(address: str) -> None:
    """Raises ResourceError if nobody listens at host:port: Ray itself would wait for minutes and end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():  # auto, local
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACHABLE_S).close()
    except OSError as error:
        raise ResourceError(f"no Ray cluster listens at {address}: {error}; check --address or RAY_ADDRESS") from error


def _log_like_the_rest() -> None:
    """What Ray says of a failed trial belongs into the log file: its own handlers print to the screen."""
    for name in ("ray", "ray.tune", "ray.train", "ray.data"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
