"""What the tests of a verdict are worth: false "better", power, and the coverage of intervals.

    python benchmarks/bench_verdict.py [--draws 1000] [--runs ../shared/golden/bert_runs.json]

False "better": equal runs are simulated or drawn from 50 seeds of one recipe; counted is how often the run with the
highest mean is called better than one that is as good, at 5 % after Holm's correction over all pairs. Power: runs that
are not equal, and how many of their pairs are told apart. Coverage: how often a 95 % interval has the truth in it.

`racing_curves.json`: six runs of this program on each of two data sets, 8 seeds each. `bert_runs.json`: three recipes
x four tasks x 50 seeds of BERT-large that nobody here chose (arXiv:2006.05987). Without it its tables are left out.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.notes import smallest_difference
from nerbb_ray.verdict.pairs import paired_by_seed, unpaired
from nerbb_ray.verdict.sentences import over_sentences
from nerbb_ray.verdict.significance import ALPHA, almost_stochastic_order, holm

HERE = Path(__file__).parent
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
RECIPES, TASKS = ("not_debiased", "standard_debiased", "reinit_debiased"), ("CoLA", "MRPC", "RTE", "STS-B")


def paired(values: Floats) -> Sequence[float]:
    """p of all pairs of runs. *Shape:* (runs, seeds) -> (pairs,)"""
    return [float(p) for p in paired_by_seed(list(values)).p]


def welch(values: Floats) -> Sequence[float]:
    """As scipy has it; of values that do not vary, nothing is known."""
    first, second = np.array(list(combinations(range(len(values)), 2))).T
    with np.errstate(invalid="ignore", divide="ignore"):
        p = stats.ttest_ind(values[first], values[second], axis=1, equal_var=False).pvalue
    return [float(one) for one in np.nan_to_num(p, nan=1.0)]


def moderated(values: Floats) -> Sequence[float]:
    """As the verdict has it."""
    return [float(p) for p in unpaired(list(values)).p]


TESTS = {"paired t": paired, "Welch": welch, "the verdict's": moderated}


def told_apart(values: Floats, test: Callable[[Floats], Sequence[float]]) -> NDArray[np.bool_]:
    """Of every pair, whether its p is below 5 % after Holm's correction. *Shape:* (pairs,)"""
    return np.array(holm(list(test(values)))) < ALPHA


def says_wrongly(values: Floats, worse: Sequence[int], test: Callable[[Floats], Sequence[float]]) -> bool:
    """Whether the best run is called better than one that is as good, or better.

    Args:
        worse: the runs that are worse than the others in truth; all others are equal.
    """
    best = int(values.mean(axis=1).argmax())
    pairs = combinations(range(len(values)), 2)
    apart = [pair for found, pair in zip(told_apart(values, test), pairs, strict=True) if found and best in pair]
    return any(best in worse or not set(pair) & set(worse) for pair in apart)


def normal(*sds: float) -> Draw:
    return lambda random, n: 0.7 + 0.01 * np.array(sds)[:, None] * random.standard_normal((len(sds), n))


def log_normal_sds(random: np.random.Generator, n: int) -> Floats:
    return 0.7 + 0.01 * np.exp(0.7 * random.standard_normal((6, 1))) * random.standard_normal((6, n))


def heavy_tails(random: np.random.Generator, n: int) -> Floats:
    return 0.7 + 0.01 * random.standard_t(3, (6, n))


def one_failing(share: float) -> Draw:
    """The first run is as good as the others where it does not fail."""

    def draw(random: np.random.Generator, n: int) -> Floats:
        values = normal(*[1.0] * 6)(random, n)
        values[0, random.random(n) < share] = 0.0
        return values

    return draw


def of_one_recipe(groups: Mapping[str, Floats], recipes: Sequence[str], runs: int = 6) -> Draw:
    """Seeds of one recipe, shared out to runs. With replacement, as from a recipe with endless seeds."""
    known = [values for name, values in groups.items() if name.startswith(tuple(recipes))]
    return lambda random, n: random.choice(known[random.integers(len(known))], (runs, n))


