"""F1 against the number of training sentences, recorded: what bench_learning_curve.py and a test extrapolate.

    python benchmarks/record_learning_curves.py --out benchmarks/learning_curves.json
    python benchmarks/record_learning_curves.py --out OUT.json --tune --draws 1 --seconds 600
    python benchmarks/record_learning_curves.py --out OUT.json --draws 1 --seeds 1 --largest 71     # works at all?

Per corpus, way, draw (an order of the training sentences, of which the first n are used; draw 0 is that of the file)
and size: test entity micro F1 of every seed. The way is `frozen` (frozen_encoder.py) or, with --tune, `tuned`: the
whole MiniLM is fine-tuned. What the file has is not trained again.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_trial import MODEL, ROOT
from frozen_encoder import LARGE, entity_f1, log_probs, train_head, words_of

SIZES = (50, 71, 100, 141, 200, 283, 400, 566, 800, 1131, 1600)
FROZEN = {"crossner_politics": (25, 35, *SIZES), "wnut17": SIZES, "swedish_ner_corpus": SIZES}
CORPORA = tuple(FROZEN)
TUNED = {
    "crossner_politics": (50, 71, 100, 141, 200),
    "wnut17": (141, 200, 283, 400),
    "swedish_ner_corpus": (141, 200, 283, 400),
}
TEST = {"frozen": 600, "tuned": 400}  # sentences
HPARAMS = {
    "lr_max": 1e-3,
    "batch_size": 8,
    "max_epochs": 10,
    "early_stopping": False,
    "lr_schedule": "linear",
    "lr_warmup_epochs": 1,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one number stands."""

    corpus: str
    way: str
    draw: int
    size: int
    seed: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="JSON file; goes on with what it has")
    add("--datasets", type=Path, default=ROOT.parent / "shared/datasets", help="folder of the data sets")
    add("--tune", action="store_true", help="fine-tune all of the model")
    add("--draws", type=int, default=1, help="orders of the training sentences (1)")
    add("--seeds", type=int, default=3, help="of every size (3)")
    add("--largest", type=int, default=10**6, help="no larger sizes")
    add("--seconds", type=float, default=float("inf"), help="of CPU, after which no further training begins")
    args = parser.parse_args()
    curves = json.loads(args.out.read_text()) if args.out.exists() else {}
    way = "tuned" if args.tune else "frozen"
    corpora: dict[str, Any] = {}
    for place in places(way, args.draws, args.seeds, args.largest):
        curve = curves
        for key in (place.corpus, place.way, str(place.draw), str(place.size)):
            curve = curve.setdefault(key, {})
        if str(place.seed) in curve or time.process_time() > args.seconds:
            continue
        if place.corpus not in corpora:
            corpora[place.corpus] = (Tuned if args.tune else Frozen)(place.corpus, args.datasets, args.draws)
        corpus = corpora[place.corpus]
        if place.size <= corpus.size:
            begun = time.process_time()
            curve[str(place.seed)] = round(corpus.f1(place), 4)
            print(place, curve[str(place.seed)], f"{time.process_time() - begun:.0f} s", file=sys.stderr, flush=True)
            args.out.write_text(json.dumps(curves, separators=(",", ":")) + "\n")


def places(way: str, draws: int, seeds: int, largest: int) -> Iterator[Place]:
    """Whole curves first."""
    for draw in range(draws):
        for corpus in CORPORA:
            sizes = (TUNED if way == "tuned" else FROZEN)[corpus]
            for seed in range(43, 43 + seeds):
                yield from (Place(corpus, way, draw, size, seed) for size in sizes if size <= largest)


def order(number: int, draw: int) -> list[int]:
    """Of the training sentences."""
    numbers = list(range(number))
    if draw:
        random.Random(draw).shuffle(numbers)
    return numbers


def read_corpus(name: str, datasets: Path, test: int) -> Any:
    from nerbb_ray.data.corpus import find_corpus

    corpus = find_corpus(name, None, datasets, ask_hub=False)
    return replace(corpus, val=corpus.val[:1], test=corpus.test[:test])


class Frozen:
    """A corpus as its frozen encoder sees it."""

    def __init__(self, name: str, datasets: Path, draws: int) -> None:
        self.corpus = read_corpus(name, datasets, TEST["frozen"])
        self.size = len(self.corpus.train)
        # the first of every draw are enough
        chosen = sorted({k for draw in range(draws) for k in order(self.size, draw)[: SIZES[-1]]})
        self.place = {k: number for number, k in enumerate(chosen)}
        self.train = words_of([self.corpus.train[k] for k in chosen], self.corpus.tags, LARGE)
        self.test = words_of(self.corpus.test, self.corpus.tags, LARGE)

    def f1(self, place: Place) -> float:
        first = [self.place[k] for k in order(self.size, place.draw)[: place.size]]
        head = train_head(self.train.of(first), len(self.corpus.tags), place.seed, LARGE)
        return entity_f1(log_probs(head, self.test), self.test, self.corpus.tags, self.corpus.scheme)


class Tuned:
    """A corpus on which the whole model is fine-tuned."""

    def __init__(self, name: str, datasets: Path, _: int) -> None:
        self.corpus = read_corpus(name, datasets, TEST["tuned"])
        self.size = len(self.corpus.train)

    def f1(self, place: Place) -> float:
        first = [self.corpus.train[k] for k in order(self.size, place.draw)[: place.size]]
        session = make_session(replace(self.corpus, train=tuple(first)), place.seed)
        tune(session)
        return tuned_f1(session)


def make_session(corpus: Any, seed: int) -> Any:
    import tempfile

    import torch

    from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
    from nerbb_ray.config.trials import TrialSpec
    from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
    from nerbb_ray.training.sources import find_model
    from nerbb_ray.training.tokenizer import load_tokenizer
    from nerbb_ray.training.trial_setup import set_up
    from nerbb_ray.training.worker import TrialContext

    source = find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd())
    trial = TrialSpec(
        run="runA",
        seed=seed,
        dataset=DatasetParams(dataset_name=corpus.name),
        model=ModelParams(pretrained_model_name=MODEL),
        hparams=HParams(**HPARAMS),
        settings=Settings(decoding="constrained"),
    )
    with tempfile.TemporaryDirectory() as cache:
        data = load_encoded(encode_once(corpus, load_tokenizer(source), 128, Path(cache)))
    return set_up(trial, data, source, TrialContext(report=lambda _: None, device=torch.device("cpu"), threads=1))


def tune(session: Any) -> None:
    """All epochs of it, without validation."""
    from nerbb_ray.training.adaptive import advance, learning_rates, rule_of, start
    from nerbb_ray.training.epoch import train_epoch

    hparams = session.trial.hparams
    rule, steps = rule_of(hparams), session.data.steps_per_epoch(hparams.batch_size)
    state = start(rule)
    while state.reason is None:
        loss = train_epoch(session, state.epoch, learning_rates(state, hparams, steps))
        state = advance(state, loss, rule)


def tuned_f1(session: Any) -> float:
    from nerbb_ray.ner.metrics import count
    from nerbb_ray.training.evaluation import predict_words

    test, tags, scheme = session.data.test, session.data.tags, session.data.scheme
    said = predict_words(session, test).log_probs
    decoder, _ = session.decoders.choose(said, test.gold, test.sentence_starts)
    found = decoder.decode(said, test.sentence_starts)
    value = count(test.gold, found, test.sentence_starts, tags, scheme).scores("entity")["micro"].f1
    return 0.0 if value != value else float(value)


if __name__ == "__main__":
    main()
