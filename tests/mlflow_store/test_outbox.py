"""Records arrive in order, once, and none is lost without a word."""

import itertools
import logging
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.mlflow_store.outbox import Outbox, Unreachable
from nerbb_ray.mlflow_store.spool import Spool

LIMIT_S = 20.0  # for what takes milliseconds on a quiet machine


class Server:
    """Down while `down`; refuses negative records; `loses_answers`: takes a record and does not say so."""

    def __init__(self) -> None:
        self.down = self.loses_answers = False
        self.attempts = 0
        self.now = 0.0
        self.got: list[int] = []

    def deliver(self, record: int) -> None:
        self.attempts += 1
        if self.down:
            raise Unreachable("no route")
        if record < 0:
            raise ValueError("negative")
        self.got.append(record)
        if self.loses_answers:
            raise Unreachable("connection reset")

    def outbox(self, folder: Path | None = None) -> Outbox[int]:
        self.spool = None if folder is None else Spool[int](folder, int, int)
        return Outbox(self.deliver, "the server", self.spool, 30, clock=lambda: self.now)

    def kill_driver(self) -> None:
        """What a kill does to the driver that has the last outbox: its file is closed, and nothing else happens."""
        assert self.spool is not None
        self.spool.close()


@pytest.fixture
def server() -> Server:
    return Server()


def test_records_that_wait_come_first_when_the_server_is_back(server: Server) -> None:
    outbox = server.outbox()
    outbox.put(1)
    server.down = True
    outbox.put(2)
    outbox.put(3)
    server.down, server.now = False, 30
    outbox.put(4)
    assert outbox.wait(LIMIT_S)
    assert server.got == [1, 2, 3, 4]
    assert outbox.undelivered == ()


def test_server_that_is_down_is_asked_once_per_pause(server: Server) -> None:
    outbox = server.outbox()
    server.down = True
    for record in range(100):
        server.now = record
        outbox.put(record)
        assert outbox.wait(LIMIT_S)
    assert server.attempts == 4
    assert outbox.undelivered == tuple(range(100))


def test_last_attempt_does_not_wait_for_the_pause(server: Server) -> None:
    outbox = server.outbox()
    server.down = True
    outbox.put(1)
    server.down = False
    assert outbox.close() == ()
    assert server.got == [1]


def test_what_is_lost_is_named(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    outbox = server.outbox()
    for record in (1, -2, 3):
        outbox.put(record)
    server.down = True
    outbox.put(4)
    assert outbox.close() == (-2, 4)
    assert server.got == [1, 3]
    assert "2 records could not be delivered to the server:\n  -2\n  4" in caplog.text


def test_record_is_kept_when_the_wait_for_its_delivery_is_interrupted(server: Server) -> None:
    waits, main = threading.Event(), threading.get_ident()

    def deliver(record: int) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        waits.wait(LIMIT_S)
        server.deliver(record)

    outbox = Outbox[int](deliver, "the server", patience_s=LIMIT_S)
    with pytest.raises(KeyboardInterrupt):
        outbox.put(1)
    waits.set()
    assert outbox.close() == ()
    assert server.got == [1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.booleans(), st.integers(0, 60))))
def test_order_is_kept_whenever_the_server_fails(steps: list[tuple[int, bool, int]]) -> None:
    server = Server()
    outbox = server.outbox()
    for record, down, pause in steps:
        server.down, server.now = down, server.now + pause
        outbox.put(record)
    server.down = False
    outbox.close()
    assert server.got == [record for record, _, _ in steps]


STEPS = st.lists(
    st.sampled_from(["put", "put", "put", "up", "down", "loses answers", "kill", "torn", "end"]), max_size=40
)


@settings(deadline=None, max_examples=150)
@given(STEPS)
def test_every_record_arrives_in_order_whatever_happens_to_the_server_and_the_driver(steps: list[str]) -> None:
    server, numbers = Server(), itertools.count()
    with TemporaryDirectory() as name:
        folder = Path(name, "waiting")
        outbox = server.outbox(folder)
        for step in steps:
            server.now += 10
            match step:
                case "put":
                    outbox.put(next(numbers))
                    assert outbox.wait(LIMIT_S)
                case "kill" | "torn":
                    server.kill_driver()
                    if step == "torn" and folder.exists():
                        with (folder / "events.jsonl").open("ab") as file:
                            file.write(b'{"put": 99999, "rec')
                    outbox = server.outbox(folder)
                case "end":
                    outbox.close()
                    outbox = server.outbox(folder)
                case _:
                    server.down, server.loses_answers = step == "down", step == "loses answers"
        server.down = server.loses_answers = False
        assert outbox.close() == ()
        assert not folder.exists()
    assert [record for record, _ in itertools.groupby(server.got)] == list(range(next(numbers)))