def null_calibration(groups: Mapping[str, Floats], draws: int) -> None:
    cases: dict[str, Draw] = {
        "6 runs, equal variances": normal(*[1.0] * 6),
        "20 runs, equal variances": normal(*[1.0] * 20),
        "one of 6 runs 5 times as noisy": normal(5, *[1.0] * 5),
        "one of 6 runs a fifth as noisy": normal(0.2, *[1.0] * 5),
        "6 runs, sds log-normal (0.7)": log_normal_sds,
        "6 runs, t with 3 degrees of freedom": heavy_tails,
        "one of 6 runs fails in a fifth of its seeds": one_failing(0.2),
        "one of 6 runs fails in half of its seeds": one_failing(0.5),
        "one of 6 runs always fails": one_failing(1.0),
    }
    if groups:
        cases["bert_runs: seeds of a steady recipe"] = of_one_recipe(groups, RECIPES[1:])
        cases["bert_runs: seeds of a recipe that often fails"] = of_one_recipe(groups, RECIPES[:1])
    print_head("equal runs called different, %", "seeds", *TESTS)
    for case, draw in cases.items():
        for n in (2, 3, 5, 8):
            random = np.random.default_rng(n)
            worse = [0] if "fails" in case and "one of" in case else []
            tables = (draw(random, n) for _ in range(draws))
            found = [[says_wrongly(values, worse, test) for test in TESTS.values()] for values in tables]
            print_row(case, n, *(f"{100 * share:.1f}" for share in np.mean(found, axis=0)))


