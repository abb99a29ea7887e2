"""HIPE: a line of names (`TOKEN<TAB>NE-COARSE-LIT ...`), `# document_id`, ends of sentences in MISC.

https://github.com/hipe-eval/HIPE-2022-data
"""

import re
from dataclasses import replace

from nerbb_ray.data.content import Content
from nerbb_ray.data.formats.columns import reading_of
from nerbb_ray.data.options import option
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.table import Row, read_table

TAGS = "NE-COARSE-LIT"
ENDS = "EndOfSentence", "PySBDSegment"  # of people; of a program (HIPE-2020)
_HEADER = re.compile(r"\s*TOKEN\tNE-(?:COARSE|FINE|NESTED)\b")


def detect(content: Content) -> bool:
    return _HEADER.match(content.text) is not None


def read(content: Content) -> Reading:
    """The coarse literal tags; others if the user says so.

    Raises:
        DataError: a line has another number of columns than the first.
    """
    table = read_table(content)
    end = next((mark for mark in ENDS if mark in content.text), ENDS[0])
    blocks: list[list[Row]] = []
    for block in table.blocks:
        blocks.append([])
        for row in block:
            blocks[-1].append(row)
            if end in row.fields[-1]:
                blocks.append([])
    table.blocks = blocks
    if content.options.tag_column is None:
        content = content.with_options(replace(content.options, tag_column=TAGS))
        others = ", ".join(name for name in table.names if name.startswith("NE-") and name != TAGS)
        table.notes.append(f"{content.path}: {TAGS} is read; for {others} say {option('tag_column')}")
    return reading_of(table, content)
