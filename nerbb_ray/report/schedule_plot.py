"""A picture of a schedule: the learning rate of every step, the stages, and the monitored value."""

import math
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nerbb_ray.config.spec import RunSpec
from nerbb_ray.errors import StoreError
from nerbb_ray.training.adaptive import Replay, Stage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATE, VALUE = "#1f4e9c", "#b3422c"
STAGES = {Stage.WARMUP_OR_CONSTANT: ("warm-up or constant", "#e8eef8"), Stage.COOLDOWN: ("cool-down", "#fbe6d0")}
FORMATS = (".png", ".pdf", ".svg")


def draw_schedule(outcome: Replay, run: RunSpec, title: str, path: Path) -> Path:
    """Draw what the rule makes of monitored values.

    Returns:
        The path.
    Raises:
        StoreError: the picture cannot be written there.
    """
    if path.suffix.lower() not in FORMATS:
        raise StoreError(f"a picture must be a file that ends in {', '.join(FORMATS)}; got {path}")
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    rates = figure.add_subplot()
    values = rates.twinx()
    _shade_stages(rates, outcome)
    _draw_rates(rates, outcome, run.hparams.lr_max)
    _draw_values(values, outcome, run.hparams.monitor)
    epochs = "1 epoch" if outcome.epochs == 1 else f"{outcome.epochs} epochs"
    rates.set_title(f"{title}: {epochs}, {outcome.reason}", loc="left", fontsize=11)
    handles = [line for axes in (rates, values) for line in axes.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise StoreError(f"the picture {path} cannot be written: {error.strerror}") from error
    return path


def _shade_stages(axes: "Axes", outcome: Replay) -> None:
    """One band per stage; only the first of a kind is in the legend."""
    begin, seen = 0, set()
    for stage, group in groupby(outcome.stages):
        label, colour = STAGES[stage]
        end = begin + len(list(group))
        axes.axvspan(begin, end, color=colour, lw=0, label=None if stage in seen else label)
        seen.add(stage)
        begin = end


def _draw_rates(axes: "Axes", outcome: Replay, lr_max: float) -> None:
    steps = len(outcome.learning_rates[0])
    rates = [rate for epoch in outcome.learning_rates for rate in epoch]
    begins = [step / steps for step in range(len(rates) + 1)]
    # every rate holds from the beginning of its step to that of the next
    axes.plot(begins, [*rates, rates[-1]], drawstyle="steps-post", color=RATE, lw=1.6, label="learning rate")
    axes.set(xlabel="epochs trained", xlim=(0, outcome.epochs), ylim=(0, 1.12 * lr_max))
    axes.set_ylabel("learning rate", color=RATE)
    axes.tick_params(axis="y", colors=RATE)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_values(axes: "Axes", outcome: Replay, monitor: str) -> None:
    """At the end of its epoch: there the value is measured."""
    ends = range(1, outcome.epochs + 1)
    finite = [value if math.isfinite(value) else math.nan for value in outcome.values]
    axes.plot(ends, finite, marker="o", ms=4, lw=1, ls="--", color=VALUE, label=monitor, clip_on=False)
    if outcome.best_epoch >= 0:
        best = outcome.best_epoch
        label = f"best: epoch {best} (from 0)"
        axes.plot(best + 1, finite[best], marker="*", ms=15, ls="", color=VALUE, label=label, clip_on=False, zorder=5)
    axes.set_ylabel(monitor, color=VALUE)
    axes.tick_params(axis="y", colors=VALUE)
    axes.margins(y=0.15)
    axes.spines[["top"]].set_visible(False)
