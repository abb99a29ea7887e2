"""MLflow's database file: never seen half-made, never upgraded without a copy, and no advice that costs results.

MLflow makes a new file by some 60 small steps, each of which others see: who opens it meanwhile makes the same steps,
both fail, and the file stays half-made. So it is made beside its place and gets its name when it is whole. One that
another program makes or upgrades is waited for.

An older file is left as it is: MLflow would change some of them when it opens them, others not, and a change that is
interrupted cannot always be gone on with.
"""

import importlib.metadata
import os
import re
import shlex
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from nerbb_ray import atomic
from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.file_users import FileUser, file_users
from nerbb_ray.mlflow_store.migrations import known_schemas
from nerbb_ray.mlflow_store.quiet import quiet_mlflow

WAIT_S = 30.0  # for another process that makes or changes the file
BUSY_S = 20.0  # for a lock; as MLflow itself
QUIET_S = 10.0  # a file that has not changed for so long is not being made by a process of another computer
_MAKING = threading.Lock()  # what makes the tables (alembic) has global state: two threads would spoil both files
OURS = frozenset(("experiments", "runs"))  # of the tables that MLflow makes first


def sqlite_file(tracking_uri: str) -> Path | None:
    """The database file of a sqlite tracking URI."""
    prefix, _, path = tracking_uri.partition("?")[0].partition(":///")
    return Path(path) if prefix == "sqlite" and path not in ("", ":memory:") else None


@dataclass(frozen=True, slots=True)
class _Look:
    """What is in a file.

    Args:
        tables: how many there are at all.
        revision: of the schema, as MLflow numbers it; None before the first one is complete.
        of_mlflow: it has MLflow's first tables.
        has_experiments: which every complete database has, if only MLflow's "Default".
    """

    tables: int
    revision: str | None = None
    of_mlflow: bool = False
    has_experiments: bool = False


def make_ready(database: Path) -> None:
    """Make a database that MLflow can open at once, or wait until another process has made it.

    Raises:
        ResultError: it is locked, damaged, half-made, or its schema is another one than that of the installed MLflow.
    """
    look = _look(database)
    if not look.tables and not _in_work(database, look):
        _make(database)
    # also for one that another program has begun meanwhile
    _wait(database)


def _ready(database: Path, look: _Look) -> bool:
    """Whether MLflow will open it without changing it; or make its tables in a file of something else."""
    if look.tables and not look.of_mlflow and look.revision is None:
        return True
    schemas = known_schemas()
    if look.revision is None or schemas is None:
        return look.revision is not None
    if look.revision not in schemas.all:
        raise ResultError(
            f"{database} was written by a newer MLflow than the installed one ({_mlflow_version()}), which cannot read "
            f"it; nothing was changed. Upgrade MLflow: {_python()} -m pip install --upgrade mlflow"
        )
    return look.revision == schemas.newest and look.has_experiments


def _wait(database: Path) -> None:
    """Until another process has completed the file.

    Raises:
        ResultError: it does not, or none does anything.
    """
    deadline = time.monotonic() + WAIT_S
    while not _ready(database, look := _look(database)):
        if look.has_experiments and (not _changes(database) or time.monotonic() > deadline):
            raise ResultError(_older(database))
        if not _in_work(database, look):
            if _newest(look):
                return  # somebody has deleted even the first experiment, which MLflow makes again
            raise ResultError(_half_made(database))
        if time.monotonic() > deadline:
            raise ResultError(f"{database} is being made by {_names(file_users(database))}; try again when it is done")
        time.sleep(0.1)


def _newest(look: _Look) -> bool:
    schemas = known_schemas()
    return schemas is not None and look.revision == schemas.newest


def _in_work(database: Path, look: _Look) -> bool:
    """Whether a process is probably still making it: one that has experiments is used, whoever has it open."""
    return database.exists() and (_changes(database) or (not look.has_experiments and bool(file_users(database))))


def _changes(database: Path) -> bool:
    """Whether it was written to just now. The clocks of two computers may differ."""
    try:
        return abs(time.time() - database.stat().st_mtime) < QUIET_S
    except FileNotFoundError:
        return False