def test_nothing_touches_the_disk_while_the_server_takes_everything(server: Server, tmp_path: Path) -> None:
    outbox = server.outbox(tmp_path / "waiting")
    for record in range(100):
        outbox.put(record)
    assert outbox.close() == ()
    assert list(tmp_path.iterdir()) == []


def test_record_that_is_refused_is_tried_again_at_the_next_start(server: Server, tmp_path: Path) -> None:
    first = server.outbox(tmp_path)
    first.put(-1)
    first.put(2)
    assert first.close() == (-1,)
    mended = Outbox(server.got.append, "the server", Spool[int](tmp_path, int, int))
    mended.put(3)
    assert mended.close() == ()
    assert server.got == [2, -1, 3]


class HangingServer(Server):
    """Answers only once `answers` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()

    def deliver(self, record: int) -> None:
        assert self.answers.wait(LIMIT_S)
        super().deliver(record)


def test_server_that_hangs_costs_patience_once_and_what_waits_is_on_disk(tmp_path: Path) -> None:
    server = HangingServer()
    outbox = Outbox(server.deliver, "the server", Spool[int](tmp_path, int, int), patience_s=0.2)
    started = time.monotonic()
    for record in range(50):
        outbox.put(record)
    assert 0.2 <= time.monotonic() - started < 5
    assert (tmp_path / "events.jsonl").read_text().count('"record"') == 50
    assert not outbox.wait(0.01)
    server.answers.set()
    assert outbox.close() == ()
    assert server.got == list(range(50))


def test_end_does_not_wait_for_a_server_that_hangs(tmp_path: Path) -> None:
    server = HangingServer()
    outbox = Outbox(server.deliver, "the server", Spool[int](tmp_path, int, int), patience_s=0.01)
    outbox.put(1)
    outbox.put(2)
    started = time.monotonic()
    assert outbox.close(limit_s=0.1) == (1, 2)
    assert time.monotonic() - started < 5
    server.answers.set()
    late = server.outbox(tmp_path)
    assert late.undelivered == (1, 2)


def test_disk_that_cannot_be_written_is_named_once_and_nothing_is_lost(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "waiting"
    folder.write_text("a file where a folder should be")
    outbox = server.outbox(folder)
    server.down = True
    for record in range(5):
        outbox.put(record)
    assert caplog.text.count("cannot be written") == 1
    folder.unlink()
    outbox.put(5)  # the disk is back: all of it goes there
    assert (folder / "events.jsonl").read_text().count('"record"') == 6
    server.down = False
    assert outbox.close() == ()
    assert server.got == list(range(6))


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: what a full disk does to it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_leaves_what_waits_in_memory(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = server.outbox(tmp_path)
    server.down = True
    with files_limited_to(40):
        for record in range(3):
            outbox.put(record)
    assert (tmp_path / "events.jsonl").stat().st_size == 40  # in the middle of the second line
    assert caplog.text.count("cannot be written") == 1
    outbox.put(3)
    server.kill_driver()
    server.down = False
    assert server.outbox(tmp_path).close() == ()
    assert server.got == [0, 1, 2, 3]


def test_second_driver_of_an_experiment_leaves_the_file_of_the_first_alone(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = server.outbox(tmp_path), server.outbox(tmp_path)
    server.down = True
    first.put(1)
    second.put(2)
    assert "cannot be used" in caplog.text
    assert second.close() == (2,)
    assert "1 records could not be delivered to the server:\n  2" in caplog.text
    server.down = False
    assert first.close() == ()
    assert server.got == [1]


def test_where_records_wait_is_said_at_the_end(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outbox = server.outbox(tmp_path)
    server.down = True
    outbox.put(1)
    outbox.close()
    assert f"1 records wait for the server in {tmp_path / 'events.jsonl'}" in caplog.text
