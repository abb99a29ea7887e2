"""Everything that we use of Ray's inside: what Ray may change without saying so, in one place.

Written for Ray 2.60; the bounds of Ray in pyproject.toml go with it. Each part says what it is good for, so that it can
be tried anew with a newer Ray, or be replaced by something public.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

AUTH_MODE, AUTH_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"

# what a driver of workers asks for: no CPU, but a place on the head node; an empty request is refused
DRIVER_RESOURCES = {"cpu": 0, "node:__internal_head__": 0.001}

# of the longest name of a socket: below the folder of a session, whose name ends with the number of the process
SESSION = "session_2026-01-31_12-00-00_123456_{pid}/sockets/{socket}"
SOCKET, DASHBOARD_SOCKET = "plasma_store", "dash_TaskEventsHead"


def never_restart(trial: Any) -> None:
    """Tell Tune that the next end of a trial's process is its last."""
    trial.max_failures = 0


def torch_backend() -> type:
    """Ray Train's own way to bring the torch processes of a trial together, to change its start."""
    from ray.train.torch import TorchConfig

    return TorchConfig().backend_cls  # type: ignore[no-any-return]


@contextmanager
def loopback_only() -> Iterator[None]:
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


@contextmanager
def for_trials_only() -> Iterator[None]:
    """A Ray that starts meanwhile has no dashboard, no autoscaler and nobody who reads its workers' logs.

    None of them serves a search on this computer, and they cost 4 CPU seconds and 0.2 GB. Without the dashboard's
    packages, its agent, without which no node runs, starts as where Ray was installed without its extra "default".
    """
    from ray._private import utils
    from ray._private.node import Node

    def nothing(_node: Node, **_how: Any) -> None:
        return

    started = ("start_monitor", "start_log_monitor", "start_api_server")
    before = {name: getattr(Node, name) for name in started}
    asked, utils.get_dashboard_dependency_error = utils.get_dashboard_dependency_error, lambda: ImportError("no need")
    for name in started:
        setattr(Node, name, nothing)
    try:
        yield
    finally:
        utils.get_dashboard_dependency_error = asked
        for name, method in before.items():
            setattr(Node, name, method)


def longest_socket(folder: Path, *, dashboard: bool) -> str:
    """The longest path of a socket of a Ray whose temporary folder this is."""
    session = SESSION.format(pid=os.getpid(), socket=DASHBOARD_SOCKET if dashboard else SOCKET)
    return str(folder / session)


def at(folder: Path) -> dict[str, Any]:
    """The argument of ray.init for the temporary folder of a Ray that is started."""
    return {"_temp_dir": str(folder)}


def logs_of(folder: Path) -> Path:
    """The log files of the Ray that was started last with this temporary folder."""
    return folder / "session_latest" / "logs"


def cluster_file() -> Path:
    """Where `ray start` writes down the address of the cluster that it has started or joined."""
    from ray._common.utils import get_ray_address_file

    return Path(get_ray_address_file(None))


def running_clusters() -> list[str]:
    """The addresses of the clusters that have a process on this computer, whoever has started them."""
    from ray._private import services

    services.find_gcs_addresses.cache_clear()
    return sorted(services.find_gcs_addresses())


def seen_by_others(address: str) -> str:
    """The address that Ray connects to: it replaces localhost by the address of this computer in its network."""
    from ray._private import services

    return str(services.canonicalize_bootstrap_address(address))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a port.

    Args:
        code: of gRPC: OK, UNAUTHENTICATED, UNIMPLEMENTED, UNAVAILABLE, DEADLINE_EXCEEDED, ...
        ray_version: of the cluster, where it says it.
        nodes: the numbers of its nodes that live.
    """

    code: str
    ray_version: str = ""
    nodes: frozenset[str] = frozenset()


def ask_cluster(address: str, timeout_s: float) -> Answer:
    """Ask the head of a cluster who it is: Ray's own client would wait for minutes where there is none."""
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import gcs_pb2, gcs_service_pb2, gcs_service_pb2_grpc

    # no proxy must be asked for a computer of this network
    with init_grpc_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        head = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
        end = time.monotonic() + timeout_s
        try:
            alive = head.CheckAlive(gcs_service_pb2.CheckAliveRequest(), timeout=timeout_s)
            nodes = head.GetAllNodeInfo(gcs_service_pb2.GetAllNodeInfoRequest(), timeout=end - time.monotonic())
        except grpc.RpcError as error:
            return Answer(error.code().name)
    living = {node.node_id.hex() for node in nodes.node_info_list if node.state == gcs_pb2.GcsNodeInfo.ALIVE}
    return Answer("OK", alive.ray_version, frozenset(living))


def nodes_here() -> frozenset[str]:
    """The numbers of the nodes that have a process on this computer, of any cluster."""
    from ray._private import services

    return frozenset(services.find_node_ids())


def use_token(*, of_user: bool) -> None:
    """Send the user's token along, as Ray does itself for a cluster that it finds on this computer.

    Args:
        of_user: also if only its file is there, and the environment does not ask for it.
    Raises:
        AuthenticationError: the environment asks for a token, and there is none.
    """
    from ray._private.authentication import authentication_token_setup as setup

    logging.getLogger(setup.__name__).setLevel(logging.ERROR)  # a token that is sent is nothing to warn of
    if of_user:
        setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
    setup.ensure_token_if_auth_enabled(create_token_if_missing=False)


def sends_token() -> bool:
    """Whether this process sends a token to the clusters that it connects to."""
    from ray._private.authentication import authentication_utils

    return bool(authentication_utils.is_token_auth_enabled())


@contextmanager
def own_token() -> Iterator[Exception | None]:
    """A token for a Ray that is started here, in the user's file if that can be written, else for this process alone.

    Yields:
        Why the file cannot be written, or None.
    """
    from ray._private.authentication.authentication_token_generator import generate_new_authentication_token
    from ray._private.authentication.authentication_token_setup import generate_and_save_token
    from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # of Cython

    loader, problem = AuthenticationTokenLoader.instance(), None
    if os.environ.get(AUTH_MODE, "token").lower() == "token" and not loader.has_token(ignore_auth_mode=True):
        try:
            generate_and_save_token()
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no home at all
            problem, os.environ[AUTH_TOKEN] = error, generate_new_authentication_token()
        loader.reset_cache()
    try:
        yield problem
    finally:
        if problem is not None:
            os.environ.pop(AUTH_TOKEN, None)
            loader.reset_cache()
