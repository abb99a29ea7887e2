"""A verdict in words and as a table; plain ASCII."""

import itertools
import math
from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from nerbb_ray.console import Sentence, head_line, plain_text, shown_time
from nerbb_ray.results.trial_result import TEST_METRIC
from nerbb_ray.verdict.marks import legend, mark_of, shown_metric
from nerbb_ray.verdict.outcome import Difference, Verdict
from nerbb_ray.verdict.sentences import SentenceTest
from nerbb_ray.verdict.significance import ALPHA, smallest_exact_p

NAMED_RUNS = 5  # of a tie set, in words
ENOUGH_SEEDS = 6  # that a comparison should have: below, spread is a guess
MOST_SEEDS = 100  # that anybody is told to run
ALMOST_CERTAIN = 0.001
COUNTS = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}
HEADERS = ("", "run", "mean +- sem [95 %]", "behind", "95 %", "p t", "p exact", "p Holm", "ASO")
MEAN = HEADERS.index("mean +- sem [95 %]")
ASO_NOTE = (
    "ASO: equal distributions fall below 0.5, too, in 17 to 24 % of cases at 3 to 8 seeds; "
    "with the better mean first, as here, twice as often"
)
NARROW = 80  # columns of a screen on which even numbers have to be folded


def shown_p(p: float) -> str:
    """`p = .008`, `p < .001`"""
    if math.isnan(p):
        return "p -"
    if p < 0.001:
        return "p < .001"
    return f"p = {p:.3f}".replace("0.", ".") if p < 1 else "p = 1"


def sentences(verdict: Verdict, limit: int | None = None) -> list[str]:
    """What can be said, the most important first: to people, then the statistics behind it.

    Args:
        limit: of the sentences about single runs; the rest is counted.
    """
    return [*verdict.plain, *statistics_sentences(verdict, limit)]


def plain_sentences(verdict: Verdict) -> list[str]:
    """Who is ahead and whether that means something; what is not compared; what to know of the numbers."""
    return [_headline(verdict), *_left_out(verdict.left_out), *verdict.notes]


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    """A sentence for each reason: a search may have many runs that are not compared for the same one."""
    runs: dict[str, list[str]] = {}
    for run, why in reasons.items():
        runs.setdefault(why, []).append(run)
    return [f"{_listed(names)} {'are' if len(names) > 1 else 'is'} not compared: {why}" for why, names in runs.items()]


def _headline(verdict: Verdict) -> str:
    """As for example: runB is very likely better than runA: +52 points. Two seeds are thin; `multiple_runs = 6` would
    take about 2 min of training."""
    if verdict.best is None or len(verdict.means) < 2:
        return f"there are not two runs with values of {shown_metric(verdict.metric)} to compare"
    if not verdict.differences:
        (best, first), (other, second), *_ = ((run, mean.mean) for run, mean in verdict.means.items())
        equal = math.isclose(first, second, abs_tol=1e-12)
        ahead = f"{best} and {other} have the same value" if equal else f"{best} is ahead"
        one = "one pair of fold and seed" if verdict.folds else "one seed"
        return f"{ahead} with {one}: that says nothing; repeat the runs (multiple_runs)"
    return " ".join([_standing(verdict), *_more_seeds(verdict)])


def _standing(verdict: Verdict) -> str:
    best, differences = verdict.best or "", verdict.differences
    worse, tied = [d for d in differences if d.better], [d for d in differences if not d.better]
    if worse:
        sure = "almost certainly" if all(d.p_holm < ALMOST_CERTAIN for d in worse) else "very likely"
        ahead = _roughly(worse[0].mean, verdict.metric)
        if len(differences) == 1:
            return f"{best} is {sure} better than {worse[0].run}: {ahead}."
        if not tied:
            return (
                f"{best} is {sure} better than all {len(worse)} other runs: {ahead} against {worse[0].run}, the next."
            )
        names = _listed([d.run for d in tied])
        return f"{best} is {sure} better than {len(worse)} of {len(differences)} other runs; {names} may be as good."
    if math.isclose(tied[0].mean, 0, abs_tol=1e-12):
        return f"{best} and {tied[0].run} have the same mean: nobody is ahead."
    ahead = _roughly(tied[0].mean, verdict.metric)
    if len(tied) == 1:
        return f"{best} is ahead of {tied[0].run} ({ahead}), but that may be luck."
    return f"{best} is ahead ({ahead} against {tied[0].run}, the next), but that may be luck: no run is shown worse."


