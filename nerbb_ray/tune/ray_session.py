"""Ray, quiet and local: how the driver connects, and what every worker process does first."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psutil

from nerbb_ray.errors import ResourceError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.preparation.options import cluster_address, starts_here
from nerbb_ray.preparation.resources import Machine
from nerbb_ray.tune.ray_folders import temporary_folder
from nerbb_ray.tune.ray_settings import DRIVER_SETTINGS, WORKER_SETTINGS

with lazy_modules():  # they import Ray
    from nerbb_ray.tune import ray_cluster, ray_private

log = logging.getLogger(__name__)

SETTINGS = {**DRIVER_SETTINGS, "MLFLOW_DISABLE_TELEMETRY": "true"}


def worker_setup() -> None:
    """Runs first in every worker process: the cluster's address for clean-up actors, and the interface for Gloo.

    Without the address, the actor that frees the workers of a stopped trial cannot find the cluster when several run on
    one host; without the interface, Gloo binds loopback where the host's name resolves to it.
    """
    import ray

    os.environ.setdefault("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    address = ray.util.get_node_ip_address()
    for name, addresses in psutil.net_if_addrs().items():
        if any(a.address == address for a in addresses):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
            os.environ.setdefault("NCCL_SOCKET_IFNAME", name)


def expect_ray(address: str | None = None, *, dashboard: bool = True) -> None:
    """Find out at once, before any work is done for it, that a session could not begin.

    Raises:
        ResourceError: as `ray_session`.
    """
    ray = _ray()
    if ray.is_initialized():
        return
    if meant := cluster_address(address):
        ray_cluster.find_cluster(meant, from_environment=meant != address)
    else:
        temporary_folder(dashboard=dashboard)


@contextmanager
def ray_session(address: str | None = None, *, num_cpus: int | None = None, dashboard: bool = True) -> Iterator[None]:
    """Connect to Ray, or start it on this machine; an already connected process keeps its connection.

    Args:
        address: of a cluster; None starts Ray here and stops it afterwards.
        num_cpus: of a Ray started here; None: all.
        dashboard: of a Ray started here, on 127.0.0.1. Trials with workers of their own need it: the state API, which
            frees the places of their workers, is part of it. It costs a dozen processes.
    Raises:
        ResourceError: there is no such cluster, or Ray cannot be started.
    """
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    meant = cluster_address(address)
    with _joined(meant, meant != address) if meant else _started_here(num_cpus, dashboard):
        _log_like_the_rest()
        yield


@contextmanager
def ray_beside(address: str | None = None, *, dashboard: bool = True) -> Iterator[Callable[[], Any]]:
    """As `ray_session`, but a Ray that is started here starts while the context goes on, in a thread.

    Whatever ends the context waits until the start has ended, so that no process of Ray is left.

    Yields:
        What waits until Ray is there, or joins the cluster; raises as `ray_session`.
    """

    def begin() -> None:
        session.enter_context(ray_session(address, dashboard=dashboard))

    # the thread outlives the session: Linux ends the processes of Ray with the thread that has started them
    with ThreadPoolExecutor(1, "ray") as beside, ExitStack() as session:
        if not starts_here(address):
            yield begin
            return
        started = beside.submit(begin)
        try:
            yield started.result
        finally:
            wait([started])


def _ray() -> Any:
    """Ray, which is imported after its settings: it reads them then. What the user has set in the environment stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


@contextmanager
def _joined(address: str, from_environment: bool) -> Iterator[None]:
    ray = _ray()
    found = ray_cluster.find_cluster(address, from_environment=from_environment)
    try:
        ray.init(address=found, **_common())
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ResourceError(f"the Ray cluster at {found} cannot be joined: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _started_here(num_cpus: int | None, dashboard: bool) -> Iterator[None]:
    ray = _ray()
    folder = temporary_folder(dashboard=dashboard)
    with ray_private.own_token() as no_file:
        if no_file:
            log.warning(
                "Ray's token is kept for this session only: its file in the home cannot be written (%s)", no_file
            )
        try:
            _start(folder, num_cpus, dashboard)
            yield
        finally:
            ray.shutdown()


def _start(folder: Path, num_cpus: int | None, dashboard: bool) -> None:
    """Start Ray. On a busy machine its daemons may miss Ray's fixed deadline of 30 s: tried twice."""
    ray = _ray()
    # in a thread, Ray would warn of a handler for SIGTERM that it cannot set: nobody needs it
    logging.getLogger("ray").setLevel(logging.ERROR)
    for attempt in (1, 2):
        try:
            with (
                ray_private.loopback_only(),
                ray_private.in_groups_of_their_own(),
                nullcontext() if dashboard else ray_private.for_trials_only(),
            ):
                ray.init(
                    address="local",
                    num_cpus=num_cpus,
                    include_dashboard=dashboard,
                    dashboard_host="127.0.0.1",
                    **ray_private.at(folder),
                    **_common(),
                )
            return
        # Ray raises a bare Exception for this
        except Exception as error:
            log.warning("Ray did not start (attempt %d): %s", attempt, error)
            ray.shutdown()
            busy = "timed out" in str(error)
            if attempt == 2 or not busy:
                hint = "is it very busy? Try again; " if busy else ""
                logs = ray_private.logs_of(folder)
                raise ResourceError(f"Ray did not start on this machine: {error}; {hint}its logs: {logs}") from error


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
    alive = [node["Resources"] for node in _ray().nodes() if node["Alive"]]
    return Machine(tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in alive))


def _log_like_the_rest() -> None:
    """What Ray says of a failed trial belongs into the log file: its own handlers print to the screen."""
    for name in ("ray", "ray.tune", "ray.train", "ray.data"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
