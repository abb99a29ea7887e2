"""A study as Markdown tables: for the screen, and to be pasted into a page."""

from collections.abc import Iterator, Sequence

from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.study.points import Panel, Point, Study
from nerbb_ray.verdict.marks import BEST, TIED, mark_of, shown_metric

LEGEND = (
    "Mean +- standard deviation over the seeds; epochs: mean (lowest to highest). "
    f"{BEST} best of its row; {TIED} tied: cannot be told from it (at 5 %)."
)


def study_text(study: Study) -> str:
    """All of it; plain ASCII but for names."""
    ok, total = study.trials
    lines = [f"study {study.name}: {shown_metric(study.metric)}, {ok} of {total} trials ended ok", LEGEND]
    for panel in study.panels:
        lines += ["", f"### {panel.title}", "", *markdown(header(panel), rows(panel, study.metric))]
    return "\n".join(lines)


def header(panel: Panel) -> list[str]:
    return ["fraction", *(title for approach in panel.approaches for title in (approach, "epochs"))]


def rows(panel: Panel, metric: str) -> Iterator[list[str]]:
    """One for each fraction: score and epochs of every approach."""
    for fraction in panel.fractions:
        tied = panel.best(fraction, metric)
        best = max(tied, key=lambda one: panel.points[fraction, one].score(metric).mean, default=None)
        cells = [str(fraction)]
        for approach in panel.approaches:
            point = panel.points.get((fraction, approach))
            cells += (
                ["", ""]
                if point is None
                else [_score(point, metric, mark_of(approach, best, tied)), epochs(point.epochs)]
            )
        yield cells


def _score(point: Point, metric: str, mark: str) -> str:
    score = point.score(metric)
    missing = "" if score.n == score.n_total else f" ({score.n} of {score.n_total})"
    return mean_sd(score) + (f" {mark}" if mark else "") + missing


def mean_sd(values: SeedMean) -> str:
    """`0.8123 +- 0.0045`: the standard deviation, because the spread over the seeds is the question."""
    if values.n == 0:
        return "-"
    return f"{values.mean:.4f}" + (f" +- {values.sd:.4f}" if values.n > 1 else "")


def epochs(values: SeedMean) -> str:
    """`12.3 (11 to 14)`, or `5` if all seeds have as many."""
    if values.n == 0:
        return "-"
    if values.min == values.max:
        return f"{values.min:.0f}"
    return f"{values.mean:.1f} ({values.min:.0f} to {values.max:.0f})"


def markdown(head: Sequence[str], body: Iterator[list[str]]) -> list[str]:
    """A table whose columns are aligned, so that it can be read as it is."""
    table = [list(head), *body]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in table]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [lines[0], rule, *lines[1:]]
