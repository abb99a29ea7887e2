"""Which files and folders of a folder are data, and which of them are the splits."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nerbb_ray.data.content import stem_of, suffix_of
from nerbb_ray.data.detect import SUFFIXES
from nerbb_ray.data.formats.brat import ANNOTATIONS, annotations_of
from nerbb_ray.data.label_names import BESIDE, INFOS
from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.origin import FILE as ORIGIN
from nerbb_ray.data.split_names import TRAIN_AND_VAL, choose_splits, is_exact, split_of
from nerbb_ray.errors import DataError

AROUND = ("data", "dataset")
_NO_DATA = {ORIGIN, *BESIDE, *INFOS, "dataset_dict.json", "state.json", "requirements.txt", "package.json"}
_ABOUT = re.compile(r"(read[-_ ]?me|licen[cs]e|copying|notice|citation|changelog)\b.*", re.IGNORECASE)
_SHOWN = 5


def split_files(directory: Path, options: ReadingOptions = AUTO) -> dict[str, Path]:
    """The one file of each split that is there."""
    files = {path: title_of(path) for path in data_files(directory)}
    known = {name for path, title in files.items() for name in (title, path.name, stem_of(path))}
    others = set(options.names_of_splits.values()) - known
    given = [path for path in sorted(directory.iterdir()) if path.name in others and path.is_file()] if others else []
    documents = set() if options.names_of_splits else set(called_like_splits(files))
    titles = {path: title for path, title in files.items() if path not in documents}
    return choose_splits(titles | {path: path.name for path in given}, "file", directory, options)


def called_like_splits(files: Iterable[Path]) -> list[Path]:
    """The documents of BRAT that happen to be called like splits (`train-crash`) among others that are not.

    A name that is that of val or test and nothing else is meant so.
    """
    titles = {path: title_of(path) for path in files if path.suffix.lower() == ANNOTATIONS}
    named = [path for path, title in titles.items() if _has_split(title)]
    held_out = any(is_exact(titles[path]) and split_of(titles[path]) != "train" for path in named)
    return [] if held_out or 2 * len(named) > len(titles) else named


def split_folders(directory: Path, options: ReadingOptions = AUTO) -> dict[str, Path]:
    """The one folder of each split that is there."""
    entries = {path: path.name for path in sorted(directory.iterdir()) if path.is_dir()}
    named = set(options.names_of_splits.values())
    # folders of other names hold anything: only the name of a split alone makes one
    fitting = {path: name for path, name in entries.items() if is_exact(name) or name in named}
    return choose_splits(fitting, "folder", directory, options) if fitting else {}


def inner_folder(directory: Path) -> Path | None:
    """The folder around the splits, as in a copy of a repository: `data` of `corpus/data/train.tsv`."""
    if data_files(directory):
        return None
    around = [directory / name for name in AROUND if (directory / name).is_dir()]
    inner = [folder for folder in around if split_files(folder) or _have_data(split_folders(folder))]
    # pairs of BRAT elsewhere would be left out
    if len(inner) != 1 or any(inner[0] not in path.parents for path in annotation_files(directory)):
        return None
    return inner[0]


def folders_of_pairs(directory: Path, options: ReadingOptions = AUTO) -> dict[str, Path]:
    """The folders of the splits at any depth, if pairs of BRAT lie in such: `corpus/train`, `corpus/dev`.

    Names with other words (`train_data`) count only where there are several, and no name of a split alone.

    Raises:
        DataError: some pairs do not lie in them, or they do not lie side by side, one for each split.
    """
    pairs = sorted(annotation_files(directory))
    for is_named, least in ((is_exact, 1), (_has_split, 2)):
        around = {pair: _topmost(pair, directory, is_named) for pair in pairs}
        folders = sorted({folder for folder in around.values() if folder is not None})
        if len({split_of(folder.name) for folder in folders}) >= least:
            _check_side_by_side(folders, around, directory)
            return choose_splits({folder: folder.name for folder in folders}, "folder", folders[0].parent, options)
    return {}


def _topmost(pair: Path, directory: Path, is_named: Callable[[str], bool]) -> Path | None:
    inside = pair.relative_to(directory).parents
    return next((directory / folder for folder in reversed(inside) if is_named(folder.name)), None)


def _has_split(name: str) -> bool:
    return split_of(name) is not None


def _check_side_by_side(folders: Sequence[Path], around: Mapping[Path, Path | None], directory: Path) -> None:
    other = next((pair for pair, folder in around.items() if folder is None), None)
    if other is not None:
        rest = f"others do not ({other.relative_to(directory)})"
    elif len({folder.parent for folder in folders}) > 1:
        rest = "but not side by side"
    elif not {"train", TRAIN_AND_VAL} & {split_of(folder.name) for folder in folders}:
        rest = "but none in train"
    else:
        return
    named = ", ".join(str(folder.relative_to(directory)) for folder in folders[:_SHOWN])
    rule = f"pairs of BRAT lie in folders that are called like splits ({named}), {rest}"
    way = "put all of them into one folder, with a folder for each split, or name one of these, which is then train"
    raise DataError(f"{rule}: {way}", directory)


def has_data(directory: Path) -> bool:
    """Whether a folder without files for the splits has something else that `read_path` can read, or has to refuse.

    The datasets library would take all files of a folder for one split, whatever they are.
    """
    described = any((directory / name).is_file() for name in INFOS)
    number = len(data_files(directory))
    in_splits = _have_data(split_folders(directory))
    return in_splits or has_pairs(directory) or number == 1 or (not described and number > 1)


def _have_data(folders: Mapping[str, Path]) -> bool:
    return any(has_pairs(folder) or data_files(folder) for folder in folders.values())


def has_pairs(directory: Path) -> bool:
    """Whether there are pairs of BRAT in a folder or the folders in it."""
    return any(True for _ in annotation_files(directory))


def annotation_files(directory: Path) -> Iterator[Path]:
    """Of BRAT, in a folder and the folders in it."""
    # not rglob, which fails where a folder goes away meanwhile, as those of processes do
    paths = (Path(folder, name) for folder, _, files in os.walk(directory) for name in files)
    return (path for path in paths if path.suffix.lower() == ANNOTATIONS and path.is_file())


def data_files(directory: Path) -> list[Path]:
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


def title_of(path: Path) -> str:
    """What may tell the split of a file: `eng.testa` does so after the dot."""
    return stem_of(path) if suffix_of(path) in SUFFIXES else path.name


def other_folders(directory: Path, used: Iterable[Path]) -> list[Path]:
    """Folders with data that are not used."""
    taken = set(used)
    return [path for path in sorted(directory.iterdir()) if path.is_dir() and path not in taken and data_files(path)]
