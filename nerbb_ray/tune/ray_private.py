"""Everything that we use of Ray's inside but its settings: what Ray may change without saying so, in one place.

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

import grpc
from ray._common.utils import get_ray_address_file
from ray._private import ray_constants, services, utils, worker
from ray._private.authentication import authentication_token_setup as token_setup
from ray._private.authentication import authentication_utils
from ray._private.authentication.authentication_token_generator import generate_new_authentication_token
from ray._private.grpc_utils import init_grpc_channel
from ray._private.node import Node
from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # of Cython
from ray.core.generated import gcs_pb2, gcs_service_pb2, gcs_service_pb2_grpc

AUTH_MODE, AUTH_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"

# what a driver of workers asks for: no CPU, but a place on the head node; an empty request is refused
DRIVER_RESOURCES = {"cpu": 0, "node:__internal_head__": 0.001}


def never_restart(trial: Any) -> None:
    """Tell Tune that the next end of a trial's process is its last."""
    trial.max_failures = 0


def torch_backend() -> type:
    """Ray Train's own way to bring the torch processes of a trial together, to change its start."""
    from ray.train.torch import TorchConfig  # here: it takes torch along, which the driver does without

    return TorchConfig().backend_cls  # type: ignore[no-any-return]


@contextmanager
def loopback_only() -> Iterator[None]:
    """A Ray that starts meanwhile listens on 127.0.0.1, as on macOS and Windows; on Linux it is every address.

    Its processes read the variable. So does this one, but when it imports Ray, which may be long ago.
    """
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


class _InOwnGroup(services.ConsolePopen):  # type: ignore[misc]  # Ray has no types
    """A process of Ray in a process group of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, **({"process_group": 0} if os.name == "posix" else {}))


@contextmanager
def in_groups_of_their_own() -> Iterator[None]:
    """What ends the process group of this process, as `timeout` does, leaves the Ray that starts meanwhile to us.

    Without its processes, a search cannot be ended politely; they end with this process anyway.
    """
    before, services.ConsolePopen = services.ConsolePopen, _InOwnGroup
    try:
        yield
    finally:
        services.ConsolePopen = before


def daemons_live() -> bool:
    """Whether all processes of the Ray that this process has started are there; True if it has started none."""
    node = worker._global_node
    return node is None or not node.dead_processes()


@contextmanager
def for_trials_only() -> Iterator[None]:
    """A Ray that starts meanwhile has no dashboard, no autoscaler and nobody who reads its workers' logs.

    None of them serves a search on this computer, and they cost 4 CPU seconds and 0.2 GB. Without the dashboard's
    packages, its agent, without which no node runs, starts as where Ray was installed without its extra "default".
    """

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


def at(folder: Path) -> dict[str, Any]:
    """The argument of ray.init for the temporary folder of a Ray that is started."""
    return {"_temp_dir": str(folder)}


def logs_of(folder: Path) -> Path:
    """The log files of the Ray that was started last with this temporary folder."""
    return folder / "session_latest" / "logs"


def cluster_file() -> Path:
    """Where `ray start` writes down the address of the cluster that it has started or joined."""
    return Path(get_ray_address_file(None))


def running_clusters() -> list[str]:
    """The addresses of the clusters that have a process on this computer, whoever has started them."""
    services.find_gcs_addresses.cache_clear()
    return sorted(services.find_gcs_addresses())


def seen_by_others(address: str) -> str:
    """The address that Ray connects to: it replaces localhost by the address of this computer in its network."""
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
    return frozenset(services.find_node_ids())


def use_token(*, of_user: bool) -> None:
    """Send the user's token along, as Ray does itself for a cluster that it finds on this computer.

    Args:
        of_user: also if only its file is there, and the environment does not ask for it.
    Raises:
        AuthenticationError: the environment asks for a token, and there is none.
    """
    logging.getLogger(token_setup.__name__).setLevel(logging.ERROR)  # a token that is sent is nothing to warn of
    if of_user:
        token_setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
    token_setup.ensure_token_if_auth_enabled(create_token_if_missing=False)


def sends_token() -> bool:
    """Whether this process sends a token to the clusters that it connects to."""
    return bool(authentication_utils.is_token_auth_enabled())


@contextmanager
def own_token() -> Iterator[Exception | None]:
    """A token for a Ray that is started here, in the user's file if that can be written, else for this process alone.

    Yields:
        Why the file cannot be written, or None.
    """
    loader, problem = AuthenticationTokenLoader.instance(), None
    if os.environ.get(AUTH_MODE, "token").lower() == "token" and not loader.has_token(ignore_auth_mode=True):
        try:
            token_setup.generate_and_save_token()
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no home at all
            problem, os.environ[AUTH_TOKEN] = error, generate_new_authentication_token()
        loader.reset_cache()
    try:
        yield problem
    finally:
        if problem is not None:
            os.environ.pop(AUTH_TOKEN, None)
            loader.reset_cache()