def _more_seeds(verdict: Verdict) -> list[str]:
    """How many seeds would say more, and what they would cost."""
    if verdict.folds:
        return []
    n, wanted = verdict.fewest_seeds, [d.more_seeds for d in verdict.differences if not d.better]
    thin = f"{COUNTS[n]} seeds are thin" if n in COUNTS else ""
    # what would settle every tie, if anything would
    more = 0 if None in wanted else max((seeds for seeds in wanted if seeds is not None), default=0)
    target = max(n + more if more else 0, ENOUGH_SEEDS if thin else 0)
    if not n < target <= MOST_SEEDS:
        return [f"{thin}."] if thin else []
    missing = sum(max(0, target - len(seeds)) for seeds in verdict.seeds_of.values())
    seconds = missing * (verdict.trial_seconds or 0)
    time = f"take about {shown_time(seconds)} of training" if seconds >= 1 else None
    does = "probably tell" if more else "say more" if time is None else ""
    said = f"`multiple_runs = {target}` would {' and '.join(part for part in (does, time) if part)}."
    return [f"{thin}; {said}" if thin else said]


def statistics_sentences(verdict: Verdict, limit: int | None = None) -> list[str]:
    """The numbers behind the plain sentences.

    Args:
        limit: of the sentences about single runs; the rest is counted.
    """
    if not verdict.differences:
        return []
    worse = [_better(verdict, d) for d in verdict.differences if d.better]
    shown = worse if limit is None else worse[:limit]
    more = [f"... and better than {len(worse) - len(shown)} more runs"] if len(shown) < len(worse) else []
    return [*shown, *more, *_ties(verdict), *_power(verdict)]


def _better(verdict: Verdict, difference: Difference) -> str:
    return (
        f"{verdict.best} is better than {difference.run} "
        f"({_amount(difference.mean, verdict.metric)}, {_evidence(verdict, difference)})"
    )


def against_the_best(verdict: Verdict, difference: Difference) -> str:
    """One run in a sentence."""
    if difference.better:
        return _better(verdict, difference)
    ahead = _points(difference.mean, verdict.metric)
    return (
        f"{difference.run} cannot be told from {verdict.best}, which is ahead by {ahead} "
        f"({_evidence(verdict, difference)})"
    )


def _evidence(verdict: Verdict, difference: Difference) -> str:
    """`95 % CI 0.6 to 3.0, p = .008, 6 seeds`"""
    known = all(map(math.isfinite, difference.ci95))
    interval = f"95 % CI {_interval(difference.ci95, verdict.metric)}, " if known else ""
    n, m = difference.seeds
    if verdict.folds:
        return f"{interval}{shown_p(difference.p_holm)}, {n} pairs of fold and seed"
    return f"{interval}{shown_p(difference.p_holm)}, {n if n == m else f'{n} and {m}'} seeds"


