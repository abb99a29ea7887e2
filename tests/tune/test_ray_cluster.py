"""Addresses that are no cluster, or not one that can be used, are told in seconds."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

from nerbb_ray.errors import ResourceError
from nerbb_ray.preparation.options import cluster_address
from nerbb_ray.store import StorePaths
from nerbb_ray.tune import ray_cluster, ray_private
from nerbb_ray.tune.ray_cluster import find_cluster

LIMIT_S = 20


@contextmanager
def told(*parts: str) -> Iterator[None]:
    """An error that says all this, in time."""
    begun = time.monotonic()
    with pytest.raises(ResourceError) as caught:
        yield
    assert time.monotonic() - begun < LIMIT_S
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


class Head(gcs_service_pb2_grpc.NodeInfoGcsServiceServicer):
    """The head of a cluster as far as it is asked here, of some version of Ray and without nodes on this computer."""

    def __init__(self, ray_version: str) -> None:
        self.ray_version = ray_version

    def CheckAlive(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return gcs_service_pb2.CheckAliveReply(ray_version=self.ray_version)

    def GetAllNodeInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return gcs_service_pb2.GetAllNodeInfoReply()


@contextmanager
def grpc_server(head: Head | None) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    if head is not None:
        gcs_service_pb2_grpc.add_NodeInfoGcsServiceServicer_to_server(head, server)
    port = server.add_insecure_port("0.0.0.0:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections, and says nothing."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def web_server() -> Iterator[str]:
    with ThreadingHTTPServer(("0.0.0.0", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def nothing() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # never listens
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def alone() -> Iterator[str]:
    """Listens to this computer only."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        (nothing, "no Ray cluster listens at"),
        (silent_server, "does not answer within 1 s as a Ray cluster does"),
        (web_server, "is not the head of a Ray cluster, whose port is usually 6379"),
        (lambda: grpc_server(None), "is not the head of a Ray cluster"),
        (lambda: grpc_server(Head("2.0.1")), "it runs Ray 2.0.1, this program Ray 2."),
        (lambda: grpc_server(Head(version())), "this computer is not part of it; send the experiment: ray job submit"),
    ],
    ids=["closed", "silent", "web", "other gRPC", "other version", "no node here"],
)
@pytest.mark.parametrize("from_environment", [False, True])
def test_address_that_is_no_cluster(
    server: Callable[[], Any], problem: str, from_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "ANSWERS_S", 1.0)
    monkeypatch.setattr(ray_cluster, "NODE_S", 0.5)
    source = "RAY_ADDRESS" if from_environment else "--address"
    with server() as address, told(f"{source} {address}: ", problem):
        find_cluster(address, from_environment=from_environment)


def version() -> str:
    import ray

    return str(ray.__version__)


def test_ray_of_another_program_is_not_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_private, "seen_by_others", lambda address: address.replace("127.0.0.1", "127.0.0.2"))
    with alone() as address, told("listens to this computer only: a Ray that another program has started for itself"):
        find_cluster(address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "ray://head:10001",
            "send it there with ray job submit --address http://HEAD:8265 -- python -m nerbb_ray.tune",
        ),
        ("http://127.0.0.1:8265", "ray job submit"),
        ("localhost", "must be host:port, with a port from 1 to 65535, or auto; got 'localhost'"),
        (":6379", "must be host:port"),
        ("head:ray", "must be host:port"),
        ("head:0", "must be host:port"),
        ("head:65536", "must be host:port"),
        ("Auto", "got 'Auto'"),
        ("no.such.host.invalid:6379", "no Ray cluster listens at"),
    ],
)
def test_address_that_cannot_be_one(address: str, said: str) -> None:
    with told("--address", said):
        find_cluster(address)


