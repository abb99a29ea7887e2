"""Pictures of a search: what each parameter does to F1, all of them together, which mattered, and how it went on."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from nerbb_ray.html.document import heading, panels, paragraph
from nerbb_ray.html.figures import COLOURS, GRID, STEPS, bar_thickness, figure, new_figure
from nerbb_ray.report.runs import varying
from nerbb_ray.report.search_values import Parameter, Point, best_so_far, importance, parameters_of, points_of
from nerbb_ray.results.experiment_result import ExperimentResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

F1 = "val entity micro F1"
MAX_PARAMETERS, MAX_CATEGORIES, MAX_LINES = 12, 12, 200
NAME = 18  # letters of a category
SIZE = (4.6, 2.9)
FEWEST_LINES = 3
UNITS = ((48.0, 24.0, "days"), (2.0, 1.0, "hours"), (2 / 60, 1 / 60, "minutes"), (0.0, 1 / 3600, "seconds"))


def search_section(result: ExperimentResult) -> str:
    """Empty where there are not two runs with a score."""
    points = points_of(result)
    parameters = parameters_of(result, varying(result), points) if len(points) > 1 else []
    parts = []
    if parameters:
        parts.append(
            paragraph(
                f"Small dots are {result.member}s, large ones their means; the runs are those of the results above."
            )
        )
        parts.append(panels(figure(draw_parameter(one, points)) for one in parameters[:MAX_PARAMETERS]))
        if len(parameters) > MAX_PARAMETERS:
            parts.append(paragraph(f"Shown are {MAX_PARAMETERS} of {len(parameters)} parameters that vary."))
        parts += _together(parameters, points)
    parts += _others(importance(parameters, points), best_so_far(result) if len(points) > 1 else ())
    return "".join(parts)


def _together(parameters: Sequence[Parameter], points: Sequence[Point]) -> list[str]:
    if len(parameters) < 2 or len(points) < FEWEST_LINES:
        return []
    caption = "A line per run from parameter to parameter to its mean F1; the stronger its colour, the better."
    left_out = f" The best {MAX_LINES} of {len(points)} runs." if len(points) > MAX_LINES else ""
    return [
        heading("Parallel coordinates"),
        figure(draw_parallel(parameters[:MAX_PARAMETERS], points), caption + left_out),
    ]


def _others(shares: dict[str, float], steps: Sequence[tuple[float, float]]) -> list[str]:
    pictures = []
    if shares:
        caption = "How much each parameter matters for being among the best runs: PED-ANOVA, as Optuna computes it."
        pictures.append(figure(draw_importance(shares), caption))
    if len(steps) > 1:
        pictures.append(figure(draw_progress(steps), "The best single trial so far, by when trials ended."))
    return [panels(pictures)] if pictures else []


def draw_parameter(parameter: Parameter, points: Sequence[Point]) -> "Figure":
    """Val F1 against a parameter."""
    drawn = new_figure(*SIZE)
    axes = drawn.subplots()
    for point in points:
        x = parameter.place(point.run)
        if len(point.seeds) > 1:
            axes.plot([x] * len(point.seeds), point.seeds, "o", ms=3, color=COLOURS[0], alpha=0.5, mew=0)
        axes.plot(x, point.mean, "o", ms=7, color=COLOURS[0], alpha=0.85, mew=0)
    _scale(axes, parameter)
    axes.set_xlabel(parameter.name, fontsize=9, parse_math=False)
    axes.set_ylabel(F1, fontsize=8.5)
    axes.margins(x=0.08, y=0.1)
    _dress(axes, "y")
    return drawn


def _scale(axes: "Axes", parameter: Parameter) -> None:
    if not parameter.numeric:
        names = [_short(name) for name in parameter.categories]
        places = range(0, len(names), max(1, math.ceil(len(names) / MAX_CATEGORIES)))
        axes.set_xticks(list(places), [names[k] for k in places], parse_math=False)
        if len(names) > 3 or max(map(len, names)) > 9:
            for label in axes.get_xticklabels():
                label.set(rotation=30, ha="right")
        return
    if parameter.log:
        axes.set_xscale("log")
    values = sorted({parameter.place(run) for run in parameter.values})
    if len(values) <= 5:
        axes.xaxis.set_major_locator(FixedLocator(values))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))


def draw_parallel(parameters: Sequence[Parameter], points: Sequence[Point]) -> "Figure":
    """A line per run through the axes of the parameters to that of F1."""
    drawn = new_figure(max(7.0, 1.6 * (len(parameters) + 1)), 3.2)
    axes = drawn.subplots()
    best = sorted(points, key=lambda point: point.mean)[-MAX_LINES:]
    low, high = best[0].mean, best[-1].mean
    scales = [_unit(parameter, [point.run for point in best]) for parameter in parameters]
    for rank, point in enumerate(best):
        heights = [scale[point.run] for scale in scales]
        last = (point.mean - low) / (high - low) if high > low else 0.5
        colour = STEPS[min(len(STEPS) - 1, int(len(STEPS) * rank / len(best)))]
        axes.plot(range(len(heights) + 1), [*heights, last], color=colour, lw=1.4, alpha=0.9, zorder=rank + 2)
    for place, parameter in enumerate(parameters):
        _ends(axes, place, *_texts(parameter, best))
    _ends(axes, len(parameters), f"{low:.3f}", f"{high:.3f}")
    axes.set_xticks(range(len(parameters) + 1), [*(one.name for one in parameters), "val F1"], parse_math=False)
    axes.set_yticks([])
    axes.set_ylim(-0.14, 1.14)
    axes.set_xlim(-0.35, len(parameters) + 0.35)
    axes.tick_params(labelsize=8.5, length=0)
    axes.spines[:].set_visible(False)
    return drawn


def _ends(axes: "Axes", place: int, low: str, high: str) -> None:
    axes.axvline(place, 0.11, 0.89, color=GRID, lw=1.5, zorder=1)
    for height, text, align in ((-0.03, low, "top"), (1.03, high, "bottom")):
        axes.text(place, height, text, ha="center", va=align, fontsize=8, parse_math=False)


def _texts(parameter: Parameter, points: Sequence[Point]) -> tuple[str, str]:
    if not parameter.numeric:
        return _short(parameter.categories[0]), _short(parameter.categories[-1])
    values = [parameter.place(point.run) for point in points]
    return f"{min(values):.4g}", f"{max(values):.4g}"


def _unit(parameter: Parameter, runs: Sequence[str]) -> dict[str, float]:
    """Places between 0 and 1."""
    places = {run: math.log(parameter.place(run)) if parameter.log else parameter.place(run) for run in runs}
    low, high = min(places.values()), max(places.values())
    return {run: (place - low) / (high - low) if high > low else 0.5 for run, place in places.items()}


def draw_importance(shares: dict[str, float]) -> "Figure":
    names = list(shares)[:MAX_PARAMETERS][::-1]
    drawn = new_figure(SIZE[0], max(SIZE[1], 0.8 + 0.32 * len(names)))  # as high as that beside it
    axes = drawn.subplots()
    thick = bar_thickness(0.6, len(names))
    bars = axes.barh(range(len(names)), [shares[name] for name in names], thick, color=COLOURS[0])
    axes.bar_label(bars, [f"{shares[name]:.0%}" for name in names], padding=3, fontsize=8.5)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_xlim(0, 1.18 * max(shares.values()))
    axes.set_xticks([])
    axes.set_title("importance of the parameters", loc="left", fontsize=9.5)
    _dress(axes, None)
    axes.spines[["bottom"]].set_visible(False)
    return drawn


def draw_progress(steps: Sequence[tuple[float, float]]) -> "Figure":
    """Best val F1 so far against the time since the first trial began."""
    last = steps[-1][0]
    per, unit = next((hours, name) for least, hours, name in UNITS if last >= least)
    drawn = new_figure(*SIZE)
    axes = drawn.subplots()
    times, best = [hours / per for hours, _ in steps], [score for _, score in steps]
    axes.plot(times, best, drawstyle="steps-post", color=COLOURS[0], lw=1.8, marker="o", ms=3)
    axes.set_xlabel(f"{unit} since the first trial began", fontsize=8.5)
    axes.set_title(f"best {F1} so far", loc="left", fontsize=9.5)
    axes.margins(x=0.03, y=0.12)
    _dress(axes, "both")
    return drawn


def _dress(axes: "Axes", grid: str | None) -> None:
    if grid:
        axes.grid(axis=grid, color=GRID)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 3]}..."
