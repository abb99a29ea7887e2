"""The schemas of a database that the installed MLflow knows."""

import functools
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REVISION = re.compile(r"^(down_)?revision\s*(?::[^=]+)?=\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Schemas:
    """Their revisions."""

    newest: str
    all: frozenset[str]


@functools.cache
def known_schemas() -> Schemas | None:
    """Those of the installed MLflow, read from its migrations, whose import would take seconds.

    Returns:
        None if they do not lie where they do in MLflow 3.
    """
    revisions: set[str] = set()
    earlier: set[str] = set()
    for text in _migrations():
        for down, value in REVISION.findall(text):
            (earlier if down else revisions).update(re.findall(r"['\"](\w+)['\"]", value))
    newest = revisions - earlier
    return Schemas(newest.pop(), frozenset(revisions)) if len(newest) == 1 else None


def _migrations() -> Iterator[str]:
    spec = importlib.util.find_spec("mlflow")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in Path(folder, "store", "db_migrations", "versions").glob("*.py"):
            yield file.read_text(encoding="utf-8")
