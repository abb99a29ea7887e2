"""A web page of another program from its start to its end, with a small program in the place of MLflow."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nerbb_ray import web_servers as pages
from nerbb_ray.errors import StoreError
from nerbb_ray.web_servers import HOST, MARKER, Page

# as MLflow does, it answers after a while and has a child; DEAF: it does not end when it is asked to
PROGRAM = """
import argparse, http.server, os, signal, subprocess, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--host")
parser.add_argument("--port", type=int)
args = parser.parse_args()
if os.environ.get("DEAF"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(float(os.environ.get("DELAY", 0)))

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

http.server.HTTPServer((args.host, args.port), Answer).serve_forever()
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    (tmp_path / "little_program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    little = Page("mlflow", ("little_program",), "/health", tmp_path / "results")
    yield little
    little.stop()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def group(pid: int) -> list[int]:
    """The processes of a group that still run; what has ended may wait for its parent to look."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process.pid)
    return members


def test_page_is_started_once_looked_at_and_stopped(page: Page, port: int) -> None:
    started = page.start(port)
    assert started.answers
    assert str(started) == f"mlflow runs at http://127.0.0.1:{port} (process {started.pid})"
    assert started.pid is not None
    assert len(group(started.pid)) == 2
    assert page.start(port) == started == page.status()
    with pytest.raises(StoreError, match=f"nerbb mlflow stop, then start it with --port {port + 1}"):
        page.start(port + 1)
    assert str(page.stop()) == f"mlflow was stopped (process {started.pid}, http://127.0.0.1:{port})"
    assert str(page.status()) == "mlflow does not run"
    assert group(started.pid) == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))


def test_page_that_does_not_run_can_be_stopped(page: Page) -> None:
    assert str(page.stop()) == "mlflow does not run: nothing to stop"
    assert not page.folder.exists()


def test_page_can_be_started_again_after_all_its_processes_were_killed(page: Page, port: int) -> None:
    pid = page.start(port).pid
    assert pid is not None
    os.killpg(pid, signal.SIGKILL)
    while group(pid):
        time.sleep(0.01)
    assert page.record.exists()
    assert not page.status().runs
    assert str(page.stop()) == "mlflow does not run: nothing to stop"
    again = page.start(port)
    assert again.answers
    assert again.pid != pid


def test_port_of_another_program_is_an_error_until_it_is_free(page: Page, port: int) -> None:
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        with pytest.raises(StoreError, match=f"port {port} .*take another one: nerbb mlflow start --port {port + 1}"):
            page.start(port)
        assert not page.status().runs
    assert page.start(port).answers


def test_later_process_with_the_number_of_the_page_is_left_alone(page: Page, port: int, tmp_path: Path) -> None:
    """Also one of another store."""
    environment = {**os.environ, MARKER: str(tmp_path / "other" / "mlflow.json")}
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, env=environment, start_new_session=True) as other:
        try:
            page.folder.mkdir()
            page.record.write_text(json.dumps({"pid": other.pid, "port": port}))
            assert not page.status().runs
            assert page.start(port).answers
            assert not page.stop().runs
            assert other.poll() is None
        finally:
            other.kill()


def test_call_that_comes_while_the_page_starts_waits_for_it(
    page: Page, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELAY", "2")
    first: list[pages.PageStatus] = []
    thread = threading.Thread(target=lambda: first.append(page.start(port)))
    thread.start()
    while not page.status().runs:
        time.sleep(0.01)
    second = page.start(port)
    thread.join()
    assert second.answers
    assert [second] == first


def test_page_that_does_not_end_when_asked_to_is_killed(page: Page, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAF", "1")
    monkeypatch.setattr(pages, "STOP_SECONDS", 0.5)
    pid = page.start(port).pid
    assert pid is not None
    assert not page.stop().runs
    assert group(pid) == []


def test_page_that_does_not_answer_in_time_is_stopped(page: Page, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELAY", "600")
    monkeypatch.setattr(pages, "START_SECONDS", 1.0)
    with pytest.raises(StoreError, match=r"mlflow did not answer within 1 s; see .*mlflow\.log"):
        page.start(port)
    assert not page.status().runs
