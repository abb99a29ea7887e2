"""`nerbb report`: an experiment's results as one HTML file."""

import sys
import webbrowser
from argparse import ArgumentParser, Namespace
from pathlib import Path

from nerbb_ray.commands.command import Command, add_name
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.report import page


def report(args: Namespace) -> int:
    path = page.write_report(args.name, current_store(args.store), args.output)
    print(f"report: {path}")
    if args.open and not webbrowser.open(path.as_uri()):
        print("there is no browser that could be started here: open the file yourself", file=sys.stderr)
    return OK


def _arguments(parser: ArgumentParser) -> None:
    add_name(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it (<store>/results/reports/NAME.html)"
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")


COMMANDS = {
    "report": Command(
        ("report wnut17", "report wnut17 --output wnut17.html --open"),
        report,
        _arguments,
    )
}
