"""What training only the rows of the word embeddings that occur in the data saves, on a multilingual model.

The model has the shape of XLM-R base (12 layers, 768 dimensions, 250,002 rows), or of multilingual MiniLM with
--shape minilm, and random weights; the sentences are random ids. Both ways run in processes of their own, in turns.

python benchmarks/bench_vocabulary.py
python benchmarks/bench_vocabulary.py --shape minilm --steps 4 --repeats 1
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

SHAPES = {
    "xlmr": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "minilm": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536},
}
ROWS, USED, SENTENCES, LENGTH, BATCH = 250_002, 8_000, 16, 32, 16
WAYS = ("trimmed", "whole")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="xlmr")
    parser.add_argument("--steps", type=int, default=6, help="timed, after two that are not (6)")
    parser.add_argument("--repeats", type=int, default=3, help="turns (3)")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measured(args.shape, args.one, args.steps)))
        return
    turns = [{way: _apart(args, way) for way in WAYS} for _ in range(args.repeats)]
    print("| rows trained | CPU s per step | wall s per step | peak memory, GB | weights and moments, GB |")
    print("|---|---|---|---|---|")
    for way in WAYS:
        medians = {key: statistics.median(turn[way][key] for turn in turns) for key in turns[0][way]}
        print("| {rows:.0f} | {cpu_s:.2f} | {wall_s:.2f} | {peak_gb:.2f} | {state_gb:.2f} |".format(**medians))
    for key in ("cpu_s", "wall_s", "peak_gb", "state_gb"):
        ratios = sorted(turn["whole"][key] / turn["trimmed"][key] for turn in turns)
        print(f"{key}: whole / trimmed {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def _apart(args: argparse.Namespace, way: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", way, "--shape", args.shape, "--steps", str(args.steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measured(shape: str, way: str, steps: int) -> dict[str, float]:
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

    from nerbb_ray.training.batches import IGNORED, make_batch
    from nerbb_ray.training.embedding_trim import trim
    from nerbb_ray.training.evaluation import cross_entropy
    from nerbb_ray.training.forward import Forward
    from nerbb_ray.training.trial_setup import make_optimizer

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = XLMRobertaConfig(vocab_size=ROWS, max_position_embeddings=514, num_labels=9, **SHAPES[shape])
    model, data = XLMRobertaForTokenClassification(config), _corpus()
    if way == "trimmed":
        data, _ = trim(model, data, [0, 1, 2, 3, ROWS - 1])
    optimizer = make_optimizer(model)
    labels = data.train.labels(IGNORED)
    forward = Forward.of(model, shape, 1, torch.device("cpu"), torch.float32)
    model.train()
    times = []
    for step in range(steps + 2):
        begun, cpu = time.monotonic(), time.process_time()
        members = np.arange(step * BATCH, (step + 1) * BATCH) % data.train.num_slices
        batch = make_batch(data.train, labels, members)
        for group in optimizer.param_groups:
            group["lr"] = 1e-5
        optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(forward.logits(batch), batch.labels)
        torch.autograd.backward(loss / int((batch.labels != IGNORED).sum()))
        optimizer.step()
        times.append((time.process_time() - cpu, time.monotonic() - begun))
    held = [*model.parameters(), *(t for state in optimizer.state.values() for t in state.values())]
    return {
        "rows": model.get_input_embeddings().num_embeddings,
        "cpu_s": statistics.median(cpu for cpu, _ in times[2:]),
        "wall_s": statistics.median(wall for _, wall in times[2:]),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "state_gb": sum(t.numel() * t.element_size() for t in held) / 1e9,
    }


def _corpus() -> Any:
    """Random sentences of one length over the used rows, spread over the vocabulary."""
    from nerbb_ray.training.encoded_corpus import EncodedCorpus
    from nerbb_ray.training.encoding import EncodedSplit

    random = np.random.default_rng(0)
    slices = SENTENCES * 16
    size = slices * LENGTH
    used = random.choice(np.arange(1000, ROWS - 1), USED, replace=False)
    starts = np.arange(0, size + 1, LENGTH)
    split = EncodedSplit(
        input_ids=random.choice(used, size).astype(np.int32),
        words=np.arange(size, dtype=np.int32),
        slice_starts=starts,
        gold=random.integers(0, 9, size).astype(np.int16),
        sentence_starts=starts,
        sentence_slices=np.arange(slices + 1),
    )
    tags = tuple("ABCDEFGHI")
    return EncodedCorpus("random", "plain", tags, split, split, split, "none")


if __name__ == "__main__":
    main()
