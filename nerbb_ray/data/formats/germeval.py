"""GermEval 2014: number, word, outer and inner tag. https://sites.google.com/site/germeval2014ner/data"""

import re
from dataclasses import replace

from nerbb_ray.data.column_evidence import Column, Grade, grade_of
from nerbb_ray.data.content import Content
from nerbb_ray.data.formats.columns import reading_of
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.table import read_table
from nerbb_ray.errors import DataError

NAMES = ["number", "word", "outer", "inner"]
_ROW = re.compile(r"[0-9]+\t[^\t]*\t[^\t]*\t[^\t]*")


def detect(content: Content) -> bool:
    """Whether a source (`#<TAB>http://...`) comes before sentences of four columns, or two of four look like tags."""
    lines = content.data_lines
    if not lines or not all(_ROW.fullmatch(line) for _, line in lines):
        return False
    rows = [line.split("\t") for _, line in lines]
    columns = [Column(str(i), values) for i, values in enumerate(zip(*rows, strict=True), start=1)]
    grades = [grade_of(column, ReadingOptions())[0] for column in columns]
    sourced = re.match(r"\s*#\t", content.text) is not None
    tags = Grade.OUTSIDE_ONLY if sourced else Grade.SCHEME
    return grades[2] >= tags and grades[3] >= tags and not grades[1]


def read(content: Content) -> Reading:
    """The outer tags; the inner ones if the user says so.

    Raises:
        DataError: a line has not four columns.
    """
    table = read_table(content)
    if table.width != len(NAMES):
        rule = f"expected {len(NAMES)} columns, as GermEval has ({', '.join(NAMES)}); got {table.width}"
        raise DataError(rule, content.path)
    table.names = NAMES
    if content.options.tag_column is None:
        content = content.with_options(replace(content.options, word_column="2", tag_column="3"))
        table.notes.append(
            f"{content.path}: the outer tags are read; for the inner ones say {option('tag_column')} inner"
        )
    return reading_of(table, content)
