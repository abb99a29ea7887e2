"""What the training knobs do, each alone, for a small encoder and few sentences: the product's own verdict.

    python benchmarks/bench_knobs.py --out RESULTS
    python benchmarks/bench_knobs.py --out RESULTS --train 0      # the tables again
    python benchmarks/bench_knobs.py --out RESULTS --train 1 --seconds 60      # does it work at all?
    python benchmarks/bench_knobs.py --out RESULTS --speed      # what an epoch costs with frozen layers and adapters

Every knob has one value, from its source, and nothing else is changed but the learning rate of the adapters. A training
is a file in RESULTS; those that are there are not made again. Times are of CPU, for the training and its validations.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_trial import MODEL, ROOT
from comparison import markdown

METRIC = "test/entity/micro/f1"
PLAIN = "plain"
ALPHA = 0.05
KNOBS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "weight_decay = 0.1": {"weight_decay": 0.1},
    "adam_beta2 = 0.98": {"adam_beta2": 0.98},
    "max_grad_norm = 1": {"max_grad_norm": 1.0},
    "label_smoothing = 0.1": {"label_smoothing": 0.1},
    "focal_gamma = 2": {"focal_gamma": 2.0},
    "loss_weights = inverse": {"loss_weights": "inverse"},
    "hidden_dropout = 0.2": {"hidden_dropout": 0.2},
    "attention_dropout = 0": {"attention_dropout": 0.0},
    "classifier_dropout = 0.3": {"classifier_dropout": 0.3},
    "lr_head = 5": {"lr_head": 5.0},
    "lr_layer_decay = 0.8": {"lr_layer_decay": 0.8},
    "freeze_layers = 3": {"freeze_layers": 3},
    "reinit_layers = 1": {"reinit_layers": 1},
    "lora_rank = 8": {"lora_rank": 8, "lora_targets": "all"},
}
HIGHER_RATE = {"lora_rank = 8": 4}  # adapters want it


@dataclass(frozen=True, slots=True)
class Setting:
    """A corpus, cut to what few sentences are.

    Args:
        train, val, test: fractions.
        with_entity: of train, only the sentences that have one: without them, few sentences teach nothing.
    """

    data: str
    lr_max: float
    train: float
    val: float
    test: float
    with_entity: bool = False


SETTINGS = (
    Setting("crossner_politics", 1e-3, 0.5, 0.06, 0.2),
    Setting("wnut17", 1e-3, 0.06, 0.03, 0.12, with_entity=True),
    Setting("swedish_ner_corpus", 5e-4, 0.04, 0.03, 0.06, with_entity=True),
)
EPOCHS = 8
COMMON = {"batch_size": 4, "max_seq_length": 64, "max_epochs": EPOCHS, "early_stopping": False, "lr_schedule": "linear"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the results")
    add("--datasets", type=Path, default=ROOT.parent / "shared/datasets", help="folder of the data sets")
    add("--train", type=int, default=3, help="seeds of every setting (3); 0: tables of what is there")
    add("--seconds", type=float, default=float("inf"), help="of CPU, after which no further training begins")
    add("--only", choices=[setting.data for setting in SETTINGS], help="one of the corpora")
    add("--speed", action="store_true", help="the table of speeds, and nothing else")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.speed:
        print(speeds(args.datasets, args.out))
        return
    for seed in range(43, 43 + args.train):
        for setting in (one for one in SETTINGS if args.only in (None, one.data)):
            for number, knob in enumerate(KNOBS):
                path = args.out / f"{setting.data}-{number}-{seed}.json"
                if not path.exists() and time.process_time() < args.seconds:
                    path.write_text(json.dumps(trained(setting, knob, seed, args.datasets, args.out)))
                    print(f"{setting.data} {knob} {seed}: {path.read_text()}", file=sys.stderr, flush=True)
    print("\n\n".join(tables(args.out)))


def trained(setting: Setting, knob: str, seed: int, datasets: Path, out: Path) -> dict[str, Any]:
    """What one training has reached, and what it cost."""
    from nerbb_ray.training.loop import train_trial

    reports: list[Any] = []
    rate = {"lr_max": setting.lr_max * HIGHER_RATE.get(knob, 1)}
    trial, data, source, ctx = prepared(setting, seed, KNOBS[knob] | rate, datasets, out, reports.append)
    begun = time.process_time()
    train_trial(trial, data, source, ctx)
    return {
        "data": setting.data,
        "knob": knob,
        "seed": seed,
        "f1": reports[-1]["chosen"][METRIC],
        "cpu_s": time.process_time() - begun,
        "sentences": data.train.num_sentences,
    }


def prepared(
    setting: Setting, seed: int, hparams: dict[str, Any], datasets: Path, out: Path, report: Any
) -> tuple[Any, Any, Any, Any]:
    """Trial, data, model and context of a training."""
    import torch

    from nerbb_ray.config.hparams import HParams
    from nerbb_ray.config.spec import DatasetParams, ModelParams, Settings
    from nerbb_ray.config.trials import TrialSpec
    from nerbb_ray.data.corpus import find_corpus
    from nerbb_ray.training.encoded_corpus import encode_once, entity_counts, load_encoded
    from nerbb_ray.training.sources import find_model
    from nerbb_ray.training.tokenizer import load_tokenizer
    from nerbb_ray.training.worker import TrialContext

    source = find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd())
    pruned = {f"prune_ratio_{split}": getattr(setting, split) for split in ("train", "val", "test")}
    trial = TrialSpec(
        run="runA",
        seed=seed,
        dataset=DatasetParams(dataset_name=setting.data, **pruned),
        model=ModelParams(pretrained_model_name=MODEL),
        hparams=HParams(**COMMON | {"lr_warmup_epochs": 1} | hparams),
        settings=Settings(),
    )
    corpus = find_corpus(setting.data, None, datasets, ask_hub=False)
    data = load_encoded(encode_once(corpus, load_tokenizer(source), 64, out / "encoded")).pruned(trial.dataset)
    if setting.with_entity:
        found = entity_counts(data.train, data.tags, data.scheme).sum(axis=1).nonzero()[0]
        data = replace(data, train=data.train.take(found))
    return trial, data, source, TrialContext(report=report, device=torch.device("cpu"), threads=1)


def speeds(datasets: Path, out: Path, rounds: int = 3) -> str:
    """CPU seconds of an epoch of few sentences: the least of some, all in turn."""
    from nerbb_ray.training.epoch import train_epoch
    from nerbb_ray.training.trial_setup import set_up

    few = Setting("wnut17", 1e-3, 0.012, 0.01, 0.01)
    knobs: dict[str, dict[str, Any]] = {PLAIN: {}} | {f"freeze_layers = {n}": {"freeze_layers": n} for n in (1, 3, 6)}
    knobs |= {"lora_rank = 8": {"lora_rank": 8}, "lora_rank = 8, all": {"lora_rank": 8, "lora_targets": "all"}}
    sessions = {name: set_up(*prepared(few, 43, knob, datasets, out, print)) for name, knob in knobs.items()}
    least = dict.fromkeys(sessions, float("inf"))
    for epoch in range(rounds):
        for name, session in sessions.items():
            begun = time.process_time()
            train_epoch(session, epoch, [1e-4] * session.data.steps_per_epoch(session.trial.hparams.batch_size))
            least[name] = min(least[name], time.process_time() - begun)
    rows = [[name, f"{s:.2f}", f"{least[PLAIN] / s:.2f}"] for name, s in least.items()]
    return markdown(["training", "CPU s per epoch", "times as fast"], rows)


def tables(out: Path) -> list[str]:
    """One for every corpus: the mean over the seeds, the difference to the plain run, and the verdict on it."""
    found = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    return [
        markdown([setting.data, "seeds", "test F1", "- plain [95 %]", "verdict", "CPU s"], rows)
        for setting in SETTINGS
        if (rows := rows_of([one for one in found if one["data"] == setting.data]))
    ]


def rows_of(found: list[dict[str, Any]]) -> list[list[str]]:
    from nerbb_ray.verdict.significance import holm
    from nerbb_ray.verdict.verdict import compare

    by_knob = {knob: {one["seed"]: one for one in found if one["knob"] == knob} for knob in KNOBS}
    values = {knob: {seed: one["f1"] for seed, one in ones.items()} for knob, ones in by_knob.items() if ones}
    verdicts = {
        knob: found
        for knob in values
        if knob != PLAIN and (found := compare({PLAIN: values[PLAIN], knob: values[knob]}, METRIC)).differences
    }
    # one family of comparisons: every knob with the plain run
    adjusted = dict(zip(verdicts, holm([found.differences[0].p_t for found in verdicts.values()]), strict=True))
    rows = []
    for knob, seeds in values.items():
        seconds = statistics.fmean(one["cpu_s"] for one in by_knob[knob].values())
        mean = f"{100 * statistics.fmean(seeds.values()):.1f}"
        words = difference(verdicts[knob], adjusted[knob]) if knob in verdicts else ["", ""]
        rows.append([knob, str(len(seeds)), mean, *words, f"{seconds:.0f}"])
    return rows


def difference(found: Any, p: float) -> list[str]:
    """Of a knob to the plain run, in points, and whether seeds could make it."""
    (one,) = found.differences
    sign = -1 if found.best == PLAIN else 1
    low, high = sorted(100 * sign * end for end in one.ci95)
    verdict = "cannot be told" if p >= ALPHA else "better" if sign > 0 else "worse"
    return [f"{100 * sign * one.mean:+.1f} [{low:+.1f}, {high:+.1f}]", f"{verdict} (p {p:.2f})"]


if __name__ == "__main__":
    main()
