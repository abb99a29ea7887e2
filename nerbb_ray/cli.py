"""`nerbb`: parse, call, print.

Only the module of the command that is called is imported; what is heavy is imported by the commands that need it.
"""

import argparse
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from nerbb_ray.commands.command import Command
from nerbb_ray.commands.listing import COMMANDS, Listed
from nerbb_ray.errors import NerbbError
from nerbb_ray.exit_status import OK, USER_ERROR, guarded
from nerbb_ray.logs import without_password
from nerbb_ray.spelling import did_you_mean, nearest

ASKED = "_ARGCOMPLETE"  # set by the shell's completion code
DESCRIPTION = "Fine-tune transformers to find named entities: runs x seeds, with uncertainties."
USAGE = "nerbb [--help] [--version] [--store DIR] [--verbose] COMMAND ..."
EPILOG = "Help on a command, with examples: nerbb COMMAND --help"


class OneScreen(argparse.RawDescriptionHelpFormatter):
    """A line for every command and nearly every option."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


class Parser(argparse.ArgumentParser):
    """Says with every mistake where help is."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args(self._with_numbers(words), namespace)

    def _with_numbers(self, words: Sequence[str]) -> list[str]:
        """An option with an optional number takes the next word only if it is one: `--ensemble "Anna lives here"`."""
        names = {name for action in self._actions if action.nargs == "?" for name in action.option_strings}
        pairs = zip(words, [*words, ""][1:], strict=True)
        return [f"{word}=all" if word in names and not after.isdecimal() else word for word, after in pairs]

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
    answer_shell(lambda: build_parser(COMMANDS))
    word = _command_word(argv)
    parser = build_parser([command for command in COMMANDS if command.name == word])
    if not argv:
        parser.print_help(sys.stderr)
        return USER_ERROR
    _refuse_unknown_command(parser, word)
    if word is None and "--version" in argv:
        print(f"nerbb_ray {version('nerbb_ray')}")
        return OK
    args, unknown = parser.parse_known_args(argv)
    command: Command = args.command
    if unknown:
        _refuse_unknown_words(args.parser, unknown)
    args.words = argv
    return _call(command, args)


def answer_shell(parser: Callable[[], argparse.ArgumentParser]) -> None:
    """If it is the shell that asks what could come next, answer it and end the process."""
    if ASKED in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser(), always_complete_options=False)


def build_parser(commands: Iterable[Listed]) -> Parser:
    """That knows some commands, whose modules it imports. Global options are accepted before and after the command."""
    parser = Parser(
        prog="nerbb",
        usage=USAGE,
        description=f"{DESCRIPTION}\ncommands:\n{_listed()}",
        epilog=EPILOG,
        formatter_class=OneScreen,
        parents=[_global_options()],
        add_help=False,
        allow_abbrev=False,
    )
    # one screen has no lines for what the usage says
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(store=None, verbose=False)
    # argparse's own list of commands breaks lines that fit
    subparsers = parser.add_subparsers(prog=parser.prog, metavar="COMMAND", required=True, help=argparse.SUPPRESS)
    for listed in commands:
        command = listed.load()
        subparser = subparsers.add_parser(
            listed.name,
            help=listed.summary,
            description=f"{listed.summary[0].upper()}{listed.summary[1:]}.",
            epilog="examples:\n" + "".join(f"  nerbb {example}\n" for example in command.examples),
            formatter_class=OneScreen,
            parents=[_global_options()],
            allow_abbrev=False,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(command=command, parser=subparser)
    return parser


def version(package: str) -> str:
    """Of an installed package; the standard library's way of asking takes as long as half of the rest."""
    from importlib import metadata

    return metadata.version(package)


def _listed() -> str:
    """All commands, with the name of each group beside its first one: headings would need lines of their own."""
    before = ("", *(command.group for command in COMMANDS))
    groups = ["" if command.group == last else command.group for command, last in zip(COMMANDS, before, strict=False)]
    group, name = max(map(len, groups)), max(len(command.name) for command in COMMANDS)
    return "\n".join(
        f"  {label:<{group}}  {command.name:<{name}}  {command.summary}"
        for label, command in zip(groups, COMMANDS, strict=True)
    )


def _global_options() -> Parser:
    # without a default: the one of a command would replace what was given before the command
    options = Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    options.add_argument("--store", type=Path, metavar="DIR", help="of the store (NERBB_STORE, else ./store)")
    options.add_argument("--verbose", action="store_true", help="on an error, show where in the program it arose")
    return options


def _command_word(argv: Sequence[str]) -> str | None:
    """The word that names the command, known or not."""
    finder = argparse.ArgumentParser(parents=[_global_options()], add_help=False, allow_abbrev=False)
    return next((word for word in finder.parse_known_args(argv)[1] if not word.startswith("-")), None)


def _refuse_unknown_command(parser: argparse.ArgumentParser, word: str | None) -> None:
    """Ends with the nearest command; argparse would list all of them."""
    known = [command.name for command in COMMANDS]
    if word is not None and word not in known:
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
