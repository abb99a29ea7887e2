"""A verdict in words and as a table; plain ASCII."""

import math

from nerbb_ray.console import head_line, plain_text
from nerbb_ray.results.experiment_result import split_name
from nerbb_ray.verdict.outcome import Difference, Verdict
from nerbb_ray.verdict.sentences import SentenceTest
from nerbb_ray.verdict.significance import ALPHA, smallest_exact_p

NAMED_RUNS = 5  # of a tie set, in words
HEADERS = ("", "run", "mean +- sem [95 %]", "behind", "95 %", "p t", "p exact", "p Holm", "ASO")
MEAN = HEADERS.index("mean +- sem [95 %]")
NARROW = 80  # columns of a screen on which even numbers have to be folded


def shown_metric(metric: str) -> str:
    """`val/entity/micro/f1` -> `val entity micro F1`"""
    return " ".join(part for part in split_name(metric) if part).replace(" f1", " F1")


def shown_p(p: float) -> str:
    """`p = .008`, `p < .001`"""
    if p < 0.001:
        return "p < .001"
    return f"p = {p:.3f}".replace("0.", ".") if p < 1 else "p = 1"


def sentences(verdict: Verdict, limit: int | None = None) -> list[str]:
    """What can be said, the most important first.

    Args:
        limit: of the sentences about single runs; the rest is counted.
    """
    n = len(verdict.seeds)
    if verdict.best is None or len(verdict.means) < 2:
        return [f"there are not two runs with values of {shown_metric(verdict.metric)} to compare", *_left_out(verdict)]
    if n == 0:
        return ["the runs have no seed in common that ended ok: nothing can be said", *_left_out(verdict)]
    if n == 1:
        return [
            f"{verdict.best} is ahead with one seed: that says nothing; repeat the runs (multiple_runs)",
            *_left_out(verdict),
        ]
    worse = [_better(verdict, d, n) for d in verdict.differences if d.better]
    shown = worse if limit is None else worse[:limit]
    more = [f"... and better than {len(worse) - len(shown)} more runs"] if len(shown) < len(worse) else []
    return [*shown, *more, *_ties(verdict), *_power(n), *_left_out(verdict)]


def _better(verdict: Verdict, difference: Difference, n: int) -> str:
    low, high = (_points(value, verdict.metric) for value in difference.ci95)
    return (
        f"{verdict.best} is better than {difference.run} ({_amount(difference.mean, verdict.metric)}, "
        f"95 % CI {low} to {high}, {shown_p(difference.p_holm)}, {n} seeds)"
    )


def against_the_best(verdict: Verdict, difference: Difference) -> str:
    """One run in a sentence."""
    if difference.better:
        return _better(verdict, difference, len(verdict.seeds))
    low, high = (_points(value, verdict.metric) for value in difference.ci95)
    ahead = _points(difference.mean, verdict.metric)
    return (
        f"{difference.run} cannot be told from {verdict.best}, which is ahead by {ahead} "
        f"(95 % CI {low} to {high}, {shown_p(difference.p_holm)}, {len(verdict.seeds)} seeds)"
    )


def _points(value: float, metric: str) -> str:
    """F1 and the like in points of a hundred, a loss as it is."""
    return f"{value:.4f}" if metric.endswith("/loss") else f"{100 * value:.1f}"


def _amount(value: float, metric: str) -> str:
    return f"lower by {_points(value, metric)}" if metric.endswith("/loss") else f"+{_points(value, metric)} points"