@pytest.mark.parametrize(
    ("given", "environment", "meant"),
    [
        (None, None, None),
        (None, "", None),
        ("", None, None),
        ("local", None, None),
        ("local", "head:6379", None),
        (None, "local", None),
        ("auto", None, "auto"),
        ("auto", "head:6379", "head:6379"),  # as Ray itself
        ("other:6379", "head:6379", "other:6379"),
        (None, "auto", "auto"),
    ],
)
def test_cluster_that_is_meant(
    given: str | None, environment: str | None, meant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if environment is not None:
        monkeypatch.setenv("RAY_ADDRESS", environment)
    assert cluster_address(given) == meant


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Says which clusters there seem to be on this computer: other programs run here, too."""
    file = tmp_path / "ray_current_cluster"

    def say(*running: str, written: str | None = None) -> None:
        monkeypatch.setattr(ray_private, "running_clusters", lambda: list(running))
        monkeypatch.setattr(ray_private, "cluster_file", lambda: file)
        if written is not None:
            file.write_text(written)

    return say


def test_auto_without_any_ray(here: Callable[..., None]) -> None:
    here()
    with told("--address auto: no Ray runs on this computer; start a cluster with `ray start --head`"):
        find_cluster("auto")


def test_auto_with_the_address_of_a_ray_that_has_ended(here: Callable[..., None], tmp_path: Path) -> None:
    with nothing() as address:
        here(written=address + "\n")
        with told(f"{address} (of {tmp_path / 'ray_current_cluster'}): no Ray cluster listens at", "ray start --head"):
            find_cluster("auto")


def test_auto_with_an_address_that_another_program_has_got_now(here: Callable[..., None]) -> None:
    with web_server() as address:
        here(written=address)
        with told("is not the head of a Ray cluster"):
            find_cluster("auto")


@pytest.mark.parametrize("written", [b"", b"\xff\xfe", b"nonsense"])
def test_auto_with_a_damaged_file(here: Callable[..., None], tmp_path: Path, written: bytes) -> None:
    here()
    (tmp_path / "ray_current_cluster").write_bytes(written)
    with told("--address auto: ", "ray start --head"):
        find_cluster("auto")


@pytest.mark.parametrize(
    ("running", "written", "found"),
    [
        (["a:1"], None, "a:1"),
        (["a:1"], "gone:9", "a:1"),  # stale: the one that runs
        (["gone:9", "a:1"], None, "a:1"),
        (["a:1", "b:1"], "b:1", "b:1"),  # the one that `ray start` has written down
        (["a:1", "b:1"], "gone:9", None),
        (["a:1", "b:1"], None, None),
    ],
)
def test_which_of_several_is_meant_by_auto(
    here: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    running: list[str],
    written: str | None,
    found: str | None,
) -> None:
    here(*running, written=written)

    def ask(address: str, *, of_user: bool) -> Any:
        assert of_user
        return ray_cluster._Found(address, "it has ended" if address.startswith("gone") else None)

    monkeypatch.setattr(ray_cluster, "_ask", ask)
    if found is not None:
        assert find_cluster("auto") == found
    else:
        with told("several Rays run on this computer; name one: a:1, b:1"):
            find_cluster("auto")


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
def test_ray_that_this_process_has_started_for_itself(
    here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    assert address in ray_private.running_clusters()
    # nobody else can join it, and nobody waits for minutes
    here(address, written="127.0.0.1:9")
    if ray_private.seen_by_others(address) != address:  # this computer is in a network
        with told("listens to this computer only", "leave out --address"):
            find_cluster("auto")
    # asked where it listens, it is known as what it is
    monkeypatch.setattr(ray_private, "seen_by_others", lambda address: address)
    assert find_cluster("auto") == find_cluster(address) == address


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize(
    ("token", "said"),
    [(None, "it asks for a token"), ("0123456789abcdef0123456789abcdef", "it refuses the token of this user")],
)
def test_ray_of_another_user(tmp_path: Path, token: str | None, said: str) -> None:
    import ray

    code = (
        "import sys\n"
        "from nerbb_ray.tune import ray_cluster, ray_private\n"
        "ray_private.seen_by_others = lambda address: address\n"
        "print(ray_cluster._ask(sys.argv[1], of_user=True).problem)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"HOME": str(tmp_path)} | ({} if token is None else {"RAY_AUTH_TOKEN": token})
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", code, address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(said)
    assert "RAY_AUTH_MODE=token" in done.stdout


@pytest.mark.slow
def test_experiment_at_an_address_that_is_no_cluster(store: StorePaths, experiment: Callable[..., Path]) -> None:
    command = [sys.executable, "-m", "nerbb_ray.tune", str(experiment()), "--store", str(store.root)]
    with web_server() as address:
        environment = {**os.environ, "RAY_ADDRESS": address}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: RAY_ADDRESS {address}: ")
    assert not store.cache.exists()  # nothing was prepared for it
