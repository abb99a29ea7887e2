"""Data on this machine: a file, or a folder of files, as the sentences of each split."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from nerbb_ray.data.detect import READERS, read_file
from nerbb_ray.data.formats.brat import ANNOTATIONS, annotations_of, read_brat, text_of
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "development"),
    "test": ("test", "testing"),
}
FILES = f"train, val and test ({', '.join(READERS)})"


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


def read_path(path: Path) -> dict[str, Reading]:
    """The splits of a file (all of it is train) or of a folder.

    A folder has one file for each split, or one folder for each split, or a single file, or pairs of BRAT anywhere.

    Raises:
        DataError: there is nothing, or more than one thing, that could be meant; or the data are bad.
    """
    if not path.exists():
        raise DataError("there is no such file or folder; check the path", path)
    readings = {"train": read_file(path)} if path.is_file() else _read_folder(path)
    _check_sentences(readings["train"], path)
    return readings


def _read_folder(path: Path) -> dict[str, Reading]:
    files = split_files(path)
    if files:
        return read_files(files, path)
    folders = _split_folders(path)
    if folders:
        _check_train(folders, path)
        return {split: _read_all(folder) for split, folder in folders.items()}
    return {"train": _read_all(path)}


def split_files(directory: Path) -> dict[str, Path]:
    """The one file of each split that is there."""
    return _one_per_split({path: path.stem for path in _data_files(directory)}, "file", directory)


def _one_per_split(entries: Mapping[Path, str], kind: str, directory: Path) -> dict[str, Path]:
    """
    Args:
        entries: files or folders, with the name that says their split.
    """
    found: dict[str, Path] = {}
    for split, names in SPLIT_NAMES.items():
        fitting = [path for path, name in entries.items() if name.lower() in names]
        if len(fitting) > 1:
            given = ", ".join(path.name for path in fitting)
            raise DataError(f"expected one {kind} for {split}; got {given}: remove or rename all but one", directory)
        if fitting:
            found[split] = fitting[0]
    return found


def read_files(files: dict[str, Path], directory: Path) -> dict[str, Reading]:
    """
    Raises:
        DataError: there is no train, or it is empty; or the data are bad.
    """
    _check_train(files, directory)
    readings = {split: read_file(path) for split, path in files.items()}
    _check_sentences(readings["train"], files["train"])
    return readings


def _check_sentences(train: Reading, path: Path) -> None:
    if not train.sentences:
        why = f" ({'; '.join(train.notes)})" if train.notes else ""
        raise DataError(f"train has no sentences{why}", path)


def has_data(directory: Path) -> bool:
    """Whether a folder without files for the splits has something else that `read_path` can read."""
    folders = _split_folders(directory)
    return any(_has_pairs(folder) or len(_data_files(folder)) == 1 for folder in folders.values() or [directory])


def _has_pairs(directory: Path) -> bool:
    return any(path.suffix.lower() == ANNOTATIONS for path in directory.rglob("*"))


def _data_files(directory: Path) -> list[Path]:
    """The files of known suffixes; of a pair of BRAT, the annotations."""
    entries = sorted(directory.iterdir()) if directory.is_dir() else []
    files = [path for path in entries if path.suffix.lower() in READERS and path.is_file()]
    return [path for path in files if path.suffix.lower() != ".txt" or annotations_of(path) is None]


def _check_train(found: Iterable[str], directory: Path) -> None:
    if "train" not in found:
        names = ", ".join(sorted(path.name for path in directory.iterdir())[:10]) if directory.is_dir() else "no folder"
        raise DataError(f"expected a file train with one of {', '.join(READERS)}; got {names or 'nothing'}", directory)


def _split_folders(directory: Path) -> dict[str, Path]:
    entries = {path: path.name for path in sorted(directory.iterdir()) if path.is_dir()}
    return _one_per_split(entries, "folder", directory)


def _read_all(directory: Path) -> Reading:
    """All pairs of BRAT of a folder and the folders in it, or its only file."""
    pairs = [path for path in sorted(directory.rglob("*")) if path.suffix.lower() == ANNOTATIONS and path.is_file()]
    if pairs:
        return _read_pairs(pairs, directory)
    files = _data_files(directory)
    if len(files) == 1:
        return read_file(files[0])
    found = ", ".join(sorted(path.name for path in directory.iterdir())[:10]) or "nothing"
    raise DataError(f"expected files {FILES}, or a single file, or pairs of BRAT; got {found}", directory)


def _read_pairs(pairs: list[Path], directory: Path) -> Reading:
    reading = read_brat(pairs)
    texts = {text_of(path) for path in pairs}
    alone = [path for path in directory.rglob("*.txt") if path not in texts]
    if alone:
        names = ", ".join(sorted(path.name for path in alone)[:5])
        reading.notes.append(f"{len(alone)} texts without annotations ({ANNOTATIONS}) are left out: {names}")
    return replace(reading, source=str(directory))
