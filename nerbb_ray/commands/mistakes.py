"""`nerbb errors`: the mistakes of an experiment's models, to look at; and annotations that may be wrong."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection
from pathlib import Path

from nerbb_ray import atomic
from nerbb_ray.commands.choices import add_run_option
from nerbb_ray.commands.command import Command, add_name
from nerbb_ray.console import json_text, shown_width
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.spelling import did_you_mean
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.annotation import tasks
    from nerbb_ray.mistakes import annotation, collect
    from nerbb_ray.mistakes import text as mistake_words
    from nerbb_ray.mlflow_store import overview


KINDS = ("missed", "invented", "wrong-class", "wrong-border")
FORMATS = ("label_studio", "doccano", "jsonl")


def errors(args: Namespace) -> int:
    store = current_store(args.store)
    if args.candidates:
        tasks.check_name(args.candidates, args.format)
    everything = collect.collect(store, overview.results_of(store, args.name), args.run, args.phase, ask_hub=True)
    _note_unknown(args.label, everything.classes(), args.phase)
    found = everything.only(args.kind or (), args.label)
    if args.json:
        print(json_text(mistake_words.to_dict(found, args.confidence)))
    else:
        width = shown_width()
        print(mistake_words.mistakes_text(found, args.limit, args.confidence, width), end="")
    if args.html:
        _write(args.html, mistake_words.mistakes_page(found, args.confidence))
        print(f"page: {args.html}", file=sys.stderr)
    if args.candidates:
        number = annotation.write_candidates(found, args.candidates, args.format, args.confidence)
        print(f"{args.candidates}: {counted(number, 'sentence')} whose annotation may be wrong", file=sys.stderr)
    return OK


def _note_unknown(label: str | None, known: Collection[str], phase: str) -> None:
    """A class without any mistake has none; a name that is no class at all looks the same, and is said."""
    if label is not None and label not in known:
        hint = did_you_mean(label, known, none="there is no entity at all")
        print(f"note: no entity of {phase} is of class {label!r}, in gold or predicted; {hint}", file=sys.stderr)


def _write(path: Path, page: str) -> None:
    try:
        atomic.write_text(path, page)
    except OSError as error:
        raise DataError(f"the page cannot be written: {error.strerror}", path) from error


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"must be between 0 and 1; got {text!r}")
    return value


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"must be an integer >= 0; got {text!r}")
    return int(text)


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb errors NAME [options]"
    add_name(parser)
    add_run_option(parser, "of the experiment (the best one)")
    parser.add_argument("--phase", choices=("val", "test"), default="test", help="the split (test)")
    parser.add_argument("--class", dest="label", metavar="C", help="only those of a class, right or predicted")
    parser.add_argument(
        "--kind",
        action="append",
        choices=KINDS,
        type=lambda text: text.replace(" ", "-"),
        metavar="K",
        help=f"only {', '.join(KINDS)}; may be repeated",
    )
    parser.add_argument("--limit", type=_number, default=20, metavar="N", help="how many are printed (20)")
    parser.add_argument("--json", action="store_true", help="print JSON: all of them")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page")
    wrong = parser.add_argument_group("annotations that may be wrong: all seeds contradict them, and are sure")
    wrong.add_argument("--confidence", type=_share, default=0.9, metavar="P", help="from which they are sure (0.9)")
    wrong.add_argument("--candidates", type=Path, metavar="FILE", help="write their sentences for an annotation tool")
    wrong.add_argument("--format", choices=FORMATS, default="jsonl", help="of this file (jsonl)")


COMMANDS = {
    "errors": Command(
        (
            "errors wnut17",
            "errors wnut17 --class person --kind missed --html missed.html",
            "errors wnut17 --candidates doubtful.jsonl --format doccano",
        ),
        errors,
        _arguments,
    )
}