def _ties(verdict: Verdict) -> list[str]:
    tied = [d for d in verdict.differences if not d.better]
    if not tied:
        return []
    names = [verdict.best or "", *(d.run for d in tied)]
    listed = ", ".join(names[: NAMED_RUNS - 1]) + f" and {len(names) - NAMED_RUNS + 1} more"
    together = listed if len(names) > NAMED_RUNS else " and ".join([", ".join(names[:-1]), names[-1]])
    closest = tied[0]
    if math.isclose(closest.mean, 0, abs_tol=1e-12):
        return [f"{together} are tied; {names[0]} and {names[1]} have the same mean"]
    wanted = [d.more_seeds for d in tied]
    if None in wanted:
        return [f"{together} are tied; at the differences seen, not even 1,000 seeds would settle all of it"]
    counts = [count for count in wanted if count is not None]
    few, many = min(counts), max(counts)
    more = f"{many}" if few == many else f"{few} (for {tied[wanted.index(few)].run}) to {many}"
    return [f"{together} are tied; about {more} more seeds would settle it, if the differences stay as they are"]


def _power(n: int) -> list[str]:
    if smallest_exact_p(n) <= ALPHA:
        return []
    lowest = f"{smallest_exact_p(n):.4g}".replace("0.", ".", 1)
    return [f"{n} seeds never reach p < .05 in the exact test (its smallest p is {lowest}; 6 seeds can: .031)"]


def sentence_test_words(best: str, run: str, test: SentenceTest) -> str:
    """`runB against runA over test sentences: +1.2 points, 95 % 0.3 to 2.1, p = .012; over seeds, too: ...`"""
    (low, high), (low_seeds, high_seeds) = test.ci95, test.ci95_seeds
    return (
        f"{best} against {run} over test sentences: {100 * test.mean:+.1f} points, "
        f"95 % {100 * low:.1f} to {100 * high:.1f}, {shown_p(test.p)}; over sentences and seeds: "
        f"95 % {100 * low_seeds:.1f} to {100 * high_seeds:.1f}, {shown_p(test.p_seeds)}"
    )


def _left_out(verdict: Verdict) -> list[str]:
    return [f"{run} is not compared: {why}" for run, why in verdict.left_out.items()]


def verdict_text(verdict: Verdict, name: str, width: int = 100) -> str:
    """The table of the differences and the words, for a screen."""
    from rich.table import Table
    from rich.text import Text

    seeds = ", ".join(map(str, verdict.seeds))
    title = f"experiment {name}: {shown_metric(verdict.metric)} over the seeds {seeds}"
    table = Table(box=head_line(), title=Text(title), title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    rows = verdict_rows(verdict)
    whole = sum(max(len(row[k]) for row in [HEADERS, *rows]) + 2 for k in range(len(HEADERS)))
    if whole > width:  # an interval below its mean
        rows = [[cell.replace(" [", "\n[") if k == MEAN else cell for k, cell in enumerate(row)] for row in rows]
    for header in HEADERS:
        table.add_column(
            header.replace(" [", "\n[") if whole > width else header,
            justify="left" if header in ("", "run") else "right",
            overflow="fold",
            no_wrap=header != "run" and width >= NARROW,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    legend = "* best mean, = cannot be told from it, behind and 95 %: best minus run, in points"
    parts: list[Table | Text] = [table, Text(legend), Text()] if verdict.means else []
    return plain_text([*parts, *map(Text, sentences(verdict))], width)


def verdict_rows(verdict: Verdict) -> list[list[str]]:
    """A cell for each of `HEADERS`, the best run first."""
    behind = {d.run: d for d in verdict.differences}
    rows = []
    for run, mean in verdict.means.items():
        mark = "*" if run == verdict.best else "=" if run in verdict.tie_set and behind else ""
        cells = _cells(behind[run], verdict.metric) if run in behind else [""] * 6
        rows.append([mark, run, mean.with_interval(), *cells])
    return rows


def _cells(d: Difference, metric: str) -> list[str]:
    interval = f"{_points(d.ci95[0], metric)} to {_points(d.ci95[1], metric)}"
    return [_points(d.mean, metric), interval, f"{d.p_t:.3f}", f"{d.p_exact:.3f}", f"{d.p_holm:.3f}", f"{d.aso:.2f}"]
