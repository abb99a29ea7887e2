"""Words and tags as two lists: the store's own `{"tokens": [...], "tags": [...]}`, Hugging Face data and the like."""

from collections.abc import Sequence
from typing import Any

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES, Column
from nerbb_ray.data.column_roles import UnsureError, UntaggedError, choose_roles
from nerbb_ray.data.label_names import names_beside
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.ner.tags import SCHEMES

OWN = {"tokens", "tags", "scheme"}


def detect(value: Any) -> bool:
    """Whether a record has words as a list, and not entities by the places of words."""
    if not isinstance(value, dict):
        return False
    lists = {key: item for key, item in value.items() if type(item) is list}
    scalars = {key for key, item in lists.items() if not item or not isinstance(item[0], dict | list)}
    if any(key.lower() in WORD_NAMES for key in scalars):
        sizes = {len(lists[key]) for key in scalars if key.lower() in WORD_NAMES}
        others = [item for key, item in lists.items() if key not in scalars and key != "tokens"]
        return all(len(item) in sizes and _are_numbers(item) for item in others)
    equal = [lists[key] for key in scalars if all(isinstance(part, str | int) for part in lists[key])]
    words = [len(items) for items in equal if items and isinstance(items[0], str)]
    return any(sum(len(items) == size for items in equal) > 1 for size in words)


def _are_numbers(items: list[Any]) -> bool:
    """Whether these are lists of numbers, such as boxes on a page (LayoutLM), and no `[start, end, class]`."""
    is_list = all(isinstance(item, list) and all(type(part) in (int, float) for part in item) for item in items)
    return is_list and any(len(item) != 3 for item in items)


def lacks_words(value: dict[str, Any]) -> bool:
    """Whether the words of a record are a string beside its lists: csv files of sentences are read by `rows`."""
    return any(key.lower() in WORD_NAMES and isinstance(item, str) for key, item in value.items()) and detect(value)


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """
    Raises:
        DataError: which list has what is not sure, a list is none of strings, or a word has no tag.
    """
    reading = Reading()
    if not records:
        return reading
    words, tags = _keys(records, options)
    for row, place in records:
        tokens, own = _list(row, words, place), _list(row, tags, place)
        reading.numbers = reading.numbers or (bool(own) and type(own[0]) is int)
        reading.sentences.append(_sentence(tokens, own, words, tags, place))
        if "scheme" in row:
            _set_scheme(reading, row["scheme"], place)
    reading.taken = f"words {words}, tags {tags}"
    reading.choices = {"word_column": words, "tag_column": tags}
    if reading.numbers and records[0].place.path is not None and not options.labels:
        reading.names, file = names_beside(records[0].place.path, tags)
        if file is not None:
            reading.notes.append(f"names of the tags are taken from {file}")
    return reading


def _keys(records: Sequence[Record], options: ReadingOptions) -> tuple[str, str]:
    """The keys of words and tags: those of the store, or judged by all records."""
    first = records[0]
    if not isinstance(first.value, dict):
        raise first.place.error(f"expected an object with words and tags; got {first.value!r:.60}")
    if {"tokens", "tags"} <= first.value.keys() <= OWN and not (options.word_column or options.tag_column):
        return "tokens", "tags"
    columns = columns_of(records)
    try:
        roles = choose_roles(columns, options, first.place)
    except UnsureError:
        _check_gaps(records, {column.key for column in columns}, options)
        if not columns or {column.name for column in columns} == {"tokens"}:
            return "tokens", "tags"  # the message on the missing list is clearer
        raise
    return roles.words.key, roles.tags.key


def _check_gaps(records: Sequence[Record], known: set[str], options: ReadingOptions) -> None:
    """
    Raises:
        DataError: with the first record where a list fails that others have, if it could be the one of words or tags.
    """
    rows = [row for row, _ in records if isinstance(row, dict)]
    names = {name.lower() for name in (options.word_column, options.tag_column) if name} or WORD_NAMES | TAG_NAMES
    for key in dict.fromkeys(key for row in rows for key in row if key not in known and key.lower() in names):
        wrong = [record for record in records if not _is_list(record.value, key)]
        if 0 < len(wrong) < len(records):
            row, place = wrong[0]
            raise place.error(f'"{key}" must be a list of strings; got {_amiss(row, key)}')
        _check_sizes([] if wrong else records, known, key)


