"""`nerbb`: parse, call, print.

Exit status: 0 it worked, 1 a trial failed or a page does not run, 2 something the user can mend, 130 interrupted.
What is heavy to import is imported by the commands that need it.
"""

import argparse
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from nerbb_ray.commands.command import Command
from nerbb_ray.commands.completion import answer_shell
from nerbb_ray.commands.listing import COMMANDS
from nerbb_ray.errors import NerbbError
from nerbb_ray.logs import without_password
from nerbb_ray.spelling import did_you_mean, nearest
from nerbb_ray.tune.command import USER_ERROR, guarded

DESCRIPTION = "Fine-tune transformers to find named entities: runs x seeds, with uncertainties."
USAGE = "nerbb [--store DIR] [--verbose] COMMAND ..."
EPILOG = """The store is ./store, or what --store or the variable NERBB_STORE say.
Help on a command, with examples: nerbb COMMAND --help
"""


class OneScreen(argparse.RawDescriptionHelpFormatter):
    """A line for every command and nearly every option."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


class Parser(argparse.ArgumentParser):
    """Says with every mistake where help is."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{message}\nhelp, with examples: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """The console script; returns the exit status."""
    return guarded(lambda: run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Parse and call.

    Raises:
        SystemExit: by argparse.
    """
    parser = build_parser()
    answer_shell(parser)
    if not argv:
        parser.print_help(sys.stderr)
        return USER_ERROR
    _refuse_unknown_command(parser, argv)
    args, unknown = parser.parse_known_args(argv)
    command: Command = args.command
    if unknown:
        _refuse_unknown_words(args.parser, unknown)
    args.words = argv
    return _call(command, args)


def build_parser() -> Parser:
    """Global options are accepted before and after the command."""
    parser = Parser(
        prog="nerbb",
        usage=USAGE,
        description=f"{DESCRIPTION}\n\ncommands:\n{_listed()}",
        epilog=EPILOG,
        formatter_class=OneScreen,
        parents=[_global_options()],
        allow_abbrev=False,
    )
    parser.set_defaults(store=None, verbose=False)
    # argparse's own list of commands breaks lines that fit
    subparsers = parser.add_subparsers(prog=parser.prog, metavar="COMMAND", required=True, help=argparse.SUPPRESS)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog="examples:\n" + "".join(f"  nerbb {example}\n" for example in command.examples),
            formatter_class=OneScreen,
            parents=[_global_options()],
            allow_abbrev=False,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(command=command, parser=subparser)
    return parser


def _listed() -> str:
    width = max(len(command.name) for command in COMMANDS)
    return "\n".join(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS)


def _global_options() -> Parser:
    # without a default: the one of a command would replace what was given before the command
    options = Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    options.add_argument("--store", type=Path, metavar="DIR", help="where data, models and results are")
    options.add_argument("--verbose", action="store_true", help="on an error, show where in the program it arose")
    return options


def _refuse_unknown_command(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Ends with the nearest command; argparse would list all of them."""
    finder = argparse.ArgumentParser(prog=parser.prog, parents=[_global_options()], add_help=False, allow_abbrev=False)
    word = next((word for word in finder.parse_known_args(argv)[1] if not word.startswith("-")), None)
    known = [command.name for command in COMMANDS]
    if word is None or word in known:
        return
    parser.error(f"unknown command {word!r}; {did_you_mean(word.replace('-', '_'), known, str)}")


def _refuse_unknown_words(parser: Parser, words: Sequence[str]) -> NoReturn:
    """Ends with the nearest option of the command."""
    option = next((word for word in words if word.startswith("--")), None)
    known = re.findall(r"(?<=[\s\[])--[a-z][a-z-]*", parser.format_help())
    meant = nearest(option.partition("=")[0], known) if option else None
    hint = f"; did you mean {meant}?" if meant else ""
    parser.error(f"unrecognized arguments: {' '.join(words)}{hint}")


def _call(command: Command, args: argparse.Namespace) -> int:
    try:
        return command.run(args)
    except NerbbError:
        if args.verbose:
            print(without_password(traceback.format_exc()), file=sys.stderr)
        raise


if __name__ == "__main__":
    sys.exit(main())
