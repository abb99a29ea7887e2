"""What to say of a record that is of no known format: what it has, and the options that may help."""

from collections.abc import Sequence
from typing import Any

from nerbb_ray.data.formats.spans import TEXTS, called_text
from nerbb_ray.data.options import option
from nerbb_ray.data.records import Record
from nerbb_ray.errors import DataError


def unknown(record: Record, formats: Sequence[str]) -> DataError:
    """To be raised.

    Args:
        formats: the names of those that were tried.
    """
    value = record.value
    if not isinstance(value, dict):
        return record.place.error(f"{_expected(formats)}; got {value!r:.60}")
    keys = f"the keys {', '.join(value) or 'none'}"
    annotated = [key for key, part in value.items() if part and _may_hold(part)]
    no_text = called_text(value)
    if no_text is not None and value[no_text] is None and annotated:
        return record.place.error(f"expected a text in {no_text!r}; got null: take the record out")
    has_text = any(isinstance(value.get(key), str) for key in TEXTS)
    if has_text and not annotated:
        rule = f"has a text and no entities; got {keys}: if nobody has annotated the file,"
        return record.place.error(f"{rule} leave it out (a split: {option('split_names')} test=none)")
    if has_text:
        rule = f"has a text, but no entities by their places in {' or '.join(annotated)}; got {keys}"
        return record.place.error(f"{rule}. {_way_out(annotated)}")
    way = f". {_way_out(annotated)}" if annotated else ""
    return record.place.error(f"{_expected(formats)}; got {keys}{way}")


def _expected(formats: Sequence[str]) -> str:
    expected = "words and tags as two lists, a text with its entities, or an export of a known tool"
    return f"expected {expected} ({', '.join(formats)})"


def _way_out(keys: Sequence[str]) -> str:
    spans = f"{option('format')} spans {option('tag_column')} {keys[0] if len(keys) == 1 else 'KEY'}"
    words = f"{option('format')} tokens {option('word_column')} KEY {option('tag_column')} KEY"
    return f"Say what has the annotation, and what is amiss with it is told: {spans}, or {words}"


def _may_hold(part: Any) -> bool:
    """Whether a value could have annotation in it."""
    return isinstance(part, dict | list) or (isinstance(part, str) and part.lstrip()[:1] in ("[", "{"))
