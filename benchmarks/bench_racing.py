"""What a race costs and whether it finds the winner: over recorded curves of real runs, and over simulated ones.

    python benchmarks/bench_racing.py [--experiments 500]
    python benchmarks/bench_racing.py --promise     # how often the best run is dropped, where that is hardest to avoid

The program's own plan (first seeds, race, cuts inside of trials) runs in virtual time on two slots; only the training
is replaced by curves. A race has found the winner if its leader is in the tie set of the full grid: the runs that all
seeds together cannot tell from the best (nerbb_ray/verdict/verdict.py). Epochs are those of all trials together,
as a share of the grid's; later seeds are those beyond the first three of every run, of which so many were started.
Trials are those started, beside those that the same race starts if nothing is ever cut.
"""

import argparse
import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.tune.race import Race as SeedRace
from nerbb_ray.tune.trial_plan import TrialPlan
from nerbb_ray.verdict.verdict import compare

RECORDED = Path(__file__).with_name("racing_curves.json")
METRIC = "val/entity/micro/f1"
SLOTS, MAX_EPOCHS = 2, 24


@dataclass(frozen=True)
class Curve:
    """Of a trial: the metric after every epoch, and what the kept weights reach."""

    epochs: tuple[float, ...]
    value: float


Curves = Mapping[str, Mapping[int, Curve]]  # run -> seed -> curve


@dataclass(frozen=True)
class Race:
    """How a race went, against the full grid."""

    found: bool
    share: float  # of the grid's epochs
    kept: bool  # whether the run with the best mean of the full grid was not dropped
    behind: float  # how far the leader's mean over all seeds is behind the best one, in points
    tied: float  # share of the runs that are in the tie set
    later: float  # share of the seeds beyond the first ones that were started
    trials: int


def race(curves: Curves, *, cuts: bool = True) -> Race:
    """Run a whole experiment in virtual time.

    Args:
        cuts: whether trials that cannot catch up are asked to end.
    """
    spec = _spec(curves)
    names = dict(zip((run.name for run in spec.runs), curves, strict=True))
    plan = TrialPlan(spec, SLOTS, clock=lambda: 0.0)
    # (time, order, trial, epoch, asked to end)
    queue: list[tuple[int, int, TrialSpec, int, bool]] = []
    time = epochs = 0
    while not plan.ended:
        while len(queue) < SLOTS and (trial := plan.next()) is not None:
            heapq.heappush(queue, (time + 1, epochs + len(queue), trial, 0, False))
        if not queue:
            continue
        time, _, trial, epoch, asked = heapq.heappop(queue)
        epochs += 1
        curve = curves[names[trial.run]][trial.seed]
        ended = epoch + 1 == len(curve.epochs)
        why = plan.watch(trial, {METRIC: curve.epochs[epoch], "epoch": epoch})
        if ended or asked:
            value = curve.value if ended else max(curve.epochs[: epoch + 1])
            plan.end(trial, value, None, whole=ended)
        else:
            asked = cuts and why is not None
            heapq.heappush(queue, (time + 1, epochs + len(queue), trial, epoch + 1, asked))
    decision = plan.race()
    full = compare({run: {s: c.value for s, c in seeds.items()} for run, seeds in curves.items()}, METRIC)
    grid = sum(len(curve.epochs) for seeds in curves.values() for curve in seeds.values())
    leader = names[decision.leader or ""]
    first, seeds = len(plan.first_seeds), len(plan.seeds)
    return Race(
        found=leader in full.tie_set,
        share=epochs / grid,
        kept=full.best not in {names[run] for run in decision.dropped},
        behind=100 * (full.means[full.best or ""].mean - full.means[leader].mean),
        tied=len(full.tie_set) / len(curves),
        later=(plan.known - len(curves) * first) / (len(curves) * (seeds - first)),
        trials=plan.known,
    )


def _spec(curves: Curves) -> ExperimentSpec:
    """An experiment with as many runs and seeds."""
    params = {"dataset_name": "d", "pretrained_model_name": "m", "racing": True, "max_epochs": MAX_EPOCHS}
    rates = [1e-5 * (1 + i) for i in range(len(curves))]
    seeds = len(next(iter(curves.values())))
    return build_spec("e", params={**params, "lr_max": rates, "multiple_runs": seeds})


def recorded(rng: np.random.Generator, count: int) -> Iterator[tuple[str, Curves]]:
    """Every recorded experiment, `count` times with its runs and seeds in another order."""
    for name, runs in json.loads(RECORDED.read_text()).items():
        for _ in range(count):
            order = rng.permutation(len(next(iter(runs.values()))))
            names = rng.permutation(list(runs))
            yield name, {run: _shuffled(list(runs[run].values()), order) for run in names}


def _shuffled(seeds: list[dict], order: np.ndarray) -> dict[int, Curve]:
    return {43 + i: Curve(tuple(seeds[k]["curve"]), seeds[k]["value"]) for i, k in enumerate(order)}


def simulated(rng: np.random.Generator, count: int) -> Iterator[tuple[str, Curves]]:
    """Experiments with 6 to 10 runs of 8 seeds; the kinds take turns."""
    gaps = {
        "equal runs": lambda n: np.zeros(n),
        "small gaps (0 to 3 points)": lambda n: rng.uniform(0, 0.03, n),
        "mixed gaps (4 points on average)": lambda n: rng.exponential(0.04, n),
        "wide gaps (0 to 30 points)": lambda n: rng.uniform(0, 0.3, n),
        "some runs fail": lambda n: np.where(rng.random(n) < 0.4, 0.55, rng.exponential(0.04, n)),
    }
    for number in range(count):
        kind = list(gaps)[number % len(gaps)]
        runs = int(rng.integers(6, 11))
        best = 0.6 - np.append(0.0, gaps[kind](runs - 1))
        seed_effect = rng.normal(0, 0.01, 8)
        noise = 0.015 * np.exp(rng.normal(0, 0.4, runs))
        order = rng.permutation(runs)
        yield kind, {f"run{i}": _run(rng, best[k], seed_effect, noise[k]) for i, k in enumerate(order)}


