"""A single file with the sentences of all splits, and a column or key that says which split each is of."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nerbb_ray.data.sentences import Reading, joined
from nerbb_ray.errors import DataError


def of_splits(parts: Mapping[str, Reading], by: str) -> Reading:
    """The readings of the splits of one file as one.

    Args:
        by: the key that says the split.
    """
    found = joined(list(parts.values()))
    found.splits_by = by
    for split, part in parts.items():
        found.splits += [split] * len(part.sentences)
        found.notes += [note for note in part.notes if note not in found.notes]
    return found


def separated(reading: Reading) -> dict[str, Reading]:
    """The splits of a single file: all of it is train, unless the file says otherwise.

    Raises:
        DataError: a column or key says the split of some sentences only.
    """
    if reading.splits_unclear:
        raise DataError(reading.splits_unclear)
    if not reading.splits:
        return {"train": reading}
    found = {}
    for split in sorted(set(reading.splits), key=("train", "val", "test").index):
        own = [number for number, of in enumerate(reading.splits) if of == split]
        found[split] = replace(reading.only(own), notes=[], splits=[], splits_by="")
    sizes = ", ".join(f"{split} {len(part.sentences)}" for split, part in found.items())
    note = f"{Path(reading.source).name}: {reading.splits_by} says the split of every sentence: {sizes}"
    found["train"].notes += [*reading.notes, note]
    return found


def note_unused(reading: Reading) -> None:
    """A file that is one split by its name is not cut into several."""
    if reading.splits:
        reading.notes.append(
            f"{reading.source}: {reading.splits_by} says of which split each sentence is, but the file is one split by "
            "its name: it is not used; to use it, bring in the file alone"
        )
    if reading.splits_unclear:
        reading.notes.append(f"{reading.splits_unclear}. The file is one split by its name: this is not used")
