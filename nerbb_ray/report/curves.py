"""Learning curves of a run: a line per seed, the stages of the schedule as shades, the chosen epochs marked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from nerbb_ray.html.document import heading, keys, panels, paragraph
from nerbb_ray.html.figures import COLOURS, COOLING, STEADY, bar_thickness, css, figure, new_figure
from nerbb_ray.live.short import short_number
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey
from nerbb_ray.report.stages import Curves, chosen_epoch, hparams_of, stages
from nerbb_ray.results.trial_result import RunResult, TrialResult
from nerbb_ray.training.adaptive import MONITORED, Stage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    "val/loss": "val loss",
    "val/entity/micro/f1": "val entity micro F1",
    "train/loss": "train loss",
    "lr": "learning rate, last step of the epoch",
}
NAMES = tuple(dict.fromkeys([*PANELS, *MONITORED.values()]))
MAX_SEEDS = len(COLOURS)
SIZE = (4.6, 2.6)
SHADES = {Stage.WARMUP_OR_CONSTANT: ("warm-up or constant", STEADY), Stage.COOLDOWN: ("cool-down", COOLING)}
DOTTED_EPOCHS = 30  # up to so many, every epoch is a dot
ABOUT = (
    "A line per trial; dashed: it did not end ok. A star marks the epoch whose weights were tested. Orange shade: the "
    "darker, the more trials cool down in this epoch; the bars show the stages of each. Epochs are counted from 0."
)


@dataclass(frozen=True, slots=True)
class Line:
    """A seed in the figure of its run.

    Args:
        stages: epoch -> stage; empty if the schedule of the trial is not known.
    """

    trial: TrialResult
    curves: Curves
    stages: Mapping[int, Stage]
    colour: str

    @property
    def epochs(self) -> int:
        return max((epoch + 1 for values in self.curves.values() for epoch in values), default=0)


def curves_section(runs: Sequence[RunResult], details: Mapping[TrialKey, TrialDetails], total: int) -> str:
    """Args:
    runs: whose curves are to be shown, best first.
    total: how many runs there are.
    """
    parts = [_of_run(run, details) for run in runs]
    note = ""
    if len(runs) < total:
        note = paragraph(f"Shown are the best {len(runs)} runs of {total}; TensorBoard and MLflow have the others.")
    return paragraph(ABOUT) + note + "".join(parts)


def _of_run(run: RunResult, details: Mapping[TrialKey, TrialDetails]) -> str:
    lines = lines_of(run, details)
    if not lines:
        return heading(run.run) + paragraph("No curves are there: no trial has ended its first epoch.")
    hidden = len(run.trials) - MAX_SEEDS
    caption = paragraph(f"The first {MAX_SEEDS} of {len(run.trials)} {run.member}s.") if hidden > 0 else ""
    unknown = [str(line.trial.member) for line in lines if not line.stages]
    note = f"The stages of {run.member} {', '.join(unknown)} are not known: parameters or values are not there."
    pictures = [figure(drawn) for drawn in draw(lines)]
    if not pictures:
        return heading(run.run) + paragraph("Its curves have no finite value.")
    shown = heading(run.run) + caption + keys(_legend(lines)) + panels(pictures)
    return shown + (paragraph(note, "warn") if unknown else "")


def shown_trials(run: RunResult) -> tuple[TrialResult, ...]:
    return run.trials[:MAX_SEEDS]


def lines_of(run: RunResult, details: Mapping[TrialKey, TrialDetails]) -> list[Line]:
    """The seeds that have trained for an epoch at least."""
    lines = []
    for trial, colour in zip(shown_trials(run), COLOURS, strict=False):
        curves = details[trial.run, trial.member].curves if (trial.run, trial.member) in details else {}
        hparams = hparams_of(trial)
        line = Line(trial, curves, stages(hparams, curves) if hparams else {}, colour)
        lines += [line] if line.epochs else []
    return lines


def draw(lines: Sequence[Line]) -> "list[Figure]":
    """A figure for each curve that has a value, and one with the stages of every seed."""
    epochs = max(line.epochs for line in lines)
    figures = [_panel(lines, epochs, name, title) for name, title in PANELS.items() if _has_values(lines, name)]
    return [*figures, _bars(lines, epochs)] if any(line.stages for line in lines) else figures


def _has_values(lines: Sequence[Line], name: str) -> bool:
    return any(math.isfinite(value) for line in lines for value in line.curves.get(name, {}).values())


def _panel(lines: Sequence[Line], epochs: int, name: str, title: str) -> "Figure":
    drawn = new_figure(*SIZE)
    axes = drawn.subplots()
    _shade(axes, lines, epochs)
    for line in lines:
        _plot(axes, line, name)
    _dress(axes, title, epochs)
    if name == "lr":
        axes.yaxis.set_major_formatter(lambda value, _: short_number(value))
    axes.margins(y=0.08)  # no line lies on the axis
    return drawn


def _shade(axes: "Axes", lines: Sequence[Line], epochs: int) -> None:
    """Per epoch, by the share of the seeds that cool down in it."""
    shares = []
    for epoch in range(epochs):
        found = [line.stages[epoch] for line in lines if epoch in line.stages]
        shares.append(found.count(Stage.COOLDOWN) / len(found) if found else None)
    for share, group in groupby(range(epochs), key=lambda epoch: shares[epoch]):
        members = list(group)
        if share is None:
            continue
        stage = Stage.COOLDOWN if share else Stage.WARMUP_OR_CONSTANT
        alpha = share or 0.5
        axes.axvspan(members[0] - 0.5, members[-1] + 0.5, color=SHADES[stage][1], alpha=alpha, lw=0)


def _plot(axes: "Axes", line: Line, name: str) -> None:
    values = line.curves.get(name, {})
    marker = "." if line.epochs <= DOTTED_EPOCHS else ""
    style = "-" if line.trial.ok else "--"
    axes.plot(list(values), list(values.values()), style, marker=marker, ms=4, lw=1.2, color=line.colour, alpha=0.85)
    chosen = chosen_epoch(line.trial)
    if name != "lr" and chosen is not None and math.isfinite(values.get(chosen, math.nan)):
        axes.plot(chosen, values[chosen], "*", ms=10, color=line.colour, mec="white", mew=0.7, zorder=5)


def _dress(axes: "Axes", title: str, epochs: int) -> None:
    axes.set_title(title, loc="left", fontsize=9.5)
    axes.set_xlabel("epoch", fontsize=8.5)
    axes.set_xlim(-0.5, epochs - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(lines: Sequence[Line], epochs: int) -> "Figure":
    """A row per seed, in which every stage is a bar."""
    drawn = new_figure(SIZE[0], max(SIZE[1], 1.0 + 0.28 * len(lines)))  # as high as those beside it
    axes, thick = drawn.subplots(), bar_thickness(0.7, len(lines))
    for row, line in enumerate(lines):
        for stage, group in groupby(line.stages, key=lambda epoch: line.stages[epoch]):
            members = list(group)
            axes.barh(row, len(members), left=members[0] - 0.5, height=thick, color=SHADES[stage][1])
        chosen = chosen_epoch(line.trial)
        if chosen is not None:
            axes.plot(chosen, row, "*", ms=9, color=line.colour, mec="white", mew=0.7)
    axes.set_yticks(range(len(lines)), [line.trial.title for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    _dress(axes, "stages and chosen epochs", epochs)
    return drawn


def _legend(lines: Sequence[Line]) -> list[tuple[str, str]]:
    seeds = [(css(line.colour), _label(line.trial)) for line in lines]
    return [*seeds, *((css(colour), name) for name, colour in SHADES.values())]


def _label(trial: TrialResult) -> str:
    return trial.title + ("" if trial.ok else f", {trial.status}")
