"""Data on this machine: a file, an archive, or a folder of files, as the sentences of each split."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from nerbb_ray.data.alike import read_alike
from nerbb_ray.data.archive import unpack
from nerbb_ray.data.content import stem_of
from nerbb_ray.data.detect import SUFFIXES, read_file
from nerbb_ray.data.find_splits import (
    annotation_files,
    called_like_splits,
    data_files,
    folders_of_pairs,
    has_pairs,
    inner_folder,
    other_folders,
    split_files,
    split_folders,
    title_of,
)
from nerbb_ray.data.formats.brat import ANNOTATIONS, read_brat, text_of
from nerbb_ray.data.options import AUTO, ReadingOptions, option
from nerbb_ray.data.parts_of_split import read_parts, read_split, shards_of
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.split_column import note_unused, separated
from nerbb_ray.data.split_names import NO_SPLIT, TRAIN_AND_VAL, split_of
from nerbb_ray.errors import DataError

ARCHIVE = ".zip"
_FEW = f"{', '.join(SUFFIXES[:6])} ..."  # the list of all is long
FILES = f"train, val and test ({_FEW})"
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
    folders = split_folders(path, options)
    files = {} if _names_folders(folders, options) else split_files(path, options)
    if files:
        return read_files(files, path, options)
    if folders:
        return _read_split_folders(folders, path, options)
    inner = inner_folder(path)
    if inner is not None:
        return _read_folder(inner, options)
    deeper = folders_of_pairs(path, options)
    if not deeper:
        return _read_only(path, options)
    readings = _read_split_folders(deeper, path, options)
    names = ", ".join(f"{split} {folder.relative_to(path)}" for split, folder in deeper.items())
    readings["train"].notes.append(f"{path}: the splits are folders of pairs of BRAT: {names}")
    return readings


def _read_split_folders(folders: Mapping[str, Path], path: Path, options: ReadingOptions) -> dict[str, Reading]:
    _check_train(folders, path)
    readers = {split: partial(_read_split_folder, folder) for split, folder in folders.items()}
    readings = read_alike(readers, options)
    for reading in readings.values():
        note_unused(reading)
    around = next(iter(folders.values())).parent
    _name_unused(readings["train"], [*data_files(path), *other_folders(around, folders.values())])
    return readings


def _read_only(path: Path, options: ReadingOptions) -> dict[str, Reading]:
    """Of a folder without splits, the only file, which may say the split of every sentence, or all pairs of BRAT."""
    found = separated(_read_all(path, options))
    if documents := called_like_splits(data_files(path)):
        names = ", ".join(document.name for document in documents)
        why = f"though called like splits, since most are not; else say {option('split_names')} train=NAME"
        found["train"].notes.append(f"{path}: read as documents like all others: {names}, {why}")
    return {split: reading for split, reading in found.items() if options.names_of_splits.get(split) != NO_SPLIT}


def _names_folders(folders: Mapping[str, Path], options: ReadingOptions) -> bool:
    """Whether the user has named folders and not files."""
    return any(path.name in options.names_of_splits.values() for path in folders.values())


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
    _name_unused(readings["train"], [path for path in data_files(directory) if path not in used])
    return readings


def _name_unused(train: Reading, paths: Iterable[Path]) -> None:
    """What lies there and could be read is not left out without a word."""
    for path in paths:
        both = path.is_file() and split_of(title_of(path)) == TRAIN_AND_VAL
        why = " (its name says that it is train and val together)" if both else ""
        train.notes.append(f"{path} is not used{why}; to use it, say {option('split_names')}, or bring it in by itself")


def _check_sentences(train: Reading, path: Path) -> None:
    if not train.sentences:
        why = f" ({'; '.join(train.notes)})" if train.notes else ""
        raise DataError(f"train has no sentences{why}", path)


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


def _read_split_folder(directory: Path, options: ReadingOptions) -> Reading:
    """All of a folder that has the name of a split: a file a document, if there are several."""
    files = data_files(directory)
    if len(files) < 2 or options.annotator is not None or has_pairs(directory):
        return _read_all(directory, options)
    return read_parts(files, options)


def _read_all(directory: Path, options: ReadingOptions) -> Reading:
    """All pairs of BRAT of a folder and the folders in it, or its only file, or that of an annotator."""
    pairs = sorted(annotation_files(directory))
    if pairs:
        return _read_pairs(pairs, directory, options)
    files = data_files(directory)
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
