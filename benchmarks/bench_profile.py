"""What a training step is made of: the shares of CPU time of torch's operations, by kind.

    python benchmarks/bench_profile.py --dataset ../shared/datasets/wnut17

One epoch with one thread under torch's profiler, after one without. "Bound" is how many times as fast the step would be
if everything but the matrix products took no time: no change around them can win more. What happens outside of torch's
operations (numpy's random bits of the dropout, Python, the profiler itself) is the line before it.
"""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench_peak import epochs_of, make_session
from bench_trial import ROOT
from comparison import markdown

KINDS = {  # the first that begins the name of an operation, without `aten::`
    "products of linear layers": ("addmm", "mm", "mkldnn_linear", "linear"),
    "products of the attention": ("bmm", "baddbmm", "_scaled_dot_product"),
    "optimizer": ("_fused_adam",),
    "GELU": ("gelu",),
    "normalisations": ("native_layer_norm",),
    "softmax": ("_softmax", "_log_softmax", "softmax", "log_softmax"),
    "copies and gathers": ("copy_", "index", "gather", "cat", "clone", "embedding", "_foreach_copy"),
    "element by element": ("mul", "add", "sub", "div", "sum", "where", "masked_fill", "lt", "bitwise", "eq", "ge"),
}
OTHER, OUTSIDE = "other operations", "outside of torch's operations"


def kind(operation: str) -> str:
    """The kind of an operation of torch's profiler, for example of `aten::addmm`."""
    name = operation.removeprefix("aten::")
    return next((kind for kind, beginnings in KINDS.items() if name.startswith(beginnings)), OTHER)


def shares(events: list[tuple[str, float]], total: float) -> dict[str, float]:
    """Share of each kind in the time of a step.

    Args:
        events: (operation, its own CPU seconds).
        total: CPU seconds of all, with what is outside of the operations.
    """
    found: Counter[str] = Counter()
    for operation, seconds in events:
        found[kind(operation)] += seconds
    found[OUTSIDE] = max(0.0, total - sum(found.values()))
    return {name: found[name] / total for name in (*KINDS, OTHER, OUTSIDE)}


def profile(session: Any) -> tuple[list[tuple[str, float]], float]:
    """The operations of an epoch with their own CPU seconds, and the CPU seconds of the process."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    train = epochs_of(session)
    train(0)
    with profiler(activities=[ProfilerActivity.CPU]) as recorded:
        begun = time.process_time()
        train(1)
        total = time.process_time() - begun
    return [(event.key, event.self_cpu_time_total / 1e6) for event in recorded.key_averages()], total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, default=128, help="the first so many (128)")
    add("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    args = parser.parse_args()
    found = {}
    for precision in args.precisions:
        events, total = profile(make_session(args.dataset, precision, args.sentences))
        found[precision] = shares(events, total)
    rows = [[name, *(f"{100 * of[name]:.1f}" for of in found.values())] for name in (*KINDS, OTHER, OUTSIDE)]
    products = list(KINDS)[:2]
    rows.append(["bound: only the products", *(f"{1 / sum(of[p] for p in products):.2f} x" for of in found.values())])
    print(markdown(["share of the step, %", *found], rows))


if __name__ == "__main__":
    main()
