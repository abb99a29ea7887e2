"""Which store is used, and what can be asked of it.

Which store: what `Store.set_path` or `--store` say, else the environment variable NERBB_STORE, else `./store`.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nerbb_ray.arguments import path_of, text_of
from nerbb_ray.errors import StoreError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.locks import holder_of
from nerbb_ray.logs import without_password
from nerbb_ray.paths import StorePaths
from nerbb_ray.spelling import did_you_mean
from nerbb_ray.web_servers import PAGES, PageStatus, check_port, page_of

if TYPE_CHECKING:
    from nerbb_ray.results.experiment_result import ExperimentResult

with lazy_modules():  # most of what is asked of a store are paths
    from nerbb_ray.mlflow_store import database, links, overview, reader

__all__ = ["Store", "StorePaths", "clear", "current_store", "page_action"]

DEFAULT = "store"
VARIABLE = "NERBB_STORE"


def current_store(path: Path | None = None) -> StorePaths:
    """The store of a call that names one, or the current one.

    Raises:
        StoreError: the path cannot be that of a store.
    """
    return StorePaths(path or Store.chosen or Path(os.environ.get(VARIABLE) or DEFAULT))


class Store:
    """The current store, for Python users: `Store.set_path("my/store")`, `Store.show_experiments()`."""

    chosen: ClassVar[Path | None] = None

    @classmethod
    def set_path(cls, path: str | os.PathLike[str]) -> None:
        """Use another store from now on; it need not exist yet."""
        cls.chosen = StorePaths(Path(path_of("the folder of a store", path, StoreError))).root

    @classmethod
    def get_path(cls) -> Path:
        """Where the current store is."""
        return current_store().root

    @classmethod
    def create(cls) -> tuple[Path, ...]:
        """Make the folders of the store; those that exist stay as they are.

        Returns:
            The folders that were made.
        """
        return current_store().create()

    @classmethod
    def show_experiments(cls) -> None:
        """Print all experiments with their best results."""
        print(overview.experiments_text(current_store()))

    @classmethod
    def get_experiment_results(cls, name: str) -> "ExperimentResult":
        """Runs, trials and their metrics.

        Raises:
            ResultError: the experiment has no results.
        """
        return overview.results_of(current_store(), name)

    @classmethod
    def mlflow(cls, action: str = "start", port: int = 5000) -> PageStatus:
        """Start, stop or look at MLflow's page of the results; prints its address.

        Args:
            action: start, status or stop.
        """
        return page_action(current_store(), "mlflow", action, port)

    @classmethod
    def tensorboard(cls, action: str = "start", port: int = 6006) -> PageStatus:
        """Start, stop or look at TensorBoard's page of the learning curves; prints its address.

        Args:
            action: start, status or stop.
        """
        return page_action(current_store(), "tensorboard", action, port)

    @classmethod
    def clear_data(
        cls,
        experiment: str | None = None,
        *,
        delete: bool = False,
        datasets: bool = False,
        pretrained_models: bool = False,
    ) -> tuple[Path, ...]:
        """Delete what running experiments has made: models, results, curves, logs, tokenised data.

        The files of the experiments always stay. Results on an MLflow server stay, too.

        Args:
            experiment: only of this one; its runs in MLflow, also on a server, are marked as deleted.
            delete: whether to delete; without it, the call only says what it would delete.
            datasets, pretrained_models: whether to delete the data sets and the local models as well.
        Returns:
            What was deleted or would be.
        Raises:
            StoreError: a web page of these results still runs, or the experiment has left nothing.
        """
        store = current_store()
        if experiment is not None and (datasets or pretrained_models):
            raise StoreError(
                "an experiment has no data sets and models of its own: leave out datasets, pretrained_models"
            )
        if experiment is not None:
            paths, _ = left_by(experiment, store)
        else:
            paths = store.clearable(datasets=datasets, pretrained_models=pretrained_models)
        if delete and experiment is not None:
            clear_experiment(experiment, store)
        elif delete:
            clear(paths, store)
        else:
            print(
                "\n".join([*map(str, paths), "nothing was deleted; to delete all this: clear_data(delete=True, ...)"])
            )
        return paths


def page_action(store: StorePaths, name: str, action: str, port: int) -> PageStatus:
    """Start, stop or look at a web page, and print how it is doing.

    Raises:
        StoreError: there is no such action, or the page cannot be started.
        ResultError: MLflow cannot use the database.
    """
    page = page_of(store, name)
    actions: dict[str, Callable[[], PageStatus]] = {
        "start": lambda: page.start(port),
        "status": page.status,
        "stop": page.stop,
    }
    if text_of(f"{name}: the action", action, StoreError) not in actions:
        raise StoreError(f"{name}: the action must be one of {', '.join(actions)}; got {action!r}")
    if action == "start":
        check_port(port)
        if name == "mlflow" and store.tracking_uri.startswith(("http://", "https://")):
            address = without_password(store.tracking_uri)
            raise StoreError(f"the results are on the MLflow server {address}: enter it in the browser")
        if name == "mlflow":
            _make_database(store.tracking_uri)
        print(f"starting {name}, which can take a minute ...", file=sys.stderr)
    status = actions[action]()
    print(status)
    if name == "mlflow" and status.url is not None:
        _print_links(status.url, store.tracking_uri)
    return status


def _print_links(url: str, tracking_uri: str) -> None:
    """Where the runs are: MLflow begins with a page that does not show them."""
    file = database.sqlite_file(tracking_uri)
    for line in links.newest_links(url, file) if file else []:
        print(f"  {line}")


def _make_database(tracking_uri: str) -> None:
    """As a whole: MLflow's page would make it in steps that others see."""
    if file := database.sqlite_file(tracking_uri):
        database.make_ready(file)


