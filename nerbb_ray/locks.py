"""One process at a time for one thing, also on several computers that share a folder.

The lock is a file that says who holds it. It is made with a hard link, which NFS does as one step, and touched again
and again while it is held: of a holder on this computer it is asked whether it still lives, of one elsewhere whether
the file was touched lately, by the clock of the file server.
"""

import contextlib
import getpass
import json
import os
import shlex
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nerbb_ray.errors import StoreError

TOUCHED_S = 20.0  # how often
_START = 19  # of the fields of /proc/PID/stat behind the name: when the process began
STALE_S = 120.0  # without a touch: its holder is gone


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Args:
        machine: a name of the computer that no other one has, nor a container or a later start of it.
        started: of the process, in the system's own units: process numbers are used again.
        since: local time, for people.
    """

    user: str
    host: str
    machine: str
    pid: int
    started: str
    since: str
    command: str

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.pid}, since {self.since} ({self.command})"


class Lock:
    """A lock file; a context manager that refuses where somebody else holds it.

    Args:
        path: of the file.
        what: is locked, in words: `experiment wnut17`.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._mine = ""
        self._done = threading.Event()

    def __enter__(self) -> "Lock":
        """
        Raises:
            StoreError: somebody holds it, or the file system cannot lock.
            OSError: the folder cannot be made.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._take()
        except OSError as error:
            raise StoreError(
                f"{self._what} cannot be locked against other processes: {self._path}: {error.strerror or error}; "
                "the store must be on a file system that has hard links and can be written"
            ) from error
        threading.Thread(target=self._keep_fresh, name="nerbb-lock", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        with contextlib.suppress(OSError):
            if self._path.read_text(encoding="utf-8") == self._mine:  # nobody took it for a dead one's
                self._path.unlink()

    def _take(self) -> None:
        self._mine = signature()
        with _file_beside(self._path, self._mine) as mine:
            for _ in range(10):
                with contextlib.suppress(FileExistsError):
                    os.link(mine, self._path)
                    return
                text = _text_of(self._path)
                if text is None:  # given back just now
                    continue
                found = holder_in(text)
                if found is None or not _is_gone(found, self._path, mine):
                    who = f"{found}" if found else f"an unknown process ({self._path} cannot be read)"
                    raise StoreError(
                        f"{self._what} is being run already, by {who}; wait until it has ended, or end it. "
                        f"If you are sure that it has ended: delete {self._path}"
                    )
                _remove_dead(self._path, text)
        raise StoreError(f"{self._what}: others take the lock {self._path} again and again; try again")

    def _keep_fresh(self) -> None:
        while not self._done.wait(TOUCHED_S):
            with contextlib.suppress(OSError):
                os.utime(self._path)


def holder_of(path: Path) -> Holder | None:
    """Who holds a lock now; None: nobody who lives."""
    text = _text_of(path)
    found = None if text is None else holder_in(text)
    if found is None:
        return None
    if (lives := lives_here(found)) is not None:
        return found if lives else None
    try:
        with _file_beside(path, "") as now:
            return None if _is_gone(found, path, now) else found
    except OSError:  # a store that can only be read
        return found if time.time() - path.stat().st_mtime < STALE_S else None


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def holder_in(text: str) -> Holder | None:
    """Who wrote a lock; None where nobody can tell."""
    try:
        values = json.loads(text)
        return Holder(**{name: values[name] for name in Holder.__dataclass_fields__})
    except (ValueError, KeyError, TypeError):
        return None


def _is_gone(found: Holder, path: Path, now: Path) -> bool:
    """Whether a holder does not live any more.

    Args:
        now: a file that was written just now, by the clock of the same file server.
    """
    if (lives := lives_here(found)) is not None:
        return not lives
    with contextlib.suppress(FileNotFoundError):
        return now.stat().st_mtime - path.stat().st_mtime > STALE_S
    return True


def _remove_dead(path: Path, text: str) -> None:
    """Remove a dead holder's lock; one that somebody else has taken meanwhile is put back."""
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _text_of(aside) != text:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


@contextlib.contextmanager
def _file_beside(path: Path, text: str) -> Iterator[Path]:
    scratch = path.with_name(f".{path.name[:60]}.{uuid.uuid4().hex}")
    try:
        scratch.write_text(text, encoding="utf-8")
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def signature() -> str:
    """Of this process, as a lock has it: no two of them are the same. `holder_in` reads it."""
    return json.dumps(asdict(this_process()) | {"token": uuid.uuid4().hex})


def this_process() -> Holder:
    """As a holder."""
    words = [os.path.basename(sys.argv[0] or "python"), *sys.argv[1:]]  # noqa: PTH119
    return Holder(
        user=_user(),
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        started=_started(os.getpid()),
        since=time.strftime("%Y-%m-%d %H:%M:%S"),
        command=shlex.join(words)[:200],
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def lives_here(found: Holder) -> bool | None:
    """Whether a holder lives; None for one of another computer."""
    return _lives(found) if found.machine == _machine() else None


def _machine() -> str:
    """Host, boot and process namespace, as far as the system tells."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115
    return " ".join(parts)


def _lives(found: Holder) -> bool:
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return _started(found.pid) == found.started


def _started(pid: int) -> str:
    """When a process began; empty where the system does not tell.

    On Linux in ticks since the computer started: what psutil makes of them moves whenever the clock is set.
    """
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return f"{fields[_START]} ticks"
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""
