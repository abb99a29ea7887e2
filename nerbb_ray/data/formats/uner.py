"""Universal NER: number, word, tag, and where somebody has annotated it another layer and who. https://www.universalner.org

Words that nobody has annotated may end after their tag, so that rows have 3 or 5 columns.
"""

import re
from dataclasses import replace

from nerbb_ray.data.column_evidence import Column, Grade, grade_of
from nerbb_ray.data.content import Content
from nerbb_ray.data.formats.columns import reading_of
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.table import GLOBAL_COLUMNS, Row, Table
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.errors import DataError

NAMES = ["number", "word", "tag", "layer", "annotator"]
_COMMENT = re.compile(r"# (sent_id|text)\b")
_ROW = re.compile(r"[0-9]+\t[^\t]+\t[^\t]+(\t([-_]|[A-Z#|-]+)\t[^\t]*)?")
_SHORT, _NOTHING = 3, ("-", "_")


def detect(content: Content) -> bool:
    """Whether rows are as above and their third column has tags, with comments of Universal Dependencies between."""
    lines = content.data_lines
    if not lines or not all(_ROW.fullmatch(line) for _, line in lines):
        return False
    rows = [line.split("\t") for _, line in lines]
    comments = [line for _, line in content.lines if line.startswith("#")]
    if max(map(len, rows)) == _SHORT or any(map(GLOBAL_COLUMNS.match, comments)):
        return False
    tags = Column("3", [row[2] for row in rows])
    return any(map(_COMMENT.match, comments)) and grade_of(tags, ReadingOptions())[0] == Grade.SCHEME


def read(content: Content) -> Reading:
    """The tags of the third column; the other layer if the user says so.

    Raises:
        DataError: a line has another number of columns.
    """
    table = Table("tab", len(NAMES), [[]], list(NAMES))
    for number, line in content.lines:
        if not line.strip(BLANK):
            table.blocks.append([])
        elif not line.startswith("#"):
            fields = line.split("\t")
            if len(fields) not in (_SHORT, len(NAMES)):
                rule = f"expected {_SHORT} or {len(NAMES)} columns, as Universal NER has; got {len(fields)}"
                raise DataError(rule, content.path, number)
            table.blocks[-1].append(Row(number, _filled(fields)))
    if content.options.tag_column is None:
        content = content.with_options(replace(content.options, word_column="2", tag_column="3"))
        if any(row.fields[_SHORT] not in _NOTHING for block in table.blocks for row in block):
            table.notes.append(f"{content.path}: column 3 is read; for the other layer say {option('tag_column')} 4")
    return reading_of(table, content)


def _filled(fields: list[str]) -> list[str]:
    return [*fields, _NOTHING[0], _NOTHING[0]] if len(fields) == _SHORT else fields
