"""Label Studio's export CONLL2003: `word -X- _ B-class`, where a class may have blanks. https://labelstud.io/guide/export"""

import re

from nerbb_ray.data.content import DOCUMENT_START, Content
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.errors import DataError

_LINE = re.compile(r"(.*?) -X- _ (.+)")


def detect(content: Content) -> bool:
    """Whether all lines are of this form."""
    lines = content.data_lines
    return bool(lines) and all(_LINE.fullmatch(line) for _, line in lines)


def read(content: Content) -> Reading:
    """
    Raises:
        DataError: a line is of another form.
    """
    reading = Reading(taken="words column 1, tags column 4 and what follows it")
    rows: list[tuple[int, str, str]] = []
    for number, line in [*content.lines, (0, "")]:
        if line.strip() and not line.startswith(DOCUMENT_START):
            match = _LINE.fullmatch(line)
            if match is None:
                raise DataError(
                    f"expected a line of Label Studio, word -X- _ tag; got {line!r:.60}", content.path, number
                )
            rows.append((number, match[1], match[2].strip()))
        elif rows:
            numbers, words, tags = zip(*rows, strict=True)
            reading.sentences.append(Sentence(words, tags, lines=numbers))
            rows = []
    return reading
