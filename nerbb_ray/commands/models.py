"""Commands that use what was trained: predict, evaluate."""

import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray import atomic
from nerbb_ray.commands.command import Command, completed
from nerbb_ray.commands.trial_options import add_trial_name, add_trial_options
from nerbb_ray.console import json_text, printable, tell
from nerbb_ray.data.known_names import stored_names
from nerbb_ray.errors import DataError, ModelError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import folder_problem
from nerbb_ray.spelling import nearest
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray import model as models
    from nerbb_ray.inference import marked
    from nerbb_ray.mlflow_store import reader


if TYPE_CHECKING:
    from nerbb_ray.inference.predictions import Entity
    from nerbb_ray.model import Model

STDIN = "-"
ALSO_SHOWN = {
    "loss": "loss",
    "token accuracy": "token/all/acc",
    "lenient F1": "entity/micro/f1_lenient",
    "F1 by argmax": "entity/micro/f1_argmax",
}
SHOWN_CHARACTERS, SHOWN_TOKEN = 500, 50


def predict(args: Namespace) -> int:
    texts = [line for text in args.texts for line in (_stdin_lines() if text == STDIN else [_argument(text)])]
    found = _model(args).predict(texts, level=args.level, threshold=args.threshold or 0.0)
    if args.html is not None:
        _write_html(args, texts, found)
        return OK
    if args.json:
        rows = [{"text": text, "tags": tags} for text, tags in zip(texts, found, strict=True)]
        print(json_text(rows))
        return OK
    for number, (text, tags) in enumerate(zip(texts, found, strict=True)):
        print(*([""] if number else []), *_lines(text, tags), sep="\n")
    return OK


def _write_html(args: Namespace, texts: Sequence[str], found: "Sequence[Sequence[Entity]]") -> None:
    page = marked.marked_page(f"Entities by {args.name}", texts, found)
    if str(args.html) == STDIN:
        print(page)
        return
    try:
        atomic.write_text(args.html, page)
    except OSError as error:
        raise DataError(f"the page cannot be written: {error.strerror}", args.html) from error
    print(f"page: {args.html}")


def predict_file(args: Namespace) -> int:
    count = _model(args).predict_on_file(args.source, args.target)
    print(f"{args.target}: {count} {'text' if count == 1 else 'texts'} read, with what was found in each")
    return OK


def evaluate(args: Namespace) -> int:
    model = _model(args)
    scoring = model.score(args.dataset, args.phase, subset=args.subset)
    metrics = scoring.evaluation.metrics(args.phase)
    if args.json:
        defined = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        about = {"model": model.name, "dataset": args.dataset, "phase": args.phase, "notes": scoring.notes}
        print(json_text(about | {"metrics": defined}))
        return OK
    for note in scoring.notes:
        tell(f"note: {note}", sys.stderr)
    print(f"{model.name} on {args.dataset}, {args.phase}", "", scoring.evaluation.counts.report(), "", sep="\n")
    for title, name in ALSO_SHOWN.items():
        value = metrics[f"{args.phase}/{name}"]
        print(f"{title}: {value:.4f}" if math.isfinite(value) else f"{title}: -")
    return OK


def _model(args: Namespace) -> "Model":
    """The model that is meant: in a folder, of an experiment, or of the store, a package or the hub.

    Raises:
        NerbbError: there is none.
    """
    store, name = current_store(args.store), args.name
    chosen = args.run is not None or args.seed is not None or args.ensemble is not False
    is_path = name.startswith(("/", ".", "~"))
    if is_path and chosen:
        raise ModelError(f"--run, --seed and --ensemble choose among the trials of an experiment; {name} is a folder")
    if is_path:
        return models.Model.from_checkpoint(name, store=store.root, device=args.device)
    could_be = folder_problem(name) is None  # to ask MLflow takes a second
    if chosen or (could_be and (name in store.configs() or reader.find_result(store.tracking_uri, name))):
        model = models.Model.from_experiment(
            name, args.run, args.seed, ensemble=args.ensemble, store=store.root, device=args.device
        )
        for note in model.notes:
            tell(f"note: {note}", sys.stderr)
        return model
    try:
        return models.Model.from_huggingface(name, store=store.root, device=args.device)
    except ModelError as error:
        near = nearest(name, {*store.configs(), *(known.name for known in reader.list_experiments(store.tracking_uri))})
        hint = f"; did you mean {near!r}?" if near else "."
        missing = f"there is no experiment {name!r} in {store.root}{hint}"
        raise ModelError(f"{missing} As the name of a model: {error}") from error


