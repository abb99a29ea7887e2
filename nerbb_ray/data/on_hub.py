"""Whether data are those of the Hugging Face hub, and under which id."""

from pathlib import Path

from nerbb_ray.data.known_names import BUILTIN
from nerbb_ray.data.origin import read_origin
from nerbb_ray.data.save_corpus import is_stored


def id_on_hub(name: str, subset: str | None, datasets: Path) -> str | None:
    """The hub's id of a data set that was taken from there; None of all others, and where nothing tells.

    Args:
        datasets: of the store, which is looked into as when data are found.
    """
    if name.startswith(("/", ".", "~")):
        return None
    folder = datasets / name / (subset or "")
    folder = folder if folder.is_dir() else datasets / name
    if is_stored(folder):
        origin = read_origin(folder)
        return _id_of(name) if origin.get("files") and origin.get("source") is None else None
    return None if Path(name).is_dir() else _id_of(name)


def _id_of(name: str) -> str | None:
    """Of a name that is neither in the store nor a path; a word alone may be that of a folder that is gone."""
    built_in = BUILTIN.get(name)
    return built_in.hub if built_in is not None else name if "/" in name else None
