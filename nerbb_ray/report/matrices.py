"""Confusion matrices as tables whose cells are coloured: added over the seeds of a run."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerbb_ray.config.spec import Member
from nerbb_ray.html.document import folded, heading, paragraph, table
from nerbb_ray.html.render import macros
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey
from nerbb_ray.results.trial_result import RunResult, TrialResult

STRIP = "report/templates/strip.html"
LEVELS = ("entity", "token")
FILES = {level: f"confusion_matrix_{level}.csv" for level in LEVELS}
MAX_SEEDS = 20  # of a run
ABOUT = (
    "Test data, added over the trials of a run. Rows are true, columns predicted; the colour is the share of the row. "
    "At entity level, column O has the entities that were missed and row O those that are none."
)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts by (true, predicted) label."""

    labels: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]


def matrices_section(runs: Sequence[RunResult], details: Mapping[TrialKey, TrialDetails], total: int) -> str:
    """Args:
    runs: that are to be shown, best first.
    total: how many runs with results there are.
    """
    if not runs:
        return paragraph("No trial has ended ok: there is nothing to show.")
    parts = [folded(run.run, _of_run(run, details)) for run in runs[1:]]
    if len(runs) < total:
        parts.append(paragraph(f"Shown are the best {len(runs)} runs of {total}; MLflow has the others."))
    return paragraph(ABOUT) + heading(runs[0].run) + _of_run(runs[0], details) + "".join(parts)


def shown_trials(run: RunResult) -> tuple[TrialResult, ...]:
    """Those whose files are to be read."""
    return run.ok_trials[:MAX_SEEDS]


def _of_run(run: RunResult, details: Mapping[TrialKey, TrialDetails]) -> str:
    return "".join(_of_level(run, level, details) for level in LEVELS)


def _of_level(run: RunResult, level: str, details: Mapping[TrialKey, TrialDetails]) -> str:
    read = {trial.member: details.get((trial.run, trial.member), TrialDetails()) for trial in shown_trials(run)}
    texts = {seed: found.files.get(FILES[level]) for seed, found in read.items()}
    matrices, unreadable = [], []
    for seed, text in texts.items():
        try:
            matrices += [] if text is None else [parse(text)]
        except ValueError:
            unreadable.append(seed)
    missing = [seed for seed, text in texts.items() if text is None]
    notes = (
        [paragraph(f"{level} level, {_members(run, missing)}: {FILES[level]} is not there.", "warn")] if missing else []
    )
    if unreadable:
        notes.append(paragraph(f"{level} level, {_members(run, unreadable)}: {FILES[level]} is damaged.", "warn"))
    shown = (
        heat_map(add(matrices), f"{level} level, {len(matrices)} of {run.n_total} {run.member}s") if matrices else ""
    )
    return shown + "".join(notes)


def _members(run: RunResult, named: Sequence[Member]) -> str:
    return f"{run.member}{'s' * (len(named) > 1)} {', '.join(map(str, named))}"


def parse(text: str) -> Matrix:
    """Of the CSV file of a trial: the first row and the first column name the labels.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    except csv.Error as error:
        raise ValueError(text) from error
    labels = header[1:]
    if not labels or [row[0] for row in rows if row] != labels or any(len(row) != len(header) for row in rows):
        raise ValueError(text)
    return Matrix(
        tuple(labels), {(row[0], label): int(n) for row in rows for label, n in zip(labels, row[1:], strict=True)}
    )


def add(matrices: Iterable[Matrix]) -> Matrix:
    counts: Counter[tuple[str, str]] = Counter()
    labels: dict[str, None] = {}
    for matrix in matrices:
        labels |= dict.fromkeys(matrix.labels)
        counts.update(matrix.counts)
    return Matrix(tuple(labels), counts)


def heat_map(matrix: Matrix, caption: str) -> str:
    strong = macros(STRIP).strong
    rows = [[strong(true), *(_cell(matrix, true, guess) for guess in matrix.labels)] for true in matrix.labels]
    return table(["true \\ predicted", *matrix.labels], rows, numeric=range(1, len(matrix.labels) + 1), caption=caption)


def _cell(matrix: Matrix, true: str, guess: str) -> Any:
    n, total = matrix.counts.get((true, guess), 0), sum(matrix.counts.get((true, label), 0) for label in matrix.labels)
    share = n / total if total else 0.0
    return macros(STRIP).heat(f"{share:.3f}", n, f"{share:.1%} of the row")
