"""Commands on the store as a whole: its folders, the pages of its results, deleting."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from nerbb_ray.commands.command import Command, completed
from nerbb_ray.errors import StoreError
from nerbb_ray.exit_status import FAILED, OK
from nerbb_ray.logs import without_password
from nerbb_ray.paths import StorePaths
from nerbb_ray.store import clear, clear_experiment, current_store, left_by, page_action

PORTS = {"mlflow": 5000, "tensorboard": 6006}


def create(args: Namespace) -> int:
    store = current_store(args.store)
    made = store.create()
    print(*(f"made {folder}" for folder in made), f"the store is {store.root}", sep="\n")
    return OK


def page(args: Namespace) -> int:
    status = page_action(current_store(args.store), args.page, args.action, args.port)
    if args.action == "start":
        store = [] if args.store is None else ["--store", str(args.store)]
        print(f"to end it: {shlex.join(['nerbb', args.page, 'stop', *store])}")
    return OK if args.action == "stop" or status.answers else FAILED


def clear_data(args: Namespace) -> int:
    store = current_store(args.store)
    if args.name is not None:
        return _clear_experiment(args, store)
    paths = store.clearable(datasets=args.datasets, pretrained_models=args.pretrained_models)
    if not paths:
        print(f"nothing to delete in {store.root}")
        return OK
    print("to be deleted:", *(f"  {path}" for path in paths), sep="\n")
    if not store.tracking_uri.startswith("sqlite:"):
        print(f"what the MLflow server {without_password(store.tracking_uri)} has stays there")
    if not args.yes and not _confirmed():
        print("nothing was deleted")
        return OK
    clear(paths, store)
    print("deleted")
    return OK


def _clear_experiment(args: Namespace, store: StorePaths) -> int:
    """Delete what one experiment has left."""
    name = args.name
    if args.datasets or args.pretrained_models:
        raise StoreError(f"--datasets and --pretrained-models are of the whole store; leave them out, or {name}")
    paths, trials = left_by(name, store)
    print("to be deleted:", *(f"  {path}" for path in paths), sep="\n")
    print(f"  the results of {trials} trials in MLflow ({without_password(store.tracking_uri)})")
    if not args.yes and not _confirmed():
        print("nothing was deleted")
        return OK
    clear_experiment(name, store)
    print("deleted")
    return OK


def _confirmed() -> bool:
    """The answer of whoever is at the keyboard, or one that is piped: `echo y | nerbb clear_data`."""
    print("delete all this? [y/N] ", end="", flush=True)
    answer = sys.stdin.readline() if sys.stdin else ""  # None: it is closed
    seen = sys.stdin is not None and sys.stdin.isatty()  # what is typed
    if not seen or not answer:
        print()
    if not answer and not seen:
        raise StoreError("nobody has answered whether to delete this (the standard input is empty); say it with --yes")
    return answer.strip().lower() in ("y", "yes")


def _page_arguments(name: str) -> Callable[[ArgumentParser], None]:
    def add(parser: ArgumentParser) -> None:
        actions = ("start", "status", "stop")
        parser.add_argument("action", nargs="?", default="start", choices=actions, help="start if left out")
        parser.add_argument("--port", type=int, default=PORTS[name], metavar="N", help=f"of the page ({PORTS[name]})")
        parser.set_defaults(page=name)

    return add


def _clear_arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb clear_data [NAME] [options]"
    name = parser.add_argument("name", metavar="NAME", nargs="?", help="only what this experiment has left")
    completed(name, lambda store: store.configs())
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--datasets", action="store_true", help="delete the data sets, too")
    parser.add_argument("--pretrained-models", action="store_true", help="delete the local pretrained models, too")


COMMANDS = {
    "create": Command(("create", "create --store my/store"), create),
    **{
        name: Command(
            (name, f"{name} start --port {PORTS[name] + 1}", f"{name} stop"),
            page,
            _page_arguments(name),
        )
        for name in ("mlflow", "tensorboard")
    },
    "clear_data": Command(("clear_data", "clear_data wnut17", "clear_data --yes"), clear_data, _clear_arguments),
}
