"""`nerbb export`: a model as a folder for others."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.commands.command import Command
from nerbb_ray.commands.trial_options import add_trial_name, add_trial_options
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray import export as exporting
    from nerbb_ray.inference import parity as onnx_parity


if TYPE_CHECKING:
    from nerbb_ray.inference.parity import Parity


def export(args: Namespace) -> int:
    folder = exporting.export(
        args.name,
        args.folder,
        args.run,
        args.seed,
        ensemble=args.ensemble,
        onnx=args.onnx,
        int8=args.int8,
        accept_change=args.accept_change,
        overwrite=args.overwrite,
        language=args.language,
        license=args.license,
        store=current_store(args.store).root,
    )
    what = "the ensemble" if args.ensemble else "the model"
    print(f"{folder}: {what}, with its model card README.md")
    if args.license is None:
        print("the card names no license; yours to say: --license ID, such as apache-2.0", file=sys.stderr)
    if args.onnx or args.int8:
        print("", *_parity_lines(onnx_parity.Parity.load(folder)), sep="\n")
    return OK


def _parity_lines(parity: "Parity") -> Iterator[str]:
    """A table of the forms of a model, names to the left, numbers to the right."""
    rows = [parity.header(), *parity.rows()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        cells = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *cells])
    yield ""
    yield from parity.words()


def _export_arguments(parser: ArgumentParser) -> None:
    add_trial_name(parser, "of the experiment")
    parser.add_argument("folder", type=Path, metavar="DIR", help="is made; must be new or empty")
    add_trial_options(parser)
    parser.add_argument("--language", metavar="CODE", help="for the model card, e.g. en; several: en,sv")
    parser.add_argument("--license", metavar="ID", help="of the model, as the hub names it, e.g. apache-2.0")
    parser.add_argument("--overwrite", action="store_true", help="replace a model that is in DIR")
    parser.add_argument("--onnx", action="store_true", help="weights in ONNX instead of torch")
    parser.add_argument("--int8", action="store_true", help="weights in ONNX and int8: a quarter of the size")
    parser.add_argument(
        "--accept-change", action="store_true", help="in ONNX even if the test F1 moves, or cannot be measured"
    )


COMMANDS = {
    "export": Command(
        (
            "export wnut17 my-model",
            "export wnut17 my-model --run runB --language en --license mit",
            "export wnut17 my-model --ensemble",
            "export wnut17 my-model --int8",
        ),
        export,
        _export_arguments,
    ),
}
