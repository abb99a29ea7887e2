"""What waits to be written to a server that may be down: in order, never lost silently."""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Record = TypeVar("Record")


class Unreachable(Exception):
    """Nothing can be delivered for now; the record at hand and all after it have to wait."""


class Outbox(Generic[Record]):
    """Delivers records one by one in the order in which they came.

    While the receiver is unreachable they wait, and it is tried again at most every `retry_after_s`. A record that the
    receiver refuses is set aside, so that the others go on, and tried once more at the end.

    Args:
        deliver: must be idempotent: a record may come twice. Raises Unreachable, or anything else for a refusal.
        receiver: its name in messages.
    """

    def __init__(
        self,
        deliver: Callable[[Record], None],
        receiver: str,
        retry_after_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deliver, self._receiver = deliver, receiver
        self._retry_after_s, self._clock = retry_after_s, clock
        self._waiting: deque[Record] = deque()
        self._refused: deque[Record] = deque()
        self._not_before = -float("inf")

    @property
    def undelivered(self) -> tuple[Record, ...]:
        """Refused and waiting records."""
        return (*self._refused, *self._waiting)

    def put(self, record: Record) -> None:
        """Deliver a record and what waits before it, or keep it."""
        self._waiting.append(record)
        if self._clock() >= self._not_before:
            self._drain()

    def close(self) -> tuple[Record, ...]:
        """Try all that is left a last time.

        Returns:
            What could not be delivered; a log message names every record of it.
        """
        again, self._refused = self._refused, deque()
        self._waiting.extendleft(reversed(again))
        self._drain()
        lost = self.undelivered
        if lost:
            names = "\n".join(f"  {record}" for record in lost)
            log.error("%d records could not be delivered to %s:\n%s", len(lost), self._receiver, names)
        return lost

    def _drain(self) -> None:
        while self._waiting:
            record = self._waiting[0]
            try:
                self._deliver(record)
            except Unreachable as error:
                self._not_before = self._clock() + self._retry_after_s
                message = "%s cannot be reached, %d records wait for it: %s"
                log.warning(message, self._receiver, len(self._waiting), error)
                return
            except Exception:
                log.exception("%s refused %s", self._receiver, record)
                self._refused.append(record)
            self._waiting.popleft()
