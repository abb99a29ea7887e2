"""A command of `nerbb`: its name, its help, its arguments and the call behind it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Args:
        summary: a line of help.
        examples: without the name of the program.
        run: returns the exit status.
    """

    name: str
    summary: str
    examples: tuple[str, ...]
    run: Callable[[Namespace], int]
    add_arguments: Callable[[ArgumentParser], None] = lambda _: None


def add_name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the experiment")