def power(groups: Mapping[str, Floats], draws: int) -> None:
    recorded = json.loads((HERE / "racing_curves.json").read_text())
    tables = {
        name: np.array([[seed["value"] for seed in seeds.values()] for seeds in runs.values()])
        for name, runs in recorded.items()
    }
    for task in TASKS if groups else ():
        tables[f"bert_runs {task}"] = np.stack([groups[f"{recipe}/{task}"] for recipe in RECIPES])
    print_head("pairs told apart", "pairs", "correlation over seeds", "seeds", *TESTS)
    for name, table in tables.items():
        runs, seeds = table.shape
        r = np.mean([np.corrcoef(table[i], table[j])[0, 1] for i, j in combinations(range(runs), 2)])
        for n in (3, 5, 8):
            random = np.random.default_rng(n)
            chosen = [table[:, random.permutation(seeds)[:n]] for _ in range(min(draws, 400))]
            found = [np.mean([told_apart(one, test).sum() for one in chosen]) for test in TESTS.values()]
            print_row(name, runs * (runs - 1) // 2, f"{r:.2f}", n, *(f"{one:.1f}" for one in found))


def bootstrap(values: Floats, random: np.random.Generator) -> tuple[float, float]:
    low, high = np.quantile(random.choice(values, (400, len(values))).mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def student(values: Floats) -> tuple[float, float]:
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def coverage(groups: Mapping[str, Floats], draws: int) -> None:
    """Where there is an interval: values that are all the same have none."""
    random = np.random.default_rng(4)
    steady, failing = 0.6 + 0.02 * random.standard_normal(4000), 0.6 + 0.02 * random.standard_normal(4000)
    high, failing[:800] = np.clip(1 - 0.02 * np.abs(random.standard_normal(4000)), 0, 1), 0.0
    sources = {"simulated, normal": [steady], "simulated, close to 1": [high], "simulated, a fifth is 0": [failing]}
    if groups:
        sources["bert_runs: steady recipes"] = [v for name, v in groups.items() if not name.startswith(RECIPES[0])]
        sources["bert_runs: the recipe that often fails"] = [v for k, v in groups.items() if k.startswith(RECIPES[0])]
    print_head("the true mean is in the 95 % interval, %", "seeds", "t on the logit scale", "Student's t", "bootstrap")
    for name, known in sources.items():
        for n in (3, 5, 10):
            found = [covered(population, random.choice(population, n), random) for population in known * (draws // 2)]
            defined = np.array([one for one in found if one is not None])
            print_row(name, n, *(f"{100 * share:.1f}" for share in defined.mean(axis=0)))


def covered(population: Floats, values: Floats, random: np.random.Generator) -> list[bool] | None:
    logit = SeedMean.of(values).ci95
    if logit is None:
        return None
    truth = population.mean()
    return [low <= truth <= high for low, high in (logit, student(values), bootstrap(values, random))]


def stochastic_order(draws: int) -> None:
    print_head("runs with equal distributions: ASO below 0.5, %", "either first", "the better mean first")
    for n in (3, 5, 8):
        random = np.random.default_rng(n)
        pairs = random.standard_normal((draws, 2, n))
        first = np.array([almost_stochastic_order(a, b) < 0.5 for a, b in pairs])
        ordered = (sorted(pair, key=lambda values: -values.mean()) for pair in pairs)
        best = np.array([almost_stochastic_order(a, b) < 0.5 for a, b in ordered])
        print_row(f"{n} seeds", *(f"{100 * found.mean():.0f}" for found in (first, best)))


def smallest_differences(folder: Path) -> None:
    """The rule of thumb for the smallest difference that a test split shows, against the bootstrap over sentences."""
    gold = tags_of(folder / "original" / "emerging.test.annotated")
    files = [file for file in sorted((folder / "submissions").iterdir()) if len(tags_of(file)) == len(gold)]
    counts = {file.name: entity_counts(gold, tags_of(file)) for file in files}
    entities = int(sum(len(entities_of(sentence)) for sentence in gold))
    ratios = []
    for first, second in combinations(counts.values(), 2):
        sums = [one.sum(axis=0) for one in (first, second)]
        f1 = float(np.mean([2 * tp / (2 * tp + fp + fn) for tp, fp, fn in sums]))
        ratios.append(
            over_sentences(first[None], second[None], draws=1000).smallest / smallest_difference(f1, entities)
        )
    print(f"\nsmallest difference on wnut17's test split: {entities} entities; bootstrap over sentences, ", end="")
    print(f"{len(ratios)} pairs of systems: {min(ratios):.2f} to {max(ratios):.2f} times the rule of thumb")


def tags_of(path: Path) -> list[list[str]]:
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [tags for block in blocks if (tags := [line.split()[-1] for line in block.splitlines() if line.strip()])]


def entities_of(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    from seqeval.metrics.sequence_labeling import get_entities

    return {(begin, end, kind) for kind, begin, end in get_entities(list(tags))}


def entity_counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    sides = [(entities_of(a), entities_of(b)) for a, b in zip(gold, predicted, strict=True)]
    return np.array([(len(a & b), len(b - a), len(a - b)) for a, b in sides])


def read_groups(path: Path) -> dict[str, Floats]:
    """Recipe/task -> the best value on the validation data of each of 50 seeds."""
    if not path.exists():
        print(f"without {path}, which is not there", file=sys.stderr)
        return {}
    found = {}
    for name, seeds in json.loads(path.read_text()).items():
        if name.startswith(RECIPES):
            logs = [files["raw_log.txt"] for files in seeds.values()]
            column = next(k for k, head in enumerate(logs[0][0]) if head.startswith("best_val"))
            found[name] = np.array([rows[-1][column] for _, rows in logs])
    return found


def print_head(*cells: str) -> None:
    print(f"\n| {' | '.join(cells)} |\n|{'---|' * len(cells)}", flush=True)


def print_row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = HERE.parent.parent / "shared"
    parser.add_argument("--draws", type=int, default=1000, help="simulated experiments per row (1000)")
    parser.add_argument("--runs", type=Path, default=shared / "golden" / "bert_runs.json")
    parser.add_argument("--wnut", type=Path, default=shared / "datasets" / "wnut17")
    args = parser.parse_args()
    groups = read_groups(args.runs)
    null_calibration(groups, args.draws)
    power(groups, args.draws)
    coverage(groups, args.draws)
    stochastic_order(args.draws)
    if args.wnut.exists():
        smallest_differences(args.wnut)


if __name__ == "__main__":
    main()