def _argument(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # Python's stand-ins for bytes that are no text
        raise DataError(f"a text must be UTF-8; got {text[:40]!r} (position {error.start})") from error
    return text


def _stdin_lines() -> list[str]:
    """Lines end at a line feed and nowhere else, as in a file."""
    data = sys.stdin.buffer.read()  # as text, some locales let every byte pass
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        bad = f"byte 0x{data[error.start]:02x} in line {line} is not"
        raise DataError(f"the texts on stdin must be UTF-8; {bad}. Convert them") from error
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _lines(text: str, tags: "Sequence[Entity]") -> Iterator[str]:
    """A text and what was found in it."""
    from rich.cells import cell_len, set_cell_size

    yield _printable(text, SHOWN_CHARACTERS)
    if not tags:
        yield "  (no entity)"
    labels = [tag["tag"] for tag in tags]
    tokens = [_printable(tag["token"], SHOWN_TOKEN) for tag in tags]
    widths = [max(map(cell_len, column), default=0) for column in (labels, tokens)]
    for label, token, tag in zip(labels, tokens, tags, strict=True):
        cells = f"{set_cell_size(label, widths[0])}  {set_cell_size(token, widths[1])}"
        yield f"  {cells}  {tag['proba']:.3f}  {tag['char_start']}-{tag['char_end']}"


def _printable(text: str, size: int) -> str:
    """One line of at most `size` characters: what would move the cursor is escaped."""
    escaped = printable(text[: size + 1])
    return escaped if len(escaped) <= size else f"{escaped[: size - 3]}..."


def _model_arguments(parser: ArgumentParser) -> None:
    add_trial_name(parser, "experiment, folder or model id")
    add_trial_options(parser)
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"must be a number from 0 to 1; got {text!r}")
    return value


def _predict_arguments(parser: ArgumentParser) -> None:
    _model_arguments(parser)
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="a text; - for those on stdin, one per line")
    parser.add_argument("--level", choices=("entity", "word"), default="entity", help="word: every word with its tag")
    parser.add_argument("--threshold", type=_probability, metavar="P", help="leave out what is less probable")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="print JSON")
    kind.add_argument("--html", type=Path, metavar="FILE", help="write a page with the entities marked; - prints it")


def _file_arguments(parser: ArgumentParser) -> None:
    _model_arguments(parser)
    parser.add_argument("source", type=Path, metavar="IN", help=".txt (a text per line) or .jsonl")
    parser.add_argument("target", type=Path, metavar="OUT", help=".jsonl; replaced if it exists")


def _evaluate_arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb evaluate NAME DATASET [options]"  # a screen has room for one list of them
    _model_arguments(parser)
    action = parser.add_argument("dataset", metavar="DATASET", help="of the store or the hub, or a folder")
    completed(action, lambda store: stored_names(store.datasets))
    parser.add_argument("--subset", metavar="S", help="of the data set")
    parser.add_argument("--phase", choices=("train", "val", "test"), default="test", help="the split (test)")
    parser.add_argument("--json", action="store_true", help="print JSON")


COMMANDS = {
    "predict": Command(
        (
            'predict wnut17 "Anna lives in Berlin."',
            "predict wnut17 --run runB --seed 43 --level word - < texts.txt",
            "predict wnut17 --ensemble Paris",
            "predict wnut17 Paris --threshold 0.8 --html paris.html",
            "predict dslim/bert-base-NER Paris --json",
        ),
        predict,
        _predict_arguments,
    ),
    "predict_file": Command(
        ("predict_file wnut17 texts.txt entities.jsonl", "predict_file ./my-model texts.jsonl entities.jsonl"),
        predict_file,
        _file_arguments,
    ),
    "evaluate": Command(
        ("evaluate wnut17 wnut17", "evaluate wnut17 conll2003 --phase val --json"),
        evaluate,
        _evaluate_arguments,
    ),
}
