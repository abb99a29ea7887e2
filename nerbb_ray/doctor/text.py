"""Findings as plain text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nerbb_ray.console import head_line, plain_text, printable
from nerbb_ray.doctor.findings import Findings, Problem
from nerbb_ray.doctor.rows import visible
from nerbb_ray.doctor.tables import split_rows
from nerbb_ray.doctor.wording import at, counted

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_CONFLICTS = 10
NO_MODEL = (
    "no model was given: sub-tokens, unknown and dropped words, and sentences that are too long were not looked at "
    "(nerbb check_dataset: --model NAME)"
)


def findings_text(findings: Findings, width: int = 100) -> str:
    """Everything that matters in at most `width` columns; what it adds to words and names is ASCII."""
    return plain_text(_parts(findings), width)


def summary(findings: Findings) -> str:
    """`1 error, 2 warnings, 3 things to know`."""
    numbers = [counted(findings.count("error"), "error"), counted(findings.count("warning"), "warning")]
    return ", ".join([*numbers, counted(findings.count("info"), "thing") + " to know"])


def origin(findings: Findings) -> list[str]:
    """The scheme, the model and the files, a line each."""
    lines = [f"{findings.scheme}, {counted(len(findings.classes), 'class')}; fingerprint {findings.fingerprint[:16]}"]
    files = list(dict.fromkeys(split.source for split in findings.splits if split.source))
    if files:
        folder = str(PurePath(files[0]).parent)
        names = ", ".join(PurePath(file).name for file in files)
        lines.append(names if folder == "." else f"{folder}: {names}")
    lines.append(f"running text is cut by: {findings.splitting}")
    lines.append(f"tokenizer of {findings.model}" if findings.model else NO_MODEL)
    return [printable(line) for line in lines]


def _parts(findings: Findings) -> "Iterator[RenderableType]":
    def line(text: str) -> Text:
        return Text(printable(text), overflow="fold")

    yield line(f"data set {findings.name}: {summary(findings)}")
    yield from map(line, origin(findings))
    yield ""
    yield _table(("", *(split.split for split in findings.splits)), split_rows(findings), numeric=True)
    yield line("* min / median / 95 % are not longer / max" + ("; with special tokens" if findings.model else ""))
    if findings.conflicts:
        shown = findings.conflicts[:SHOWN_CONFLICTS]
        rows = [(visible(c.form), labels_text(c.labels), ", ".join(map(str, c.places))) for c in shown]
        yield ""
        yield line(f"the same words with several labels ({len(shown)} of {findings.num_conflicts})")
        yield _table(("words", "labels", "first seen at"), rows)
    if findings.notes:
        yield ""
        yield line("said when the data were read")
        yield from (Padding(line(note), (0, 0, 0, 2)) for note in findings.notes)
    yield ""
    yield line(summary(findings))
    for problem in findings.problems:
        yield _problem(problem)


def labels_text(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{visible(label)} {count}" for label, count in labels.items())


def _problem(problem: Problem) -> "RenderableType":
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, width=7)
    grid.add_column(overflow="fold")
    grid.add_row(problem.severity, Text(printable(sentence(problem)), overflow="fold"))
    return grid


def sentence(problem: Problem) -> str:
    """What, where, and what to do."""
    where = f" ({at(problem.places, problem.count)})" if problem.places else ""
    return f"{problem.text}{where}; {problem.advice}"


def _table(header: Sequence[str], rows: Iterable[tuple[str, ...]], *, numeric: bool = False) -> "RenderableType":
    table = Table(box=head_line(), show_edge=False, pad_edge=False)
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if numeric and position else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
