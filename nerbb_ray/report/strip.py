"""The seeds of a run on a line: a dot for each, a tick for their mean, a bar for its 95 % interval."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from nerbb_ray.html.document import Markup
from nerbb_ray.html.figures import COLOURS
from nerbb_ray.results.experiment_result import RunResult
from nerbb_ray.results.seed_mean import SeedMean

WIDTH, HEIGHT, MARGIN = 230, 22, 8
MIN_SPAN = 0.01
DOT, BAR = COLOURS[0], COLOURS[1]


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
        means = [mean for mean in (run.mean(metric) for run in runs) if mean.n]
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


def axis(scale: Scale) -> Markup:
    """The numbers of the line."""
    texts = "".join(f'<text x="{scale.x(tick)}" y="11" text-anchor="middle">{tick:.4g}</text>' for tick in scale.ticks)
    style = 'font-size="10" font-weight="normal" fill="#5a6675"'
    return Markup(
        f'<svg width="{WIDTH}" height="14" overflow="visible" {style} role="img" aria-label="scale">{texts}</svg>'
    )


def strip(run: RunResult, metric: str, scale: Scale) -> Markup:
    """Empty without any value."""
    mean = run.mean(metric)
    if not mean.n:
        return Markup("")
    parts = [f'<path d="M{scale.x(tick)} 0V{HEIGHT}" stroke="#e6e9ee"/>' for tick in scale.ticks]
    parts += _interval(mean, scale)
    parts += [
        f'<circle cx="{scale.x(value)}" cy="11" r="3.5" fill="{DOT}" fill-opacity=".65">'
        f"<title>seed {trial.member}: {value:.4f}</title></circle>"
        for trial in run.ok_trials
        if math.isfinite(value := trial.metrics.get(metric, math.nan))
    ]
    label = escape(f"{run.run}: {mean.with_interval()}")
    return Markup(f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>')


def _interval(mean: SeedMean, scale: Scale) -> list[str]:
    if mean.ci95 is None:
        return []
    low, high = map(scale.x, mean.ci95)
    cut = "; goes on beyond the line" if mean.ci95[0] < scale.low or mean.ci95[1] > scale.high else ""
    title = f"<title>95 % interval {mean.ci95[0]:.3f} to {mean.ci95[1]:.3f}{cut}</title>"
    bar = f'<rect x="{low}" y="7" width="{high - low:.1f}" height="8" fill="{BAR}" fill-opacity=".28">{title}</rect>'
    return [bar, f'<path d="M{scale.x(mean.mean)} 2V20" stroke="{BAR}" stroke-width="2"/>']
