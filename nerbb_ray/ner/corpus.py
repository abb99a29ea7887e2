"""Corpora by name: from the store, from a path, from the built-in names, or from the hub."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nerbb_ray.errors import DataError
from nerbb_ray.ner.assembly import SPLITS, Corpus, assemble
from nerbb_ray.ner.builtin import BUILTIN
from nerbb_ray.ner.conll import read_conll
from nerbb_ray.ner.formats import Reading, Sentence, read_csv, read_jsonl
from nerbb_ray.ner.hub import NotLoadedError, is_saved, read_hub

__all__ = ["SPLITS", "Corpus", "Found", "Sentence", "find_corpus", "find_data", "load_corpus", "load_hub"]

SPLIT_NAMES = {"train": ("train",), "val": ("val", "valid", "validation", "dev"), "test": ("test",)}
READERS = {
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    **dict.fromkeys((".conll", ".txt", ".iob", ".iob2", ".bio", ".tsv"), read_conll),
}

_FILES = f"train, val and test ({', '.join(READERS)})"


@dataclass(frozen=True, slots=True)
class Found:
    """A data set as it stands in its files, before anything is mended or converted.

    Args:
        readings: by split; val and test may be missing.
    """

    name: str
    readings: Mapping[str, Reading]

    def corpus(self, scheme: str = "auto") -> Corpus:
        return assemble(self.name, self.readings, scheme)


def load_corpus(directory: Path, *, scheme: str = "auto", name: str | None = None) -> Corpus:
    """Read the files train, val and test of a folder: csv, jsonl or columns, by their suffix.

    Missing val or test is held out from train; an empty file is an empty split.

    Raises:
        DataError: no train data, or data that are not in their format, by file and line.
    """
    return Found(name or directory.name, _read_folder(directory)).corpus(scheme)


def _read_folder(directory: Path) -> dict[str, Reading]:
    files = _split_files(directory)
    if "train" not in files:
        found = ", ".join(sorted(path.name for path in directory.iterdir())[:10]) if directory.is_dir() else "no folder"
        raise DataError(f"expected a file train with one of {', '.join(READERS)}; got {found or 'nothing'}", directory)
    readings = {split: READERS[path.suffix.lower()](path) for split, path in files.items()}
    if not readings["train"].sentences:
        raise DataError("train has no sentences", files["train"])
    return {split: replace(reading, source=str(files[split])) for split, reading in readings.items()}


def _split_files(directory: Path) -> dict[str, Path]:
    """The one file of each split that is there."""
    entries = sorted(directory.iterdir()) if directory.is_dir() else []
    files: dict[str, Path] = {}
    for split, stems in SPLIT_NAMES.items():
        fitting = [p for p in entries if p.stem.lower() in stems and p.suffix.lower() in READERS and p.is_file()]
        if len(fitting) > 1:
            names = ", ".join(path.name for path in fitting)
            raise DataError(f"expected one file for {split}; got {names}: remove or rename all but one", directory)
        if fitting:
            files[split] = fitting[0]
    return files


def load_hub(
    name: str, subset: str | None = None, *, scheme: str = "auto", revision: str | None = None, title: str | None = None
) -> Corpus:
    """Load a data set with columns tokens and ner_tags (or tags) through the `datasets` library.

    Args:
        name: on the hub, or the path of a folder that the library can read.
        title: the name of the corpus, if it is another.
    """
    return Found(title or name, _read_hub(name, subset, revision)).corpus(scheme)


def _read_hub(name: str, subset: str | None, revision: str | None = None) -> dict[str, Reading]:
    found = read_hub(name, subset, revision)
    own_names = {split: next((own for own in names if own in found), None) for split, names in SPLIT_NAMES.items()}
    readings = {
        split: replace(found[own], source=f"{name}[{own}]") for split, own in own_names.items() if own is not None
    }
    if "train" not in readings:
        raise DataError(f"data set {name!r}: expected a split train; got {', '.join(found) or 'none'}")
    return readings


def find_corpus(
    dataset_name: str, subset: str | None, datasets_dir: Path, *, scheme: str = "auto", ask_hub: bool = True
) -> Corpus:
    """Load a data set by name: from the store, a path, the built-in names or the hub, in this order.

    Args:
        ask_hub: whether the network may be used; if not, only what is on this machine is found.

    Raises:
        DataError: it is nowhere (with all places), its name leaves the store, or its data are bad.
    """
    return find_data(dataset_name, subset, datasets_dir, ask_hub=ask_hub).corpus(scheme)


def find_data(dataset_name: str, subset: str | None, datasets_dir: Path, *, ask_hub: bool = True) -> Found:
    """As `find_corpus`, with the tags as they stand in the files."""
    if not dataset_name or ".." in dataset_name.replace("\\", "/").split("/"):
        raise DataError(f"a data set's name must not be empty or contain '..'; got {dataset_name!r}")
    is_path = dataset_name.startswith(("/", ".", "~"))
    stored, path = datasets_dir / dataset_name, Path(dataset_name).expanduser()
    if not is_path and stored.is_dir():
        return _find_folder(stored, subset, dataset_name)
    if "/" in dataset_name and path.is_dir():
        return _find_folder(path, subset, path.name)
    if is_path:
        raise DataError(f"data set {dataset_name!r}: there is no such folder")
    if not ask_hub:
        raise DataError(f"data set {dataset_name!r} is not in the store ({stored}), and the hub was not asked")
    return _find_remote(dataset_name, subset, stored)


def _find_folder(folder: Path, subset: str | None, name: str) -> Found:
    if subset and (folder / subset).is_dir():
        folder, name, subset = folder / subset, f"{name}/{subset}", None
    files = _split_files(folder)
    if subset and (files or is_saved(folder)):
        raise DataError(f"data set {name!r} has no subset {subset!r}: expected a folder of this name in it", folder)
    if files or not any(folder.iterdir()):
        return Found(name, _read_folder(folder))
    try:
        return Found(name, _read_hub(str(folder), subset))
    except NotLoadedError as error:
        raise DataError(f"expected files {_FILES}, or what the datasets library reads. {error}", folder) from error


def _find_remote(name: str, subset: str | None, stored: Path) -> Found:
    source = BUILTIN.get(name)
    by_hand = f"put files {_FILES} into {stored}"
    if source is not None and source.hub is None:
        raise DataError(f"data set {name!r} cannot be downloaded: fetch it from {source.page} and {by_hand}")
    try:
        if source is not None and source.hub is not None:
            subset = subset or source.subset
            return Found(name, _read_hub(source.hub, subset, source.revision))
        return Found(name, _read_hub(name, subset))
    except NotLoadedError as error:
        known = f"is built in, but {error}" if source else f"is not built in ({', '.join(BUILTIN)}), and {error}"
        raise DataError(
            f"data set {name!r} not found: it is not in the store ({stored}), {known}. Without a connection, {by_hand}"
        ) from error
