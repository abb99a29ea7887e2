"""The annotation loop, simulated: random sentences against those that `nerbb annotate` would put first.

    python benchmarks/bench_annotation_loop.py --out RESULTS.json
    python benchmarks/bench_annotation_loop.py --out RESULTS.json --rounds 0       # the tables again
    python benchmarks/bench_annotation_loop.py --out RESULTS.json --seeds 1 --rounds 2       # does it work at all?

A seed draws the first sentences of a pool. In every round an ensemble is trained on what is annotated, measured on the
test data, and the next sentences get their gold tags: drawn by chance, those that the members disagree on most per
word, or those that are least like the others (both as nerbb_ray.annotation.choose orders them). The encoder is frozen
(frozen_encoder.py). What the file has is not simulated again.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from bench_trial import ROOT
from comparison import markdown
from frozen_encoder import SMALL, Words, entity_f1, log_probs, train_head, words_of

ROUNDS = (50, 100, 150, 200)  # sentences that are annotated
MEMBERS = 3
WAYS = ("random", "uncertain", "diverse")
CORPORA = ("crossner_politics", "wnut17")
POOL, TEST = 1000, 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="JSON file; goes on with what it has")
    add("--datasets", type=Path, default=ROOT.parent / "shared/datasets", help="folder of the data sets")
    add("--seeds", type=int, default=5, help="of every way (5)")
    add("--rounds", type=int, default=len(ROUNDS), help="of a loop (all)")
    add("--ways", nargs="+", choices=WAYS, default=WAYS, help="to choose (all)")
    add("--seconds", type=float, default=float("inf"), help="of CPU, after which no further loop begins")
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    for corpus in CORPORA if args.rounds else ():
        pool = None
        for seed in range(43, 43 + args.seeds):
            for way in args.ways:
                loops = found.setdefault(corpus, {}).setdefault(way, {})
                if str(seed) in loops or time.process_time() > args.seconds:
                    continue
                pool = pool or Pool(corpus, args.datasets)
                begun = time.process_time()
                loops[str(seed)] = pool.loop(way, seed, ROUNDS[: args.rounds])
                args.out.write_text(json.dumps(found, separators=(",", ":")) + "\n")
                print(corpus, way, seed, f"{time.process_time() - begun:.0f} CPU s", file=sys.stderr, flush=True)
    print(tables(found))


class Pool:
    """Sentences that could be annotated, and those on which is measured; val has no part in it and joins the pool."""

    def __init__(self, name: str, datasets: Path) -> None:
        from nerbb_ray.annotation.choose import shown
        from nerbb_ray.data.corpus import find_corpus

        self.corpus = find_corpus(name, None, datasets, ask_hub=False)
        self.sentences = [s for s in (*self.corpus.train, *self.corpus.val) if len(s.tokens) > 2][:POOL]
        self.texts = [shown(sentence) for sentence in self.sentences]
        self.words = words_of(self.sentences, self.corpus.tags, SMALL)
        self.test = words_of(self.corpus.test[:TEST], self.corpus.tags, SMALL)

    def loop(self, way: str, seed: int, rounds: Sequence[int]) -> list[dict[str, float]]:
        """What every round has reached."""
        order = list(range(len(self.sentences)))
        random.Random(seed).shuffle(order)
        annotated, found, heads = order[: rounds[0]], [], list[Any]()
        for number, size in enumerate(rounds):
            if number:
                annotated = annotated + self.choose(way, order, annotated, heads, size - len(annotated))
            words = self.words.of(annotated)
            heads = [train_head(words, len(self.corpus.tags), 100 * seed + member, SMALL) for member in range(MEMBERS)]
            f1 = entity_f1(mean_log_probs(heads, self.test), self.test, self.corpus.tags, self.corpus.scheme)
            entities = sum(tag.startswith("B-") for k in annotated for tag in self.sentences[k].tags)
            found.append({"sentences": size, "f1": round(f1, 4), "words": len(words.gold), "entities": entities})
        return found

    def choose(self, way: str, order: Sequence[int], annotated: Sequence[int], heads: Any, number: int) -> list[int]:
        from nerbb_ray.annotation.choose import ordered

        rest = sorted(set(order) - set(annotated), key=order.index)
        if way == "random":
            return rest[:number]
        data = replace(self.corpus, train=tuple(self.sentences[k] for k in annotated))
        guesses = self.guesses(heads, rest) if way == "uncertain" else ()
        places, _ = ordered([self.texts[k] for k in rest], data, way, number, guesses)  # type: ignore[arg-type]
        return [rest[place] for place in places]

    def guesses(self, heads: Any, rest: Sequence[int]) -> list[Any]:
        from nerbb_ray.annotation.guess import Guess
        from nerbb_ray.ner.uncertainty import disagreement, per_word

        words = self.words.of(rest)
        values = disagreement([np.exp(log_probs(head, words)) for head in heads])
        return [Guess((), 0.0, per_word(part)) for part in np.split(values, words.starts[1:-1])]


def mean_log_probs(heads: Any, words: Words) -> Any:
    from nerbb_ray.ner.ensemble import mean_log_probs

    return mean_log_probs([log_probs(head, words) for head in heads])


def tables(found: dict[str, Any]) -> str:
    return "\n\n".join(f"### {corpus}\n\n{table(ways)}" for corpus, ways in found.items())


def table(ways: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """F1 by sentences, and the differences to chance over the same seeds."""
    head = ["sentences", *(f"{way} (words)" for way in ways), *(f"{w} - random [95 %]" for w in ways if w != "random")]
    rounds = min(len(loop) for loops in ways.values() for loop in loops.values())
    rows = []
    for number in range(rounds):
        cells = [str(next(iter(ways["random"].values()))[number]["sentences"])]
        for loops in ways.values():
            scores = [100 * loop[number]["f1"] for loop in loops.values()]
            words = np.mean([loop[number]["words"] for loop in loops.values()])
            cells.append(
                f"{np.mean(scores):.1f} +- {np.std(scores, ddof=1) if len(scores) > 1 else 0:.1f} ({words:.0f})"
            )
        cells += [difference(loops, ways["random"], number) for way, loops in ways.items() if way != "random"]
        rows.append(cells)
    return markdown(head, rows)


def difference(one: dict[str, Any], other: dict[str, Any], number: int) -> str:
    """Mean over the seeds of the difference in points, with Student's interval: both began with the same sentences."""
    from scipy.special import stdtrit

    gains = np.array([100 * (one[s][number]["f1"] - other[s][number]["f1"]) for s in one if s in other])
    if len(gains) < 2:
        return "-"
    half = stdtrit(len(gains) - 1, 0.975) * gains.std(ddof=1) / np.sqrt(len(gains))
    return f"{gains.mean():+.1f} [{gains.mean() - half:+.1f}, {gains.mean() + half:+.1f}]"


if __name__ == "__main__":
    main()
