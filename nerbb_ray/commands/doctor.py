"""`nerbb check_dataset`: what is wrong with a data set, as a table, as JSON, as a page."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from nerbb_ray.commands.choices import local_models
from nerbb_ray.commands.command import Command, completed
from nerbb_ray.commands.data import add_reading_options, reading_options
from nerbb_ray.console import json_text, shown_width
from nerbb_ray.data.known_names import stored_names
from nerbb_ray.doctor.open import MAX_SEQ_LENGTH, check_up
from nerbb_ray.errors import DataError
from nerbb_ray.store import current_store

OK, FOUND = 0, 1
SCHEMES = ("auto", "plain", "bio", "bilou")


def check_dataset(args: Namespace) -> int:
    """Print what is found; the exit status is 1 only with --strict and an error or a warning."""
    from nerbb_ray.doctor import findings_page, findings_text

    findings = check_up(
        current_store(args.store),
        args.name,
        args.subset,
        options=reading_options(args),
        model=args.model,
        max_seq_length=args.max_seq_length,
        annotation_scheme=args.annotation_scheme,
    )
    if args.json:
        print(json_text(findings.to_dict()))
    else:
        width = shown_width()
        print(findings_text(findings, width), end="")
    if args.html:
        _write(args.html, findings_page(findings))
        print(f"page: {args.html}", file=sys.stderr)
    return FOUND if args.strict and findings.count("error") + findings.count("warning") else OK


def _write(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(f"the page cannot be written: {error.strerror}", path) from error


def _length(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be an integer >= 1; got {text!r}")
    return int(text)


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb check_dataset NAME [options]"  # a screen has room for one list of them
    name = parser.add_argument(
        "name", metavar="NAME", help="in the store, of a folder or file (./data), built in, or on the hub"
    )
    completed(name, lambda store: stored_names(store.datasets))
    parser.add_argument("--subset", metavar="S", help="of the data set")
    model = parser.add_argument("--model", metavar="M", help="count its sub-tokens: name, folder or hub id")
    completed(model, local_models)
    parser.add_argument(
        "--max-seq-length", type=_length, default=MAX_SEQ_LENGTH, metavar="N", help=f"of training ({MAX_SEQ_LENGTH})"
    )
    parser.add_argument(
        "--annotation-scheme", choices=SCHEMES, default="auto", metavar="A", help=f"of training: {', '.join(SCHEMES)}"
    )
    add_reading_options(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots, too")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if there are errors or warnings")


COMMANDS = {
    "check_dataset": Command(
        (
            "check_dataset wnut17",
            "check_dataset ./my/data --model my_model --html my-data.html",
        ),
        check_dataset,
        _arguments,
    )
}
