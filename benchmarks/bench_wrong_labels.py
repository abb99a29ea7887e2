"""Does `nerbb check_dataset --with-experiment` find wrong labels? Noise at known places, and how high it is ranked.

5 % of the entities of train and val are spoilt: a third gets another class, a third is dropped, of a third a border
moves by one word. Folds are trained on the spoilt data, so that every sentence is judged by models that have not seen
it, and the suspects are ranked: by our score, by parts of it, and by cleanlab's token classification alone.

    .venv/bin/python benchmarks/bench_wrong_labels.py --out /tmp/wrong_labels
    .venv/bin/python benchmarks/bench_wrong_labels.py --out /tmp/wrong_labels --table     # of what is trained already
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
RATE, FOLDS, SEEDS, NOISE_SEED = 0.05, 3, (43,), 7
Place = tuple[int, int]  # sentence, word


@dataclass(frozen=True, slots=True)
class Setting:
    """A data set, as far as it is used, and how long models are trained."""

    data: str
    sentences: int
    epochs: int
    batch_size: int = 16


# few sentences of wnut17 have an entity: with 16 of them to a step, nothing is found (val F1 0 after seven epochs)
SETTINGS = (Setting("crossner_politics", 300, 4), Setting("wnut17", 800, 8, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=Path, default=ROOT.parent / "shared/datasets")
    parser.add_argument("--out", type=Path, required=True, help="what models say; what is there is kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--table", action="store_true", help="train nothing")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if not args.table:
        for seed in args.seeds:
            for setting in SETTINGS:
                train(setting, seed, args.datasets, args.out)
    print(table(args.datasets, args.out))


def spoilt(corpus: Any) -> tuple[Any, list[set[Place]]]:
    """The corpus with noise in train and val, and the words whose tags were changed, a set for each spoilt entity."""
    from nerbb_ray.ner.tags import entities

    rng = random.Random(NOISE_SEED)
    whole = [list(sentence.tags) for sentence in (*corpus.train, *corpus.val)]
    found = [(n, entity) for n, tags in enumerate(whole) for entity in entities(tags, corpus.scheme)]
    places = []
    for kind, (number, entity) in enumerate(rng.sample(found, round(RATE * len(found)))):
        tags, before = whole[number], list(whole[number])
        _spoil(tags, entity, ("class", "dropped", "border")[kind % 3], corpus.classes, rng)
        places.append({(number, word) for word in range(len(tags)) if tags[word] != before[word]})
    sentences = [
        replace(sentence, tags=tuple(tags)) for sentence, tags in zip((*corpus.train, *corpus.val), whole, strict=True)
    ]
    size = len(corpus.train)
    return replace(corpus, train=tuple(sentences[:size]), val=tuple(sentences[size:])), places


def _spoil(tags: list[str], entity: Any, kind: str, classes: Sequence[str], rng: random.Random) -> None:
    """In place, in bio."""
    label, start, end = entity
    if kind == "class":
        label = rng.choice([other for other in classes if other != label])
    if kind == "border":
        longer = end < len(tags) and tags[end] == "O"
        if end - start > 1 and (rng.random() < 0.5 or not longer):
            start, end = (start + 1, end) if rng.random() < 0.5 else (start, end - 1)
        elif longer:
            end += 1
        else:  # no room: it is dropped instead
            kind = "dropped"
    tags[entity.start : entity.end] = ["O"] * (entity.end - entity.start)
    if kind != "dropped":
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]


def noisy(setting: Setting, datasets: Path) -> tuple[Any, list[set[Place]]]:
    from nerbb_ray.data.corpus import find_corpus

    corpus = find_corpus(setting.data, None, datasets, ask_hub=False, scheme="bio")
    val = corpus.val[: max(0, setting.sentences - len(corpus.train))]
    used = replace(corpus, train=corpus.train[: setting.sentences], val=val, test=corpus.test[:50], documents=())
    return spoilt(used)


def train(setting: Setting, seed: int, datasets: Path, out: Path) -> None:
    """All folds of a seed; what they say goes into files."""
    import shutil

    import torch

    from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
    from nerbb_ray.config.trials import TrialSpec
    from nerbb_ray.results.log_probs import FILE
    from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
    from nerbb_ray.training.loop import train_trial
    from nerbb_ray.training.sources import find_model
    from nerbb_ray.training.tokenizer import load_tokenizer
    from nerbb_ray.training.worker import TrialContext

    source = find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd())
    dataset = DatasetParams(dataset_name=setting.data, folds=FOLDS)
    hparams = HParams(
        batch_size=setting.batch_size,
        max_epochs=setting.epochs,
        lr_max=5e-4,
        lr_warmup_epochs=1,
        early_stopping=False,
        lr_schedule="linear",
    )
    with tempfile.TemporaryDirectory() as scratch:
        corpus, _ = noisy(setting, datasets)
        whole = load_encoded(encode_once(corpus, load_tokenizer(source), 128, Path(scratch)))
        for fold in dataset.fold_numbers:
            kept, folder = out / f"{setting.data}-{seed}-fold{fold}.npz", Path(scratch) / "model"
            if kept.exists():
                continue
            about = {"dataset": dataset, "model": ModelParams(pretrained_model_name=MODEL), "hparams": hparams}
            trial = TrialSpec(run="runA", seed=seed, settings=Settings(), fold=fold, **about)
            ctx = TrialContext(
                report=lambda report: print(
                    f"{setting.data} {report['seed']} fold {report['fold']} epoch {report['epoch']} "
                    f"{report['elapsed_s']:.0f} s val F1 {report['val/entity/micro/f1']:.3f}",
                    file=sys.stderr,
                    flush=True,
                ),
                device=torch.device("cpu"),
                threads=1,
                checkpoint_dir=folder,
            )
            train_trial(trial, whole.used(dataset, fold), source, ctx)
            shutil.move(folder / FILE, kept)
            shutil.rmtree(folder)


def said_of(setting: Setting, out: Path) -> dict[Any, Any]:
    """By seed, of all sentences."""
    from nerbb_ray.results.log_probs import LogProbs
    from nerbb_ray.results.out_of_fold import on_the_same_words

    files = sorted(out.glob(f"{setting.data}-*.npz"))
    said = {path.stem.removeprefix(f"{setting.data}-"): LogProbs.load(path) for path in files}
    return on_the_same_words(said, "val") if said else {}


Ranking = list[set[Place]]


def rankings(corpus: Any, said: dict[Any, Any]) -> Iterator[tuple[str, Ranking]]:
    """(name, the words of every suspect, the most suspicious first)."""
    from nerbb_ray.mistakes.suspects import Part, find_suspects
    from nerbb_ray.ner.ensemble import mean_log_probs
    from nerbb_ray.ner.tags import entities
    from nerbb_ray.results.ensembles import decoder_of

    sentences = (*corpus.train, *corpus.val)
    part = Part(said, "val", decoder_of(list(said.values())), sentences, [("train", n) for n in range(len(sentences))])
    gold = [(sentence.tokens, list(entities(sentence.tags, corpus.scheme))) for sentence in sentences]
    found = find_suspects([part], gold)
    yield "ours", [places_of(one) for one in found]
    yield "models only", [places_of(one) for one in find_suspects([part], [])]
    yield "confidence only", [places_of(one) for one in sorted(found, key=lambda one: -one.confidence)]
    first = next(iter(said.values()))
    mean = mean_log_probs([one.splits["val"].log_probs for one in said.values()])
    yield "cleanlab", list(by_cleanlab(mean, first.splits["val"].gold, first.splits["val"].starts))


def places_of(one: Any) -> set[Place]:
    """The words of a suspect that differ between gold and prediction; all of both entities."""
    pair = (one.mistake.gold, one.mistake.predicted)
    return {(one.number, word) for entity in pair if entity for word in range(entity.start, entity.end)}


def by_cleanlab(log_probs: Any, gold: Any, starts: Any) -> Iterator[set[Place]]:
    """cleanlab's label issues; words beside each other are one suspect, with the rank of its first word."""
    from cleanlab.token_classification.filter import find_label_issues

    probabilities = np.exp(np.asarray(log_probs, np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    cuts = starts[1:-1]
    labels = [list(map(int, part)) for part in np.split(gold, cuts)]
    issues = find_label_issues(labels, np.split(probabilities, cuts))
    flagged, listed = set(issues), set()
    for sentence, word in issues:
        if (sentence, word) in listed:
            continue
        run = {(sentence, word)}
        for step in (-1, 1):
            at = word + step
            while (sentence, at) in flagged:
                run.add((sentence, at))
                at += step
        listed |= run
        yield run


def table(datasets: Path, out: Path) -> str:
    rows = []
    for setting in SETTINGS:
        said = said_of(setting, out)
        if not said:
            continue
        corpus, places = noisy(setting, datasets)
        for name, ranking in rankings(corpus, said):
            rows.append([setting.data, str(len(said)), name, str(len(ranking)), *quality(ranking, places)])
        rows.append([setting.data, "", "chance", "", *chance(corpus, len(places))])
    n = "n wrong"
    heads = ["data", "seeds", "ranked by", "suspects", "P at 20", "P at 50", f"P at {n}", f"recall at {n}"]
    heads += [f"recall at 2 x {n}", "recall of all"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])


def quality(ranking: Ranking, places: list[set[Place]]) -> list[str]:
    """Precision and recall; a suspect is right if it has a word whose tag was changed."""
    wrong = set().union(*places)
    right = [bool(words & wrong) for words in ranking]

    def precision(k: int) -> str:
        return f"{sum(right[:k]) / k:.2f}"

    def recall(k: int) -> str:
        seen = set().union(*ranking[:k])
        return f"{sum(bool(place & seen) for place in places) / len(places):.2f}"

    n = len(places)
    return [precision(20), precision(50), precision(n), recall(n), recall(2 * n), recall(len(ranking))]


def chance(corpus: Any, n: int) -> list[str]:
    """Entities drawn at random; those that were dropped cannot be drawn, the precision is that of the others."""
    from nerbb_ray.ner.tags import entities

    total = sum(len(list(entities(s.tags, corpus.scheme))) for s in (*corpus.train, *corpus.val))
    share = 2 / 3 * n / total
    return [f"{share:.2f}"] * 4 + [f"{2 * share:.2f}", ""]


if __name__ == "__main__":
    main()