def _run(rng: np.random.Generator, best: float, seed_effect: np.ndarray, noise: float) -> dict[int, Curve]:
    """Curves that rise to what the run can reach, at a speed of its own, and end by patience."""
    speed, delay = rng.uniform(1.5, 6), rng.uniform(0, 3)
    found = {}
    for seed, effect in enumerate(seed_effect):
        top = max(0.0, best + effect + rng.normal(0, noise))
        length = int(np.clip(delay + speed * rng.uniform(2.5, 4), 5, MAX_EPOCHS))
        time = np.maximum(0, np.arange(1, length + 1) - delay)
        curve = np.clip(top * (1 - np.exp(-time / speed)) + rng.normal(0, 0.008, length), 0, 1)
        found[43 + seed] = Curve(tuple(curve.tolist()), float(curve.max()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=500, help="simulated ones (500)")
    parser.add_argument("--orders", type=int, default=100, help="of each recorded experiment (100)")
    parser.add_argument("--promise", action="store_true", help="only: how often is the best run dropped?")
    args = parser.parse_args()
    if args.promise:
        promise()
        return
    # two of them, so that another recorded experiment does not change the simulated ones
    rng, rng_simulated = np.random.default_rng(1), np.random.default_rng(2)
    races: dict[str, list[tuple[Race, Race]]] = {}
    for kind, curves in recorded(rng, args.orders):
        races.setdefault(f"recorded: {kind}", []).append((race(curves), race(curves, cuts=False)))
    for kind, curves in simulated(rng_simulated, args.experiments):
        races.setdefault(f"simulated: {kind}", []).append((race(curves), race(curves, cuts=False)))
    everything = [one for kind, found in races.items() if kind.startswith("simulated") for one in found]
    cells = ["experiments", "races", "winner found", "best run kept", "leader behind", "in the tie set", "epochs"]
    cells += ["later seeds", "trials (without cuts)"]
    print(f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}")
    for kind, found in {**races, "**simulated, all**": everything}.items():
        if found:
            print(_row(kind, [with_cuts for with_cuts, _ in found], [without for _, without in found]))


def _row(kind: str, races: list[Race], uncut: list[Race]) -> str:
    share = np.array([one.share for one in races])
    spread = f"{100 * np.quantile(share, 0.05):.0f} to {100 * np.quantile(share, 0.95):.0f} %"
    found, kept = (100 * np.mean([getattr(one, name) for one in races]) for name in ("found", "kept"))
    behind, tied, later = (np.mean([getattr(one, name) for one in races]) for name in ("behind", "tied", "later"))
    cells = [kind, str(len(races)), f"{found:.1f} %", f"{kept:.1f} %", f"{behind:.2f} points"]
    cells += [f"{100 * tied:.0f} % of the runs", f"{100 * share.mean():.0f} % ({spread})", f"{100 * later:.0f} %"]
    cells.append(f"{np.mean([one.trials for one in races]):.1f} ({np.mean([one.trials for one in uncut]):.1f})")
    return f"| {' | '.join(cells)} |"


# runs, sd of the best run (that of the others is 1), its lead, seeds, min_seeds, share of its seeds that fail
HARD = (
    (6, 1, 0, 8, 3, 0),
    (6, 5, 0, 8, 3, 0),
    (20, 3, 0, 8, 3, 0),
    (20, 5, 0, 8, 3, 0),
    (50, 5, 0, 8, 3, 0),
    (6, 5, 0, 8, 2, 0),
    (20, 5, 0, 8, 2, 0),
    (50, 5, 0, 20, 2, 0),
    (20, 3, 0, 20, 3, 0),
    (2, 10, 0, 8, 2, 0),
    (6, 1, 2, 8, 3, 0.2),
    (6, 1, 2, 8, 2, 0.2),
)


def promise(races: int = 2000) -> None:
    """Races over normal values, without curves. A seed that fails counts as the worst value of all."""
    cells = ["runs", "best run: sd of the others x", "its lead in sd", "its seeds that fail", "seeds", "min_seeds"]
    print(f"| {' | '.join([*cells, 'best run dropped (promised: 5 % at most)'])} |\n|{'---|' * 7}")
    for runs, spread, lead, seeds, min_seeds, failing in HARD:
        rng = np.random.default_rng(5)
        rule = SeedRace(tuple(f"run{k}" for k in range(runs)), tuple(range(seeds)), min_seeds)
        scale, better = np.ones(runs), np.zeros(runs)
        scale[0], better[0] = spread, lead + 1e-9
        lost = 0
        for _ in range(races):
            values = better[:, None] + scale[:, None] * rng.standard_normal((runs, seeds))
            values[0, rng.random(seeds) < failing] = -np.inf
            known = {run: dict(enumerate(map(float, row))) for run, row in zip(rule.runs, values, strict=True)}
            lost += "run0" in rule.decide(known).dropped
        share = lost / races
        shown = f"{100 * share:.1f} % (+- {196 * (share * (1 - share) / races) ** 0.5:.1f})"
        row = (runs, spread, lead, f"{100 * failing:.0f} %", seeds, min_seeds, shown)
        print(f"| {' | '.join(map(str, row))} |")


if __name__ == "__main__":
    main()
