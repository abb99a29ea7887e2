"""The race over runs: against scipy where a decision is a test, and by simulated races whose best run is known."""

import math

import numpy as np
import pytest
from scipy import stats

from nerbb_ray.tune.cuts import cannot_catch_up
from nerbb_ray.tune.race import Race

SEEDS = tuple(range(43, 51))


def values_of(table) -> dict[str, dict[int, float]]:
    return {f"run{i}": dict(zip(SEEDS, row, strict=False)) for i, row in enumerate(table)}


def race(runs: int, **more) -> Race:
    return Race(tuple(f"run{i}" for i in range(runs)), SEEDS, **more)


def whole(table: np.ndarray, rule: Race) -> tuple[object, int]:
    """Run a race over a table of all values; its end, and how many of them it asked for."""
    known: dict[str, dict[int, float]] = {}
    asked = 0
    while (trial := rule.next(known, ())) is not None:
        run, seed = trial
        assert seed not in known.get(run, {}), "no trial runs twice"
        known.setdefault(run, {})[seed] = float(table[int(run[3:]), SEEDS.index(seed)])
        asked += 1
    return rule.decide(known), asked


def test_all_runs_get_their_first_seeds_before_anything_is_decided() -> None:
    rule, known, order = race(2), {}, []
    for _ in range(6):
        run, seed = rule.next(known, ())
        order.append((run, seed))
        known.setdefault(run, {})[seed] = 0.9 if run == "run0" else 0.1
        if len(order) < 6:
            assert rule.decide(known).dropped == {}
    assert order == [(run, seed) for seed in SEEDS[:3] for run in ("run0", "run1")]
    assert rule.decide(known).leader == "run0"
    assert len(rule.decide({run: {**found, 43: found[43] + 0.01} for run, found in known.items()}).dropped) == 1


def test_values_that_never_vary_are_certain_as_soon_as_the_exact_test_can_say_so() -> None:
    # one-sided, of 2 runs with n seeds each: 1 / C(2n, n) against what a look may spend of 5 %
    ends = {n: race(2).decide(values_of([[0.9] * n, [0.1] * n])) for n in (3, 4, 5, 6)}
    assert [n for n, decision in ends.items() if decision.dropped] == [5, 6]


def test_what_runs_is_not_started_again_and_decisions_wait_for_it() -> None:
    rule = race(2)
    running = {("run0", 43), ("run1", 43)}
    assert rule.next({}, running) == ("run0", 44)
    first = values_of([[0.5, 0.52, 0.51], [0.5, 0.49, 0.53]])
    assert rule.decide({"run0": first["run0"], "run1": {43: 0.5}}).dropped == {}
    assert rule.next({"run0": first["run0"], "run1": {43: 0.5}}, {("run1", 44), ("run1", 45)}) is None


@pytest.mark.parametrize("gap", [0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.14, 0.2])
def test_of_two_runs_one_is_dropped_as_the_welch_test_with_bonferroni_says(gap: float) -> None:
    rng = np.random.default_rng(5)
    table = np.array([rng.normal(0.5, 0.02, 3), rng.normal(0.5 - gap, 0.03, 3)])
    decision = race(2).decide(values_of(table))
    # one-sided; half of the error probability is spent at the first look
    alternative = "greater" if table[0].mean() > table[1].mean() else "less"
    p = stats.ttest_ind(*table, equal_var=False, alternative=alternative).pvalue
    assert bool(decision.dropped) == (p < 0.05 / 2)


@pytest.mark.parametrize(("runs", "min_seeds"), [(2, 3), (5, 2), (4, 8)])
def test_what_all_looks_may_spend_is_what_was_promised(runs: int, min_seeds: int) -> None:
    rule = race(runs, min_seeds=min_seeds, confidence=0.9)
    spent = [rule._error_probability(look) for look in range(min_seeds, len(SEEDS) + 1)]
    assert sum(spent) * (runs - 1) == pytest.approx(0.1)
    assert all(share > 0 for share in spent)


def test_a_failed_seed_counts_as_the_worst_value_of_all() -> None:
    table = [[0.80, 0.81, 0.79], [0.80, -math.inf, 0.80], [0.1, 0.11, 0.1]]
    decision = race(3).decide(values_of(table))
    assert decision.leader == "run0"
    assert "run2" in decision.dropped


def test_a_run_that_always_fails_is_dropped() -> None:
    table = [[0.80, 0.81, 0.79], [0.78, 0.80, 0.80], [-math.inf] * 3]
    decision = race(3).decide(values_of(table))
    assert decision.leader == "run0"
    # nothing is worse than the worst finite value: it is behind by too little to be sure
    assert decision.finished or "run2" not in decision.dropped


def test_a_race_that_all_seeds_could_not_settle_ends_early() -> None:
    rng = np.random.default_rng(0)
    decision, asked = whole(0.5 + rng.normal(0, 0.02, (3, 8)), race(3))
    assert decision.finished
    assert "would probably not tell" in decision.reason
    assert asked < 24


