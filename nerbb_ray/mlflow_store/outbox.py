"""What waits to be written to a server that may be down: in order, never lost silently, never in the way.

Records are delivered in a thread of their own, one at a time, because a server may hang: an attempt to reach one that
accepts connections and never answers costs 10 seconds, a locked database 20. As long as all is well, `put` waits for
the delivery, so that whatever it has returned from is there. A delivery that takes longer than the patience of `put`
goes on behind its back; until the receiver has caught up, `put` does not wait at all. What has not been delivered when
`put` returns lies in the spool, and outlives a kill of the process.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from nerbb_ray.mlflow_store.spool import Spool

log = logging.getLogger(__name__)

Record = TypeVar("Record")


class Unreachable(Exception):
    """Nothing can be delivered for now; the record at hand and all after it have to wait."""


@dataclass(slots=True, eq=False)
class _Entry(Generic[Record]):
    """A record, and its number in the spool once it is there."""

    record: Record
    number: int | None = None
    done: bool = False


class Outbox(Generic[Record]):
    """Delivers records one by one in the order in which they came; first what an earlier process left in the spool.

    While the receiver is unreachable they wait, and it is tried again with the next record, at most every
    `retry_after_s`. A record that the receiver refuses is set aside, so that the others go on, and tried once more at
    the end and at the next start.

    Args:
        deliver: must be idempotent: a record may come twice. Raises Unreachable, or anything else for a refusal.
        receiver: its name in messages.
        spool: where records wait; None: in memory only.
        patience_s: how long `put` waits for a delivery.
    """

    def __init__(
        self,
        deliver: Callable[[Record], None],
        receiver: str,
        spool: Spool[Record] | None = None,
        retry_after_s: float = 30.0,
        patience_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deliver, self._receiver, self._spool = deliver, receiver, spool
        self._retry_after_s, self._patience_s, self._clock = retry_after_s, patience_s, clock
        self._lock = threading.Condition()  # of everything below; tells of the end of every attempt
        self._running = False
        self._waiting: deque[_Entry[Record]] = deque()
        self._refused: deque[_Entry[Record]] = deque()
        self._unsaved: deque[_Entry[Record]] = deque()
        self._not_before = -float("inf")
        self._attempts = 0
        self._loaded = self._disk_fails = False

    @property
    def undelivered(self) -> tuple[Record, ...]:
        """Refused and waiting records."""
        with self._lock:
            self._load()
            return tuple(entry.record for entry in (*self._refused, *self._waiting))

    @property
    def behind(self) -> bool:
        """Whether records wait for the receiver to be reached; refused ones do not."""
        with self._lock:
            return bool(self._waiting)

    def put(self, record: Record) -> None:
        """Deliver a record and what waits before it, or keep it."""
        entry = _Entry(record)
        with self._lock:
            self._load()
            behind = bool(self._waiting)
            self._waiting.append(entry)
            self._unsaved.append(entry)
            if self._clock() >= self._not_before:
                self._begin()
        if not behind:
            self.wait(self._patience_s)
        with self._lock:
            self._save()

    def wait(self, limit_s: float) -> bool:
        """Wait for the attempt under way, if there is one.

        Args:
            limit_s: for a single record.
        Returns:
            Whether it has ended.
        """
        # not Thread.join: one that Ctrl-C interrupts takes the thread for ended (Python 3.11)
        with self._lock:
            while self._running:
                before = self._attempts
                if not self._lock.wait_for(lambda: not self._running or self._attempts > before, limit_s):  # noqa: B023
                    return False
        return True

    def close(self, limit_s: float = 30.0) -> tuple[Record, ...]:
        """Try all that is left a last time. Nothing may be put afterwards.

        Args:
            limit_s: how long to wait for a single record.
        Returns:
            What could not be delivered; the log says where it waits, and names every record that is nowhere.
        """
        if self.wait(limit_s):
            with self._lock:
                self._load()
                self._waiting.extendleft(reversed(self._refused))
                self._refused.clear()
                self._begin()
            self.wait(limit_s)
        with self._lock:
            self._save()
            left = (*self._refused, *self._waiting)
            if self._spool is not None:
                self._spool.close()
        self._report(left)
        return tuple(entry.record for entry in left)

    def _load(self) -> None:
        if self._loaded or self._spool is None:
            return
        self._loaded = True
        try:
            found = self._spool.load()
        except OSError as error:
            log.warning(
                "%s cannot be used, what waits for %s is in memory only: %s", self._spool.path, self._receiver, error
            )
            self._spool = None
            return
        if found:
            log.info("%d records wait for %s in %s", len(found), self._receiver, self._spool.path)
        self._waiting.extend(_Entry(record, number) for number, record in found)

    def _begin(self) -> None:
        if self._waiting and not self._running:
            self._running = True
            threading.Thread(target=self._drain, name="nerbb-outbox", daemon=True).start()

    def _drain(self) -> None:
        while (entry := self._next()) is not None:
            refused = False
            try:
                self._deliver(entry.record)
            except Unreachable as error:
                self._pause(error)
                return
            except Exception:
                log.exception("%s refused %s", self._receiver, entry.record)
                refused = True
            with self._lock:
                self._through(self._waiting.popleft(), refused)

    def _next(self) -> _Entry[Record] | None:
        with self._lock:
            self._attempts += 1
            # in one step with the look at what waits: the next `put` begins a new thread
            self._running = bool(self._waiting)
            self._lock.notify_all()
            return self._waiting[0] if self._waiting else None

    def _pause(self, error: Unreachable) -> None:
        with self._lock:
            self._running = False
            self._lock.notify_all()
            self._not_before = self._clock() + self._retry_after_s
            message = "%s cannot be reached, %d records wait for it: %s"
            log.warning(message, self._receiver, len(self._waiting), str(error))

    def _through(self, entry: _Entry[Record], refused: bool) -> None:
        if refused:
            self._refused.append(entry)
            return
        entry.done = True
        if self._spool is None:
            return
        try:
            if entry.number is not None:
                self._spool.done(entry.number)
            if not self._waiting and not self._refused:
                self._spool.clear()
        except OSError as error:
            self._complain(error)

    def _save(self) -> None:
        """Write what waits to the spool, the oldest first; what was delivered in time never gets there."""
        while self._unsaved:
            entry = self._unsaved[0]
            if self._spool is not None and not entry.done:
                try:
                    entry.number = self._spool.append(entry.record)
                except OSError as error:
                    self._complain(error)
                    return  # tried again with the next record
                except (TypeError, ValueError):
                    log.exception("%s cannot be written to %s", entry.record, self._spool.path)
                else:
                    self._disk_fails = False
            self._unsaved.popleft()

    def _complain(self, error: OSError) -> None:
        if not self._disk_fails and self._spool is not None:
            log.error("%s cannot be written, what waits is in memory only: %s", self._spool.path, str(error))
        self._disk_fails = True

    def _report(self, left: tuple[_Entry[Record], ...]) -> None:
        lost = [str(entry.record) for entry in left if entry.number is None]
        if self._spool is not None and len(left) > len(lost):
            message = "%d records wait for %s in %s: they are delivered when the experiment is started again"
            log.warning(message, len(left) - len(lost), self._receiver, self._spool.path)
        if lost:
            names = "\n".join(f"  {name}" for name in lost)
            log.error("%d records could not be delivered to %s:\n%s", len(lost), self._receiver, names)
