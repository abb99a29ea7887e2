"""Sentences from the `datasets` library: the Hugging Face hub, and folders that the library can read."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub  # which imports its parts when they are used

from nerbb_ray.data.detect import read_records
from nerbb_ray.data.label_names import named, names_in
from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError
from nerbb_ray.spelling import did_you_mean

LABEL_FILES = ("dataset/label.json", "label.json")
SPLIT_LIST, STATE = "dataset_dict.json", "state.json"
_SUBSETS = re.compile(r"(?:available configs|Available): \[([^\]]+)\]")
_SHOWN_SUBSETS = 20

HUB_TIMEOUT_S = 10


class NotLoadedError(DataError):
    """The library does not find the data set, or cannot reach or read it."""


def read_hub(
    name: str, subset: str | None, revision: str | None = None, options: ReadingOptions = AUTO
) -> dict[str, Reading]:
    """The splits of a data set of the hub, or of a local folder, by their own names.

    Raises:
        NotLoadedError: not found, not reachable, not readable.
        DataError: without words and tags, or without the wanted subset.
    """
    import datasets

    datasets.disable_progress_bars()
    local = Path(name).is_dir()
    empty: dict[str, Reading] = {}
    try:
        if local and is_saved(Path(name)):
            empty = {split: Reading() for split in _empty_splits(Path(name))}
            loaded = {split: datasets.load_from_disk(path) for split, path in _saved_splits(Path(name)).items()}
        else:
            with contextlib.nullcontext() if local or _reachable(name) else _cache_only(datasets):
                loaded = datasets.load_dataset(name, subset, revision=revision)
    except Exception as error:  # the libraries below raise a dozen unrelated kinds
        if listed := _SUBSETS.search(str(error)):
            raise DataError(_choose_subset(name, subset, re.findall("'([^']+)'", listed[1]))) from error
        raise NotLoadedError(_not_loaded(name, subset, local, error)) from error
    found = {str(split): reading_of(rows, f"{name}[{split}]", options) for split, rows in loaded.items()}
    if not local and not options.labels and any(reading.numbers for reading in found.values()):
        names = _names_of_repository(name, revision)
        found = {split: replace(reading, names=names) for split, reading in found.items()}
    return empty | found


def _reachable(name: str) -> bool:
    """Ask the hub once: the datasets library would ask a dozen times, with pauses, before it gives up."""
    from huggingface_hub.errors import HfHubHTTPError  # here: it takes a client for the web along

    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    try:
        huggingface_hub.HfApi().dataset_info(name, timeout=HUB_TIMEOUT_S)
    except HfHubHTTPError as error:  # an answer, though not the wanted one: the library says better what is wrong
        return error.response is not None
    except Exception:  # the http client below has kinds of its own for "no answer"
        return False
    return True


@contextlib.contextmanager
def _cache_only(datasets: Any) -> Iterator[None]:
    """What was downloaded before can still be loaded, without a word to the hub."""
    constants = huggingface_hub.constants
    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _not_loaded(name: str, subset: str | None, local: bool, error: Exception) -> str:
    what = f"data set {name!r}" + (f", subset {subset!r}," if subset else "")
    where = "in this folder" if local else "on the Hugging Face hub"
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return f"{what} could not be loaded {where}: {reason}"


def _choose_subset(name: str, subset: str | None, known: list[str]) -> str:
    more = f" and {len(known) - _SHOWN_SUBSETS} more" if len(known) > _SHOWN_SUBSETS else ""
    listed = f"{', '.join(known[:_SHOWN_SUBSETS])}{more}"
    if subset is None:
        return f"data set {name!r} has the subsets {listed}: choose one of them (--subset, in Python subset=)"
    return f"data set {name!r} has no subset {subset!r}; {did_you_mean(subset, known)}"


def reading_of(rows: Any, where: str, options: ReadingOptions = AUTO) -> Reading:
    """The rows of a split, with names of classes instead of their numbers, read like those of a file.

    Args:
        where: the split, for messages.
    """
    features = rows.features.to_dict()
    records = [
        Record({key: named(value, features.get(key)) for key, value in row.items()}, Place(None, None, number, where))
        for number, row in enumerate(rows.to_list())
    ]
    return read_records(records, options)


def _names_of_repository(name: str, revision: str | None) -> dict[str, str]:
    """T-NER keeps the names of its tags in a file beside the data; none if there is no such file."""
    for file in LABEL_FILES:
        with contextlib.suppress(Exception):  # no such file, no answer: the error on the numbers says what to do
            path = huggingface_hub.hf_hub_download(
                name, file, repo_type="dataset", revision=revision, etag_timeout=HUB_TIMEOUT_S
            )
            return names_in(Path(path))
    return {}


def is_saved(folder: Path) -> bool:
    """Whether the folder was written by the library's save_to_disk."""
    return any((folder / marker).is_file() for marker in (SPLIT_LIST, STATE))


def _saved_splits(folder: Path) -> dict[str, str]:
    """The folder of every split that has rows."""
    if not (folder / SPLIT_LIST).is_file():
        return {"train": str(folder)}
    names = json.loads((folder / SPLIT_LIST).read_text(encoding="utf-8"))["splits"]
    return {name: str(folder / name) for name in names if name not in _empty_splits(folder)}


def _empty_splits(folder: Path) -> list[str]:
    """Saved splits without rows: the library writes them and cannot load them."""
    states = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"*/{STATE}")}
    return [name for name, state in states.items() if not state["_data_files"]]