def _points(value: float, metric: str) -> str:
    """F1 and the like in points of a hundred, a loss as it is."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.4f}" if metric.endswith("/loss") else f"{100 * value:.1f}"


def _interval(ends: tuple[float, float], metric: str = TEST_METRIC) -> str:
    """`0.3 to 2.1`; `-` where there is none."""
    return " to ".join(_points(end, metric) for end in ends) if all(map(math.isfinite, ends)) else "-"


def _amount(value: float, metric: str) -> str:
    return f"lower by {_points(value, metric)}" if metric.endswith("/loss") else f"+{_points(value, metric)} points"


def _roughly(value: float, metric: str) -> str:
    """`+52 points`, `+1.8 points`: a tenth of a large difference is of no interest to anybody."""
    return (
        f"+{100 * value:.0f} points"
        if round(value, 6) >= 0.1 and not metric.endswith("/loss")
        else _amount(value, metric)
    )


def _listed(names: Sequence[str]) -> str:
    """`runA, runB and runC`; the first of many."""
    if len(names) > NAMED_RUNS:
        return f"{', '.join(names[: NAMED_RUNS - 1])} and {len(names) - NAMED_RUNS + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _ties(verdict: Verdict) -> list[str]:
    tied = [d for d in verdict.differences if not d.better]
    if not tied:
        return []
    names = [verdict.best or "", *(d.run for d in tied)]
    together = _listed(names)
    if math.isclose(tied[0].mean, 0, abs_tol=1e-12):
        return [f"{together} are tied; {names[0]} and {names[1]} have the same mean"]
    wanted = [d.more_seeds for d in tied]
    if verdict.folds:
        return [f"{together} are tied: more seeds on the same folds would not settle it, more data may"]
    if None in wanted:
        return [f"{together} are tied; at the differences seen, not even 1,000 seeds would settle all of it"]
    counts = [count for count in wanted if count is not None]
    few, many = min(counts), max(counts)
    more = f"{many}" if few == many else f"{few} (for {tied[wanted.index(few)].run}) to {many}"
    return [f"{together} are tied; about {more} more seeds would settle it, if the differences stay as they are"]


def _power(verdict: Verdict) -> list[str]:
    """What the exact test cannot show, whatever the values are."""
    n = verdict.fewest_seeds
    if any(d.test == "paired" for d in verdict.differences) or smallest_exact_p(n, n) <= ALPHA:
        return []
    enough = next(k for k in itertools.count(2) if smallest_exact_p(k, k) <= ALPHA)
    lowest, reached = (f"{smallest_exact_p(k, k):.2g}".replace("0.", ".", 1) for k in (n, enough))
    bound = f"its smallest p is {lowest}; {enough} seeds can: {reached}"
    return [f"{n} seeds each never reach p < .05 in the exact test ({bound})"]


def sentence_test_words(best: str, run: str, test: SentenceTest) -> str:
    """`runB against runA over test sentences: +1.2 points, 95 % 0.3 to 2.1, p = .012; over seeds, too: ...`"""
    mean, smallest = (
        f"{100 * value:{sign}.1f} points" if math.isfinite(value) else "-"
        for value, sign in ((test.mean, "+"), (test.smallest, ""))
    )
    return (
        f"{best} against {run} over test sentences: {mean}, 95 % {_interval(test.ci95)}, {shown_p(test.p)}; "
        f"over sentences and seeds: 95 % {_interval(test.ci95_seeds)}, {shown_p(test.p_seeds)}; "
        f"the least that these sentences show: {smallest}"
    )


def verdict_text(verdict: Verdict, name: str, width: int = 100) -> str:
    """The table of the differences and the words, for a screen."""
    seeds = ", ".join(map(str, verdict.seeds))
    over = f"{len(verdict.seeds)} pairs of fold and seed" if verdict.folds else f"the seeds {seeds}"
    title = f"experiment {name}: {shown_metric(verdict.metric)} over {over}"
    table = Table(box=head_line(), title=Text(title), title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    rows = verdict_rows(verdict)
    whole = sum(max(len(row[k]) for row in [HEADERS, *rows]) + 2 for k in range(len(HEADERS)))
    if whole > width:  # an interval below its mean
        rows = [[in_lines(cell) if k == MEAN else cell for k, cell in enumerate(row)] for row in rows]
    for header in HEADERS:
        table.add_column(
            in_lines(header) if whole > width else header,
            justify="left" if header in ("", "run") else "right",
            overflow="fold",
            no_wrap=header != "run" and width >= NARROW,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    parts: list[Table | Text | Sentence] = [*map(Sentence, verdict.plain), Text()]
    if verdict.means:
        parts.append(table)
    if verdict.differences:
        marks = f"{legend({row[0] for row in rows}, verdict.metric)}; behind and 95 %: best minus run, in points"
        parts += map(Sentence, (marks, ASO_NOTE, "", *verdict.statistics))
    return plain_text(parts, width)


def in_lines(interval: str) -> str:
    """A mean, its interval and what failed, one below the other."""
    return interval.replace(" [", "\n[").replace(" (", "\n(")


def verdict_rows(verdict: Verdict) -> list[list[str]]:
    """A cell for each of `HEADERS`, the best run first."""
    behind = {d.run: d for d in verdict.differences}
    rows = []
    for run, mean in verdict.means.items():
        mark = mark_of(run, verdict.best, verdict.tie_set if behind else ())
        cells = _cells(behind[run], verdict.metric) if run in behind else [""] * 6
        rows.append([mark, run, mean.with_interval(), *cells])
    return rows


def _cells(d: Difference, metric: str) -> list[str]:
    interval = _interval(d.ci95, metric)
    return [_points(d.mean, metric), interval, f"{d.p_t:.3f}", f"{d.p_exact:.3f}", f"{d.p_holm:.3f}", f"{d.aso:.2f}"]
