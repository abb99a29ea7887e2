"""Does a model find in running text what it finds in words that are given? Words of three corpora, and Chinese.

    python benchmarks/bench_raw_text.py [--data ../shared/datasets] [--store FOLDER] [--only wnut17] [--no-models]

Needs sacremoses (pip install "nerbb_ray[dev]"). The words of each test split are put together to running text by the
detokeniser of Moses, which knows nothing of ours. First the share of words that each way of cutting text finds as they
are; then, with one MiniLM per corpus, entity micro F1 on the words as they are given, on the text as the model cuts it,
and on the text as version 0.3.0 cut it. Targets: 0.5 points at most between the first two; for Chinese, none. Tags that
break the scheme (I- without B-) are entities to a prediction and none to a strict evaluation: both numbers are shown.

About 25 minutes on two quiet CPUs. Models that are in --store are used again.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

LANGUAGES = {"crossner_politics": "en", "wnut17": "en", "swedish_ner_corpus": "sv"}
EPOCHS = {"crossner_politics": 30, "wnut17": 5, "swedish_ner_corpus": 4, "chinese": 15}
PART = {"swedish_ner_corpus": 0.3}  # of the training sentences
CHINESE = "chinese"
SENTENCES = 120
MODEL = "sentence-transformers/all-MiniLM-L6-v2"

Entity = tuple[int, int, str]


def moses_text(words: Sequence[str], detokenizer) -> tuple[str, list[tuple[int, int]]]:
    """Running text, and where each word is in it."""
    text, position, places = detokenizer.detokenize(list(words), unescape=False), 0, []
    for word in words:
        start = text.index(word, position)
        if text[position:start].strip():
            raise ValueError(f"the detokeniser has changed words: {words} became {text!r}")
        position = start + len(word)
        places.append((start, position))
    return text, places


def chinese_rows() -> Iterator[dict]:
    """Sentences with their entities, in the form of doccano."""
    chance = random.Random(7)
    people = ["王小明", "李文", "张大山", "王文山", "李小山", "张明"]
    places = ["北京", "上海", "南京", "中山", "天水", "大山子"]
    organisations = ["北京大学", "上海日報社", "南京公司", "中山大学", "明天公司"]
    forms = [
        "{PER}在{LOC}工作。",
        "{PER}去了{ORG}",
        "{ORG}在{LOC}。",
        "今天{PER}和{PER}在{ORG}",
        "我在{LOC}見{PER}",
    ]
    names = {"PER": people, "LOC": places, "ORG": organisations}
    for _ in range(SENTENCES):
        text, marks, form = "", [], chance.choice(forms)
        while form:
            before, _, rest = form.partition("{")
            label, _, form = rest.partition("}")
            text += before
            if label:
                name = chance.choice(names[label])
                marks.append([len(text), len(text) + len(name), label])
                text += name
        yield {"text": text, "label": marks}


def test_texts(corpus, language: str) -> list[tuple[str, list[tuple[int, int]]]]:
    """The test split as running text: its own text, or that of Moses."""
    from sacremoses import MosesDetokenizer

    detokenizer = MosesDetokenizer(lang=language)
    return [(s.text, list(s.spans)) if s.text is not None else moses_text(s.tokens, detokenizer) for s in corpus.test]


def show_coverage(corpus, laid) -> None:
    from nerbb_ray.data.choose_splitting import Laid, coverage
    from nerbb_ray.data.words_of_text import FORMER, SPLITTINGS, WordSplitting

    chosen = corpus.word_splitting()
    texts = [Laid(text, places) for text, places in laid]
    shares = {name: coverage(WordSplitting(name), texts) for name in (FORMER, *SPLITTINGS)}
    print("  words found:", ", ".join(f"{name} {100 * share:.2f} %" for name, share in shares.items()))
    print(f"  chosen: {chosen}: {100 * coverage(chosen, texts):.2f} %", flush=True)


def gold_entities(corpus, laid) -> list[set[Entity]]:
    from nerbb_ray.ner.tags import entities

    return [
        {(places[first][0], places[end - 1][1], label) for label, first, end in entities(s.tags, corpus.scheme)}
        for s, (_, places) in zip(corpus.test, laid, strict=True)
    ]


def f1(gold: Sequence[set[Entity]], found: Sequence[set[Entity]]) -> float:
    right = sum(len(a & b) for a, b in zip(gold, found, strict=True))
    return 2 * right / (sum(map(len, gold)) + sum(map(len, found)))


def entities_in_file(model, texts: Sequence[str], folder: Path) -> list[set[Entity]]:
    source, target = folder / "texts.jsonl", folder / "found.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    model.predict_on_file(source, target, quiet=True)
    rows = map(json.loads, target.read_text(encoding="utf-8").splitlines())
    return [{(e["char_start"], e["char_end"], e["tag"]) for e in row["tags"]} for row in rows]


def trained(name: str):
    from nerbb_ray import Experiment
    from nerbb_ray.errors import NerbbError
    from nerbb_ray.model import Model

    settings = {"early_stopping": False, "lr_schedule": "linear", "lr_max": 5e-4, "multiple_runs": 1}
    settings |= {"precision": "fp32", "prune_ratio_train": PART.get(name, 1.0)}
    try:
        return Model.from_experiment(name)
    except NerbbError:
        experiment = Experiment(name, model=MODEL, dataset=name, max_epochs=EPOCHS[name], **settings)
        experiment.run(quiet=True, max_concurrent_trials=1, cpus_per_worker=1)
    return Model.from_experiment(name)


def show_scores(name: str, corpus, laid) -> None:
    from nerbb_ray.data.words_of_text import FORMER, WordSplitting
    from nerbb_ray.model import Model

    model = trained(name)
    metrics = model.evaluate_on_dataset(name)
    strict, words = metrics["test/entity/micro/f1"], metrics["test/entity/micro/f1_lenient"]
    gold, texts = gold_entities(corpus, laid), [text for text, _ in laid]
    former = Model(replace(model._tagger, splitting=WordSplitting(FORMER)), model._store)
    with tempfile.TemporaryDirectory() as folder:
        own, old = (f1(gold, entities_in_file(m, texts, Path(folder))) for m in (model, former))
    print(f"  entity F1 of text: {100 * own:.2f}, as 0.3.0 cut it {100 * old:.2f}")
    print(f"  entity F1 of words: {100 * words:.2f} read as predictions are, {100 * strict:.2f} read strictly")
    print(f"  text - words: {100 * (own - words):+.2f} points, {100 * (own - strict):+.2f} strictly", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/datasets"))
    parser.add_argument("--store", type=Path, help="with models of an earlier call")
    parser.add_argument("--only", choices=(*LANGUAGES, CHINESE), action="append")
    parser.add_argument("--no-models", action="store_true", help="only the share of words")
    args = parser.parse_args()
    from nerbb_ray import Dataset, Store

    with tempfile.TemporaryDirectory() as scratch:
        Store.set_path(args.store or Path(scratch) / "store")
        Store.create()
        for name in args.only or (*LANGUAGES, CHINESE):
            source = args.data.resolve() / name
            if name == CHINESE:
                source = Path(scratch) / "chinese.jsonl"
                rows = (json.dumps(row, ensure_ascii=False) + "\n" for row in chinese_rows())
                source.write_text("".join(rows), encoding="utf-8")
            dataset = Dataset.from_file(name, source)
            dataset = dataset.split(0.15, 0.25) if name == CHINESE else dataset.set_up()
            corpus = dataset.corpus()
            laid = test_texts(corpus, LANGUAGES.get(name, "zh"))
            print(name)
            show_coverage(corpus, laid)
            if not args.no_models:
                show_scores(name, corpus, laid)


if __name__ == "__main__":
    main()
