"""The splits of a data set are read in the same way: what is not certain in one is taken from train."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from nerbb_ray.data.column_roles import UnsureError
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

Reader = Callable[[ReadingOptions], Reading]
_COLUMNS = ("word_column", "tag_column")


def read_alike(readers: Mapping[str, Reader], options: ReadingOptions) -> dict[str, Reading]:
    """
    Raises:
        DataError: a split cannot be read, or words or tags are in other columns than those of train.
    """
    found: dict[str, Reading] = {}
    for split in sorted(readers, key=lambda split: split != "train"):
        found[split] = _read(readers[split], options, found.get("train"))
        _check(found[split], found.get("train"), split)
    return {split: found[split] for split in readers}


def _read(reader: Reader, options: ReadingOptions, train: Reading | None) -> Reading:
    try:
        return reader(options)
    except UnsureError:
        if train is None or not all(name in train.choices for name in _COLUMNS):
            raise
        words, tags = (getattr(options, name) or train.choices[name] for name in _COLUMNS)
        reading = reader(replace(options, word_column=words, tag_column=tags))
        reading.notes.append(f"{reading.source}: not certain by itself, read like train: {reading.taken}")
        return reading


def _check(reading: Reading, train: Reading | None, split: str) -> None:
    if train is None or not reading.sentences or reading.format != train.format:
        return
    if any(reading.choices.get(name) != train.choices.get(name) for name in ("separator", *_COLUMNS)):
        same = reading.choices.get("separator") == train.choices.get("separator")
        if same and any(name in train.choices for name in _COLUMNS):
            rule = f"{reading.source}: {split} has {reading.taken}, but train has {train.taken}"
            raise DataError(f"{rule}: say which is right with {' and '.join(map(option, _COLUMNS))}")
