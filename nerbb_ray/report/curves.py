"""Learning curves of a run: a line per seed, the stages of the schedule as shades, the chosen epochs marked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from nerbb_ray.html.document import heading, paragraph
from nerbb_ray.html.figures import COLOURS, figure, new_figure
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey
from nerbb_ray.report.stages import Curves, chosen_epoch, hparams_of, stages
from nerbb_ray.results.experiment_result import RunResult, TrialResult
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
SHADES = {Stage.WARMUP_OR_CONSTANT: ("warm-up or constant", "#dfe7f5"), Stage.COOLDOWN: ("cool-down", "#f9d9b0")}
DOTTED_EPOCHS = 30  # up to so many, every epoch is a dot
ABOUT = (
    "A line per seed; dashed: it did not end ok. A star marks the epoch whose weights were tested. Orange shade: the "
    "darker, the more seeds cool down in this epoch; the bars show the stages of each seed. Epochs are counted from 0."
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
    caption = f"The first {MAX_SEEDS} of {len(run.trials)} seeds" if hidden > 0 else ""
    unknown = [str(line.trial.member) for line in lines if not line.stages]
    note = f"The stages of seed {', '.join(unknown)} are not known: parameters or values are not there."
    return heading(run.run) + figure(draw(lines), caption) + (paragraph(note, "warn") if unknown else "")


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


def draw(lines: Sequence[Line]) -> "Figure":
    """Two rows: the four curves, and on the right the stages of every seed and the legend."""
    drawn = new_figure(11.0, 5.0)
    grid = drawn.subplots(2, 3, gridspec_kw={"width_ratios": [1, 1, 0.85]})
    epochs = max(line.epochs for line in lines)
    panels = [grid[row][column] for row in (0, 1) for column in (0, 1)]
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        _panel(axes, lines, epochs, name)
        _dress(axes, title, epochs)
    for axes in panels[2:]:
        axes.set_xlabel("epoch", fontsize=8.5)
    panels[3].ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    panels[3].set_ylim(bottom=0)
    _bars(grid[0][2], lines, epochs)
    _legend(grid[1][2], lines)
    return drawn


def _panel(axes: "Axes", lines: Sequence[Line], epochs: int, name: str) -> None:
    _shade(axes, lines, epochs)
    for line in lines:
        _plot(axes, line, name)
    if not any(math.isfinite(value) for line in lines for value in line.curves.get(name, {}).values()):
        axes.text(0.5, 0.5, "no finite value", ha="center", va="center", transform=axes.transAxes, fontsize=8.5)
        axes.set_yticks([])


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
    from matplotlib.ticker import MaxNLocator

    axes.set_title(title, loc="left", fontsize=9.5)
    axes.set_xlim(-0.5, epochs - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(axes: "Axes", lines: Sequence[Line], epochs: int) -> None:
    """A row per seed, in which every stage is a bar."""
    for row, line in enumerate(lines):
        for stage, group in groupby(line.stages, key=lambda epoch: line.stages[epoch]):
            members = list(group)
            axes.barh(row, len(members), left=members[0] - 0.5, height=0.7, color=SHADES[stage][1])
        chosen = chosen_epoch(line.trial)
        if chosen is not None:
            axes.plot(chosen, row, "*", ms=9, color=line.colour, mec="white", mew=0.7)
    axes.set_yticks(range(len(lines)), [f"seed {line.trial.member}" for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    _dress(axes, "stages and chosen epochs", epochs)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_color(line.colour)


def _legend(axes: "Axes", lines: Sequence[Line]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch] = [
        Line2D([], [], color=line.colour, ls="-" if line.trial.ok else "--", label=_label(line.trial)) for line in lines
    ]
    star = Line2D([], [], color="#666666", marker="*", ms=9, ls="", label="chosen epoch")
    axes.set_axis_off()
    axes.legend(
        handles=[*handles, star, *(Patch(color=colour, label=name) for name, colour in SHADES.values())],
        loc="center left",
        fontsize=8.5,
        frameon=False,
    )


def _label(trial: TrialResult) -> str:
    return f"seed {trial.member}" + ("" if trial.ok else f", {trial.status}")
