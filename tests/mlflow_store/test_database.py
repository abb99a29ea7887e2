"""MLflow's database: made as a whole, waited for, and never a word that costs results."""

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic import command
from mlflow.store.db.utils import _get_alembic_config, _get_latest_schema_revision
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store import database as module
from nerbb_ray.mlflow_store.database import make_ready, sqlite_file
from nerbb_ray.mlflow_store.delivery import deliver_waiting
from nerbb_ray.mlflow_store.file_users import file_users
from nerbb_ray.mlflow_store.migrations import known_schemas
from nerbb_ray.mlflow_store.reader import find_result, list_by_client, list_experiments
from nerbb_ray.mlflow_store.schema import open_client
from nerbb_ray.store import StorePaths, page_action

OLDER = "bd07f7e963c5"  # the schema of MLflow 1.7
OPEN = """
import sys, time
from nerbb_ray.mlflow_store.schema import open_client
import mlflow.tracking
while time.time() < float(sys.argv[2]): time.sleep(.01)
print(open_client(sys.argv[1]).get_experiment_by_name("Default").experiment_id)
"""
SLOWLY = """
import sys, time
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine, event
engine = create_engine(sys.argv[1])
Base.metadata.create_all(engine)
print("begun", flush=True)
time.sleep(1)
SqlAlchemyStore(sys.argv[1], sys.argv[2])
print("made", flush=True)
"""
HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"BEGIN {sys.argv[2]}")
print("locked", flush=True)
time.sleep(600)
"""


def uri(database: Path) -> str:
    return f"sqlite:///{database}"


def started(code: str, *args: object) -> "subprocess.Popen[str]":
    """A process that has printed its first line."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def old(database: Path) -> Path:
    """As if nothing had happened for long."""
    os.utime(database, (time.time() - 3600, time.time() - 3600))
    return database


def query(database: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(text).fetchall()


def message_of(call: Callable[[str], object], database: Path) -> str:
    """The error of a call; the file is the same afterwards, and the message says nothing that would lose it."""
    before = database.read_bytes()
    with pytest.raises(ResultError) as caught:
        call(uri(database))
    assert database.read_bytes() == before
    message = str(caught.value)
    assert str(database) in message
    assert "away" not in message
    assert "\n" not in message
    return message


READERS = [list_experiments, list_by_client, lambda tracking_uri: find_result(tracking_uri, "exp")]
readers = pytest.mark.parametrize("read", READERS, ids=["list", "list by client", "result"])


@pytest.mark.parametrize(
    ("tracking_uri", "path"),
    [
        ("sqlite:////a b/mlflow.db", Path("/a b/mlflow.db")),
        ("sqlite:///mlflow.db?timeout=5", Path("mlflow.db")),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("http://host:5000", None),
        ("postgresql://user:secret@host/db", None),
    ],
)
def test_file_of_a_tracking_uri(tracking_uri: str, path: Path | None) -> None:
    assert sqlite_file(tracking_uri) == path


def test_schemas_are_those_that_mlflow_itself_finds() -> None:
    from alembic.script import ScriptDirectory

    schemas = known_schemas()
    assert schemas is not None
    assert schemas.newest == _get_latest_schema_revision()
    scripts = ScriptDirectory.from_config(_get_alembic_config(""))
    assert schemas.all == {script.revision for script in scripts.walk_revisions()}


def test_processes_that_open_a_new_database_together_all_succeed(tmp_path: Path) -> None:
    database, begin = tmp_path / "results" / "mlflow.db", time.time() + 6
    command = [sys.executable, "-c", OPEN, uri(database), str(begin)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=200)[0] for process in processes] == ["0\n"] * 2
    assert [path.name for path in database.parent.iterdir()] == ["mlflow.db"]


