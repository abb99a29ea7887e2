"""What a command costs: wall time, CPU time and memory of all its processes, daemons and orphans included. Linux only.

CPU time is exact where the kernel hands it on: this process becomes the reaper of orphans (PR_SET_CHILD_SUBREAPER),
waits for every process that ends up as its child and adds the rusage, which contains what that process waited for
itself. A parent that ignores SIGCHLD, as Ray's raylet does, never gets the times of its children: these are sampled, so
that at most one interval at the end of each is lost.

Memory is the sum of the PSS of all processes (shared pages are counted once, divided among their users), sampled.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_S = 0.2
MEMORY_EVERY = 4  # samples; adding up the pages of a process is not for free
GRACE_S = 30.0  # for processes that outlive the command

Process = tuple[int, float]  # pid and time of creation, which together never repeat


class CommandError(Exception):
    """A measured command failed; the message has the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Costs of some commands and of everything that they started.

    Args:
        started: time.time() just before the first one.
        wall_s: until the last command ended.
        cpu_s: user and system time, until their last process ended.
        peak_mb: PSS in 10^6 bytes.
        sampling_s: CPU seconds that measuring took, not part of cpu_s.
    """

    started: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    sampling_s: float


@dataclass
class Tree:
    """The processes that have come to live below this one since it was made.

    Args:
        waited_s: CPU seconds of the processes that have ended and were waited for.
        unwaited: last seen CPU seconds of the processes that nobody waits for.
    """

    before: frozenset[int] = field(default_factory=lambda: frozenset(p.pid for p in psutil.Process().children()))
    exit_codes: dict[int, int] = field(default_factory=dict)
    waited_s: float = 0.0
    unwaited: dict[Process, float] = field(default_factory=dict)
    peak_bytes: int = 0

    @property
    def cpu_s(self) -> float:
        return self.waited_s + sum(self.unwaited.values())

    def roots(self) -> list[psutil.Process]:
        """Own children: the commands, and orphans."""
        return [child for child in psutil.Process().children() if child.pid not in self.before]

    def sample(self, *, memory: bool) -> None:
        """Look at every process once, and wait for those that have ended."""
        roots = self.roots()
        inner = [process for root in roots for process in _descendants(root)]
        ignoring = {pid for pid in {_parent(process) for process in inner} if _ignores_sigchld(pid)}
        for process in inner:
            if _parent(process) in ignoring:
                self._note(process)
        if memory:
            self.peak_bytes = max(self.peak_bytes, sum(_pss(process.pid) for process in roots + inner))
        for root in roots:
            self._reap(root)

    def _note(self, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            return
        spent = times.user + times.system + times.children_user + times.children_system
        self.unwaited[process.pid, process.create_time()] = spent

    def _reap(self, child: psutil.Process) -> None:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            self.exit_codes[pid] = os.waitstatus_to_exitcode(status)
            self.waited_s += usage.ru_utime + usage.ru_stime
            # it was an orphan of a parent that ignored it: now it is counted exactly
            self.unwaited.pop((pid, child.create_time()), None)


def run_measured(
    commands: Sequence[Sequence[str]],
    *,
    at_once: int,
    env: Mapping[str, str],
    cpus: Sequence[int],
    logs: Sequence[Path],
    out: Path | None = None,
) -> Usage:
    """Run commands, `at_once` at a time, on some CPUs only.

    Args:
        logs: one file per command for what it prints.
        out: takes standard output apart, if there is only one command.
    Raises:
        CommandError: one of them failed.
    """
    queue = list(zip(commands, logs, strict=True))
    running: dict[int, tuple[subprocess.Popen[bytes], Path]] = {}
    begun_sampling = time.process_time()
    with _reaper_of_orphans():
        tree = Tree()
        started, ended, samples = time.time(), time.monotonic(), 0
        begun = time.monotonic()
        try:
            while queue or running:
                while queue and len(running) < at_once:
                    command, log = queue.pop(0)
                    process = _start(command, env, cpus, log, out)
                    running[process.pid] = process, log
                tree.sample(memory=samples % MEMORY_EVERY == MEMORY_EVERY - 1)
                ended, samples = time.monotonic(), samples + 1
                for pid in tree.exit_codes.keys() & running.keys():
                    _check(*running.pop(pid), tree.exit_codes[pid])
                time.sleep(SAMPLE_S)
            _end(tree, GRACE_S)
        except BaseException:  # also Ctrl-C: nothing that was started here goes on
            _end(tree, 0)
            raise
    sampling = time.process_time() - begun_sampling
    return Usage(started, ended - begun, tree.cpu_s, tree.peak_bytes / 1e6, sampling)


def _start(
    command: Sequence[str], env: Mapping[str, str], cpus: Sequence[int], log: Path, out: Path | None
) -> subprocess.Popen[bytes]:
    with log.open("wb") as errors, (out or log).open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors if out else subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )


def _check(process: subprocess.Popen[bytes], log: Path, exit_code: int) -> None:
    process.returncode = exit_code  # we have waited for it ourselves
    if exit_code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise CommandError(f"{' '.join(map(str, process.args))}: exit status {exit_code}\n{tail}")


def _end(tree: Tree, grace_s: float) -> None:
    """Wait until nothing is left; what does not end by itself is ended, bottom up."""
    deadline = time.monotonic() + grace_s
    while tree.roots():
        late = time.monotonic() - deadline
        for root in tree.roots() if late > 0 else []:
            for process in [*reversed(_descendants(root)), root]:
                _signal(process, signal.SIGTERM if late < GRACE_S else signal.SIGKILL)
        tree.sample(memory=False)
        time.sleep(SAMPLE_S)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


@contextmanager
def _reaper_of_orphans() -> Iterator[None]:
    """While this lasts, processes below us that lose their parent become our children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0


def _ignores_sigchld(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (signal.SIGCHLD - 1) & 1)


def _pss(pid: int) -> int:
    """Bytes; 0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
