"""Tab completion: the shell asks `nerbb` itself what could come next."""

from argparse import ArgumentParser, Namespace

from nerbb_ray.commands.command import Command
from nerbb_ray.exit_status import OK

SHELLS = ("bash", "zsh", "fish")


def completion(args: Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["nerbb"], shell=args.shell))
    return OK


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="whose code is printed")


COMMANDS = {
    "completion": Command(
        ("completion bash >> ~/.bashrc", "completion fish > ~/.config/fish/completions/nerbb.fish"),
        completion,
        _arguments,
    )
}