def test_later_seeds_are_used_where_they_can_settle_it() -> None:
    # a difference of 3 sd of a value to 7 rivals: shown with 8 seeds, hardly ever of all with 3
    rng = np.random.default_rng(1)
    means = np.array([0.5, *[0.47] * 7])[:, None]
    ends = [whole(means + rng.normal(0, 0.01, (8, 8)), race(8)) for _ in range(40)]
    assert sum(asked > 8 * 3 for _, asked in ends) >= 20
    assert np.mean([asked for _, asked in ends]) < 0.75 * 8 * 8
    assert all(decision.leader == "run0" for decision, _ in ends)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_best_run_is_rarely_dropped_however_often_one_looks(confidence: float) -> None:
    rng = np.random.default_rng(3)
    lost, n = 0, 300
    for _ in range(n):
        # the hardest case: the best run is hardly better than its rivals
        means = 0.5 - np.array([0, 0.001, 0.001, 0.01])
        table = means[:, None] + rng.normal(0, 0.01, 8) + rng.normal(0, 0.02, (4, 8))
        lost += "run0" in whole(table, race(4, confidence=confidence))[0].dropped
    assert lost / n <= 1 - confidence + 2 * math.sqrt(confidence * (1 - confidence) / n)


@pytest.mark.parametrize(
    ("runs", "spread", "min_seeds", "lead", "failing"),
    [
        (20, 5, 3, 0, 0.0),
        (20, 5, 2, 0, 0.0),
        (6, 5, 2, 0, 0.0),
        (20, 3, 3, 0, 0.0),
        (2, 10, 2, 0, 0.0),
        (6, 1, 2, 2, 0.2),
    ],
)
def test_a_best_run_that_is_less_steady_than_the_others_is_rarely_dropped(
    runs: int, spread: float, min_seeds: int, lead: float, failing: float
) -> None:
    rng = np.random.default_rng(9)
    rule, lost, n = race(runs, min_seeds=min_seeds), 0, 400
    for _ in range(n):
        table = rng.standard_normal((runs, 8))
        table[0] = lead + 1e-9 + spread * table[0]
        table[0, rng.random(8) < failing] = -math.inf
        lost += "run0" in rule.decide(values_of(table)).dropped
    assert lost <= stats.binom.ppf(0.999, n, 0.05)


def test_a_cut_trial_says_nothing_of_how_steady_the_others_are() -> None:
    """Its value is what was within its reach, or, taken for what it is, far from those of its own run."""
    close = [[0.60, 0.61, 0.605], [0.57, 0.578, 0.572], [0.50, 0.51, 0.505]]
    cut = [[0.30, 0.51, 0.10], [0.52, 0.05, 0.51]]
    rule = race(5)
    cells = {("run3", SEEDS[0]), ("run3", SEEDS[2]), ("run4", SEEDS[1])}
    known = rule.decide(values_of(close + cut), cells).dropped
    assert {"run1", "run2"} <= set(known)
    alone = race(3).decide(values_of(close)).dropped
    assert set(alone) == {"run1", "run2"}


def test_a_run_with_a_cut_trial_does_not_lead() -> None:
    table = [[0.60, 0.61, 0.605], [0.57, 0.99, 0.99]]
    assert race(2).decide(values_of(table)).leader == "run1"
    assert race(2).decide(values_of(table), {("run1", SEEDS[1])}).leader == "run0"


def test_wide_gaps_cost_little_more_than_the_first_seeds() -> None:
    rng = np.random.default_rng(4)
    table = np.linspace(0.6, 0.2, 6)[:, None] + rng.normal(0, 0.01, (6, 8))
    decision, asked = whole(table, race(6))
    assert decision.leader == "run0"
    assert asked <= 6 * 3 + 2


def test_decisions_follow_from_the_values_alone() -> None:
    rng = np.random.default_rng(6)
    table = rng.normal(0.5, 0.03, (5, 8))
    rule = race(5)
    known = values_of(table)
    assert rule.decide(known) == race(5).decide({run: dict(reversed(found.items())) for run, found in known.items()})


RISING = [[0.1, 0.3, 0.5, 0.6, 0.65, 0.66]] * 5


@pytest.mark.parametrize(
    ("curve", "cut"),
    [
        ([0.0, 0.01, 0.02, 0.02, 0.02, 0.02], True),  # learns nothing
        ([0.1, 0.3, 0.5, 0.55], False),  # as the others
        ([0.0, 0.0, 0.1, 0.3], False),  # late, but learns
        ([math.nan] * 6, True),
        ([0.0, 0.0, 0.0], False),  # too early to say
    ],
)
def test_a_curve_is_cut_when_nothing_seen_so_far_would_bring_it_up(curve, cut) -> None:
    assert bool(cannot_catch_up(curve, RISING, [0.64, 0.66], 20)) == cut


def test_nothing_is_cut_before_enough_is_known() -> None:
    flat = [0.0] * 10
    assert cannot_catch_up(flat, RISING[:4], [0.6, 0.6], 20) is None
    assert cannot_catch_up(flat, RISING, [0.6], 20) is None
    assert "cut after 10 epochs: at 0.0000" in cannot_catch_up(flat, RISING, [0.6, 0.7], 20)
