"""What decoding and the choice of the kept epoch are worth: all ways from the same trainings.

    python benchmarks/bench_decoding.py --out RESULTS
    python benchmarks/bench_decoding.py --out RESULTS --train 0      # the tables again
    python benchmarks/bench_decoding.py --out RESULTS --train 1 --seconds 60      # does it work at all?

Every training is followed by three watchers, which keep the weights of the epoch that is best by `monitor` (val_loss),
that has the highest val F1, and of the last one. What each says of the val and test data is decoded in every way. A
training is a file in RESULTS; those that are there are not made again. Sentence for sentence the same test data are
drawn for both sides of a difference: its interval is that of a bootstrap over the sentences, mean over the seeds.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench_trial import MODEL, ROOT
from comparison import markdown

RULES = ("best", "best_f1", "last")
DECODINGS = ("argmax", "constrained", "bigrams", "auto")
DRAWS = 2000
LINEAR = {"lr_schedule": "linear", "early_stopping": False, "lr_warmup_epochs": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What is trained, over and over with other seeds."""

    data: str
    schedule: str
    hparams: dict[str, Any]
    dataset: dict[str, Any] = field(default_factory=dict)
    seeds: int = 5

    @property
    def name(self) -> str:
        return f"{self.data}-{self.schedule}"