def _check_sizes(records: Sequence[Record], known: set[str], key: str) -> None:
    """A list that is as long as the words in some records must be so in all."""
    for words in (name for name in known if name.lower() in WORD_NAMES):
        wrong = [record for record in records if len(record.value[key]) != len(record.value[words])]
        if 0 < len(wrong) < len(records):
            row, place = wrong[0]
            got = f"got {len(row[words])} in {words} and {len(row[key])} in {key}"
            raise place.error(f"expected one tag per token; {got}")


def _amiss(row: Any, key: str) -> str:
    """What is no list of strings, or no string in one."""
    values = row.get(key) if isinstance(row, dict) else None
    if type(values) is not list:
        return _shown(row, key)
    wrong = next(value for value in values if not isinstance(value, str | int))
    return f"{'null' if wrong is None else repr(wrong):.60} in it"


def _is_list(row: Any, key: str) -> bool:
    values = row.get(key) if isinstance(row, dict) else None
    return type(values) is list and all(isinstance(item, str | int) for item in values)


def columns_of(records: Sequence[Record]) -> list[Column]:
    """The lists of strings or numbers that all records have, as long as each other."""
    keys = [key for key, item in records[0].value.items() if type(item) is list]
    columns = []
    for key in keys:
        lists = [row.get(key) for row, _ in records if isinstance(row, dict)]
        if all(type(items) is list for items in lists):
            values = [item for items in lists if items for item in items]
            if all(isinstance(item, str | int) for item in values):
                ids = bool(values) and all(type(item) is int for item in values)
                columns.append(Column(key, [str(item) for item in values], key, ids))
    if any(len(column.values) != len(columns[0].values) for column in columns):
        words = [column for column in columns if column.name.lower() in WORD_NAMES and not column.ids]
        sizes = {len(column.values) for column in words} if len(words) == 1 else set()
        columns = [column for column in columns if not sizes or len(column.values) in sizes] or columns
    return columns


def _list(row: Any, key: str, place: Place) -> list[Any]:
    values = row.get(key) if isinstance(row, dict) else None
    if values is None:
        raise UntaggedError(str(place.error(f'"{key}" must be a list of strings; got {_shown(row, key)}')))
    if not isinstance(values, list):
        raise place.error(f'"{key}" must be a list of strings; got {_shown(row, key)}')
    return values


def _sentence(tokens: list[Any], tags: list[Any], words_key: str, tags_key: str, place: Place) -> Sentence:
    kind = int if tags and type(tags[0]) is int else str
    for key, values, own in ((words_key, tokens, str), (tags_key, tags, kind)):
        wrong = next((value for value in values if type(value) is not own), None)
        if wrong is not None or None in values:
            raise place.error(f'"{key}" must be a list of strings; got {wrong!r} in it')
    if len(tokens) != len(tags):
        error = place.error(f"expected one tag per token; got {len(tokens)} tokens and {len(tags)} tags")
        raise error if tags else UntaggedError(str(error))
    if kind is int:
        tags = [str(tag) for tag in tags]
    elif any(not tag.strip(BLANK) for tag in tags):
        raise place.error("a tag must not be empty: write O for no entity")
    return Sentence(tuple(tokens), tuple(tags), lines=() if place.line is None else (place.line,))


def _set_scheme(reading: Reading, given: object, place: Place) -> None:
    """Files that the store has written say what their tags are where it could be mistaken."""
    scheme = next((known for known in SCHEMES if known == given), None)
    if scheme is None or reading.scheme not in (None, scheme):
        raise place.error(f'"scheme" must be the same of {", ".join(SCHEMES)} in all lines; got {given!r}')
    reading.scheme, reading.settled = scheme, True


def _shown(row: Any, key: str) -> str:
    if not isinstance(row, dict):
        return f"{row!r:.60}"
    value = "null" if row.get(key) is None else f"{row[key]!r:.60}"
    return value if key in row else f"no such key, but {', '.join(map(repr, row)) or 'none'}"
