"""CoNLL-U with entities in MISC (`name=B-PER|SpaceAfter=No`). https://universaldependencies.org/format.html"""

import re

from conllu.parser import parse_dict_value

from nerbb_ray.data.content import Content
from nerbb_ray.data.formats.columns import reading_of
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.table import Row, Table, read_table
from nerbb_ray.errors import DataError

NAMES = ["ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"]
_ID = re.compile(r"[0-9]+([-.][0-9]+)?")
_MISC = len(NAMES) - 1
# what MISC says of words that are no tags
_USUAL = frozenset(
    ("SpaceAfter", "SpacesAfter", "SpacesBefore", "SpacesInToken", "Translit", "LTranslit", "Gloss", "Lang")
)


def detect(content: Content) -> bool:
    """Whether the lines have ten columns, of which the first numbers the words and the last has MISC's name=value."""
    lines = content.data_lines[:200]
    fields = [line.split("\t") for _, line in lines]
    if not fields or any(len(row) != len(NAMES) or not _ID.fullmatch(row[0]) for row in fields):
        return False
    return content.suffix == ".conllu" or any("=" in row[_MISC] for row in fields)


def read(content: Content) -> Reading:
    """Every name of MISC is a column of its own, and judged like all others.

    Raises:
        DataError: no column has tags, or more than one, or a line has not ten columns.
    """
    table = read_table(content)
    if table.width != len(NAMES):
        raise DataError(f"expected {len(NAMES)} columns, as CoNLL-U has; got {table.width}", content.path)
    table.names = table.names or NAMES
    _spread(table)
    return reading_of(table, content)


def _spread(table: Table) -> None:
    texts = dict.fromkeys(row.fields[_MISC] for block in table.blocks for row in block)
    found = {text: parse_dict_value(text) or {} for text in texts}
    keys = dict.fromkeys(key for own in found.values() for key in own if key not in _USUAL)
    values = {text: [own.get(key) or "_" for key in keys] for text, own in found.items()}
    table.blocks = [
        [Row(row.number, [*row.fields, *values[row.fields[_MISC]]]) for row in block] for block in table.blocks
    ]
    table.names = [*table.names, *keys]
    table.keys = [*map(str, range(1, len(NAMES) + 1)), *(f"MISC {key}" for key in keys)]
