"""`nerbb check_dataset`: what is wrong with a data set, as a table, as JSON, as a page."""

import json
import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from nerbb_ray.commands.command import Command, completed
from nerbb_ray.commands.data import add_reading_options, reading_options
from nerbb_ray.data.known_names import stored_names
from nerbb_ray.doctor.open import MAX_SEQ_LENGTH, check_up
from nerbb_ray.errors import DataError
from nerbb_ray.store import current_store

OK, FOUND = 0, 1
PIPE_WIDTH = 120  # a pipe or a file has no width of its own
FORMATS = ("label_studio", "doccano", "jsonl")
SCHEMES = ("auto", "plain", "bio", "bilou")


def check_dataset(args: Namespace) -> int:
    """Print what is found; the exit status is 1 only with --strict and an error or a warning."""
    if args.with_experiment is not None:
        return check_labels(args)
    _refuse_alone(args)
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
        print(json.dumps(findings.to_dict(), indent=2, allow_nan=False))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
        print(findings_text(findings, width), end="")
    if args.html:
        _write(args.html, findings_page(findings))
        print(f"page: {args.html}", file=sys.stderr)
    return FOUND if args.strict and findings.count("error") + findings.count("warning") else OK


def check_labels(args: Namespace) -> int:
    """Print the labels that the models of an experiment contradict."""
    from nerbb_ray.mistakes.suspect_labels import suspect_labels
    from nerbb_ray.mistakes.suspect_text import suspects_page, suspects_text, to_dict
    from nerbb_ray.mlflow_store.overview import results_of

    store = current_store(args.store)
    result = results_of(store, args.with_experiment)
    labels = suspect_labels(store, result, args.name, args.subset, args.run, ask_hub=True).sure(args.confidence)
    if args.json:
        print(json.dumps(to_dict(labels), indent=2, allow_nan=False))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
        print(suspects_text(labels, args.limit, width), end="")
    if args.html:
        _write(args.html, suspects_page(labels))
        print(f"page: {args.html}", file=sys.stderr)
    if args.tasks:
        number = labels.write(args.tasks, args.tasks_format)
        print(f"{args.tasks}: {number} sentences with labels that may be wrong", file=sys.stderr)
    return FOUND if args.strict and labels.found else OK


def _refuse_alone(args: Namespace) -> None:
    """What says how models are asked needs their experiment."""
    given = {"--run": args.run, "--tasks": args.tasks, "--confidence": args.confidence}
    if named := [option for option, value in given.items() if value]:
        raise DataError(f"{named[0]} needs --with-experiment, whose models are asked")


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


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"must be between 0 and 1; got {text!r}")
    return value


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb check_dataset NAME [options]"  # a screen has room for one list of them
    name = parser.add_argument(
        "name", metavar="NAME", help="in the store, of a folder or file (./data), built in, or on the hub"
    )
    completed(name, lambda store: stored_names(store.datasets))
    parser.add_argument("--subset", metavar="S", help="of the data set")
    parser.add_argument("--model", metavar="M", help="count its sub-tokens: name, folder or hub id")
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
    wrong = parser.add_argument_group("labels that are probably wrong, by models that have not seen their sentences")
    wrong.add_argument("--with-experiment", metavar="EXP", help="rank them by what the models of EXP say")
    wrong.add_argument("--run", metavar="RUN", help="of the experiment (the best one)")
    wrong.add_argument("--confidence", type=_share, default=0.0, metavar="P", help="only if models are so sure (0)")
    wrong.add_argument("--limit", type=_length, default=20, metavar="N", help="how many are printed (20)")
    wrong.add_argument("--tasks", type=Path, metavar="FILE", help="write their sentences for an annotation tool")
    wrong.add_argument("--tasks-format", choices=FORMATS, default="jsonl", metavar="F", help=f"{', '.join(FORMATS)}")


COMMANDS = {
    "check_dataset": Command(
        (
            "check_dataset wnut17",
            "check_dataset ./my/data --model my_model --html my-data.html",
            "check_dataset wnut17 --with-experiment folds --tasks doubtful.json --tasks-format label_studio",
        ),
        check_dataset,
        _arguments,
    )
}
