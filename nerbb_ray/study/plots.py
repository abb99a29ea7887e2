"""The pictures of a study: score, its spread and the epochs against the fraction of the training data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nerbb_ray.html.figures import COLOURS, new_figure
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.study.points import Panel, Study
from nerbb_ray.verdict.marks import shown_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDTH, HEIGHT = 11.0, 3.2  # of the row of a panel, in inches


def draw(panels: Sequence[Panel], metric: str) -> "Figure":
    """A row for each panel; the fractions are on a logarithmic axis."""
    drawn = new_figure(WIDTH, HEIGHT * max(1, len(panels)))
    grid = drawn.subplots(max(1, len(panels)), 3, squeeze=False)
    for row, panel in zip(grid, panels, strict=True):
        _panel(row, panel, metric)
        row[0].set_title(panel.title, loc="left", fontsize=9)
    return drawn


def draw_apart(panel: Panel, metric: str) -> "list[Figure]":
    """The three pictures of a panel, each by itself, for pages that are narrow."""
    figures = [new_figure(4.6, 3.0) for _ in range(3)]
    _panel([drawn.subplots() for drawn in figures], panel, metric)
    return figures


def study_figure(study: Study) -> "Figure":
    return draw(study.panels, study.metric)


def _panel(axes: Sequence["Axes"], panel: Panel, metric: str) -> None:
    scores, spread, epochs = axes
    for number, approach in enumerate(panel.approaches):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)], "markersize": 4}
        points = panel.of_approach(approach)
        of_scores = [(point.fraction, point.score(metric)) for point in points]
        _line(scores, [(x, s.mean, s.mean - _sd(s), s.mean + _sd(s)) for x, s in of_scores if s.n], approach, style)
        _line(spread, [(x, s.sd, s.sd, s.sd) for x, s in of_scores if s.n > 1], approach, style)
        of_epochs = [(point.fraction, point.epochs) for point in points]
        _line(epochs, [(x, e.mean, e.min, e.max) for x, e in of_epochs if e.n], approach, style)
    for one, label in ((scores, shown_metric(metric)), (spread, "sd over the seeds"), (epochs, "epochs")):
        _axis(one, panel, label)
    if scores.get_legend_handles_labels()[0]:
        scores.legend(fontsize=8, frameon=False)


def _sd(values: SeedMean) -> float:
    return values.sd if values.n > 1 else 0.0


def _line(axes: "Axes", values: list[tuple[float, float, float, float]], label: str, style: dict[str, object]) -> None:
    """A line with its band: (x, y, low, high) each."""
    if not values:
        return
    x, y, low, high = zip(*values, strict=True)
    axes.plot(x, y, label=label, linewidth=1.4, **style)  # type: ignore[arg-type]  # matplotlib's own keywords
    axes.fill_between(x, low, high, color=str(style["color"]), alpha=0.15, linewidth=0)


def _axis(axes: "Axes", panel: Panel, label: str) -> None:
    axes.set_xscale("log")
    axes.set_xticks(panel.fractions, [f"{fraction:g}" for fraction in panel.fractions], fontsize=7, rotation=45)
    axes.set_xticks([], minor=True)
    axes.set_xlabel("fraction of the training data", fontsize=8)
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    low, high = min(0.0, axes.get_ylim()[0]), axes.get_ylim()[1]
    room = 0.04 * (high - low)
    axes.set_ylim(low - room, high + room)  # no line lies on the axis
    axes.grid(alpha=0.3)
