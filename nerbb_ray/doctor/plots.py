"""Pictures of findings."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING

from nerbb_ray.doctor.findings import Findings
from nerbb_ray.doctor.rows import visible
from nerbb_ray.html.document import panels, paragraph
from nerbb_ray.html.figures import COLOURS, INK, LIMIT, figure, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES, MOST_BARS = 40, 40
NAME = 30  # characters of a class


def class_plot(findings: Findings) -> str:
    """Bars: entities per class and split."""
    ordered = sorted(findings.classes, key=lambda label: -findings.splits[0].entities[label])
    shown = ordered[:MOST_CLASSES]
    with _any_script():
        drawn = new_figure(7.0, 1.2 + 0.5 * len(shown))
        axes = drawn.subplots()
        for i, (split, colour) in enumerate(zip(findings.splits, COLOURS, strict=False)):
            counts = [split.entities[label] for label in shown]
            places = [row + (i - 1) * 0.27 for row in range(len(shown))]
            bars = axes.barh(places, counts, height=0.25, color=colour, label=split.split)
            axes.bar_label(bars, [str(count) for count in counts], padding=3, fontsize=8, color=INK)
        axes.set_yticks(range(len(shown)), [visible(label)[:NAME] for label in shown], parse_math=False)
        axes.invert_yaxis()
        axes.margins(x=0.08, y=0.02)
        axes.set_xlabel("entities")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        caption = "Entities per class and split."
        if len(shown) < len(ordered):
            caption += f" The {len(shown)} classes with most entities in train, of {len(ordered)}."
        return figure(drawn, caption)


def length_plot(findings: Findings) -> str:
    """Share of the sentences of each split by their length: in words, and in sub-tokens if a tokenizer was there."""
    words = {split.split: split.lengths.counts for split in findings.splits}
    subtokens = {split.split: split.subtokens.lengths.counts for split in findings.splits if split.subtokens}
    with _any_script():
        figures = [figure(_lengths(words, "words", None))]
        if subtokens:
            figures.append(figure(_lengths(subtokens, "sub-tokens", findings.max_seq_length)))
    return panels(figures) + paragraph("The last step holds all that are longer, too.")


def _lengths(counts: Mapping[str, Mapping[int, int]], unit: str, line: int | None) -> "Figure":
    drawn = new_figure(4.8, 3.2)
    axes = drawn.subplots()
    limit = _limit(counts)
    if line is not None:
        limit = _draw_line(axes, line, limit)
    step = max(1, -(-limit // MOST_BARS))
    for (split, by_length), colour in zip(counts.items(), COLOURS, strict=False):
        edges, shares = _shares(by_length, step, limit)
        axes.stairs(shares, edges, color=colour, label=split, linewidth=1.6)
    axes.set_xlabel(f"{unit} per sentence")
    axes.set_ylabel("% of the sentences")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn


def _draw_line(axes: "Axes", length: int, limit: int) -> int:
    """Draw max_seq_length; returns how far the axis goes."""
    style = {"color": LIMIT, "linestyle": "--", "linewidth": 1.2}
    if length > 4 * limit:  # it would press all sentences into a corner
        axes.plot([], [], label=f"max_seq_length = {length}, far to the right", **style)  # type: ignore[arg-type]
        return limit
    axes.axvline(length, label=f"max_seq_length = {length}", **style)  # type: ignore[arg-type]
    return max(limit, round(1.1 * length))


def _limit(counts: Mapping[str, Mapping[int, int]]) -> int:
    """A length that nearly all sentences of every split keep."""
    return max((_percentile(by_length, 0.995) for by_length in counts.values()), default=1)


def _percentile(counts: Mapping[int, int], share: float) -> int:
    lengths = sorted(counts)
    total = sum(counts.values())
    sums = accumulate(counts[length] for length in lengths)
    return next((length for length, so_far in zip(lengths, sums, strict=True) if so_far >= share * total), 1)


def _shares(counts: Mapping[int, int], step: int, limit: int) -> tuple[list[int], list[float]]:
    """(edges, percents) of steps up to the limit; what is longer is in the last one."""
    number = limit // step + 1
    bins = [0] * number
    for length, count in counts.items():
        bins[min(length // step, number - 1)] += count
    total = sum(bins) or 1
    return [i * step for i in range(number + 1)], [100 * count / total for count in bins]


@contextmanager
def _any_script() -> Iterator[None]:
    """The browser has the letters that the font which measures the text has not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
