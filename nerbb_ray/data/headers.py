"""A row that names the columns in words of its own, once or before every sentence."""

import re
from collections.abc import Sequence
from pathlib import Path

from nerbb_ray.data.column_evidence import NUMBER, WORD_NAMES, Column
from nerbb_ray.data.options import option
from nerbb_ray.data.table import Row, Table
from nerbb_ray.ner.notation import find_notation
from nerbb_ray.ner.tags import OUTSIDE_SPELLINGS

# what people call a column of tags, in whatever compound
_CALLS_TAGS = re.compile(r"(?:.*[_ .:-])?(?:ner|label|tag|class|entity|annotation|gold|iob|bio)(?:s|es)?(?:[_ .:-].*)?")
_CALLS_OTHERS = WORD_NAMES | {"lemma", "pos", "upos", "xpos", "chunk", "orth", "tweet", "sent_id", "doc_id"}
_SURE = 3  # numbers under a name
_MANY = 200  # rows, of which only the first one has its class


def leave_headers(table: Table, words: int, tags: Column, position: int, path: Path) -> None:
    """Take rows out that name the columns; say so where the first row has a class of its own and may be one."""
    first = next((row for block in table.blocks for row in block), None)
    if first is None or table.names or first.number in table.hashed:
        return
    _note_marks(table, words, tags, position, path)
    tag = first.fields[position]
    same = [block[0] for block in table.blocks if block and block[0].fields == first.fields]
    counts = tags.counts
    if counts[tag] != len(same) or tag in OUTSIDE_SPELLINGS or len(counts) < 2:
        return
    rest = sorted(counts.keys() - OUTSIDE_SPELLINGS - {tag})
    notation = find_notation([[other] for other in rest])
    fits = bool(rest) and all(notation.standard(other) is not None for other in rest)
    if fits and notation.standard(tag) is not None:
        return
    if (fits and len(rest) > 1) or _names_columns(table, first, (words, position), rest):
        for block in table.blocks:
            if block and block[0].fields == first.fields:
                del block[0]
        times = f" ({len(same)} times)" if len(same) > 1 else ""
        what = f"{' '.join(first.fields)!r:.60}"
        table.notes.append(f"{path}:{first.number}: seems to name the columns: left out{times}: {what}")
    elif counts[tag] == 1 and len(rest) > 1 and (len(tags.values) >= _MANY or _is_written_otherwise(tag, rest)):
        table.notes.append(
            f"{path}:{first.number}: {first.fields[words]!r} has the class {tag!r}, which no other row has: if this "
            f"row names the columns, say {option('tag_column')} {tag}"
        )


def _note_marks(table: Table, words: int, tags: Column, position: int, path: Path) -> None:
    """Say so where sentences begin with one word and a class of their own each: their number, read as a word."""
    firsts = [block[0] for block in table.blocks if block]
    own = [row for row in firsts if tags.counts[row.fields[position]] == 1]
    if len(own) >= _SURE and 2 * len(own) > len(firsts) and len({row.fields[words] for row in own}) == 1:
        shown = ", ".join(repr(row.fields[position]) for row in own[:_SURE])
        rule = f"{len(own)} sentences begin with {own[0].fields[words]!r} and a class that no other row has ({shown})"
        table.notes.append(f"{path}:{own[0].number}: {rule}: if these lines only number the sentences, take them out")


def _names_columns(table: Table, first: Row, roles: tuple[int, int], rest: Sequence[str]) -> bool:
    """Whether the first row of a file of plain classes has names of columns.

    Args:
        roles: the columns of the words and the tags.
    """
    words, position = roles
    names = [field.lower().lstrip("#").strip() for field in first.fields]
    if _CALLS_TAGS.fullmatch(names[position]):
        return True
    if not _CALLS_OTHERS.isdisjoint(names) and _is_written_otherwise(first.fields[position], rest):
        return True
    return any(_is_above_numbers(table, first, column) for column in range(table.width) if column != words)


def _is_above_numbers(table: Table, first: Row, column: int) -> bool:
    """Whether a column has nothing but numbers under a name."""
    if NUMBER.fullmatch(first.fields[column]) or not first.fields[column]:
        return False
    below = [row.fields[column] for block in table.blocks for row in block if row.fields != first.fields]
    return len(below) >= _SURE and all(map(NUMBER.fullmatch, below))


def _is_written_otherwise(tag: str, rest: Sequence[str]) -> bool:
    """Whether a tag is in small letters and the others are not, or the other way round."""
    if not rest:
        return False
    alone_in_small = tag.islower() and not any(map(str.islower, rest))
    return alone_in_small or tag.isupper() != all(map(str.isupper, rest))
