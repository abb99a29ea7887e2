"""`nerbb check_dataset`: what is wrong with a data set, as a table, as JSON, as a page."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

from nerbb_ray.commands.choices import local_models
from nerbb_ray.commands.command import Command, completed
from nerbb_ray.commands.data import add_reading_options, reading_options
from nerbb_ray.console import json_text, shown_width
from nerbb_ray.data.known_names import stored_names
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.annotation import tasks
    from nerbb_ray.doctor import open as opening
    from nerbb_ray.doctor import page, text
    from nerbb_ray.mistakes import suspect_labels, suspect_text
    from nerbb_ray.mlflow_store import overview


OK, FOUND = 0, 1
LENGTH = 128  # of training, if nothing else is said
PRINTED = 20  # suspicious labels
FORMATS = ("label_studio", "doccano", "jsonl")
SCHEMES = ("auto", "plain", "bio", "bilou")


def check_dataset(args: Namespace) -> int:
    """Print what is found; the exit status is 1 only with --strict and an error or a warning."""
    if args.with_experiment is not None:
        return check_labels(args)
    _refuse_alone(args)

    findings = opening.check_up(
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
        print(text.findings_text(findings, width), end="")
    if args.html:
        _write(args.html, page.findings_page(findings))
        print(f"page: {args.html}", file=sys.stderr)
    return FOUND if args.strict and findings.count("error") + findings.count("warning") else OK


def check_labels(args: Namespace) -> int:
    """Print the labels that the models of an experiment contradict."""
    _refuse_beside(args)
    store = current_store(args.store)
    kind, file = _tasks(args.tasks)
    name, _, run = args.with_experiment.partition("/")
    labels = suspect_labels.suspect_labels(
        store, overview.results_of(store, name), args.name, args.subset, run or None, ask_hub=True
    )
    if args.json:
        print(json_text(suspect_text.to_dict(labels)))
    else:
        print(suspect_text.suspects_text(labels, args.limit or PRINTED, shown_width()), end="")
    if args.html:
        _write(args.html, suspect_text.suspects_page(labels))
        print(f"page: {args.html}", file=sys.stderr)
    if file is not None:
        number = labels.first(args.limit).write(file, kind)
        print(f"{file}: {counted(number, 'sentence')} with labels that may be wrong", file=sys.stderr)
    return FOUND if args.strict and labels.found else OK


def _tasks(given: Sequence[str] | None) -> tuple[str, Path | None]:
    """The format and the file of the tasks."""
    if given is None:
        return "", None
    kind, file = given
    if kind not in FORMATS:
        raise DataError(f"--tasks must be followed by one of {', '.join(FORMATS)}, and a file; got {kind!r}")
    return kind, tasks.check_name(Path(file), kind)


def _refuse_alone(args: Namespace) -> None:
    """What says how models are asked needs their experiment."""
    given = {"--tasks": args.tasks, "--limit": args.limit}
    if named := [option for option, value in given.items() if value]:
        raise DataError(f"{named[0]} needs --with-experiment, whose models are asked")


def _refuse_beside(args: Namespace) -> None:
    """Data and models are those of the experiment: what would say it otherwise is not read."""
    given = {
        "--model": args.model is not None,
        "--max-seq-length": args.max_seq_length != LENGTH,
        "--annotation-scheme": args.annotation_scheme != "auto",
        **{f"--{key.replace('_', '-')}": True for key in reading_options(args).given()},
    }
    if named := [option for option, is_given in given.items() if is_given]:
        rule = "must be left out with --with-experiment, which says it itself"
        raise DataError(f"{named[0]}: {rule}; for the check of the data, call it without")


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
    name = parser.add_argument("name", metavar="NAME", help="of the store, a path (./data), or of the hub")
    completed(name, lambda store: stored_names(store.datasets))
    parser.add_argument("--subset", metavar="S", help="of the data set")
    model = parser.add_argument("--model", metavar="M", help="count its sub-tokens: name, folder or hub id")
    completed(model, local_models)
    parser.add_argument("--max-seq-length", type=_length, default=LENGTH, metavar="N", help=f"of training ({LENGTH})")
    parser.add_argument(
        "--annotation-scheme", choices=SCHEMES, default="auto", metavar="A", help=f"of training: {', '.join(SCHEMES)}"
    )
    add_reading_options(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots, too")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if there are errors or warnings")
    parser.add_argument("--with-experiment", metavar="EXP", help="rank labels that its models contradict; EXP/RUN")
    parser.add_argument("--limit", type=_length, metavar="N", help="how many of these labels (20 are printed)")
    parser.add_argument("--tasks", nargs=2, metavar=("F", "FILE"), help=f"write their sentences: {', '.join(FORMATS)}")


COMMANDS = {
    "check_dataset": Command(
        (
            "check_dataset ./my/data --model my_model --html my-data.html",
            "check_dataset wnut17 --with-experiment folds --tasks doccano out.jsonl",
        ),
        check_dataset,
        _arguments,
    )
}
