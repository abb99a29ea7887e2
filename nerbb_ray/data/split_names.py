"""What people call train, val and test: `dev.tsv`, `xx-ud-train.iob2`, `eng.testb`, `wnut17train.conll`, ..."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nerbb_ray.data.content import stem_of
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.errors import DataError

SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "devel", "development", "eval", "testa"),
    "test": ("test", "testing", "testb"),
}
SHARD = re.compile(r"-[0-9]{5}-of-([0-9]{5})\b")  # of a split that `datasets` has written into several files
NO_SPLIT = "none"  # the user leaves a split out
TRAIN_AND_VAL = "train_dev"  # some corpora have a file of both, besides the two
_SAYS_SPLITS = re.compile(
    r"(?:data[_ -]?(?:set)?[_ -]?)?(?:split|partition|set|subset|fold|part|portion)", re.IGNORECASE
)
_LEAVE_OUT = "If it is not the split of the sentences, rename it or leave it out"
_SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
_NAME = re.compile(rf"(?<![a-z])({'|'.join(sorted(_SPLIT_OF, key=len, reverse=True))})(?![a-z])")


def split_of(name: str) -> str | None:
    """train, val, test, train_dev, or None, by a whole name or the words in it."""
    found = {_SPLIT_OF[word] for word in _NAME.findall(name.lower())}
    if found == {"train", "val"}:
        return TRAIN_AND_VAL
    return found.pop() if len(found) == 1 else None


def is_exact(name: str) -> bool:
    """Whether a name is that of a split and nothing else."""
    return name.lower() in _SPLIT_OF


def are_shards(paths: Sequence[Path]) -> bool:
    """Whether some files differ in the number of their shard only: `train-00000-of-00002.parquet`."""
    return all(SHARD.search(path.name) for path in paths) and len({SHARD.sub("", path.name) for path in paths}) == 1


class Unclear(NamedTuple):
    """The first row of which a column does not say the split, though it says that of others."""

    row: int
    rule: str


def splits_in(name: str, values: Iterable[object]) -> list[str] | Unclear:
    """The split of every row, if a column or key says it; empty if it says something else.

    Args:
        name: of the column or key; empty if it has none.
        values: of the rows; no further one is asked for once it is clear that it says something else.
    """
    if name and not _SAYS_SPLITS.fullmatch(name):
        return []
    found: list[str] = []
    unknown: tuple[int, object] | None = None
    for row, value in enumerate(values):
        split = _SPLIT_OF.get(value.strip().lower()) if isinstance(value, str) else None
        if split is not None:
            found.append(split)
        elif not name:  # any column may have such a word among others
            return []
        else:
            unknown = unknown or (row, value)
    if found and unknown is not None:
        row, value = unknown
        got = "nothing" if value is None or value == "" else repr(value)
        return Unclear(row, f"{name} must say train, val or test, as of others; got {got}. {_LEAVE_OUT}")
    if len(set(found)) > 1 and "train" not in found:
        return Unclear(0, f"{name or 'a column'} says val and test, and train of none. {_LEAVE_OUT}") if name else []
    return found if len(set(found)) > 1 else []


def choose_splits(entries: Mapping[Path, str], kind: str, directory: Path, options: ReadingOptions) -> dict[str, Path]:
    """The one entry of each split that is there.

    A name of nothing but the split goes before one that has it among others (`train.conll`, `train_old.conll`).

    Args:
        entries: files or folders, with the name that says their split.
        kind: file or folder.
    Raises:
        DataError: several are meant equally, or one that the user has named is not there.
    """
    found: dict[str, Path] = {}
    for split, name in options.names_of_splits.items():
        if name == NO_SPLIT:
            continue
        named = [path for path, own in entries.items() if name in (own, path.name, stem_of(path))]
        if len(named) != 1:
            given = ", ".join(path.name for path in entries) or "none"
            raise DataError(
                f"{option('split_names')}: expected one {kind} {name!r} for {split}; got {given}", directory
            )
        found[split] = named[0]
    for split in SPLIT_NAMES.keys() - found.keys() - options.names_of_splits.keys():
        fitting = [path for path, name in entries.items() if split_of(name) == split and path not in found.values()]
        fitting = [path for path in fitting if is_exact(entries[path])] or fitting
        if len(fitting) > 1 and are_shards(fitting):
            fitting = sorted(fitting)[:1]
        if len(fitting) > 1:
            given = ", ".join(path.name for path in fitting)
            way = f"remove or rename all but one, or say {option('split_names')} {split}=NAME"
            raise DataError(f"expected one {kind} for {split}; got {given}: {way}", directory)
        if fitting:
            found[split] = fitting[0]
    both = [path for path, name in entries.items() if split_of(name) == TRAIN_AND_VAL]
    if "train" not in found and len(both) == 1:
        found["train"] = both[0]
    return {split: found[split] for split in SPLIT_NAMES if split in found}
