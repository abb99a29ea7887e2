"""`nerbb annotate`: the next texts to annotate, for annotation tools, with what the models find in them."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerbb_ray.commands.command import Command, completed
from nerbb_ray.console import json_text
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray import model as models
    from nerbb_ray.annotation import choose, tasks
    from nerbb_ray.data import corpus as corpora
    from nerbb_ray.inference import files, selection


if TYPE_CHECKING:
    from nerbb_ray.annotation.choose import Order
    from nerbb_ray.annotation.guess import Guess
    from nerbb_ray.data.corpus import Corpus
    from nerbb_ray.inference.files import Row
    from nerbb_ray.model import Model

TOOLS = ("label_studio", "doccano", "jsonl")
ORDERS = ("uncertain", "diverse", "file")
COUNTS = ("given", "known", "repeated", "empty", "near")  # of `Chosen`
LIMIT = 200
SHOWN = 5  # classes


def annotate(args: Namespace) -> int:
    order: Order = args.order or ("uncertain" if args.model else "diverse")
    if order == "uncertain" and not args.model:
        raise DataError("--order uncertain needs a model: name an experiment with --model, or say --order diverse")
    corpus = corpora.find_corpus(args.name, args.subset, current_store(args.store).datasets)
    rows, target = _texts(args.texts), _target(args)
    model = _model(args) if args.model else None
    notes: list[str] = []
    guess = None if model is None else lambda new: _guesses(model, new, corpus, notes)
    chosen = choose.choose([row.text or "" for row in rows], corpus, order, args.limit, guess)
    if lost := sorted({key for row in rows for key in row.values if key in tasks.OWN} - {"text"}):
        notes.append(f"tasks have {', '.join(lost)} of their own: what the file says there is left out")
    labels, written = None, bool(chosen.tasks)
    if written:  # tools refuse a file without tasks
        told = [replace(task, given=_given(rows[task.number - 1])) for task in chosen.tasks]
        tasks.write_tasks(told, target, args.tool, model.name if model else None)
        labels = tasks.write_labels(corpus.classes, target, args.tool)
    if args.json:
        counts = {key: getattr(chosen, key) for key in COUNTS}
        file = str(target) if written else None
        about = {"file": file, "labels": labels and str(labels), "tasks": len(chosen.tasks), "order": order}
        print(json_text({**about, **counts, "notes": notes}, indent=None))
        return OK
    head = f"{target}: {counted(len(chosen.tasks), 'task')}, {_said(order, model)}"
    print(head if written else "no text is left to annotate: nothing is written", *chosen.lines(), sep="\n")
    if labels is not None:
        print(f"{labels}: the classes, for the settings of the project")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return OK


def _given(row: "Row") -> dict[str, Any]:
    """What a line says beside its text, such as a number of the text or where it is from."""
    return {key: value for key, value in row.values.items() if key not in tasks.OWN}


def _texts(path: Path) -> "list[Row]":
    """
    Raises:
        DataError: there are none.
    """
    rows = files.texts_of(path)
    if not any(row.text and row.text.strip() for row in rows):
        raise DataError("must have texts to annotate; got none", path)
    return rows


def _target(args: Namespace) -> Path:
    """The file of the tasks.

    Raises:
        DataError: it is that of the texts, or its name does not end as it should.
    """
    suffix = tasks.TOOLS[args.tool]
    kind = "tasks" if suffix == f".{args.tool}" else args.tool  # texts.tasks.jsonl, texts.doccano.jsonl
    target: Path = args.output or args.texts.with_name(f"{args.texts.stem}.{kind}{suffix}")
    tasks.check_name(target, args.tool)
    if target.exists() and target.samefile(args.texts):
        raise DataError("the tasks would replace the texts: name another file with --output", target)
    return target


def _said(order: str, model: "Model | None") -> str:
    by = "" if model is None else f", annotated beforehand by {model.name}"
    return {"uncertain": "the most uncertain first", "diverse": "the least alike first", "file": "as in the file"}[
        order
    ] + by


def _model(args: Namespace) -> "Model":
    """The models of an experiment's best run, or of the one that is named, as an ensemble if there are several; or the
    model in a folder."""
    store, name = current_store(args.store), args.model
    if name.startswith(("/", ".", "~")):
        return models.Model.from_checkpoint(name, store=store.root, device=args.device)
    result = selection.load_experiment(store, name)
    runs = {run.run: run for run in result.runs}
    run = result.best_run() if args.run is None else runs.get(args.run)
    several = run is not None and run.n_ok > 1  # an unknown run is refused, with its like, where models are opened
    return models.Model.from_experiment(name, args.run, ensemble=several, store=store.root, device=args.device)


def _guesses(model: "Model", texts: list[str], corpus: "Corpus", notes: list[str]) -> "list[Guess]":
    """What the model finds, without classes that the data set does not have.

    Args:
        notes: gets what a user should know about it.
    """
    found = model.guess(texts)
    strange = sorted({*model.classes} - {*corpus.classes})
    if strange:
        kept = [
            replace(one, entities=tuple(entity for entity in one.entities if entity[2] in corpus.classes))
            for one in found
        ]
        dropped = sum(len(a.entities) - len(b.entities) for a, b in zip(found, kept, strict=True))
        names = ", ".join(strange[:SHOWN]) + (" ..." if len(strange) > SHOWN else "")
        notes.append(f"the data set has no {names}: {dropped} predicted entities of such classes are left out")
        found = kept
    if missing := sorted({*corpus.classes} - {*model.classes}):
        notes.append(f"the model does not know {', '.join(missing[:SHOWN])}: it finds none of them")
    return found


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be an integer >= 1; got {text!r}")
    return int(text)


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb annotate NAME TEXTS --for TOOL [options]"
    action = parser.add_argument("name", metavar="NAME", help="of the data set: its classes, and the texts that it has")
    completed(action, lambda store: [path.name for path in sorted(store.datasets.glob("*")) if path.is_dir()])
    parser.add_argument("texts", type=Path, metavar="TEXTS", help=".txt (a text per line) or .jsonl")
    parser.add_argument("--for", dest="tool", choices=TOOLS, required=True, metavar="TOOL", help=", ".join(TOOLS))
    model = parser.add_argument("--model", metavar="EXP", help="experiment (all seeds of its best run), or a folder")
    completed(model, lambda store: store.configs())
    parser.add_argument("--run", metavar="RUN", help="of the experiment (the best one)")
    parser.add_argument("--order", choices=ORDERS, help="what comes first (uncertain; diverse without a model)")
    parser.add_argument("--limit", type=_number, default=LIMIT, metavar="N", help=f"how many texts ({LIMIT})")
    parser.add_argument("--output", type=Path, metavar="FILE", help="of the tasks (beside TEXTS)")
    parser.add_argument("--subset", metavar="S", help="of the data set")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


COMMANDS = {
    "annotate": Command(
        (
            "annotate wnut17 tweets.txt --for label_studio --model wnut17",
            "annotate wnut17 tweets.txt --for doccano --order diverse --limit 50",
        ),
        annotate,
        _arguments,
    )
}
