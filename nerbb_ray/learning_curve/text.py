"""A learning curve in words, as a table and as a picture."""

from typing import TYPE_CHECKING

from nerbb_ray.html.figures import COLOURS, new_figure
from nerbb_ray.learning_curve.curve import Curve
from nerbb_ray.learning_curve.extrapolation import FACTOR, Interval
from nerbb_ray.results.metric_names import split_name
from nerbb_ray.results.seed_mean import SeedMean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADER = ("sentences", "fraction", "seeds", "mean +- sem [95 %]")
TIMES = {2.0: "twice"}
ABOUT = (
    "The interval (95 %) is that of a measurement with as many seeds: a bootstrap over sizes and seeds of power laws "
    "1 - F1 = a n^-b + c. It holds for sentences of the same kind: those used are the first of the file."
)


def curve_text(experiment: str, curve: Curve) -> str:
    """Plain ASCII but for names."""
    widths = [max(map(len, column)) for column in zip(HEADER, *rows(curve), strict=True)]
    lines = [f"learning curve of {experiment}, {curve.title}: {shown_metric(curve.metric)}", ""]
    for row in (HEADER, *rows(curve)):
        lines.append("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join([*lines, "", *sentences(curve), *(f"note: {note}" for note in curve.missing)])


def rows(curve: Curve) -> list[tuple[str, ...]]:
    return [
        (str(point.sentences), f"{fraction:g}", str(len(point.scores)), SeedMean.of(point.scores).with_interval())
        for fraction, point in zip(curve.fractions, curve.points, strict=True)
    ]


def sentences(curve: Curve) -> list[str]:
    """What more data would bring; never a number without its interval."""
    expected = curve.expected
    if expected is None:
        return ["no size has a score yet"]
    times = TIMES.get(FACTOR, f"{FACTOR:g} times")
    if expected.gain is None or expected.score is None:
        return [f"what {times} as many sentences would bring cannot be told: {expected.unsure}"]
    now = curve.points[-1].sentences
    return [
        f"{times} as many sentences: {points(expected.gain)}",
        f"({expected.sentences} instead of {now}; F1 {score(expected.score)}; {_worth(expected.gain)})",
    ]


def points(gain: Interval) -> str:
    """`+2.1 points (0.4 to 3.9)`"""
    return f"{100 * gain.value:+.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"


def score(value: Interval) -> str:
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def _worth(gain: Interval) -> str:
    if gain.low > 0:
        return "more data help"
    return "more data hardly help" if gain.high < 0.01 else "whether more data help is not certain"


def shown_metric(metric: str) -> str:
    """`test/entity/micro/f1` -> `test entity micro F1`"""
    return " ".join(part for part in split_name(metric) if part).replace(" f1", " F1")


def curve_figure(curve: Curve) -> "Figure":
    """Seeds, means, the law and its band up to the size that is told of, on a logarithmic axis."""
    drawn = new_figure(7, 3.6)
    axes = drawn.subplots()
    for point in curve.points:
        axes.plot([point.sentences] * len(point.scores), point.scores, "o", color=COLOURS[7], markersize=3, alpha=0.6)
    sizes = [point.sentences for point in curve.points]
    if sizes:
        axes.plot(sizes, [point.mean for point in curve.points], "s", color=COLOURS[0], markersize=5, label="mean")
    expected = curve.expected
    if expected is not None and expected.law is not None:
        law = expected.law
        style = {"color": COLOURS[0], "linewidth": 1.3, "linestyle": "-" if expected.score else ":"}
        axes.plot(law.sizes, [one.value for one in law.band], label="power law", **style)  # type: ignore[arg-type]
        low, high = [one.low for one in law.band], [one.high for one in law.band]
        axes.fill_between(law.sizes, low, high, color=COLOURS[0], alpha=0.15, linewidth=0)
    if expected is not None and expected.score is not None:
        told = expected.score
        ends = [[told.value - told.low], [told.high - told.value]]
        axes.errorbar([expected.sentences], [told.value], ends, fmt="D", color=COLOURS[1], capsize=3, label="expected")
        sizes = [*sizes, expected.sentences]
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes], fontsize=7, rotation=45)
    axes.set_xticks([], minor=True)
    axes.set_xlabel("sentences to train on", fontsize=8)
    axes.set_ylabel(shown_metric(curve.metric), fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
    return drawn
