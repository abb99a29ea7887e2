"""A command of `nerbb`: its examples, its arguments and the call behind it."""

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nerbb_ray.errors import NerbbError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths

with lazy_modules():
    from nerbb_ray import store as stores


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


def completed(action: Action, names: Callable[[StorePaths], Iterable[str]]) -> None:
    """Let an argument be completed by names of the store that the command line means so far."""

    def completer(parsed_args: Namespace, **_: object) -> list[str]:
        try:
            return list(names(stores.current_store(parsed_args.store)))
        except (NerbbError, OSError):
            return []  # a half-written line is no occasion for an error

    action.completer = completer  # type: ignore[attr-defined]  # argcomplete's way
