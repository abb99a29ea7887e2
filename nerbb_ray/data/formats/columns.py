"""Columns: a word per line, its tag in another column, an empty line between sentences. CoNLL and what is like it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from nerbb_ray.data.column_evidence import Column
from nerbb_ray.data.column_roles import Roles, choose_roles
from nerbb_ray.data.content import Content
from nerbb_ray.data.cut_table import cut
from nerbb_ray.data.headers import leave_headers
from nerbb_ray.data.options import SEPARATORS, ReadingOptions
from nerbb_ray.data.outside import outside_of
from nerbb_ray.data.places import Place
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.separators import QUOTING
from nerbb_ray.data.split_names import Unclear, splits_in
from nerbb_ray.data.table import Row, Table, read_table
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.ner.notation import find_notation
from nerbb_ray.ner.tags import OUTSIDE, OUTSIDE_SPELLINGS

NO_WORD = re.compile("[0-9]+[-.][0-9]+")  # of CoNLL-U: 2-3 is a form of the words 2 and 3, 2.1 was never written
_LANGUAGE = re.compile(r"([a-z]{2,3}(?:-[A-Za-z]+)?):", re.ASCII)  # WikiANN: en:word
_SHOWN = 5


def detect(content: Content) -> bool:
    """Any text may be columns: the last guess."""
    return bool(content.text.strip())


def read(content: Content) -> Reading:
    """
    Raises:
        DataError: which column has what is not sure, most lines have one column, or a line has another number of them.
    """
    return reading_of(read_table(content), content)


def reading_of(table: Table, content: Content) -> Reading:
    """The sentences of a table, whatever it was read from."""
    path = content.path
    reading = Reading(notes=table.notes)
    reading.notes += _notes_untagged([f"{path}:{number}: {text!r}" for number, text in table.untagged])
    if not any(table.blocks):
        return reading
    _leave_forms(table)
    columns, positions = columns_of(table)
    roles = choose_roles(columns, content.options, Place(path))
    words, tags = positions[roles.words.key], positions[roles.tags.key]
    _refuse_lists(table, words, tags, path)
    _refuse_texts(roles, path)
    _refuse_swallowed(table, words, path)
    leave_headers(table, words, roles.tags, tags, path)
    _leave_comments(table, tags, content)
    blocks = cut(table, columns, roles, reading, path)
    _leave_empty(blocks, tags, content, reading)
    reading.sentences = [
        Sentence(tuple(f[words] for _, f in rows), tuple(f[tags] for _, f in rows), lines=_numbers(rows))
        for rows in blocks
        if rows
    ]
    reading.documents = table.documents_of([rows[0].number for rows in blocks if rows])
    for column in columns:
        if column.key not in (roles.words.key, roles.tags.key):
            _take_splits(reading, column, positions[column.key], [rows for rows in blocks if rows], path)
    _without_language(reading, path)
    _say_what_is_odd(reading, path)
    reading.taken = f"words {roles.words}, tags {roles.tags}"
    reading.choices = {"separator": table.separator, "word_column": roles.words.key, "tag_column": roles.tags.key}
    return reading


def columns_of(table: Table) -> tuple[list[Column], dict[str, int]]:
    """The columns of the rows that are no comments, and where each stands."""
    rows = [row for block in table.blocks for row in block if row.number not in table.hashed]
    rows = rows or [row for block in table.blocks for row in block]
    values = list(zip(*(row.fields for row in rows), strict=True))
    names = table.names or [""] * table.width
    keys = table.keys or [str(number) for number in range(1, len(names) + 1)]
    columns = [Column(*triple) for triple in zip(keys, values, names, strict=True)]
    return columns, {column.key: position for position, column in enumerate(columns)}


def _take_splits(reading: Reading, column: Column, place: int, sentences: list[list[Row]], path: Path) -> None:
    """Of which split each sentence is, if the column says that of all of its words."""
    found = splits_in(column.name, (rows[0].fields[place] for rows in sentences))
    if not found:
        return
    changes = (row for rows in sentences for row in rows if row.fields[place] != rows[0].fields[place])
    other = next(changes, None)
    if isinstance(found, Unclear):
        reading.splits_unclear = f"{path}:{sentences[found.row][0].number}: {found.rule}"
    elif other is None:
        reading.splits, reading.splits_by = found, str(column)
    elif column.name:
        rule = f"{column.name} must be the same for all words of a sentence; got another one within it"
        reading.splits_unclear = f"{path}:{other.number}: {rule}, {other.fields[place]!r}"


def _refuse_lists(table: Table, words: int, tags: int, path: Path) -> None:
    """A sentence a line with all of its tags, of which some lines have more tags than words, or fewer."""
    rows = [row for block in table.blocks for row in block]
    several = [
        row for row in rows if " " in row.fields[tags] and not OUTSIDE_SPELLINGS.isdisjoint(row.fields[tags].split())
    ]
    if 2 * len(several) <= len(rows):
        return
    for row in several:
        sizes = [len(row.fields[place].split()) for place in (words, tags)]
        if sizes[0] != sizes[1]:
            rule = f"expected one tag per word; got {counted(sizes[0], 'word')} and {sizes[1]} tags"
            raise DataError(f"{rule}: {row.fields[words]!r:.60}, {row.fields[tags]!r:.60}", path, row.number)


def _refuse_texts(roles: Roles, path: Path) -> None:
    """Texts with one class each, as of reviews and their sentiment, are no words with tags."""
    texts = sum(value.count(" ") > 1 for value in roles.words.values)
    if 2 * texts > len(roles.words.values):
        rule = f"most rows have a text of several words in {roles.words} and one class for all of it in {roles.tags}"
        raise DataError(f"{rule}: expected a tag for each word, or the places of entities in the text", path)


def _refuse_swallowed(table: Table, words: int, path: Path) -> None:
    """A quote that is a word would make one word of all lines up to the next one."""
    mark = SEPARATORS.get(table.separator, "\t")
    if mark not in QUOTING:
        return
    for row in (row for block in table.blocks for row in block):
        if "\n" in row.fields[words] and mark in row.fields[words]:
            rule = "a quote begins here a word that goes over several lines"
            raise DataError(f'{rule}: write the word " as """" in a file of {table.separator}s', path, row.number)


