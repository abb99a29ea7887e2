"""How much of a score is luck of the split, and how much luck of the seed: k-fold cross-validation of three corpora.

    python benchmarks/bench_splits.py --out RESULTS.json
    python benchmarks/bench_splits.py --out RESULTS.json --seeds 0      # the table again
    python benchmarks/bench_splits.py --out RESULTS.json --seeds 1 --sentences 100      # does it work at all?

The sentences of train and val are cut into folds as an experiment with `folds` cuts them; another cutting, without
stratification, is beside it. Each fold and seed trains a head on a frozen encoder (frozen_encoder.py), which is
measured on its fold and on the test split. The standard deviations are those of the product (SeedMean.folds). What the
file has is not trained again.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_trial import ROOT
from comparison import markdown
from frozen_encoder import LARGE, entity_f1, log_probs, train_head, words_of

CORPORA = ("crossner_politics", "wnut17", "swedish_ner_corpus")
FOLDS, SPLIT_SEED, TEST = 5, 42, 600
WAYS = ("stratified", "random")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="JSON file; goes on with what it has")
    add("--datasets", type=Path, default=ROOT.parent / "shared/datasets", help="folder of the data sets")
    add("--seeds", type=int, default=5, help="of every fold (5)")
    add("--sentences", type=int, default=1000, help="of train and val (1000)")
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    for corpus in CORPORA if args.seeds else ():
        pool = None
        for way in WAYS:
            for fold in range(FOLDS):
                for seed in range(43, 43 + args.seeds):
                    scores = found.setdefault(corpus, {}).setdefault(way, {})
                    if f"{seed}-fold{fold + 1}" in scores:
                        continue
                    pool = pool or Pool(corpus, args.datasets, args.sentences)
                    begun = time.process_time()
                    scores[f"{seed}-fold{fold + 1}"] = pool.scores(way, fold, seed)
                    args.out.write_text(json.dumps(found, separators=(",", ":")) + "\n")
                    spent = f"{time.process_time() - begun:.0f} CPU s"
                    print(corpus, way, fold, seed, scores[f"{seed}-fold{fold + 1}"], spent, file=sys.stderr, flush=True)
    print(table(found))


class Pool:
    """Train and val of a corpus, in folds, and its test split."""

    def __init__(self, name: str, datasets: Path, sentences: int) -> None:
        from nerbb_ray.data.corpus import find_corpus
        from nerbb_ray.data.folds import assign_folds
        from nerbb_ray.ner.tags import entities

        self.corpus = corpus = find_corpus(name, None, datasets, ask_hub=False)
        whole = [*corpus.train, *corpus.val][:sentences]
        self.words, self.test = (words_of(part, corpus.tags, LARGE) for part in (whole, corpus.test[:TEST]))
        counts = np.zeros((len(whole), len(corpus.classes)), np.int64)
        for number, sentence in enumerate(whole):
            for entity in entities(sentence.tags, corpus.scheme):
                counts[number, corpus.classes.index(entity.label)] += 1
        by_chance = np.random.default_rng(SPLIT_SEED).permutation(len(whole)) % FOLDS
        alone = np.arange(len(whole))
        self.folds = {"stratified": assign_folds(counts, alone, FOLDS, SPLIT_SEED), "random": by_chance}

    def scores(self, way: str, fold: int, seed: int) -> dict[str, float]:
        """Entity micro F1 on the fold and on the test split."""
        folds, tags, scheme = self.folds[way], self.corpus.tags, self.corpus.scheme
        train, val = (self.words.of(np.flatnonzero(chosen)) for chosen in (folds != fold, folds == fold))
        head = train_head(train, len(tags), seed, LARGE)
        parts = {"val": val, "test": self.test}
        return {
            split: round(entity_f1(log_probs(head, words), words, tags, scheme), 4) for split, words in parts.items()
        }


def table(found: dict[str, Any]) -> str:
    """In points of F1."""
    from nerbb_ray.results.fold_spread import FoldSpread

    rows = []
    for corpus, ways in found.items():
        for way, scores in ways.items():
            folds = [int(name.partition("-fold")[2]) for name in scores]
            cells = [corpus, way, str(len(scores))]
            for split in ("val", "test"):
                values = [100 * one[split] for one in scores.values()]
                spread = FoldSpread.of(values, folds)
                cells += [f"{np.mean(values):.1f}", f"{spread.sd_folds:.2f}", f"{spread.sd_seeds:.2f}"]
            rows.append(cells)
    each = [f"{split} {what}" for split in ("val", "test") for what in ("F1", "sd over folds", "sd over seeds")]
    return markdown(["corpus", "folds", "trainings", *each], rows)


if __name__ == "__main__":
    main()
