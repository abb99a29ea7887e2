"""A split in several files: shards, as `datasets` writes them, or one file a document in the folder of the split."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from nerbb_ray.data.alike import read_alike
from nerbb_ray.data.detect import read_file
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.sentences import Reading, joined
from nerbb_ray.data.split_column import note_unused
from nerbb_ray.data.split_names import SHARD, are_shards
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError


def shards_of(path: Path) -> list[Path]:
    """All shards of a split, in their order; of any other file, that file.

    Raises:
        DataError: one of them is missing.
    """
    match = SHARD.search(path.name)
    if match is None:
        return [path]
    found = [other for other in sorted(path.parent.iterdir()) if other.is_file() and are_shards([path, other])]
    if len(found) != int(match[1]):
        names = ", ".join(other.name for other in found)
        raise DataError(f"expected {int(match[1])} shards; got {names}: the others are missing", path.parent)
    return found


def read_split(path: Path, options: ReadingOptions) -> Reading:
    """A file, or all shards of which it is the first."""
    paths = shards_of(path)
    return read_file(path, options) if len(paths) == 1 else read_parts(paths, options)


def read_parts(paths: Sequence[Path], options: ReadingOptions) -> Reading:
    """The sentences of several files, one after the other, as one split. Each begins a document.

    Raises:
        DataError: one cannot be read, or they are not alike.
    """
    # the first one is certain or says what is not; the others are read like it
    names = ["train", *(path.name for path in paths[1:])]
    readings = read_alike({name: partial(read_file, path) for name, path in zip(names, paths, strict=True)}, options)
    parts = list(readings.values())
    first, other = parts[0], next((part for part in parts if part.format != parts[0].format and part.sentences), None)
    if other is not None:
        rule = f"files of one split must be of one format; got {first.format} in {first.source}, {other.format} in"
        raise DataError(f"{rule} {other.source}. Name one of them, or say {option('format')}", paths[0].parent)
    if told := next((part for part in parts if part.splits or part.splits_unclear), None):
        note_unused(told)  # one of them tells of all
    source = str(paths[0].parent)
    found = replace(joined([_of_a_document(part) for part in parts]), source=source)
    found.notes += [note for part in parts for note in part.notes]
    found.notes.append(f"{source}: {counted(len(paths), 'file')} read as one split, {paths[0].name} first")
    return found


def _of_a_document(part: Reading) -> Reading:
    """A file is a document, if it knows of none; of which file lines are, nobody could tell."""
    sentences = [replace(sentence, lines=()) for sentence in part.sentences]
    return replace(part, sentences=sentences, documents=part.documents or [0] * len(sentences))
