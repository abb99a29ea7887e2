"""Python's own way to write lists, as in `TRAIN_DATA = [("text", {"entities": [(0, 4, "PER")]})]`."""

import ast
import re
from pathlib import Path
from typing import Any

from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.errors import DataError

# numpy writes its arrays without commas: a string and what lies before the next one, or the gap between two numbers
_NO_COMMA = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(\s+(?=['"]))?|(?<=[0-9])\s+(?=[0-9])""", re.DOTALL)
_BEGIN = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:\w+\s*=\s*)?\[\s*\(")
PROGRAM = ".py"


def literal_records(text: str, path: Path) -> list[Record] | None:
    """The elements of the list of tuples that a file holds, or of examples in a program; nothing in it is run.

    None if it holds no such list.

    Raises:
        DataError: a program holds none, or several.
    """
    is_program = path.suffix.lower() == PROGRAM
    if not is_program and not _BEGIN.match(text):
        return None
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    kinds = (ast.Tuple, ast.List, ast.Dict) if is_program else (ast.Tuple,)
    lists = [node for node in ast.walk(module) if isinstance(node, ast.Assign | ast.Expr) and _is_of(kinds, node.value)]
    if is_program and not lists:
        raise DataError('is a program without a list of examples, such as [("text", {"entities": [...]})]', path)
    if len(lists) > 1:
        names = ", ".join(ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else "a list" for node in lists)
        raise DataError(f"has {len(lists)} lists of examples: {names}. Put each into a file of its own", path)
    return _elements(lists[0].value, path) if lists else None


def _is_of(kinds: tuple[type[ast.expr], ...], node: ast.expr) -> bool:
    return isinstance(node, ast.List) and bool(node.elts) and isinstance(node.elts[0], kinds)


def _elements(node: ast.expr, path: Path) -> list[Record] | None:
    elements = node.elts if isinstance(node, ast.List) else []
    try:
        return [
            Record(ast.literal_eval(element), Place(path, element.lineno, number))
            for number, element in enumerate(elements, start=1)
        ]
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None


def as_list(text: str) -> list[Any] | None:
    """The list that a text is, as Python or numpy write it; None if it is none."""
    try:
        value = ast.literal_eval(_NO_COMMA.sub(_with_comma, text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _with_comma(piece: re.Match[str]) -> str:
    """What stands inside of a string stays as it is."""
    string, gap = piece.groups()
    return ", " if string is None else string + ", " if gap else string
