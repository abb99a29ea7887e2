"""A command of `nerbb`: its examples, its arguments and the call behind it."""

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nerbb_ray.errors import NerbbError, StoreError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths

with lazy_modules():
    from nerbb_ray import store as stores


SUFFIX = ".ini"


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Args:
        examples: without the name of the program.
        run: returns the exit status.
    """

    examples: tuple[str, ...]
    run: Callable[[Namespace], int]
    add_arguments: Callable[[ArgumentParser], object] = lambda _: None


def add_name(parser: ArgumentParser) -> None:
    action = parser.add_argument("name", metavar="NAME", help="of the experiment")
    completed(action, lambda store: store.configs())


def experiment_file(name: str, store: StorePaths) -> Path:
    """The file of an experiment of the store by its name; of one elsewhere by its path, which ends in .ini.

    Raises:
        StoreError: there is none.
    """
    if not name.endswith(SUFFIX) or Path(name).name == SUFFIX:
        return store.find_config(name)
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise StoreError(
            f"there is no user of {name.partition('/')[0]}: the path of an experiment file is {name}"
        ) from error
    if path.exists():  # a pipe as well; what is no experiment file is said where it is read
        return path
    if (stem := path.name.removesuffix(SUFFIX)) in store.configs():
        raise StoreError(f"there is no file {path}; the experiment of the store goes by its name alone: {stem}")
    raise StoreError(f"there is no file {path}, and no experiment {stem!r} in {store.root}")


def completed(action: Action, names: Callable[[StorePaths], Iterable[str]]) -> None:
    """Let an argument be completed by names of the store that the command line means so far."""

    def completer(parsed_args: Namespace, **_: object) -> list[str]:
        try:
            return list(names(stores.current_store(parsed_args.store)))
        except (NerbbError, OSError):
            return []  # a half-written line is no occasion for an error

    action.completer = completer  # type: ignore[attr-defined]  # argcomplete's way
