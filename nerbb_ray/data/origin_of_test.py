"""Whether a data set has a test split of its own, or what its test data are instead."""

from pathlib import Path
from typing import Literal

from nerbb_ray.data.corpus import find_data
from nerbb_ray.data.origin import read_origin
from nerbb_ray.errors import DataError

TestOrigin = Literal["own", "held out of train", "out of fold", "unknown"]


def origin_of_test(name: str, subset: str | None, datasets: Path, *, folds: bool) -> TestOrigin:
    """What the test data of a trial were.

    Args:
        datasets: of the store.
        folds: whether the trial is one of folds, which hold nothing out of train but have a test part where test is
            empty.
    Returns:
        unknown where the data are there no more.
    """
    try:
        test = find_data(name, subset, datasets).readings.get("test")
    except DataError:
        return "unknown"
    if test is None or not any(sentence.tokens for sentence in test.sentences):
        return "out of fold" if folds else "held out of train"
    return "held out of train" if _was_held_out(datasets / name, subset) else "own"


def _was_held_out(folder: Path, subset: str | None) -> bool:
    """Whether the data were set up from files without test: the store then has what was held out as test."""
    own = folder / subset if subset and (folder / subset).is_dir() else folder
    files = read_origin(own).get("files") or ()
    return bool(files) and all(file.get("split") != "test" for file in files)
