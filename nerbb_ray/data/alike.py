"""The splits of a data set are read in the same way: what is not certain in one is taken from train."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from nerbb_ray.data.column_roles import UnsureError, UntaggedError
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import OUTSIDE_SPELLINGS

Reader = Callable[[ReadingOptions], Reading]
_SENTENCES = ("rows", "tokens")  # a split of one-word sentences could be a table of words: train decides
_HIDDEN = re.compile(r"[\W_]+|x|unk|unknown|null|nan|none", re.IGNORECASE)
_COLUMNS = ("word_column", "tag_column")


def read_alike(readers: Mapping[str, Reader], options: ReadingOptions) -> dict[str, Reading]:
    """
    Raises:
        DataError: a split cannot be read, or words or tags are in other columns than those of train.
    """
    found: dict[str, Reading] = {}
    for split in sorted(readers, key=lambda split: split != "train"):
        try:
            found[split] = _read(readers[split], options, found.get("train"))
        except (UnsureError, UntaggedError) as error:
            if split == "train":
                raise
            raise DataError(f"{error}\n{_if_untagged(split)}") from error
        _refuse_untagged(found[split], found.get("train"), split)
        _check(found[split], found.get("train"), split)
    return {split: found[split] for split in readers}


def _read(reader: Reader, options: ReadingOptions, train: Reading | None) -> Reading:
    if train is not None and options.format is None and train.format in _SENTENCES:
        with suppress(DataError):
            return reader(replace(options, format=train.format))
    try:
        return reader(options)
    except UnsureError:
        if train is None or not all(name in train.choices for name in _COLUMNS):
            raise
        words, tags = (getattr(options, name) or train.choices[name] for name in _COLUMNS)
        reading = reader(replace(options, word_column=words, tag_column=tags))
        reading.notes.append(f"{reading.source}: not certain by itself, read like train: {reading.taken}")
        return reading


def _if_untagged(split: str) -> str:
    return f"If nobody has tagged {split}, leave it out: {option('split_names')} {split}=none"


def _refuse_untagged(reading: Reading, train: Reading | None, split: str) -> None:
    """One tag everywhere that is none of train's, such as _ or X: published tests hide their tags so."""
    if train is None or reading is train or reading.scheme is not None:
        return
    tags = {tag for sentence in reading.sentences for tag in sentence.tags}
    if len(tags) != 1 or not _HIDDEN.fullmatch(tag := tags.pop()) or tag in OUTSIDE_SPELLINGS:
        return
    if tag not in {tag for sentence in train.sentences for tag in sentence.tags}:
        rule = f"{reading.source}: all words of {split} have the tag {tag!r}, which no word of train has"
        raise DataError(f"{rule}. {_if_untagged(split)}; if it is how {split} writes O, say {option('outside')}")


def _check(reading: Reading, train: Reading | None, split: str) -> None:
    if train is None or not reading.sentences or reading.format != train.format:
        return
    if any(reading.choices.get(name) != train.choices.get(name) for name in ("separator", *_COLUMNS)):
        same = reading.choices.get("separator") == train.choices.get("separator")
        if same and any(name in train.choices for name in _COLUMNS):
            rule = f"{reading.source}: {split} has {reading.taken}, but train has {train.taken}"
            raise DataError(f"{rule}: say which is right with {' and '.join(map(option, _COLUMNS))}")
