"""Words and tags of a sentence in strings: with blanks between them, tags also with commas; or one tag a character."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES
from nerbb_ray.data.csv_records import as_list_field
from nerbb_ray.data.records import Record
from nerbb_ray.ner.notation import STANDARD
from nerbb_ray.ner.tags import OUTSIDE

Words = list[list[str]]


def split_at_commas(texts: Sequence[Sequence[str]], columns: Sequence[Words]) -> list[Words]:
    """The words of some columns; tags at their commas, if so they are as many as the words of another column.

    Args:
        texts: column, row.
        columns: the same, each text split in its usual way.
    """
    sizes = [[len(words) for words in own] for own in columns]
    found = list(columns)
    for number, own in enumerate(texts):
        if not any("," in text for text in own):
            continue
        parts = [[part.strip() for part in text.split(",")] for text in own]
        if [len(words) for words in parts] in [*sizes[:number], *sizes[number + 1 :]] and _are_tags(parts):
            found[number] = parts
    return found


def _are_tags(rows: Words) -> bool:
    """Whether these are O and tags of a scheme, or O and few classes; what is alone may be the name of the column."""
    counts = Counter(part for parts in rows for part in parts if len(parts) > 1)
    if "" in counts or any(" " in part for part in counts) or OUTSIDE not in counts:
        return False
    return 2 * len(counts) <= counts.total() or all(STANDARD.standard(part) for part in counts if part != OUTSIDE)


def with_parsed(records: Sequence[Record]) -> Sequence[Record]:
    """The records with lists where all of them have a string that JSON or Python would read as a list."""
    rows = [record.value for record in records]
    if not rows or not all(isinstance(row, dict) for row in rows):
        return records
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if _are_lists(rows, key)]
    if not keys:
        return records
    return [record._replace(value=record.value | _parsed(record.value, keys)) for record in records]


def _are_lists(rows: Sequence[dict[str, Any]], key: str) -> bool:
    values = [value for row in rows if (value := row.get(key)) not in (None, "")]
    return bool(values) and all(isinstance(value, str) and as_list_field(value) is not None for value in values)


def _parsed(row: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """An empty string is like null: nothing says that there are no entities."""
    return {key: as_list_field(row[key]) if row[key] else None for key in keys if key in row}


def with_lists(records: Sequence[Record]) -> Sequence[Record]:
    """The records with words and tags as lists where they are strings, or where only the tags are a list."""
    rows = [record.value for record in records]
    keys = [key for key in rows[0] if key.lower() in WORD_NAMES | TAG_NAMES] if isinstance(rows[0], dict) else []
    kinds = [[key for key in keys if key.lower() in names] for names in (WORD_NAMES, TAG_NAMES)]
    if not all(kinds) or any(map(_has_entities, rows)) or not all(isinstance(row, dict) for row in rows):
        return records
    columns = [[row.get(key) for row in rows] for key in keys]
    if all(isinstance(text, str) for own in columns for text in own):
        return _of_strings(records, keys, columns)
    words = [key for key in kinds[0] if isinstance(rows[0][key], str)]
    tags = [key for key in kinds[1] if isinstance(rows[0][key], list)]
    return _of_tags(records, words[0], tags[0]) if len(words) == len(kinds[0]) == len(tags) == 1 else records


def _of_strings(records: Sequence[Record], keys: Sequence[str], texts: Sequence[list[str]]) -> Sequence[Record]:
    found = split_at_commas(texts, [[text.split() for text in own] for own in texts])
    if any([len(words) for words in own] != [len(words) for words in found[0]] for own in found):
        return records
    return [
        record._replace(value=record.value | {key: own[number] for key, own in zip(keys, found, strict=True)})
        for number, record in enumerate(records)
    ]


def _of_tags(records: Sequence[Record], text_key: str, tag_key: str) -> Sequence[Record]:
    """Words at blanks, or characters, if all texts have one tag for each."""
    pairs = [(record.value.get(text_key), record.value.get(tag_key)) for record in records]
    if not all(isinstance(text, str) and _are_strings(tags) for text, tags in pairs):
        return records
    ways: tuple[Callable[[str], list[str]], ...] = (str.split, _characters)
    for split in ways:
        if any(len(tags) > 1 for _, tags in pairs) and all(len(split(text)) == len(tags) for text, tags in pairs):
            return [
                record._replace(value=record.value | {text_key: split(text)})
                for record, (text, _) in zip(records, pairs, strict=True)
            ]
    return records


def _characters(text: str) -> list[str]:
    """None if some are blanks: whether these have tags is not sure."""
    return [] if any(character.isspace() for character in text) else list(text)


def _are_strings(value: Any) -> bool:
    return type(value) is list and all(isinstance(part, str) for part in value)


def _has_entities(row: Any) -> bool:
    """Whether it has a list of objects or lists: then a text and the label beside it are no words and tags."""
    lists = (value for value in row.values() if type(value) is list) if isinstance(row, dict) else ()
    return any(items and isinstance(items[0], dict | list | tuple) for items in lists)
