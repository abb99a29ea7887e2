"""Tables whose fields hold lists: csv files that pandas, the `datasets` library or Label Studio have written."""

import csv
import json
from pathlib import Path
from typing import Any

from nerbb_ray.data.places import Place
from nerbb_ray.data.python_literal import as_list
from nerbb_ray.data.records import Record
from nerbb_ray.errors import DataError

_SEPARATORS = ",;\t|"


def csv_records(text: str, path: Path) -> list[Record] | None:
    """The rows as objects, by the names in the first line; None if no field of the second holds a list.

    Raises:
        DataError: a field of a column of lists holds none.
    """
    head = text[:100_000].lstrip().split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)
    if separator not in head or "[" not in text:
        return None
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        names = [name.strip() for name in next(reader)]
        first = next(reader, [])
    except csv.Error:
        return None
    lists = {i for i, value in enumerate(first) if as_list_field(value) is not None}
    if not lists or len(first) != len(names) or as_list_field(names[0]) is not None:
        return None
    found = [Record(_object(first, names, lists, Place(path, 2)), Place(path, 2))]
    try:
        for row in reader:
            if any(row):
                place = Place(path, reader.line_num)
                found.append(Record(_object(row, names, lists, place), place))
    except csv.Error as error:
        raise DataError(f"is no csv file: {error}", path, reader.line_num) from error
    return found


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