WNUT_RATE = {"lr_max": 5e-4}  # with 1e-3, or fewer sentences, so few entities are not learnt: F1 0
WNUT = {"prune_ratio_train": 0.3}
SWEDISH = {"prune_ratio_train": 0.1, "prune_ratio_val": 0.5, "prune_ratio_test": 0.4}
SETTINGS = (
    Setting("crossner_politics", "adaptive", {}),
    Setting("wnut17", "fixed", WNUT_RATE | LINEAR | {"max_epochs": 8}, WNUT),
    Setting("swedish_ner_corpus", "fixed", LINEAR | {"max_epochs": 5}, SWEDISH),
    Setting("wnut17", "adaptive", WNUT_RATE, WNUT),
    Setting("swedish_ner_corpus", "adaptive", {}, SWEDISH),
    Setting("crossner_politics", "fixed", LINEAR | {"max_epochs": 12}),
    Setting("crossner_politics", "adaptive, 1e-4", {"lr_max": 1e-4}, seeds=3),
    Setting("crossner_politics", "adaptive, 1e-3", {"lr_max": 1e-3}, seeds=3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the results")
    add("--datasets", type=Path, default=ROOT.parent / "shared/datasets", help="folder of the data sets")
    add("--train", type=int, default=5, help="seeds of every setting (5, other rates 3); 0: tables of what is there")
    add("--seconds", type=float, default=float("inf"), help="of CPU, after which no further training begins")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in range(43, 43 + args.train):
        for setting in SETTINGS:
            path = args.out / f"{setting.name}-{seed}.npz"
            if seed < 43 + setting.seeds and not path.exists() and time.process_time() < args.seconds:
                begun = time.process_time()
                train(setting, seed, args.datasets, path)
                print(f"{path.stem}: {time.process_time() - begun:.0f} CPU s", file=sys.stderr, flush=True)
    print(tables(args.out))


def train(setting: Setting, seed: int, datasets: Path, path: Path) -> None:
    """One training, with everything that is kept of it in every way: entities of each sentence, as counts."""
    from nerbb_ray.training.adaptive import advance, learning_rates, rule_of, start
    from nerbb_ray.training.epoch import train_epoch
    from nerbb_ray.training.evaluation import evaluate
    from nerbb_ray.training.loop import monitored
    from nerbb_ray.training.progress import Kept

    session = make_session(setting, seed, datasets, path.parent)
    hparams, data = session.trial.hparams, session.data
    watchers = {rule: (Kept(), _told(session, rule)) for rule in RULES}
    state, steps = start(rule_of(hparams)), data.steps_per_epoch(hparams.batch_size)
    while state.reason is None:
        epoch = state.epoch
        train_loss = train_epoch(session, epoch, learning_rates(state, hparams, steps))
        val = evaluate(session, data.val)
        value = monitored(hparams.monitor, train_loss, val[0].metrics("val"), measured=data.val.num_labelled > 0)
        state = advance(state, value, rule_of(hparams))
        for kept, watcher in watchers.values():
            kept.consider(watcher, val, state, epoch)
    last = {name: value.clone() for name, value in session.model.state_dict().items()}
    about: dict[str, Any] = {"epochs": state.epoch, "seed": seed, "setting": setting.name, "kept": {}}
    arrays: dict[str, Any] = {}
    for rule, (kept, _) in watchers.items():
        about["kept"][rule] = kept.epoch
        session.model.load_state_dict(kept.weights or last)
        for decoding, decoder, counts in decoded(session):
            arrays[f"{rule}.{decoding}"] = counts
            if decoding == "auto":
                about.setdefault("auto", {})[rule] = decoder
    with path.open("wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)


def _told(session: Any, rule: str) -> Any:
    """The session as a trial with another `evaluate_checkpoint` has it."""
    trial = session.trial
    return replace(session, trial=replace(trial, settings=replace(trial.settings, evaluate_checkpoint=rule)))


def decoded(session: Any) -> Iterator[tuple[str, str, Any]]:
    """(decoding, the decoder that it came to, counts of the test sentences), with the weights as they are."""
    from nerbb_ray.ner.metrics import sentence_counts
    from nerbb_ray.training.evaluation import predict_words

    data = session.data
    val, test = (predict_words(session, split).log_probs for split in (data.val, data.test))
    for decoding in DECODINGS:
        choice = replace(session.decoders, wanted=decoding)
        decoder, _ = choice.choose(val, data.val.gold, data.val.sentence_starts)
        tags = decoder.decode(test, data.test.sentence_starts)
        yield (
            decoding,
            str(decoder),
            sentence_counts(data.test.gold, tags, data.test.sentence_starts, data.tags, data.scheme),
        )


def make_session(setting: Setting, seed: int, datasets: Path, cache: Path) -> Any:
    import torch

    from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
    from nerbb_ray.config.trials import TrialSpec
    from nerbb_ray.data.corpus import find_corpus
    from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
    from nerbb_ray.training.sources import find_model
    from nerbb_ray.training.tokenizer import load_tokenizer
    from nerbb_ray.training.trial_setup import set_up
    from nerbb_ray.training.worker import TrialContext

    source = find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd())
    dataset = DatasetParams(dataset_name=setting.data, **setting.dataset)
    trial = TrialSpec(
        run=setting.schedule,
        seed=seed,
        dataset=dataset,
        model=ModelParams(pretrained_model_name=MODEL),
        hparams=HParams(**{"lr_max": 3e-4, "batch_size": 16, "max_seq_length": 128} | setting.hparams),
        settings=Settings(),
    )
    corpus = find_corpus(setting.data, None, datasets, ask_hub=False)
    data = load_encoded(encode_once(corpus, load_tokenizer(source), 128, cache / "encoded")).pruned(dataset)
    return set_up(trial, data, source, TrialContext(report=lambda _: None, device=torch.device("cpu"), threads=1))


@dataclass(frozen=True, slots=True)
class Trained:
    """Of one training: (sentences, 3) counts by rule and decoding."""

    about: dict[str, Any]
    counts: dict[tuple[str, str], Any]


def read(out: Path, setting: Setting) -> list[Trained]:
    found = []
    for path in sorted(out.glob(f"{setting.name}-*.npz")):
        with np.load(path) as stored:
            counts = {tuple(name.split(".")): stored[name] for name in stored.files if name != "about"}
            found.append(Trained(json.loads(str(stored["about"])), counts))  # type: ignore[arg-type]
    return found


def tables(out: Path) -> str:
    read_all = {setting: trained for setting in SETTINGS if (trained := read(out, setting))}
    return "\n\n".join([decoding_table(read_all), epoch_table(read_all)])


def decoding_table(read_all: dict[Setting, list[Trained]]) -> str:
    """Of the last epoch."""
    rows = []
    for setting, trained in read_all.items():
        cells = [mean_f1(trained, "last", decoding) for decoding in DECODINGS]
        kinds = [one.about["auto"]["last"] for one in trained]
        gain = difference(trained, ("last", "auto"), ("last", "argmax"))
        rows.append([*heads(setting, trained), *cells, gain, "; ".join(dict.fromkeys(kinds))])
    return markdown([*HEADS, *DECODINGS, "auto - argmax [95 %]", "what auto took"], rows)


def epoch_table(read_all: dict[Setting, list[Trained]]) -> str:
    """Decoded as `auto` says."""
    rows = []
    for setting, trained in read_all.items():
        cells = [
            f"{mean_f1(trained, rule, 'auto')} ({', '.join(str(one.about['kept'][rule]) for one in trained)})"
            for rule in RULES
        ]
        gains = [difference(trained, (rule, "auto"), ("best", "auto")) for rule in ("best_f1", "last")]
        rows.append([*heads(setting, trained), *cells, *gains])
    titles = [f"{rule} (epochs)" for rule in RULES]
    return markdown([*HEADS, *titles, "best_f1 - best [95 %]", "last - best [95 %]"], rows)


HEADS = ("data", "schedule", "seeds", "epochs")


def heads(setting: Setting, trained: Sequence[Trained]) -> list[str]:
    epochs = ", ".join(str(one.about["epochs"]) for one in trained)
    return [setting.data, setting.schedule, str(len(trained)), epochs]


def mean_f1(trained: Sequence[Trained], rule: str, decoding: str) -> str:
    from nerbb_ray.ner.resampling import micro_f1

    return f"{100 * np.mean([micro_f1(one.counts[rule, decoding].sum(axis=0)) for one in trained]):.1f}"


def difference(trained: Sequence[Trained], one: tuple[str, str], other: tuple[str, str]) -> str:
    """Mean over the seeds of the difference of F1, in points, with its interval over drawn sentences."""
    from nerbb_ray.ner.resampling import drawn_scores, micro_f1

    pairs = np.stack([trial.counts[way] for trial in trained for way in (one, other)])
    drawn = drawn_scores(pairs, DRAWS, np.random.default_rng(0)).reshape(DRAWS, -1, 2)
    gains = 100 * (drawn[..., 0] - drawn[..., 1]).mean(axis=1)
    scores = micro_f1(pairs.sum(axis=1)).reshape(-1, 2)
    low, high = np.percentile(gains, [2.5, 97.5])
    return f"{100 * (scores[:, 0] - scores[:, 1]).mean():+.1f} [{low:+.1f}, {high:+.1f}]"


if __name__ == "__main__":
    main()
