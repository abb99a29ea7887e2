"""Data on this machine: a file, an archive, or a folder of files, as the sentences of each split."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from nerbb_ray.data.alike import read_alike
from nerbb_ray.data.archive import unpack
from nerbb_ray.data.content import stem_of, suffix_of
from nerbb_ray.data.detect import SUFFIXES, read_file
from nerbb_ray.data.formats.brat import ANNOTATIONS, annotations_of, read_brat, text_of
from nerbb_ray.data.label_names import BESIDE, INFOS
from nerbb_ray.data.options import AUTO, ReadingOptions, option
from nerbb_ray.data.origin import FILE as ORIGIN
from nerbb_ray.data.parts_of_split import read_parts, read_split, shards_of
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.split_column import note_unused, separated
from nerbb_ray.data.split_names import TRAIN_AND_VAL, choose_splits, is_exact, split_of
from nerbb_ray.errors import DataError

ARCHIVE = ".zip"
AROUND = ("data", "dataset")
_FEW = f"{', '.join(SUFFIXES[:6])} ..."  # the list of all is long
FILES = f"train, val and test ({_FEW})"
_NO_DATA = {ORIGIN, *BESIDE, *INFOS, "dataset_dict.json", "state.json", "requirements.txt", "package.json"}
_ABOUT = re.compile(r"(read[-_ ]?me|licen[cs]e|copying|notice|citation|changelog)\b.*", re.IGNORECASE)
_SHOWN = 10


def local_path(text: str) -> Path:
    """The path that a user means.

    Raises:
        DataError: it cannot be one.
    """
    if not text or "\0" in text:
        raise DataError(f"a path must not be empty or have a NUL in it; got {text!r}")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise DataError("there is no home folder of this user", Path(text)) from error


def read_path(path: Path, options: ReadingOptions = AUTO) -> dict[str, Reading]:
    """The splits of a file (all of it is train), of an archive, or of a folder.

    A folder has one file for each split, or one folder for each split, or a single file, or pairs of BRAT anywhere.

    Raises:
        DataError: there is nothing, or more than one thing, that could be meant; or the data are bad.
    """
    if not path.exists():
        raise DataError("there is no such file or folder; check the path", path)
    if path.is_file() and path.suffix.lower() == ARCHIVE:
        return _read_archive(path, options)
    if path.is_file() and options.split_names is not None:
        rule = f"{option('split_names')} means nothing for a single file, all of which is train: leave it out"
        raise DataError(f"{rule}, or name the folder of the files", path)
    readings = separated(read_file(path, options)) if path.is_file() else _read_folder(path, options)
    _check_sentences(readings["train"], path)
    return readings


def _read_archive(path: Path, options: ReadingOptions) -> dict[str, Reading]:
    """The files are named as if they lay in a folder of the archive's name."""
    with TemporaryDirectory(prefix="nerbb-") as scratch:
        folder = unpack(path, Path(scratch) / "content")
        try:
            readings = read_path(folder, options)
        except DataError as error:
            raise DataError(str(error).replace(str(folder), str(path))) from error
        for reading in readings.values():
            reading.source = reading.source.replace(str(folder), str(path))
            reading.notes = [note.replace(str(folder), str(path)) for note in reading.notes]
        return readings


def _read_folder(path: Path, options: ReadingOptions) -> dict[str, Reading]:
    folders = _split_folders(path, options)
    files = {} if _names_folders(folders, options) else split_files(path, options)
    if files:
        return read_files(files, path, options)
    if folders:
        _check_train(folders, path)
        readings = read_alike(
            {split: partial(_read_split_folder, folder) for split, folder in folders.items()}, options
        )
        _name_unused(readings["train"], [*_data_files(path), *_other_folders(path, folders.values())])
        return readings
    inner = inner_folder(path)
    return {"train": _read_all(path, options)} if inner is None else _read_folder(inner, options)


def _names_folders(folders: Mapping[str, Path], options: ReadingOptions) -> bool:
    """Whether the user has named folders and not files."""
    return any(path.name in options.names_of_splits.values() for path in folders.values())


def inner_folder(directory: Path) -> Path | None:
    """The folder around the files of the splits, as in a copy of a repository: `data` of `corpus/data/train.tsv`."""
    if _data_files(directory) or _has_pairs(directory):
        return None
    inner = [directory / name for name in AROUND if (directory / name).is_dir() and split_files(directory / name)]
    return inner[0] if len(inner) == 1 else None


def split_files(directory: Path, options: ReadingOptions = AUTO) -> dict[str, Path]:
    """The one file of each split that is there."""
    files = {path: _title(path) for path in _data_files(directory)}
    known = {name for path, title in files.items() for name in (title, path.name, stem_of(path))}
    others = set(options.names_of_splits.values()) - known
    given = [path for path in sorted(directory.iterdir()) if path.name in others and path.is_file()] if others else []
    return choose_splits(files | {path: path.name for path in given}, "file", directory, options)


def _title(path: Path) -> str:
    """What may tell the split: `eng.testa` does so after the dot."""
    return stem_of(path) if suffix_of(path) in SUFFIXES else path.name


def read_files(files: dict[str, Path], directory: Path, options: ReadingOptions = AUTO) -> dict[str, Reading]:
    """
    Raises:
        DataError: there is no train, or it is empty; or the data are bad.
    """
    _check_train(files, directory)
    readings = read_alike({split: partial(read_split, path) for split, path in files.items()}, options)
    _check_sentences(readings["train"], files["train"])
    for reading in readings.values():
        note_unused(reading)
    used = {part for path in files.values() for part in shards_of(path)}
    _name_unused(readings["train"], [path for path in _data_files(directory) if path not in used])
    return readings


