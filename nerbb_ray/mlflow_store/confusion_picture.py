"""Confusion matrices as pictures."""

import csv
import io
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES_PER_CLASS = 0.55
CHARACTERS_PER_INCH = 9  # of the title


def confusion_png(text: str, title: str) -> bytes:
    """Draw a confusion matrix: counts in the cells, each row coloured by its shares.

    Args:
        text: CSV; the first row and the first column name the labels, rows are the true ones.
    """
    # the object API and no pyplot: nothing global, nothing to close
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    header, *rows = csv.reader(io.StringIO(text))
    labels = header[1:]
    counts = [[int(cell) for cell in row[1:]] for row in rows]
    side = max(3.5, INCHES_PER_CLASS * len(labels) + 1.8)
    figure = Figure(figsize=(side, side), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow([_shares(row) for row in counts], cmap="Blues", vmin=0, vmax=1)
    axes.set_title("\n".join(map(_literal, textwrap.wrap(title, int(CHARACTERS_PER_INCH * side)))))
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    names = [_literal(label) for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    _write_counts(axes, counts)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _write_counts(axes: "Axes", counts: list[list[int]]) -> None:
    """Zeros are left out: a large matrix is mostly zeros."""
    digits = max((len(str(cell)) for row in counts for cell in row), default=1)
    size = min(9.0, 9.0 * 5 / max(digits, 5))
    for y, row in enumerate(counts):
        for x, (count, share) in enumerate(zip(row, _shares(row), strict=True)):
            if count:
                colour = "white" if share > 0.6 else "black"
                axes.text(x, y, str(count), ha="center", va="center", fontsize=size, color=colour)


def _shares(row: list[int]) -> list[float]:
    total = sum(row)
    return [cell / total if total else 0.0 for cell in row]


def _literal(text: str) -> str:
    # a dollar would start a formula
    return text.replace("$", r"\$")
