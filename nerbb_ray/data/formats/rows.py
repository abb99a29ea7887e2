"""Rows: a sentence per line, its tags and its words in two columns. `tags<TAB>text` of the store, and csv files.

The words of a field are joined by blanks, by U+0002 (PaddleNLP) or by |, or are a list as Python or JSON writes it.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from nerbb_ray.data.column_evidence import TAG_NAMES, WORD_NAMES, Column, grade_of
from nerbb_ray.data.column_roles import Roles, UnsureError, choose_roles
from nerbb_ray.data.content import Content
from nerbb_ray.data.joined_words import split_at_commas
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.python_literal import as_list
from nerbb_ray.data.quotes import UNQUOTED, are_quoted, unquoted
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.split_names import Unclear, splits_in
from nerbb_ray.data.table import Row
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.errors import DataError

JOINT = "\x02"
_SEVERAL = re.compile(r"[^\s\x02][ \x02]+[^\s\x02][^\n]*\t(?:[^\n]*\t)?[^\t\n]*[^\s\x02][ \x02]+[^\s\x02]")
_LIST = re.compile(r"\[.*\]", re.DOTALL)
_QUOTING = {",": "comma", ";": "semicolon", "|": "pipe"}
_SENTENCE = 3  # words of a sentence in the mean
_HEADERS = TAG_NAMES | {"text_b", "entities"}


def detect(content: Content) -> bool:
    """Whether most lines have two fields of several words each, as many in one as in the other."""
    separator = _separator(content)
    if separator is None:
        return False
    if separator == "\t" and content.suffix != ".csv" and not _has_several(content):
        return False
    rows = list(_rows(content, separator))
    width = Counter(len(row.fields) for row in rows).most_common(1)[0][0] if rows else 0
    usual = [row for row in rows if len(row.fields) == width]
    sizes = list(_sizes(_columns(usual, width)))
    pairs = sum(map(_is_pair, sizes))
    if content.suffix == ".csv" and separator == "\t":
        # sentences of one word each look like columns; so does a table of words with numbers of their sentences
        return pairs > 0 or _is_tags_before_text(usual, width, content)
    always = all(len(set(numbers)) < len(numbers) for numbers in sizes)
    return 2 * pairs > len(rows) or (pairs > 0 and always)


def _is_tags_before_text(rows: Sequence[Row], width: int, content: Content) -> bool:
    """Whether lines of a tag and a word are of the store's own format, and not columns with empty lines in between."""
    if width != 2 or _header(rows, content.options) or re.search(r"\S[^\n]*\n[ \t\r]*\n\s*\S", content.text):
        return False
    grades = [
        grade_of(Column(str(i + 1), [row.fields[i].strip(BLANK) for row in rows]), content.options)[0] for i in (0, 1)
    ]
    return grades[0] >= grades[1]


def _has_several(content: Content) -> bool:
    """Whether a line has several words or tags in two of its columns; most lines of other files have no blank."""
    mixed = (line for _, line in content.lines if "\t" in line and (" " in line or "\x02" in line))
    return any(map(_SEVERAL.search, mixed))


def read(content: Content) -> Reading:
    """
    Raises:
        DataError: which column has what is not sure, or a line has not one tag for each word.
    """
    separator = _separator(content) or "\t"
    rows = list(_rows(content, separator))
    reading = Reading()
    if separator == "\t" and are_quoted(part.strip(BLANK) for row in rows for part in row.fields):
        rows = [Row(row.number, [unquoted(part.strip(BLANK)) for part in row.fields]) for row in rows]
        reading.notes.append(f"{content.path}: {UNQUOTED}")
    names = _header(rows, content.options)
    if names:
        reading.notes.append(f"{content.path}:{rows[0].number}: names the columns: left out")
        del rows[0]
    if not rows:
        return reading
    width = len(names) or max(2, Counter(len(row.fields) for row in rows).most_common(1)[0][0])
    for row in rows:
        if len(row.fields) != width:
            expected = f"tags and text, {width} columns" if names or width > 2 else "tags<TAB>text, 2 columns"
            raise DataError(f"expected {expected}; got {len(row.fields)}", content.path, row.number)
    columns = _columns(rows, width)
    roles = _roles(columns, names or [""] * width, content)
    words, tags = (columns[int(column.key) - 1] for column in (roles.words, roles.tags))
    for name, column in zip(names, columns, strict=False):
        if column in (words, tags):
            continue
        found = splits_in(name, (" ".join(fields) for fields in column))
        if isinstance(found, Unclear):
            reading.splits_unclear = f"{content.path}:{rows[found.row].number}: {found.rule}"
        elif found:
            reading.splits, reading.splits_by = found, name
    for row, tokens, own in zip(rows, words, tags, strict=True):
        if len(tokens) != len(own):
            rule = f"expected one tag per token; got {len(tokens)} tokens and {len(own)} tags"
            raise DataError(rule, content.path, row.number)
        reading.sentences.append(Sentence(tuple(tokens), tuple(own), lines=(row.number,)))
    reading.taken = f"a sentence a line, words {roles.words}, tags {roles.tags}"
    chosen = {"word_column": roles.words.key, "tag_column": roles.tags.key}
    reading.choices = {"separator": _QUOTING.get(separator, "tab"), **chosen}
    return reading


