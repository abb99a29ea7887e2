"""Does a student of an ensemble's soft labels beat a single seed?

    python benchmarks/bench_distillation.py STORE crossner_politics --lr-max 3e-4 --epochs 12 --seeds 3

Trains single models on gold, and students from the same pretrained model, with the same seeds, rates and number of
steps, on the mean probabilities of the single models: over train, and over train with the texts of val (whose gold
labels the students do not see). F1 is strict entity micro F1 on the whole test split, decoded with constraints;
intervals are percentiles of a bootstrap over sentences, models as they are.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import find_corpus
from nerbb_ray.ner.decoding import constrained
from nerbb_ray.ner.ensemble import mean_log_probs
from nerbb_ray.ner.metrics import sentence_counts
from nerbb_ray.ner.resampling import drawn_scores, micro_f1, percentile_interval
from nerbb_ray.training.batches import IGNORED, make_batch, training_order
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.encoded_corpus import EncodedCorpus, encode_once, load_encoded
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.evaluation import predict_words
from nerbb_ray.training.sources import ModelSource, find_model
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.trial_setup import Session, seed_step, set_up
from nerbb_ray.training.worker import TrialContext

DRAWS = 5000
Probabilities = NDArray[np.float32]


def soft_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy with distributions, summed. *Shape:* (N, tags) twice -> ()"""
    return -(targets * logits.log_softmax(-1)).sum()


def train(session: Session, split: EncodedSplit, targets: Probabilities, steps: int) -> None:
    """Linear warm-up over a tenth of the steps, then linearly down to 0.

    Args:
        split: with the token ids of the session.
        targets: of every word. *Shape:* (words, tags)
    """
    trial, done, epoch = session.trial, 0, 0
    labels = split.labels(IGNORED)
    session.model.train()
    while done < steps:
        for members in training_order(split.num_slices, trial.hparams.batch_size, trial.seed, epoch)[: steps - done]:
            warm = max(1, steps // 10)
            rate = trial.hparams.lr_max * (done / warm if done < warm else (steps - done) / (steps - warm))
            for group in session.optimizer.param_groups:
                group["lr"] = rate
            session.optimizer.zero_grad(set_to_none=True)
            random = (trial.seed, epoch, 0, done)
            seed_step(random)
            batch = make_batch(split, labels, members)
            first = batch.words != NO_WORD
            with FastDropout(random):
                logits = session.forward.logits(batch)[torch.from_numpy(first)]
            loss = soft_loss(logits, torch.from_numpy(targets[batch.words[first]]))
            torch.autograd.backward(loss / int(first.sum()))
            session.optimizer.step()
            done += 1
        epoch += 1


def gold(split: EncodedSplit, tags: int) -> Probabilities:
    return np.eye(tags, dtype=np.float32)[split.gold]


def study(data: EncodedCorpus, source: ModelSource, options: argparse.Namespace) -> None:
    hparams = HParams(lr_max=options.lr_max, max_seq_length=options.max_seq_length, early_stopping=False)
    steps = options.epochs * data.steps_per_epoch(hparams.batch_size)
    decoder, starts, n_tags = constrained(data.tags, data.scheme), data.test.sentence_starts, len(data.tags)

    def model(
        kind: str, seed: int, targets: Probabilities | None
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float32]]]:
        """Counts of the test sentences, and what the model says of train, val and test."""
        trial = TrialSpec(
            run="runA",
            seed=seed,
            dataset=DatasetParams(dataset_name=data.name),
            model=ModelParams(pretrained_model_name=source.name),
            hparams=hparams,
            settings=Settings(precision="fp32"),
        )
        ctx = TrialContext(report=lambda _: None, device=torch.device("cpu"), threads=options.threads)
        session = set_up(trial, data, source, ctx)
        own = session.data
        unlabelled = targets is not None and len(targets) > len(own.train.gold)
        split = own.train + own.val if unlabelled else own.train
        train(session, split, gold(split, n_tags) if targets is None else targets, steps)
        with torch.inference_mode():
            said = [predict_words(session, one).log_probs for one in (own.train, own.val, own.test)]
        found = decoder.decode(said[2], starts)
        counts = sentence_counts(data.test.gold, found, starts, data.tags, data.scheme)
        print(f"{kind} {seed}: {float(micro_f1(counts.sum(axis=0))):.4f}", flush=True)
        return counts, said

    seeds = range(43, 43 + options.seeds)
    singles = [model("single", seed, None) for seed in seeds]
    means = [mean_log_probs([said[split] for _, said in singles]) for split in range(3)]
    soft = [np.exp(mean) for mean in means[:2]]
    ensemble = sentence_counts(data.test.gold, decoder.decode(means[2], starts), starts, data.tags, data.scheme)
    own = [counts for counts, _ in singles]
    table(own, {"ensemble": [ensemble]})
    for kind, targets in {"train": soft[0], "train and texts of val": np.concatenate(soft)}.items():
        table(own, {f"students, {kind}": [model(f"student, {kind}", seed, targets)[0] for seed in seeds]})


def table(singles: Sequence[NDArray[np.int64]], others: dict[str, list[NDArray[np.int64]]]) -> None:
    print(f"single seeds: {_mean_f1(singles):.4f}")
    for name, counts in others.items():
        drawn = drawn_scores(np.stack([*singles, *counts]), DRAWS, np.random.default_rng(0))
        gain = drawn[:, len(singles) :].mean(axis=1) - drawn[:, : len(singles)].mean(axis=1)
        low, high = percentile_interval(gain)
        seeds = np.std([float(micro_f1(one.sum(axis=0))) for one in counts], ddof=1) if len(counts) > 1 else math.nan
        difference = _mean_f1(counts) - _mean_f1(singles)
        print(f"{name}: {_mean_f1(counts):.4f} (sd {seeds:.4f}), gain {difference:+.4f} [{low:+.4f}, {high:+.4f}]")


def _mean_f1(counts: Sequence[NDArray[np.int64]]) -> float:
    return float(np.mean([micro_f1(one.sum(axis=0)) for one in counts]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--model", default="sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--lr-max", type=float, default=3e-4)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-seq-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    source = find_model(options.model, options.store / "pretrained_models", Path.cwd())
    corpus = find_corpus(options.dataset, None, options.store / "datasets")
    path = encode_once(corpus, load_tokenizer(source), options.max_seq_length, options.store / "cache")
    study(load_encoded(path), source, options)


if __name__ == "__main__":
    main()
