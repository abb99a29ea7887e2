"""Commands on data sets: bring them into the store."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.commands.command import Command
from nerbb_ray.console import json_text, tell
from nerbb_ray.errors import DataError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.data import content, detect, download, folders, known_names, options, set_up
    from nerbb_ray.data import split as splitting


if TYPE_CHECKING:
    from nerbb_ray.data.append import Conflicts, Merged
    from nerbb_ray.data.options import ReadingOptions
    from nerbb_ray.data.save_corpus import SetUp
    from nerbb_ray.data.set_up import Wanted

FRACTION, SEED = 0.1, 42
# options of `ReadingOptions`: metavar and help
READING = {
    "format": ("F", "of the files, if they could be of several"),
    "word_column": ("C", "with the words: number or name"),
    "tag_column": ("C", "with the tags: number, name, or a label set"),
    "separator": ("S", "of columns: tab, blank, comma, ..."),
    "scheme": ("S", "of the tags in the files: bio, bmes, plain, ..."),
    "outside": ("O", "how O is written, such as OTHER"),
    "labels": ("L", "names of numbers: O,B-PER,... or a file"),
    "encoding": ("E", "of text files, such as cp1252"),
    "overlaps": ("R", "longest, first, drop or error (error)"),
    "annotator": ("A", "whose annotations count"),
    "split_names": ("N", "train=a,val=b,test=c"),
}
SPLITS = ("train", "val", "test")
SCHEMES = ("auto", "plain", "bio", "bilou")


def set_up_dataset(args: Namespace) -> int:
    outcome = _appended(args) if args.append else _brought_in(args)
    if args.json:
        print(json_text(_plain(outcome), indent=None))
    else:
        first, *rest = outcome.lines()
        tell("\n".join([first, *(line for line in rest if not line.startswith("note: "))]))
    for note in outcome.notes:
        tell(f"note: {note}", sys.stderr)
    return OK


def _brought_in(args: Namespace) -> "SetUp":
    if args.to is not None:
        raise DataError("--to says where what is appended goes: say --append with it")
    rule = splitting.HoldOut(args.val_fraction, args.test_fraction, args.seed)
    store = current_store(args.store)
    return set_up.bring_in(store, wanted(args), args.annotation_scheme, rule, overwrite=args.overwrite)


def _appended(args: Namespace) -> "SetUp":
    if args.annotation_scheme != "auto":
        raise DataError("--annotation-scheme: what is appended gets the scheme of the data set; leave it out")
    conflicts: Conflicts = "new" if args.overwrite else "old"
    return set_up.append_to(current_store(args.store), wanted(args), args.to or "train", conflicts)


def wanted(args: Namespace) -> "Wanted":
    """What the argument means: a path or an address, else a name.

    Raises:
        DataError: it looks like a path that is not there, or has options of the other kind.
    """
    if args.name == "":
        raise DataError("--name must not be empty; leave it out to take the name of the file")
    if download.is_url(args.source):
        stem = content.stem_of(Path(download.url_name(args.source)))
    elif is_path(args.source):
        path = folders.local_path(args.source)
        if not path.exists():
            raise DataError("there is no such file or folder; check the path", path)
        stem = content.stem_of(path.resolve()) if path.is_file() else path.resolve().name
    else:
        if args.name:
            raise DataError(f"--name is for files, folders and addresses; {args.source} is kept under its own name")
        return set_up.Wanted(args.source, args.subset, None, args.revision, reading_options(args))
    if args.subset and not Path(args.source).expanduser().is_dir():
        raise DataError(f"--subset is for folders and data sets of the hub; {args.source} has none")
    return set_up.Wanted(args.name or stem, args.subset, args.source, args.revision, reading_options(args))


def reading_options(args: Namespace) -> "ReadingOptions":
    return options.ReadingOptions(**{name: getattr(args, name) for name in READING})


def is_path(word: str) -> bool:
    """Whether a word means a file or a folder and not a name: a folder that is called like a built-in name does not."""
    path = Path(word)
    if word.startswith(("/", ".", "~")) or content.suffix_of(path) in (*detect.SUFFIXES, folders.ARCHIVE):
        return True
    return path.exists() and word not in known_names.BUILTIN


def _plain(outcome: "SetUp") -> dict[str, object]:
    corpus = outcome.corpus
    return {
        "dataset": outcome.name,
        "path": str(outcome.path),
        "status": outcome.status,
        "sentences": outcome.sizes,
        "classes": corpus.classes,
        "annotation_scheme": corpus.scheme,
        "fingerprint": corpus.fingerprint,
        "words": corpus.word_splitting().to_dict(),
        "files": [asdict(file) for file in corpus.files],
        "notes": outcome.notes,
        **({} if outcome.merged is None else _plain_merged(outcome.merged)),
    }


def _plain_merged(merged: "Merged") -> dict[str, object]:
    return {
        "appended": dict(merged.added),
        "documents": merged.documents,
        "duplicates": merged.duplicates,
        "conflicts": merged.conflicts,
        "replaced": merged.replaced,
    }


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a number; got {text!r}") from None
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"must be 0 or more and less than 1; got {text}")
    return value


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb set_up_dataset NAME|PATH [options]"  # a screen has room for one list of them
    parser.add_argument("source", metavar="NAME|PATH", help="built-in name, hub id, file, folder or https://...")
    parser.add_argument("--name", metavar="N", help="in the store, of a PATH (its stem)")
    parser.add_argument("--subset", metavar="S", help="of a hub data set or a folder")
    parser.add_argument("--revision", metavar="R", help="of a hub data set")
    for split in ("val", "test"):
        help_text = f"held out if there is no {split} ({FRACTION})"
        parser.add_argument(f"--{split}-fraction", type=_fraction, default=FRACTION, metavar="X", help=help_text)
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help=f"of what is held out ({SEED})")
    schemes = ", ".join(SCHEMES)
    parser.add_argument("--annotation-scheme", choices=SCHEMES, default="auto", metavar="A", help=f"of tags: {schemes}")
    add_reading_options(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace other data (--append: other tags)")
    parser.add_argument("--append", action="store_true", help="merge with the data of this name, documents once")
    parser.add_argument("--to", choices=SPLITS, metavar="S", help="with --append: the split of what is new (train)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def add_reading_options(parser: ArgumentParser) -> None:
    """How files are read where their content leaves it open."""
    for name, (metavar, text) in READING.items():
        default = "error" if name == "overlaps" else None
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, default=default, help=text)


COMMANDS = {
    "set_up_dataset": Command(
        ("set_up_dataset export.json --name mine --append",),
        set_up_dataset,
        _arguments,
    )
}
