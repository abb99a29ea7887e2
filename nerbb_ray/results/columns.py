"""Columns that files and data frames of results have alike."""

from collections.abc import Mapping, Sequence
from typing import Any


def fold_column(fold: int | None) -> dict[str, int]:
    """A column only where there are folds."""
    return {} if fold is None else {"fold": fold}


def agreed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all rows have alike, in the order of the first one."""
    first = rows[0] if rows else {}
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in rows)}