def test_threads_that_open_new_databases_together_all_succeed(tmp_path: Path) -> None:
    """What makes the tables has global state; two threads at once spoiled the files of both."""
    files = [tmp_path / name / "mlflow.db" for name in ("one", "two", "two")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
    with ThreadPoolExecutor(len(files)) as pool:
        list(pool.map(make_ready, files))
    assert all(list_by_client(uri(file)) == () for file in files)


@pytest.mark.skipif(not Path("/proc/self/fdinfo").is_dir(), reason="the folder that takes no file is Linux's")
def test_folder_that_takes_no_file_is_refused_at_once() -> None:
    """SQLAlchemy would try for two minutes, and a read-only store is no rarity."""
    begun = time.monotonic()
    with pytest.raises(OSError, match="fdinfo"):
        make_ready(Path("/proc/self/fdinfo/mlflow.db"))
    assert time.monotonic() - begun < 20


def test_empty_file_is_a_database_that_is_still_to_be_made(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.touch()
    old(database)
    before = os.umask(0o027)
    try:
        make_ready(database)
    finally:
        os.umask(before)
    assert query(database, "SELECT name FROM experiments") == [("Default",)]
    assert database.stat().st_mode & 0o777 == 0o640


@pytest.mark.slow
def test_reader_waits_while_another_program_makes_the_database(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    with started(SLOWLY, uri(database), tmp_path / "artifacts") as maker:
        for read in READERS:
            assert not read(uri(database))
        assert open_client(uri(database)).get_experiment_by_name("Default") is not None
        assert maker.wait(100) == 0


@pytest.mark.slow
def test_database_that_another_program_begins_meanwhile_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, make, makers = tmp_path / "mlflow.db", module._make, []

    def make_late(path: Path) -> None:
        makers.append(started(SLOWLY, uri(database), tmp_path / "artifacts"))
        make(path)

    monkeypatch.setattr(module, "_make", make_late)
    assert open_client(uri(database)).get_experiment_by_name("Default") is not None
    assert makers[0].wait(100) == 0


def test_a_process_that_makes_it_for_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.3)
    database = half_made(tmp_path)
    with started(HOLD, database, "DEFERRED") as maker:
        query_of = f"process {maker.pid} ("
        old(database)
        # it has the file open, though it does not write
        with closing(sqlite3.connect(database)):
            assert query_of in message_of(find_experiment, database)
        maker.kill()


def find_experiment(tracking_uri: str) -> object:
    return find_result(tracking_uri, "exp")


def half_made(folder: Path) -> Path:
    """What is there before the first revision is complete."""
    database = folder / "mlflow.db"
    engine = create_engine(uri(database))
    Base.metadata.create_all(engine)
    engine.dispose()
    return old(database)


@readers
def test_half_made_database_that_nobody_works_on(tmp_path: Path, read: Callable[[str], object]) -> None:
    (folder := tmp_path / "a store").mkdir()
    database = half_made(folder)
    if read is list_experiments:
        query(database, "DROP TABLE tags")  # else there is just nothing in it
        old(database)
    message = message_of(read, database)
    assert "half-made" in message
    assert f"nothing gets lost: rm '{database}', and try again" in message


@pytest.fixture(scope="session")
def older_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of an older MLflow with an experiment."""
    database = tmp_path_factory.mktemp("older") / "mlflow.db"
    engine = create_engine(uri(database))
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config = _get_alembic_config(uri(database))
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
    engine.dispose()
    query(database, "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'mine', 'active')")
    return old(database)


def test_older_database_is_left_as_it_is_and_the_command_upgrades_it(older_schema: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "a store").mkdir()
    database = old(Path(shutil.copy(older_schema, folder)))
    message = message_of(find_experiment, database)
    assert "older MLflow" in message
    commands = message.partition("while no process uses it: ")[2]
    copy, upgrade = commands.split(" && ")
    assert shlex.split(copy) == ["cp", str(database), f"{database}.before-upgrade"]
    assert shlex.split(upgrade)[1:] == ["-m", "mlflow", "db", "upgrade", uri(database)]
    subprocess.run(commands, shell=True, check=True, capture_output=True)
    found = open_client(uri(database)).get_experiment_by_name("mine")
    assert found is not None
    assert found.experiment_id == "7"
    assert Path(f"{database}.before-upgrade").read_bytes() == older_schema.read_bytes()


def test_page_of_mlflow_does_not_upgrade_either(older_schema: Path, tmp_path: Path) -> None:
    store = StorePaths(tmp_path / "store")
    store.create()
    shutil.copy(older_schema, store.mlflow_db)
    old(store.mlflow_db)
    message_of(lambda _: page_action(store, "mlflow", "start", 5000), store.mlflow_db)


def test_older_database_says_who_uses_it(older_schema: Path, tmp_path: Path) -> None:
    database = Path(shutil.copy(older_schema, tmp_path))
    with started(HOLD, database, "IMMEDIATE") as user:
        old(database)
        assert f"now it is used by process {user.pid} (" in message_of(find_experiment, database)
        user.kill()


def test_database_that_is_being_upgraded_is_waited_for(
    older_schema: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, looks = Path(shutil.copy(older_schema, tmp_path)), []
    newest = _get_latest_schema_revision()

    def sleep(_: float) -> None:
        looks.append(1)
        os.utime(database)
        if len(looks) == 3:
            query(database, f"UPDATE alembic_version SET version_num = '{newest}'")

    monkeypatch.setattr(module.time, "sleep", sleep)
    os.utime(database)
    make_ready(database)
    assert len(looks) == 3


@readers
def test_newer_database_names_both_versions(
    empty_database: Path, tmp_path: Path, read: Callable[[str], object]
) -> None:
    database = Path(shutil.copy(empty_database, tmp_path))
    query(database, "UPDATE alembic_version SET version_num = 'f00000000000'")
    if read is list_experiments:
        query(database, "ALTER TABLE experiment_tags RENAME TO experiment_labels")  # else it can be read
    message = message_of(read, database)
    assert "newer MLflow than the installed one (3." in message
    assert "-m pip install --upgrade mlflow" in message


@pytest.fixture
def holder(empty_database: Path, tmp_path: Path) -> "Iterator[tuple[Path, subprocess.Popen[str]]]":
    """A database that another process has locked."""
    database = Path(shutil.copy(empty_database, tmp_path))
    with started(HOLD, database, "EXCLUSIVE") as process:
        yield database, process
        process.kill()


@readers
def test_locked_database_names_the_process(
    holder: "tuple[Path, subprocess.Popen[str]]", monkeypatch: pytest.MonkeyPatch, read: Callable[[str], object]
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.2)
    database, process = holder
    message = message_of(read, database)
    assert f"it is locked by process {process.pid} ({sys.executable} -c import sqlite3, sys, time" in message
    assert f"wait for it, or end it if it hangs (kill {process.pid})" in message


def test_locked_database_keeps_what_waits_for_it(
    holder: "tuple[Path, subprocess.Popen[str]]", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from fixtures.fake_tune import Driver, at, tracked

    from nerbb_ray.mlflow_store.events import Started, from_dict, to_dict
    from nerbb_ray.mlflow_store.spool import Spool

    monkeypatch.setattr(module, "BUSY_S", 0.2)
    database, process = holder
    spool = Spool(database.parent / "waiting", to_dict, from_dict)
    trial = Driver(SimpleNamespace()).spec("runA", 43)
    spool.append(Started(tracked(trial), *at(1)))
    spool.close()
    with pytest.raises(ResultError, match="nothing is lost"):
        deliver_waiting(database.parent / "waiting", uri(database), "exp")
    assert f"locked by process {process.pid} (" in caplog.text
    process.kill()
    process.wait()
    assert deliver_waiting(database.parent / "waiting", uri(database), "exp") == 1


def test_users_of_a_file(holder: "tuple[Path, subprocess.Popen[str]]", tmp_path: Path) -> None:
    database, process = holder
    with started("import sys, time; file = open(sys.argv[1]); print(); time.sleep(600)", database) as reader:
        with database.open():  # of this process: not another one
            users = file_users(database)
        assert [user.pid for user in users] == [process.pid, reader.pid]
        if sys.platform == "linux":
            assert [user.writes for user in users] == [True, False]
        reader.kill()
    assert file_users(tmp_path / "no such file") == ()


def test_system_that_does_not_tell_who_locks(
    holder: "tuple[Path, subprocess.Popen[str]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.2)
    monkeypatch.setattr("nerbb_ray.mlflow_store.file_users.LOCKS", Path("/no such file"))
    database, process = holder
    assert f"it is locked, probably by process {process.pid} (" in message_of(find_experiment, database)


def test_lock_of_a_process_that_cannot_be_seen(
    monkeypatch: pytest.MonkeyPatch, empty_database: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "file_users", lambda _: ())
    database = Path(shutil.copy(empty_database, tmp_path))
    problem = module.problem_of(sqlite3.OperationalError("database is locked"), database)
    assert problem == ("it is locked by a process of another user or computer; wait for it, or end it if it hangs")


@readers
@pytest.mark.parametrize("damage", [b"this is not a database, but a text" * 100, None])
def test_damaged_database_is_kept_and_rescued(
    empty_database: Path, tmp_path: Path, damage: bytes | None, read: Callable[[str], object]
) -> None:
    database = Path(shutil.copy(empty_database, tmp_path))
    whole = database.read_bytes()
    database.write_bytes(damage or whole[:100] + b"\xff" * 8000 + whole[8100:])
    message = message_of(read, database)
    assert f"restore {database} from a copy, or rescue what can still be read: sqlite3 {database} .recover" in message


def test_tables_of_another_program_are_left_to_mlflow(tmp_path: Path) -> None:
    database = tmp_path / "mine.db"
    query(database, "CREATE TABLE mine (x)")
    make_ready(database)
    assert query(database, "SELECT name FROM sqlite_master") == [("mine",)]
