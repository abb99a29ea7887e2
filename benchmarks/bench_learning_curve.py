"""How often intervals of `nerbb learning_curve` cover what is measured later: on recorded curves, and in simulations.

    python benchmarks/bench_learning_curve.py
    python benchmarks/bench_learning_curve.py --curves benchmarks/learning_curves.json --simulations 50

Recorded (record_learning_curves.py): of every curve, all sizes up to half of a size (the seven largest of them at most)
say what the score at that size is, and what is gained over the largest of them. Simulated: laws at random, with the
noise of the seeds and, apart from it, that of the choice of the sentences.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench_trial import ROOT
from comparison import markdown

MOST_SIZES = 7
FRACTIONS = (0.125, 0.1875, 0.25, 0.375, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Test:
    """What was said of a size, and what was measured there."""

    kind: str
    told: bool
    score: bool
    gain: bool
    width: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--curves", type=Path, default=ROOT / "benchmarks/learning_curves.json")
    add("--simulations", type=int, default=300, help="of each kind (300)")
    args = parser.parse_args()
    curves = json.loads(args.curves.read_text())
    tests = [
        test for corpus, ways in curves.items() for way, draws in ways.items() for test in recorded(corpus, way, draws)
    ]
    print(table(tests), end="\n\n")
    print(table([test for around in (0.0, 0.005, 0.015) for test in simulated(around, args.simulations)]))


def recorded(corpus: str, way: str, draws: dict[str, Any]) -> Iterator[Test]:
    from nerbb_ray.learning_curve.extrapolation import Point

    for curve in draws.values():
        points = [Point(int(size), tuple(seeds.values())) for size, seeds in curve.items() if seeds]
        points.sort(key=lambda point: point.sentences)
        for last in points:
            known = [point for point in points if 2 * point.sentences <= last.sentences + 1][-MOST_SIZES:]
            if len(known) >= 4:
                yield tested(f"{corpus}, {way}", known, last.sentences / known[-1].sentences, last.mean)


def simulated(around: float, number: int) -> Iterator[Test]:
    """
    Args:
        around: what the choice of the sentences does to a size.
    """
    from nerbb_ray.learning_curve.extrapolation import Point

    random = np.random.default_rng(int(1000 * around))
    for _ in range(number):
        a, b, c = random.uniform(0.05, 0.35), random.uniform(0.2, 1.2), random.uniform(0, 0.4)
        sd, seeds = random.choice([0.005, 0.01, 0.02, 0.03]), int(random.integers(3, 6))

        def measured(share: float) -> tuple[float, ...]:
            middle = 1 - (a * share**-b + c) + random.normal(0, around)  # noqa: B023  # called at once
            return tuple(np.clip(middle + random.normal(0, sd * share**-0.3, seeds), 0, 1))  # noqa: B023

        known = [Point(round(400 * share), measured(share)) for share in FRACTIONS]
        yield tested(f"simulated, sentences +- {100 * around:.1f} points", known, 2, float(np.mean(measured(2))))


def tested(kind: str, known: list[Any], factor: float, later: float) -> Test:
    from nerbb_ray.learning_curve.extrapolation import extrapolate

    found = extrapolate(known, factor)
    if found.score is None or found.gain is None:
        return Test(kind, False, False, False, np.nan)
    gain = later - known[-1].mean
    in_score, in_gain = found.score.low <= later <= found.score.high, found.gain.low <= gain <= found.gain.high
    return Test(kind, True, in_score, in_gain, 100 * (found.gain.high - found.gain.low))


def table(tests: list[Test]) -> str:
    rows = [row(kind, [test for test in tests if test.kind == kind]) for kind in dict.fromkeys(t.kind for t in tests)]
    return markdown(
        ["curves", "asked", "told", "score covered", "gain covered", "median width"], [*rows, row("all", tests)]
    )


def row(kind: str, tests: list[Test]) -> list[str]:
    told = [test for test in tests if test.told]
    covered = [f"{100 * np.mean([getattr(t, key) for t in told]):.0f} %" if told else "-" for key in ("score", "gain")]
    width = f"{np.median([test.width for test in told]):.1f} points" if told else "-"
    return [kind, str(len(tests)), str(len(told)), *covered, width]


if __name__ == "__main__":
    main()
