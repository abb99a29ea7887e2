"""The Ray cluster that an address means: found and asked in seconds, where Ray itself would wait for minutes."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import ray

from nerbb_ray.errors import ResourceError
from nerbb_ray.tune import ray_private

AUTO = "auto"
LISTENS_S = 4.0
ANSWERS_S = 4.0
NODE_S = 4.0  # for the node of this computer to appear in a cluster that has just been started
START = "start a cluster with `ray start --head`, or leave out --address to use this computer alone"
SUBMIT = "ray job submit --address http://HEAD:8265 -- python -m nerbb_ray.tune exp.ini"


@dataclass(frozen=True, slots=True)
class _Found:
    """An address, as Ray connects to it, and why that will not do, if so."""

    address: str
    problem: str | None


def find_cluster(address: str, *, from_environment: bool = False) -> str:
    """The address, `host:port`, of a running cluster that has a node on this computer.

    Args:
        address: host:port, or auto: the cluster of this computer.
        from_environment: it is that of RAY_ADDRESS.
    Raises:
        ResourceError: nothing listens or answers there, what answers is no Ray cluster, or not one that can be used.
    """
    if address == AUTO:
        return _on_this_computer()
    source = "RAY_ADDRESS" if from_environment else "--address"
    host, port = _parts(address, source)
    found = _ask(f"{host}:{port}", of_user=False)
    if found.problem:
        raise ResourceError(f"{source} {address}: {found.problem}")
    return found.address


def _parts(address: str, source: str) -> tuple[str, int]:
    if "://" in address:
        raise ResourceError(
            f"{source} must be host:port of a cluster that this computer is part of, or auto; got {address}. The "
            f"search runs on a computer of the cluster: send it there with {SUBMIT}"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ResourceError(f"{source} must be host:port, with a port from 1 to 65535, or auto; got {address!r}")
    return host, int(port)


def _on_this_computer() -> str:
    """The cluster that `ray start` has written down, if it runs, else the only one of which a process runs here."""
    file = ray_private.cluster_file()
    try:
        written = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        written = ""
    addresses = list(dict.fromkeys(filter(None, (written, *ray_private.running_clusters()))))
    if not addresses:
        raise ResourceError(f"--address auto: no Ray runs on this computer; {START}")
    with ThreadPoolExecutor() as pool:
        asked = dict(zip(addresses, pool.map(lambda one: _ask(one, of_user=True), addresses), strict=True))
    usable = [one.address for one in asked.values() if not one.problem]
    if written in asked and not asked[written].problem:
        return asked[written].address
    if len(set(usable)) == 1:
        return usable[0]
    if usable:
        raise ResourceError(f"--address auto: several Rays run on this computer; name one: {', '.join(usable)}")
    source = {written: f" (of {file})"}
    problems = "; ".join(f"{one}{source.get(one, '')}: {found.problem}" for one, found in asked.items())
    raise ResourceError(f"--address auto: {problems}. {START[0].upper()}{START[1:]}")


def _ask(address: str, *, of_user: bool) -> _Found:
    """Ask whoever listens at host:port."""
    try:
        seen = ray_private.seen_by_others(address)
        host, _, port = seen.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=LISTENS_S).close()
    except (OSError, ValueError) as error:
        return _Found(address, _alone(address) or f"no Ray cluster listens at {address} ({error})")
    try:
        ray_private.use_token(of_user=of_user)
    except Exception as error:  # whatever Ray has to say of its tokens
        return _Found(seen, str(error).splitlines()[0])
    return _Found(seen, _answer_problem(seen))


def _alone(address: str) -> str | None:
    """Whether there is a Ray that listens to this computer only."""
    host, _, port = address.rpartition(":")
    if host not in ("127.0.0.1", "localhost"):
        return None
    try:
        socket.create_connection((host, int(port)), timeout=LISTENS_S).close()
    except OSError:
        return None
    return "what listens there listens to this computer only: a Ray that another program has started for itself"


def _answer_problem(address: str) -> str | None:
    answer = ray_private.ask_cluster(address, ANSWERS_S)
    if answer.code == "UNAUTHENTICATED":
        return _token_problem()
    if answer.code == "DEADLINE_EXCEEDED":
        return f"what listens there does not answer within {ANSWERS_S:.0f} s as a Ray cluster does"
    if answer.code != "OK":
        return "what answers there is not the head of a Ray cluster, whose port is usually 6379, never 10001 or 8265"
    if answer.ray_version != ray.__version__:
        return f"it runs Ray {answer.ray_version}, this program Ray {ray.__version__}: they must be the same"
    return (
        None if _has_node_here(address, answer) else f"this computer is not part of it; send the experiment: {SUBMIT}"
    )


def _has_node_here(address: str, answer: ray_private.Answer) -> bool:
    deadline = time.monotonic() + NODE_S
    while not answer.nodes & ray_private.nodes_here():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
        answer = ray_private.ask_cluster(address, ANSWERS_S)
    return True


def _token_problem() -> str:
    names = (
        f"{ray_private.AUTH_MODE}=token, and the token of the cluster in {ray_private.AUTH_TOKEN} or ~/.ray/auth_token"
    )
    if ray_private.sends_token():
        return f"it refuses the token of this user; if it is not somebody else's, set {names}"
    return f"it asks for a token; if it is not somebody else's, set {names}"
