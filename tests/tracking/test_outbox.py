"""Records arrive in order, once, and none is lost without a word."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.tracking.outbox import Outbox, Unreachable


class Server:
    """Down while `down`; refuses negative records."""

    def __init__(self) -> None:
        self.down = False
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

    def outbox(self) -> Outbox[int]:
        return Outbox(self.deliver, "the server", retry_after_s=30, clock=lambda: self.now)


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
    assert server.got == [1, 2, 3, 4]
    assert outbox.undelivered == ()


def test_server_that_is_down_is_asked_once_per_pause(server: Server) -> None:
    outbox = server.outbox()
    server.down = True
    for record in range(100):
        server.now = record
        outbox.put(record)
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


def test_record_is_kept_when_its_delivery_is_interrupted(server: Server) -> None:
    interrupts: list[Callable[[], None]] = [lambda: None]

    def deliver(record: int) -> None:
        if interrupts:
            interrupts.pop()
            raise KeyboardInterrupt
        server.deliver(record)

    outbox = Outbox[int](deliver, "the server")
    with pytest.raises(KeyboardInterrupt):
        outbox.put(1)
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