def _look(database: Path) -> _Look:
    """Look into a file; nothing of MLflow is imported for it.

    Raises:
        ResultError: it is locked or damaged.
    """
    if not database.exists():
        return _Look(tables=0)
    # not only to read: what a killed process has left half-written is taken back first
    address = f"{database.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
            connection.execute("BEGIN")  # one moment for all: an upgrade drops tables and makes them anew
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            revisions = _column(connection, "SELECT version_num FROM alembic_version", names, "alembic_version")
            experiments = _column(connection, "SELECT 1 FROM experiments LIMIT 1", names, "experiments")
    except sqlite3.Error as error:
        raise ResultError(f"{database} cannot be read: {problem_of(error, database) or error}") from error
    return _Look(len(names), next(iter(revisions), None), bool(OURS & names), bool(experiments))


def _column(connection: sqlite3.Connection, query: str, tables: set[str], table: str) -> list[str]:
    return [row[0] for row in connection.execute(query)] if table in tables else []


def problem_of(error: BaseException, database: Path) -> str | None:
    """What is wrong with a database by an error of sqlite's, and the way out; None: nothing that is known here."""
    text = str(error)
    if re.search(r"database (table )?is locked", text):
        return _locked(database)
    if re.search("malformed|not a database", text):
        rescued = database.with_name(f"{database.name}.rescued")
        return (
            f"the file is damaged; restore {database} from a copy, or rescue what can still be read: "
            f"sqlite3 {_quoted(database)} .recover | sqlite3 {_quoted(rescued)}"
        )
    if "database or disk is full" in text:
        return "the disk is full; make room and try again, what is in the database stays"
    if re.search("readonly database|unable to open database", text):
        return "this user must be allowed to read and to write it, and to make files in its folder"
    return None


def _locked(database: Path) -> str:
    """Who has it locked, and what to do; nothing is lost by waiting."""
    users = file_users(database)
    if writing := [user for user in users if user.writes]:
        pids = " ".join(str(user.pid) for user in writing)
        return f"it is locked by {_names(writing)}; wait for it, or end it if it hangs (kill {pids})"
    if users:
        return f"it is locked, probably by {_names(users)}; wait for it, or end it if it hangs"
    return f"it is locked by {_names(users)}; wait for it, or end it if it hangs"


def _names(users: Sequence[FileUser]) -> str:
    return " and ".join(map(str, users)) or "a process of another user or computer"


def upgrade_commands(database: Path) -> str:
    """For a shell: a copy first, then the upgrade of the schema."""
    copy = database.with_name(f"{database.name}.before-upgrade")
    uri = shlex.quote(f"sqlite:///{database.absolute()}")
    return f"cp {_quoted(database)} {_quoted(copy)} && {_python()} -m mlflow db upgrade {uri}"


def _older(database: Path) -> str:
    users = file_users(database)
    used = f" (now it is used by {_names(users)})" if users else ""
    return (
        f"{database} has the schema of an older MLflow than the installed one ({_mlflow_version()}); nothing was "
        f"changed. Upgrade it, with a copy first, while no process uses it{used}: {upgrade_commands(database)}"
    )


def _half_made(database: Path) -> str:
    return (
        f"{database} is half-made: the process that made it has ended too early. It has no experiment yet, so that "
        f"nothing gets lost: rm {_quoted(database)}, and try again"
    )


def _make(database: Path) -> None:
    """Make an empty database in a file beside, which gets its name as a whole; of several processes the first one's."""
    quiet_mlflow()
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with suppress(FileNotFoundError):
        if database.stat().st_size == 0:
            database.unlink()
    with _MAKING, atomic.new_file(database, keep=True) as scratch:
        scratch.touch()  # a folder that cannot be written is refused here; SQLAlchemy would try for two minutes
        artifacts = database.absolute().parent / "artifacts"
        store = SqlAlchemyStore(f"sqlite:///{scratch}", artifacts.as_uri())  # type: ignore[no-untyped-call]
        store.engine.dispose()


def _mlflow_version() -> str:
    return importlib.metadata.version("mlflow")


def _python() -> str:
    return shlex.quote(sys.executable)


def _quoted(path: Path) -> str:
    return shlex.quote(os.fspath(path.absolute()))
