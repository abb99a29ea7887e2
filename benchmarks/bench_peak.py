"""How near a training step comes to the machine's peak, and how time and memory grow with the sentences.

    python benchmarks/bench_peak.py
    python benchmarks/bench_peak.py --sizes 32 64

Every row is an epoch of a trial in a fresh process with one thread, after an untimed one. Its FLOPs are those of
the matrix products for the sub-tokens that there are, padding not counted: 6 for every weight of a linear layer and
every sub-token, and 12 x layers x width x length^2 of every sentence for the attention. The peak is the best square
product of this machine, measured in the same process. Times are CPU seconds, so that a busy machine matters less.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_trial import MODEL, ROOT
from comparison import markdown
from sides import DATA, write_data

TITLES = ("precision", "CPU s", "ms per sentence", "GFLOP/s", "peak GFLOP/s", "% of the peak", "peak MB")
SIDES = (1024, 2048)  # of the square products


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sizes", type=int, nargs="+", default=[64, 128, 256, 512], help="sentences (64 128 256 512)")
    add("--one", nargs=2, metavar=("PRECISION", "SENTENCES"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measured(args.dataset, args.one[0], int(args.one[1]))))
        return
    rows = []
    for precision in ("fp32", "bf16"):
        for size in args.sizes:
            rows.append(row(size, precision, apart(args.dataset, precision, size)))
    print(markdown(["sentences", *TITLES], rows))


def row(size: int, precision: str, found: dict[str, float]) -> list[str]:
    speed, peak = found["flops"] / found["cpu_s"] / 1e9, found["peak"] / 1e9
    numbers = (f"{found['cpu_s']:.2f}", f"{1000 * found['cpu_s'] / size:.1f}", f"{speed:.1f}", f"{peak:.1f}")
    return [str(size), precision, *numbers, f"{100 * speed / peak:.0f}", f"{found['peak_mb']:.0f}"]


def apart(dataset: Path, precision: str, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--dataset", str(dataset), "--one", precision, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measured(dataset: Path, precision: str, size: int) -> dict[str, float]:
    import torch

    session = make_session(dataset, precision, size)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train = epochs_of(session)
    train(0)
    begun = time.process_time()
    train(1)
    cpu_s = time.process_time() - begun
    memory = max(memory, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    with torch.inference_mode():
        peak = max(product_flops(side, session.dtype) for side in SIDES)
    return {"flops": flops(session), "cpu_s": cpu_s, "peak": peak, "peak_mb": memory * 1024 / 1e6}


def make_session(dataset: Path, precision: str, size: int, seed: int = 43, **hparams: Any) -> Any:
    """A trial on the first sentences of a data set, ready to train with one thread."""
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
    trial = TrialSpec(
        run="run",
        seed=seed,
        dataset=DatasetParams(dataset_name=DATA),
        model=ModelParams(pretrained_model_name=MODEL),
        hparams=HParams(
            **{"batch_size": 16, "max_seq_length": 128, "max_epochs": 2, "early_stopping": False} | hparams
        ),
        settings=Settings(precision=precision),  # type: ignore[arg-type]
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write_data(dataset, Path(folder), size)
        corpus = find_corpus(DATA, None, Path(folder) / "datasets", scheme="auto", ask_hub=False)
        data = load_encoded(encode_once(corpus, load_tokenizer(source), 128, Path(folder)))
    return set_up(trial, data, source, TrialContext(report=lambda _: None, device=torch.device("cpu"), threads=1))


def epochs_of(session: Any) -> Callable[[int], None]:
    """What trains an epoch of a session, by its number."""
    from nerbb_ray.training.adaptive import learning_rates, rule_of, start
    from nerbb_ray.training.epoch import train_epoch

    hparams = session.trial.hparams
    rates = learning_rates(start(rule_of(hparams)), hparams, session.data.steps_per_epoch(hparams.batch_size))
    return lambda epoch: train_epoch(session, epoch, rates)


def flops(session: Any) -> float:
    """Of the matrix products of an epoch, forward and backward."""
    import torch

    weights = sum(m.weight.numel() for m in session.model.modules() if isinstance(m, torch.nn.Linear))
    lengths, config = session.data.train.lengths, session.model.config
    attention = 12 * config.num_hidden_layers * config.hidden_size * int((lengths**2).sum())
    return float(6 * weights * int(lengths.sum()) + attention)


def product_flops(side: int, dtype: Any) -> float:
    """FLOPs per CPU second, the best of several products."""
    import torch

    a, b = (torch.randn(side, side, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        begun = time.process_time()
        torch.mm(a, b)
        best = min(best, time.process_time() - begun)
    return 2 * side**3 / best


if __name__ == "__main__":
    main()
