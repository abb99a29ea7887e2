"""Tables whose fields hold lists: csv files that pandas, the `datasets` library or Label Studio have written."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from nerbb_ray.data.places import Place
from nerbb_ray.data.python_literal import as_list
from nerbb_ray.data.records import Record
from nerbb_ray.errors import DataError

_SEPARATORS = ",;\t|"


def csv_records(text: str, path: Path) -> list[Record] | None:
    """The rows as objects, by the names in the first line; None if no column holds lists.

    Raises:
        DataError: a field of a column of lists holds none.
    """
    head = text[:100_000].lstrip().split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)
    if separator not in head or "[" not in text:
        return None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[list[str], Place]] = []
    broken: csv.Error | None = None
    try:
        names = [name.strip() for name in next(reader)]
        rows.extend((row, Place(path, reader.line_num)) for row in reader if any(row))
    except csv.Error as error:
        broken = error
    if not rows or len(rows[0][0]) != len(names) or as_list_field(names[0]) is not None:
        return None
    lists = {i for i in range(len(names)) if as_list_field(_first_field(rows, i)) is not None}
    if not lists:
        return None
    if broken is not None:
        raise DataError(f"is no csv file: {broken}", path, reader.line_num) from broken
    return [Record(_object(row, names, lists, place), place) for row, place in rows]


def _first_field(rows: list[tuple[list[str], Place]], column: int) -> str:
    """The first that is not empty: the first task may have no entity."""
    return next((row[column] for row, _ in rows if column < len(row) and row[column].strip()), "")


def _object(row: list[str], names: list[str], lists: set[int], place: Place) -> dict[str, Any]:
    """Empty fields are left out."""
    if len(row) != len(names):
        raise place.error(f"expected {len(names)} columns as in the first line; got {len(row)}")
    values: dict[str, Any] = {}
    for i, (name, text) in enumerate(zip(names, row, strict=True)):
        value = as_list_field(text) if i in lists else text
        if value is None and text.strip():
            raise place.error(f"the column {name!r} holds lists; got {text!r:.60}")
        if text.strip():
            values[name or f"column {i + 1}"] = value
    return values


def as_list_field(text: str) -> list[Any] | None:
    """The list that a field holds as JSON, Python or numpy write it; None if it is none."""
    bare = text.strip()
    if not (bare.startswith("[") and bare.endswith("]")):
        return None
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        return as_list(bare)
    return value if isinstance(value, list) else None