def _separator(content: Content) -> str | None:
    """The character that most lines have between fields; None if there is none."""
    if content.options.separator_character is not None:
        return content.options.separator_character
    lines = [line for _, line in content.lines if line.strip(BLANK)]
    if lines and 2 * sum("\t" in line for line in lines) > len(lines):
        return "\t"
    header = {name.strip(' "').lower() for name in re.split("[,;|]", lines[0])} if lines else set()
    named = bool(header & _HEADERS) and bool(header & WORD_NAMES)
    marks = [mark for mark in _QUOTING if named and mark in lines[0]]
    if marks:
        return marks[0]
    if content.suffix != ".csv":
        return None
    if any("\t" in line for line in lines):
        return "\t"
    for mark in _QUOTING:
        fields = [[part.split() for part in line.split(mark)] for line in lines]
        if 2 * sum(_is_pair([len(words) for words in own]) for own in fields) > len(lines):
            return mark
    return None


def _rows(content: Content, separator: str) -> Iterator[Row]:
    """The lines that are not empty; only in files of commas and the like can fields be quoted."""
    if separator not in _QUOTING:
        for number, line in content.lines:
            if line.strip(BLANK):
                yield Row(number, line.split(separator))
        return
    reader = csv.reader((line + "\n" for _, line in content.lines), delimiter=separator)
    try:
        for fields in reader:
            if any(part.strip() for part in fields):
                yield Row(reader.line_num, fields)
    except csv.Error as error:
        raise DataError(f"is no csv file: {error}", content.path, reader.line_num) from error


def _columns(rows: Sequence[Row], width: int) -> list[list[list[str]]]:
    """The words of every field: column, row, word."""
    texts = [[row.fields[position].strip(BLANK) for row in rows] for position in range(width)]
    columns = split_at_commas(texts, [_split(own) for own in texts])
    if any(map(_is_pair, _sizes(columns))):
        return columns
    piped = [[text.split("|") for text in own] for own in texts]  # EU|rejects, B-ORG|O
    sizes = [[len(parts) for parts in own] for own in piped]
    # features and several tags of a word are joined so, too, but they are few
    whole = any(sizes.count(own) > 1 and sum(own) >= _SENTENCE * len(own) > 0 for own in sizes)
    return piped if whole else columns


def _split(texts: Sequence[str]) -> list[list[str]]:
    """The words of the fields of a column, which are all joined in the same way."""
    if any(JOINT in text for text in texts):
        return [text.split(JOINT) for text in texts]
    if texts and _LIST.fullmatch(texts[-1]):
        lists = [_listed(text) for text in texts[1:]]
        if None not in lists and lists:
            return [_listed(texts[0]) or [texts[0]], *(words for words in lists if words is not None)]
    return [[word for word in text.split(" ") if word] for text in texts]


def _sizes(columns: Sequence[Sequence[Sequence[str]]]) -> Iterator[tuple[int, ...]]:
    """For each row, the number of words in each of its fields."""
    return zip(*([len(words) for words in column] for column in columns), strict=True)


def _is_pair(numbers: Sequence[int]) -> bool:
    """Whether two fields have as many words, more than one."""
    return any(number > 1 and numbers.count(number) > 1 for number in numbers)


def _header(rows: Sequence[Row], options: ReadingOptions) -> list[str]:
    """The names of the columns, if the first row has them."""
    fields = [name.strip(BLANK).lower() for name in rows[0].fields] if rows else []
    given = {key.lower() for key in (options.word_column, options.tag_column) if key and not key.isdecimal()}
    named = not WORD_NAMES.isdisjoint(fields) and not TAG_NAMES.isdisjoint(fields)
    return [name.strip(BLANK) for name in rows[0].fields] if named or given & set(fields) else []


def _roles(found: Sequence[list[list[str]]], names: Sequence[str], content: Content) -> Roles:
    """Judged by the columns that have as many words as another one in every row."""
    sizes = [[len(words) for words in column] for column in found]
    same = [i for i, own in enumerate(sizes) if sizes.count(own) > 1]
    columns = [
        Column(str(i + 1), [word for words in found[i] for word in words], names[i])
        for i in (same or range(len(names)))
    ]
    try:
        return choose_roles(columns, content.options, Place(content.path))
    except UnsureError:
        # the format of the store, as it is documented: tags, then text
        if content.suffix == ".csv" and len(columns) == 2 and not any(names) and not content.options.tag_column:
            return Roles(words=columns[1], tags=columns[0])
        raise


def _listed(text: str) -> list[str] | None:
    """The strings of a list; None if it is none of strings."""
    value = as_list(text) if _LIST.fullmatch(text) else None
    return value if value is not None and all(isinstance(item, str) for item in value) else None
