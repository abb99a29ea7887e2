"""Which run is better, as far as the seeds can tell: in words, as a table, and as pictures."""

import math
from typing import TYPE_CHECKING

from nerbb_ray.html.document import folded, panels, paragraph, sentence
from nerbb_ray.html.figures import COLOURS, GRID, INK, figure, new_figure
from nerbb_ray.report.runs import best_first
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.verdict.marks import shown_metric
from nerbb_ray.verdict.mishaps import search_notes
from nerbb_ray.verdict.outcome import Difference, Verdict
from nerbb_ray.verdict.verdict import lower_is_better, verdict
from nerbb_ray.verdict.words import ASO_NOTE, HEADERS, verdict_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_RUNS = 25  # in the picture of the differences
MAX_CURVES = len(COLOURS)
SHOWN_LETTERS = 32  # of a run's name in a picture
SENTENCES = 8
TESTS = (
    "p t: of Welch's t test, moderated by the variances of the other runs; p exact: of the permutation test",
    "p t: of the paired t test over the pairs of fold and seed, corrected for the training sentences that folds have "
    "in common; p exact: of the test that flips the signs of whole folds",
)
ABOUT = (
    "Behind: the best mean minus that of the run, with its 95 % interval; {tests}; p Holm: p t, corrected for all "
    f"pairs of runs; ASO: below 0.5, the best is almost stochastically dominant. {ASO_NOTE}. * best mean, = cannot be "
    "told from it."
)
BEHIND = (
    "How far each run is behind the best; an interval that crosses 0 leaves open which one is better (blue: worse than "
    "the best, grey: tied)."
)
BEST_OF = "The expected best of k {kind}: compare runs at the same k."


def verdict_words(result: ExperimentResult) -> str:
    """What can be said to people beside the first sentence, which the summary has."""
    found = verdict(result)
    said = [*found.plain[1:], *search_notes(result, found)]
    words = "".join(map(sentence, said[:SENTENCES]))
    if len(said) > SENTENCES:
        words += folded(f"{len(said) - SENTENCES} more", "".join(map(sentence, said[SENTENCES:])))
    return words


def statistics_section(result: ExperimentResult) -> str:
    """What is behind the words; empty without a difference."""
    found = verdict(result)
    if not found.differences:
        return ""
    rows = [[cell.replace("+-", "±") for cell in row] for row in verdict_rows(found)]
    # the mark before the name: the first column is the one that stays
    named = [[f"{mark} {run}".strip(), *cells] for mark, run, *cells in rows]
    headers = [header.replace("+-", "±") for header in HEADERS[1:]]
    about = ABOUT.format(tests=TESTS[found.folds > 0])
    table = "".join(map(paragraph, (*found.statistics, about))) + best_first(headers, named, numeric=range(2, 8))
    pictures = panels(
        [figure(draw_behind(found), BEHIND), figure(draw_best_of(found), BEST_OF.format(kind=_kind(found)))]
    )
    return folded(f"Differences with their tests, and the expected best of k {_kind(found)}", pictures + table)


def _kind(found: Verdict) -> str:
    return "fold models" if found.folds else "seeds"


def draw_behind(found: Verdict) -> "Figure":
    shown = found.differences[:MAX_RUNS]
    drawn = new_figure(5.0, _height(found))
    _forest(drawn.subplots(), found, shown)
    return drawn


def draw_best_of(found: Verdict) -> "Figure":
    drawn = new_figure(5.0, _height(found))
    _best_of(drawn.subplots(), found)
    return drawn


def _height(found: Verdict) -> float:
    """In inches; the same of both, which stand beside each other."""
    return max(1.3 + 0.3 * min(MAX_RUNS, len(found.differences)), 2.8 + 0.2 * min(MAX_CURVES, len(found.best_of)))


def _forest(axes: "Axes", found: Verdict, shown: tuple[Difference, ...]) -> None:
    scale = 1 if lower_is_better(found.metric) else 100
    for row, difference in enumerate(shown):
        low, high = (scale * end for end in difference.ci95)
        colour = COLOURS[0] if difference.better else COLOURS[7]
        axes.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(scale * difference.mean, row, "o", color=colour, markersize=6)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(shown)), [_short(d.run) for d in shown], fontsize=8.5, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    unit = "" if scale == 1 else ", points"
    axes.set_xlabel(f"behind {_short(found.best or '')}\n95 % interval{unit}", fontsize=8.5, parse_math=False)
    axes.set_title(shown_metric(found.metric), fontsize=9.5, loc="left")
    _dress(axes, "x")


def _best_of(axes: "Axes", found: Verdict) -> None:
    for colour, (run, values) in zip(COLOURS, found.best_of.items(), strict=False):
        axes.plot(range(1, len(values) + 1), values, "o-", color=colour, markersize=3.5, label=_short(run))
    axes.set_xticks(_whole_numbers(max(map(len, found.best_of.values()))))
    axes.set_xlabel(f"k {_kind(found)}", fontsize=8.5)
    best = f"the best {min(MAX_CURVES, len(found.best_of))} runs: " if len(found.best_of) > MAX_CURVES else ""
    axes.set_title(f"{best}expected best of k", fontsize=9.5, loc="left")
    axes.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(0.0, -0.22))
    _dress(axes, "both")


def _dress(axes: "Axes", grid: str) -> None:
    axes.grid(axis=grid, color=GRID)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _whole_numbers(last: int) -> range:
    return range(1, last + 1, max(1, math.ceil(last / 8)))


def _short(name: str) -> str:
    return name if len(name) <= SHOWN_LETTERS else f"{name[: SHOWN_LETTERS - 3]}..."
