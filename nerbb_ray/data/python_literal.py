"""Python's own way to write lists, as in `TRAIN_DATA = [("text", {"entities": [(0, 4, "PER")]})]`."""

import ast
import re
from pathlib import Path
from typing import Any

from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record

# numpy writes its arrays without commas
_NO_COMMA = re.compile(r"""(?<=['"])\s+(?=['"])|(?<=[0-9])\s+(?=[0-9])""")
_BEGIN = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:\w+\s*=\s*)?\[\s*\(")


def literal_records(text: str, path: Path) -> list[Record] | None:
    """The elements of the list that a file holds; nothing in it is run. None if it holds no list of tuples."""
    if not _BEGIN.match(text):
        return None
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    for statement in module.body:
        value = getattr(statement, "value", None)
        if isinstance(value, ast.List):
            return _elements(value, path)
    return None


def _elements(node: ast.List, path: Path) -> list[Record] | None:
    try:
        return [
            Record(ast.literal_eval(element), Place(path, element.lineno, number))
            for number, element in enumerate(node.elts, start=1)
        ]
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None


def as_list(text: str) -> list[Any] | None:
    """The list that a text is, as Python or numpy write it; None if it is none."""
    try:
        value = ast.literal_eval(_NO_COMMA.sub(", ", text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list) else None
