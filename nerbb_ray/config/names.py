"""The names of experiments and runs: both become names of folders, of MLflow runs and of sections of a file."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from nerbb_ray.config.keys import written

RUN_PREFIX = "run"
MAX_BYTES = 200  # a file system allows 255 in one name; Ray and the seed add theirs
_MARKS = frozenset("._-+=(), ")
_ALLOWED = "letters, digits, blanks and . _ - + = ( ) ,"


def folder_problem(name: str) -> str | None:
    """The rule that the name of an experiment breaks, or None.

    Letters and digits of every alphabet are allowed.
    """
    if not name:
        return "must not be empty"
    if not all(_is_safe(character) for character in name):
        return f"names a folder and must consist of {_ALLOWED}"
    if name[0] in ". " or name[-1] in ". " or ".." in name:
        return "names a folder and must not begin or end with a blank or a dot, nor contain two dots in a row"
    if len(name.encode()) > MAX_BYTES:
        return f"names a folder and must not be longer than {MAX_BYTES} bytes"
    return None


def run_problem(name: str) -> str | None:
    """The rule that the name of a run breaks, or None."""
    if not name.startswith(RUN_PREFIX):
        return f"must begin with {RUN_PREFIX}"
    return folder_problem(name)


def point_name(run: str, point: Mapping[str, Any]) -> str:
    """The name of one point of a run's grid: `runA(lr_max=2e-05,batch_size=16)`; the run's own if there is no grid."""
    if not point:
        return run
    return f"{run}({','.join(f'{key}={_safe_text(written(value))}' for key, value in point.items())})"


def _is_safe(character: str) -> bool:
    return character in _MARKS or unicodedata.category(character)[0] in "LMN"


def _safe_text(value: str) -> str:
    """The value of a grid inside a name: a path may not leave the folder of its run."""
    text = value.replace("/", "--").replace("..", "--")
    return "".join(character if _is_safe(character) else "-" for character in text)