def _name_unused(train: Reading, paths: Iterable[Path]) -> None:
    """What lies there and could be read is not left out without a word."""
    for path in paths:
        both = path.is_file() and split_of(_title(path)) == TRAIN_AND_VAL
        why = " (its name says that it is train and val together)" if both else ""
        train.notes.append(f"{path} is not used{why}; to use it, say {option('split_names')}, or bring it in by itself")


def _check_sentences(train: Reading, path: Path) -> None:
    if not train.sentences:
        why = f" ({'; '.join(train.notes)})" if train.notes else ""
        raise DataError(f"train has no sentences{why}", path)


def has_data(directory: Path) -> bool:
    """Whether a folder without files for the splits has something else that `read_path` can read, or has to refuse.

    The datasets library would take all files of a folder for one split, whatever they are.
    """
    folders = _split_folders(directory, AUTO)
    described = any((directory / name).is_file() for name in INFOS)
    in_splits = any(_has_pairs(folder) or _data_files(folder) for folder in folders.values())
    number = len(_data_files(directory))
    return in_splits or _has_pairs(directory) or number == 1 or (not described and number > 1)


def _has_pairs(directory: Path) -> bool:
    return any(True for _ in _annotation_files(directory))


def _annotation_files(directory: Path) -> Iterator[Path]:
    """Of BRAT, in a folder and the folders in it."""
    # not rglob, which fails where a folder goes away meanwhile, as those of processes do
    paths = (Path(folder, name) for folder, _, files in os.walk(directory) for name in files)
    return (path for path in paths if path.suffix.lower() == ANNOTATIONS and path.is_file())


def _data_files(directory: Path) -> list[Path]:
    """The files that are data by their names; of a pair of BRAT, the annotations.

    Raises:
        DataError: one is a link that leads nowhere: another file would take its place.
    """
    named = [path for path in sorted(directory.iterdir()) if _is_data(path)] if directory.is_dir() else []
    for path in named:
        if path.is_symlink() and not path.exists():
            rule = f"is a link to {path.readlink()}, which is not there: mount it, or take the link away"
            raise DataError(rule, path)
    return [path for path in named if path.is_file()]


def _is_data(path: Path) -> bool:
    suffix = suffix_of(path)
    if path.name in _NO_DATA or path.name.startswith(".") or _ABOUT.fullmatch(path.name):
        return False
    if suffix not in SUFFIXES:
        return is_exact(suffix[1:] or path.name)  # eng.testa, train
    return suffix != ".txt" or annotations_of(path) is None


def _check_train(found: Iterable[str], directory: Path) -> None:
    if "train" not in found:
        names = _names(directory) if directory.is_dir() else "no folder"
        expected = f"expected a file train with one of {_FEW}; got {names or 'nothing'}"
        way = f"if train has another name, say it with {option('split_names')} train=NAME"
        raise DataError(f"{expected}. {way[0].upper()}{way[1:]}", directory)


def _names(directory: Path) -> str:
    names = sorted(path.name for path in directory.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _split_folders(directory: Path, options: ReadingOptions) -> dict[str, Path]:
    entries = {path: path.name for path in sorted(directory.iterdir()) if path.is_dir()}
    named = set(options.names_of_splits.values())
    # folders of other names hold anything: only the name of a split alone makes one
    fitting = {path: name for path, name in entries.items() if is_exact(name) or name in named}
    return choose_splits(fitting, "folder", directory, options) if fitting else {}


def _other_folders(directory: Path, used: Iterable[Path]) -> list[Path]:
    taken = set(used)
    return [path for path in sorted(directory.iterdir()) if path.is_dir() and path not in taken and _data_files(path)]


def _read_split_folder(directory: Path, options: ReadingOptions) -> Reading:
    """All of a folder that has the name of a split: a file a document, if there are several."""
    files = _data_files(directory)
    if len(files) < 2 or options.annotator is not None or _has_pairs(directory):
        return _read_all(directory, options)
    return read_parts(files, options)


def _read_all(directory: Path, options: ReadingOptions) -> Reading:
    """All pairs of BRAT of a folder and the folders in it, or its only file, or that of an annotator."""
    pairs = sorted(_annotation_files(directory))
    if pairs:
        return _read_pairs(pairs, directory, options)
    files = _data_files(directory)
    if options.annotator is not None and len(files) > 1:
        own = [path for path in files if options.annotator in (stem_of(path), path.name)]
        if len(own) == 1:
            return read_file(own[0], replace(options, annotator=None))  # all of the file is of this annotator
    if len(files) == 1:
        return read_file(files[0], options)
    if options.annotator is not None and len(files) > 1:
        known = ", ".join(stem_of(path) for path in files)
        rule = f"{option('annotator')} {options.annotator}: there is no file of this name"
        raise DataError(f"{rule}; got {known}", directory)
    found = _names(directory) or "nothing"
    way = ""
    if files:
        way = (
            f". Name one of them instead of the folder, or say which is which with {option('split_names')} "
            f"train=NAME,val=NAME; of an export with a file for each annotator, say {option('annotator')} NAME"
        )
    raise DataError(f"expected files {FILES}, or a single file, or pairs of BRAT; got {found}{way}", directory)


def _read_pairs(pairs: list[Path], directory: Path, options: ReadingOptions) -> Reading:
    reading = read_brat(pairs, options)
    reading.format = "brat"
    texts = {text_of(path) for path in pairs}
    alone = [path for path in directory.rglob("*.txt") if path not in texts]
    if alone:
        names = ", ".join(sorted(path.name for path in alone)[:5])
        reading.notes.append(f"{len(alone)} texts without annotations ({ANNOTATIONS}) are left out: {names}")
    return replace(reading, source=str(directory))