def _leave_comments(table: Table, tags: int, content: Content) -> None:
    """Of the rows that begin with #, words are those with a tag of the kind of the others."""
    if not table.hashed:
        return
    known = [[row.fields[tags] for row in block if row.number not in table.hashed] for block in table.blocks]
    is_tag = _judge_of(known, content.options)
    comments = {
        row.number
        for block in table.blocks
        for row in block
        if row.number in table.hashed and not is_tag(row.fields[tags])
    }
    if comments:
        table.blocks = [[row for row in block if row.number not in comments] for block in table.blocks]
        what = counted(len(comments), "line that begins with # is", "lines that begin with # are")
        why = f"though of {table.width} columns: none has a tag like the others"
        table.notes.append(f"{content.path}: {what} read as comments, {why}")


def _judge_of(known: Sequence[Sequence[str]], options: ReadingOptions) -> Callable[[str], bool]:
    """Whether something is a tag like those that are known: one of them, or spelled like all of them."""
    counts = Counter(chain.from_iterable(known))
    outside = OUTSIDE_SPELLINGS | outside_of(counts, options.outside_spellings)
    rows = [[OUTSIDE if tag in outside else tag for tag in row] for row in known]
    notation = find_notation(rows, options.source_scheme)
    # O is a tag even in a file without any other word
    tags = counts.keys() | outside
    spelled = all(notation.standard(tag) is not None for tag in counts.keys() - outside)
    return lambda tag: tag in tags or (spelled and notation.standard(tag) is not None)


def _leave_forms(table: Table) -> None:
    """Lines of CoNLL-U that are no words, where the first column numbers the words."""
    numbers = {row.fields[0] for block in table.blocks for row in block if row.number not in table.hashed}
    forms = {number for number in numbers if NO_WORD.fullmatch(number)}
    if forms < numbers and forms and all(number.isdecimal() for number in numbers - forms):
        table.blocks = [[row for row in block if row.fields[0] not in forms] for block in table.blocks]


def _leave_empty(blocks: list[list[Row]], tags: int, content: Content, reading: Reading) -> None:
    """Rows without a tag, unless an empty field is how the file writes O."""
    empty = [row for rows in blocks for row in rows if not row.fields[tags]]
    if not empty or "" in outside_of(
        Counter(row.fields[tags] for rows in blocks for row in rows), content.options.outside_spellings
    ):
        return
    for position, rows in enumerate(blocks):
        blocks[position] = [row for row in rows if row.fields[tags]]
    reading.notes += _notes_untagged(
        [f"{content.path}:{row.number}: {' '.join(row.fields).strip()!r}" for row in empty]
    )


def _notes_untagged(places: list[str]) -> Iterator[str]:
    for place in places[:_SHOWN]:
        yield f"{place} has no tag: left out"
    if len(places) > _SHOWN:
        yield f"{len(places) - _SHOWN} more such lines left out"


def _numbers(rows: Sequence[Row]) -> Sequence[int]:
    """The lines of a sentence; mostly one after the other, which takes no room."""
    first, last = rows[0].number, rows[-1].number
    return range(first, last + 1) if last - first + 1 == len(rows) else tuple(row.number for row in rows)


def _without_language(reading: Reading, path: Path) -> None:
    """WikiANN writes the language before every word."""
    first = next((word for sentence in reading.sentences for word in sentence.tokens), "")
    match = _LANGUAGE.match(first)
    if match is None:
        return
    mark = match[0]
    words = [word for sentence in reading.sentences for word in sentence.tokens]
    if len(words) < 3 or not all(word.startswith(mark) for word in words):
        return
    reading.sentences = [
        Sentence(tuple(word[len(mark) :] for word in s.tokens), s.tags, lines=s.lines) for s in reading.sentences
    ]
    reading.notes.append(f"{path}: all words begin with {mark!r}, a mark of the language: it is taken off")


def _say_what_is_odd(reading: Reading, path: Path) -> None:
    empty = sum(not word for sentence in reading.sentences for word in sentence.tokens)
    if empty:
        reading.notes.append(f"{path}: {empty} words are empty or a blank; they stay words")
