"""Tab completion: the shell asks `nerbb` itself what could come next."""

import os
from argparse import ArgumentParser, Namespace

from nerbb_ray.commands.command import Command
from nerbb_ray.tune.command import OK

ASKED = "_ARGCOMPLETE"  # set by the shell's completion code
SHELLS = ("bash", "zsh", "fish")


def completion(args: Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["nerbb"], shell=args.shell))
    return OK


def answer_shell(parser: ArgumentParser) -> None:
    """If it is the shell that asks, answer it and end the process."""
    if ASKED in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser, always_complete_options=False)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="whose code is printed")


COMMAND = Command(
    "completion",
    "print code for tab completion in a shell",
    ("completion bash >> ~/.bashrc", "completion fish > ~/.config/fish/completions/nerbb.fish"),
    completion,
    _arguments,
)
