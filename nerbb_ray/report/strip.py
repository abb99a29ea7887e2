"""The seeds of a run on a line: a dot for each, a tick for their mean, a bar for its 95 % interval."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nerbb_ray.html.render import macros
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import RunResult

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT, MARGIN = 230, 22, 8
MIN_SPAN = 0.01


@dataclass(frozen=True, slots=True)
class Scale:
    """From a value to a place on the line; the same for all runs, so that they can be compared.

    Args:
        low, high: of the line; intervals may reach beyond.
    """

    low: float
    high: float

    @classmethod
    def of(cls, runs: Iterable[RunResult], metric: str) -> "Scale":
        """All seeds, and the intervals as far as they leave the seeds some room."""
        means = [mean for mean in (run.mean_if_any(metric) for run in runs) if mean.n]
        if not means:
            return cls(0.0, 1.0)
        low, high = min(mean.min for mean in means), max(mean.max for mean in means)
        room = max(high - low, MIN_SPAN)
        ends = [end for mean in means for end in mean.ci95 or ()]
        low, high = max(min([low, *ends]), low - room), min(max([high, *ends]), high + room)
        padding = max(0.05 * (high - low), (MIN_SPAN - (high - low)) / 2)
        return cls(low - padding, high + padding)

    def x(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    @property
    def ticks(self) -> list[float]:
        """Two to six round numbers."""
        raw = (self.high - self.low) / 5
        power = 10 ** math.floor(math.log10(raw))
        step = next(k * power for k in (1, 2, 5, 10) if k * power >= raw)
        first = math.ceil(self.low / step)
        return [k * step for k in range(first, math.floor(self.high / step) + 1)]


def axis(scale: Scale) -> "Markup":
    """The numbers of the line."""
    return _macros().axis(WIDTH, [(scale.x(tick), f"{tick:.4g}") for tick in scale.ticks])  # type: ignore[no-any-return]


def strip(run: RunResult, metric: str, scale: Scale) -> "Markup | str":
    """Empty without any value."""
    mean = run.mean_if_any(metric)
    if not mean.n:
        return ""
    values = [(trial.title, trial.metrics.get(metric, math.nan)) for trial in run.ok_trials]
    dots = [(scale.x(value), f"{title}: {value:.4f}") for title, value in values if math.isfinite(value)]
    ticks = [scale.x(tick) for tick in scale.ticks]
    label = f"{run.run}: {mean.with_interval()}"
    return _macros().strip(  # type: ignore[no-any-return]
        WIDTH, HEIGHT, label, ticks, _interval(mean, scale), scale.x(mean.mean), dots
    )


def _interval(mean: SeedMean, scale: Scale) -> dict[str, object] | None:
    if mean.ci95 is None:
        return None
    low, high = map(scale.x, mean.ci95)
    cut = "; goes on beyond the line" if mean.ci95[0] < scale.low or mean.ci95[1] > scale.high else ""
    title = f"95 % interval {mean.ci95[0]:.3f} to {mean.ci95[1]:.3f}{cut}"
    return {"x": low, "width": f"{high - low:.1f}", "title": title}


def _macros() -> Any:
    return macros("report/templates/strip.html")
