"""Web pages of other programs, MLflow's and TensorBoard's, as background processes that only this machine can reach."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray import atomic
from nerbb_ray.arguments import whole_number
from nerbb_ray.errors import StoreError
from nerbb_ray.paths import StorePaths

if TYPE_CHECKING:
    import psutil

PAGES = ("mlflow", "tensorboard")
HOST = "127.0.0.1"
MARKER = "NERBB_PAGE"  # environment variable by which a process and its children are known as ours
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
START_SECONDS = 90.0
STOP_SECONDS = 10.0
KILL_SECONDS = 10.0
ANSWER_SECONDS = 5.0
LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class PageStatus:
    """How a page is doing; its text says it in one line.

    Args:
        port, pid: None if it does not run.
        answers: whether it could be read just now.
        log: what its process prints.
        stopped: how it was doing when it was asked to stop; None if it was not.
    """

    name: str
    port: int | None
    pid: int | None
    answers: bool
    log: Path
    stopped: "PageStatus | None" = None

    @property
    def runs(self) -> bool:
        return self.pid is not None

    @property
    def url(self) -> str | None:
        return None if self.port is None else f"http://{HOST}:{self.port}"

    def __str__(self) -> str:
        if not self.runs and self.stopped:
            was = self.stopped
            return f"{self.name} was stopped (process {was.pid}, {was.url})" if was.runs else f"{was}: nothing to stop"
        if not self.runs:
            return f"{self.name} does not run"
        if self.answers:
            return f"{self.name} runs at {self.url} (process {self.pid})"
        return f"{self.name}: process {self.pid} runs, but {self.url} does not answer; see {self.log}"


@dataclass(frozen=True, slots=True)
class _Record:
    """The file that remembers a started page."""

    pid: int
    port: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of one store.

    Args:
        name: of the page and its command.
        command: arguments of the Python interpreter; those of the address are added.
        probe: path below the address that answers 200 once the page can be used.
        folder: holds the record of the process and its log.
    """

    name: str
    command: tuple[str, ...]
    probe: str
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def status(self) -> PageStatus:
        """Looks at the process and asks the page."""
        record = self._read_record()
        alive = sorted(process.pid for process in self._processes(record))
        if record is None or not alive:
            return PageStatus(self.name, None, None, False, self.log)
        return PageStatus(self.name, record.port, alive[0], self._answers(record.port), self.log)

    def start(self, port: int) -> PageStatus:
        """Start the page and wait until it can be used; one that runs already, or is starting, stays as it is.

        Raises:
            StoreError: it runs on another port, the port is taken, or the page ends or does not answer in time.
        """
        running = self.status()
        if running.runs and running.port != port:
            raise StoreError(f"{running}; to move it: nerbb {self.name} stop, then start it with --port {port}")
        if running.runs:
            self._wait(port)
            return self.status()
        self._check_free(check_port(port))
        process = self._launch(port)
        try:
            self._wait(port, process)
        except BaseException:
            self.stop()
            raise
        return self.status()

    def stop(self) -> PageStatus:
        """End the process that `start` began and its children, if there are any; the status says what was stopped."""
        import psutil

        record = self._read_record()
        remaining = list(self._processes(record))
        pid = min((process.pid for process in remaining), default=None)
        before = PageStatus(self.name, record.port if record and pid else None, pid, False, self.log)
        for end, seconds in ((psutil.Process.terminate, STOP_SECONDS), (psutil.Process.kill, KILL_SECONDS)):
            for process in remaining:
                with suppress(psutil.NoSuchProcess):  # it has just ended by itself
                    end(process)
            _, remaining = psutil.wait_procs(remaining, timeout=seconds)
        if left := [process.pid for process in self._processes(record)]:
            raise StoreError(f"{self.name}: process {left[0]} cannot be stopped, not even by kill -9")
        self.record.unlink(missing_ok=True)
        return replace(before, port=None, pid=None, stopped=before)

    def _launch(self, port: int) -> "subprocess.Popen[bytes]":
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", *self.command, "--host", HOST, "--port", str(port)]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **QUIET, MARKER: str(self.record)},
                start_new_session=True,
            )
        atomic.write_text(self.record, json.dumps({"pid": process.pid, "port": port}))
        return process

    def _wait(self, port: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
        """
        Args:
            process: whose end is the end of waiting; None if another call has started the page.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(port):
            if process is None and not self.status().runs:
                raise StoreError(f"{self.name} ended while it was started; see {self.log}:{self._last()}")
            if process is not None and process.poll() is not None:
                raise StoreError(f"{self.name} ended with status {process.returncode}; see {self.log}:{self._last()}")
            if time.monotonic() > deadline:
                raise StoreError(
                    f"{self.name} did not answer within {START_SECONDS:.0f} s; see {self.log}:{self._last()}\n"
                    f"if it still runs: nerbb {self.name} stop"
                )
            time.sleep(0.2)

    def _last(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        return "".join(f"\n  {line}" for line in lines)

    def _answers(self, port: int) -> bool:
        # loaded late: it is slow to import. Not urllib: no proxy must be asked for a page of this machine
        import http.client

        connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", self.probe)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _check_free(self, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise StoreError(
                    f"port {port} of {HOST} cannot be used ({error.strerror}); "
                    f"take another one: nerbb {self.name} start --port {port % 65535 + 1}"
                ) from error

    def _processes(self, record: _Record | None) -> "Iterator[psutil.Process]":
        """The process group of a record, also where only children of the first process are left."""
        import psutil

        if record is None:
            return
        for process in psutil.process_iter():
            try:
                # the marker tells it from a later process with the same number
                if os.getpgid(process.pid) == record.pid and process.environ().get(MARKER) == str(self.record):
                    yield process
            except (psutil.Error, OSError):  # it ended while it was looked at
                continue

    def _read_record(self) -> _Record | None:
        try:
            values = json.loads(self.record.read_text(encoding="utf-8"))
            return _Record(int(values["pid"]), int(values["port"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.record} is damaged ({error!r}); delete it") from error


def check_port(port: int) -> int:
    """
    Raises:
        StoreError: it is no number of a port.
    """
    return whole_number("a port", port, StoreError, low=1, high=65535)


def page_of(store: StorePaths, name: str) -> Page:
    """The web page `mlflow` or `tensorboard` of a store's results."""
    if name == "tensorboard":
        command: tuple[str, ...] = ("tensorboard.main", "--logdir", str(store.tensorboard()))
        return Page("tensorboard", command, "/data/environment", store.results)
    backend = ("--backend-store-uri", store.tracking_uri, "--default-artifact-root", str(store.artifacts))
    return Page("mlflow", ("mlflow", "server", *backend, "--workers", "1"), "/health", store.results)
