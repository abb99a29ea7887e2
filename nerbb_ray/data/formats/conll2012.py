"""CoNLL-2012 (OntoNotes): entities as brackets, `(PERSON*`, `*`, `*)`, in one of the last columns.

https://conll.cemantix.org/2012/data.html
"""

import re
from collections.abc import Iterator, Sequence

from nerbb_ray.data.content import Content
from nerbb_ray.data.overlaps import Faults
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.ner.tags import OUTSIDE

WORD, ENTITY, FEWEST = 3, 10, 12
_BLANKS = re.compile("[ \t]+")
_BRACKETS = re.compile(r"((?:\([^()*]+)*)\*?(\)*)")


def detect(content: Content) -> bool:
    """Whether documents begin as in CoNLL-2012, or the eleventh of many columns has brackets."""
    if re.match(r"\s*#begin document ", content.text):
        return True
    rows = [_BLANKS.split(line.strip(BLANK)) for _, line in content.lines[:500] if line.strip(BLANK)]
    rows = [row for row in rows if not row[0].startswith("#")]
    if not rows or any(len(row) < FEWEST for row in rows):
        return False
    column = [row[ENTITY] for row in rows]
    return all(map(_BRACKETS.fullmatch, column)) and any("(" in value for value in column) and "*" in column


def read(content: Content) -> Reading:
    """
    Raises:
        DataError: a line has too few columns, a bracket is not closed, or entities overlap.
    """
    reading = Reading(scheme="bio", taken=f"words column {WORD + 1}, brackets of entities column {ENTITY + 1}")
    faults = Faults(content.options.overlaps)
    rows: list[tuple[int, list[str]]] = []
    document = 0
    for number, line in [*content.lines, (0, "")]:
        if line.startswith("#begin document"):
            document += 1
        if line.startswith("#"):
            continue
        if line.strip(BLANK):
            fields = _BLANKS.split(line.strip(BLANK))
            if len(fields) < FEWEST:
                raise Place(content.path, number).error(
                    f"expected {FEWEST} or more columns; got {len(fields)}: {line!r:.60}"
                )
            rows.append((number, fields))
        elif rows:
            words = [fields[WORD] for _, fields in rows]
            tags = [OUTSIDE] * len(words)
            for start, end, label, _ in faults.settled(words, list(_spans(rows, content))):
                tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
            lines = tuple(number for number, _ in rows)
            reading.sentences.append(Sentence(tuple(words), tuple(tags), lines=lines))
            reading.documents.append(document)
            rows = []
    faults.check()
    reading.notes += faults.notes(str(content.path))
    return reading


def _spans(rows: Sequence[tuple[int, list[str]]], content: Content) -> Iterator[Span]:
    open_: list[tuple[int, str]] = []
    for position, (number, fields) in enumerate(rows):
        place = Place(content.path, number)
        match = _BRACKETS.fullmatch(fields[ENTITY].replace("-", "*") if fields[ENTITY] == "-" else fields[ENTITY])
        if match is None or len(match[2]) > len(open_) + match[1].count("("):
            raise place.error(
                f"expected brackets of entities, (PERSON*, * or *), in column {ENTITY + 1}; got {fields[ENTITY]!r}"
            )
        open_ += [(position, label) for label in match[1].split("(")[1:]]
        for _ in match[2]:
            start, label = open_.pop()
            yield Span(start, position + 1, label, Place(content.path, rows[start][0]))
    if open_:
        start, label = open_[-1]
        raise Place(content.path, rows[start][0]).error(f"the bracket of {label} is not closed in its sentence")
