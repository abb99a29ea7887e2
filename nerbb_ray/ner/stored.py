"""The names of the data sets that a store has, and which of them a misspelt one was probably meant to be."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from nerbb_ray.ner.builtin import BUILTIN

SIMILAR = 0.7


def stored_names(datasets: Path) -> list[str]:
    """Of the folders of a store; `organisation/name` for those in a folder of nothing but folders."""
    return sorted(_names(datasets)) if datasets.is_dir() else []


def did_you_mean(name: str, datasets: Path) -> str:
    """`; did you mean 'quickstart'?`, or nothing if no name of the store and no built-in one is similar."""
    known = {known.lower(): known for known in (*BUILTIN, *stored_names(datasets)) if known != name}
    close = get_close_matches(name.lower(), known, n=1, cutoff=SIMILAR)
    beginning = sorted(lower for lower in known if lower.startswith(f"{name.lower()}/"))
    return "".join(f"; did you mean {known[lower]!r}?" for lower in [*beginning, *close][:1])


def _names(datasets: Path) -> Iterator[str]:
    for folder in _folders(datasets):
        inside = _folders(folder)
        if inside and all(path.is_dir() for path in folder.iterdir()):
            yield from (f"{folder.name}/{path.name}" for path in inside)
        else:
            yield folder.name


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")]