def clear(paths: Iterable[Path], store: StorePaths) -> None:
    """Delete paths that `store.clearable` names; of a symbolic link, the link.

    Raises:
        StoreError: a page of these results still runs, or something cannot be deleted.
    """
    for name in PAGES:
        if page_of(store, name).status().runs:
            raise StoreError(f"{name} still shows the results; stop it first: nerbb {name} stop")
    for lock in (store.results / "locks").glob("*.json"):
        _refuse_running(lock.stem, store)
    _delete(paths)


def left_by(name: str, store: StorePaths) -> tuple[tuple[Path, ...], int]:
    """What running one experiment has made: files and folders, and the number of its trials in MLflow.

    Raises:
        StoreError: nothing; the message has the nearest name of those that have left something.
        ResultError: MLflow cannot be read.
    """
    tracked = {known.name: known for known in reader.list_experiments(store.tracking_uri)}
    paths = store.clearable_of(name)
    if paths or name in tracked:
        return paths, tracked[name].n_total if name in tracked else 0
    if name in store.configs():
        why = "it has not been run yet, or has been cleared already"
    else:
        why = did_you_mean(name, sorted({*tracked, *store.configs()}), str)
    raise StoreError(f"experiment {name!r} has left nothing in {store.root} that could be deleted; {why}")


def clear_experiment(name: str, store: StorePaths) -> None:
    """Delete what running one experiment has made; MLflow marks its runs as deleted.

    Raises:
        StoreError: it is being run, or something cannot be deleted.
        ResultError: MLflow cannot be read.
    """
    _refuse_running(name, store)
    reader.delete_experiment_runs(store.tracking_uri, name)
    _delete(store.clearable_of(name))


def _refuse_running(name: str, store: StorePaths) -> None:
    if holder := holder_of(store.lock(name)):
        raise StoreError(f"experiment {name} is being run, by {holder}; wait until it has ended, or end it")


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise StoreError(f"{error.filename or path} cannot be deleted: {error.strerror}") from error
