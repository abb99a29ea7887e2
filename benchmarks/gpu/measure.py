"""What a GPU gives. Started by run.sh, which says how.

Every section is tried for itself: what cannot be measured on a machine is a line with the reason. Words are labelled
ones. The peak is that of the best square product on the same device, in the same number format.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import torch
from steps import DTYPES, ROWS, Training, captured, read

HERE = Path(__file__).resolve()
WAYS = ("Trainer default", "Trainer best", "padded", "ours", "varlen")
Row = tuple[str, str, str]


class NotHereError(Exception):
    """What cannot be measured on this machine."""


class Bench:
    """
    Args:
        device: cuda, or the CPU for a try.
        file: sentences of the standard format.
    """

    def __init__(self, device: torch.device, file: Path, *, smoke: bool) -> None:
        self.device, self.file, self.smoke = device, file, smoke
        self.shapes = ("smoke",) if smoke else ("MiniLM", "bert-base", "XLM-R-base")
        self.sentences, self.steps = (64, 4) if smoke else (1600, 60)

    def training(
        self, shape: str, precision: str = "fp32", device: torch.device | None = None, **more: Any
    ) -> Training:
        data = read(self.file, ROWS[shape], self.sentences)
        return Training(shape, device or self.device, DTYPES[precision], data, **more)

    def sections(self) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
        yield "a. correctness", self.correctness
        yield "b. words per second", self.speed
        yield "c. CUDA graphs", self.graphs
        yield "d. processes on one device", self.sharing
        yield "e. several devices", self.several

    def correctness(self) -> Iterator[Row]:
        shape, cpu, number = self.shapes[0], torch.device("cpu"), 4 if self.smoke else 20
        expected = losses(self.training(shape, device=cpu, dropout=0.0), number)
        for precision, limit in (("fp32", 1e-4), ("bf16", 5e-2)):
            found = losses(self.training(shape, precision, dropout=0.0), number)
            worst = float(np.abs(found / expected - 1).max())
            what = f"{precision}: losses of {number} steps, those of the CPU"
            yield what, f"{worst:.1e} away", verdict(worst <= limit)
        yield "resume: the second half from a saved state", *same(self.resumed(shape, number), number)
        yield "a batch that cannot fit, in halves", *self.halved(shape)

    def resumed(self, shape: str, number: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        whole = self.training(shape, "bf16")
        order = whole.order()
        for step in range(number // 2):
            whole.step(step, order[step % len(order)])
        file = io.BytesIO()
        torch.save({"model": whole.model.state_dict(), "optimizer": whole.optimizer.state_dict()}, file)
        again = self.training(shape, "bf16")
        state = torch.load(io.BytesIO(file.getvalue()), map_location=self.device, weights_only=True)
        again.model.load_state_dict(state["model"])
        again.optimizer.load_state_dict(state["optimizer"])
        for training in (whole, again):
            for step in range(number // 2, number):
                training.step(step, order[step % len(order)])
        return list(whole.model.parameters()), list(again.model.parameters())

    def halved(self, shape: str) -> tuple[str, str]:
        """Memory is made short, halves are tried as a trial does, and must give the gradients of the whole."""
        # of a small batch, the gradients themselves would need the most, however small its pieces
        training = self.training(shape, dropout=0.0, batch_size=32 if self.smoke else 256)
        members = training.order()[0]
        training.gradients(0, members)
        wanted = [p.grad.clone() for p in training.model.parameters()]
        if self.device.type == "cuda":
            whole, eighth = (peak_of(training, members, size) for size in (None, len(members) // 8))
            total = torch.cuda.get_device_properties(self.device).total_memory
            torch.cuda.set_per_process_memory_fraction((whole + eighth) / 2 / total)
        size, tried = len(members), []
        try:
            while True:
                tried.append(size)
                try:
                    if self.device.type == "cpu" and size > len(members) // 2:
                        raise torch.OutOfMemoryError("as on a GPU")
                    training.gradients(0, members, size)
                    break
                except torch.OutOfMemoryError:
                    training.optimizer.zero_grad(set_to_none=True)
                    if size == 1:
                        return f"does not fit, tried {tried}", "FAILED"
                    size = -(-size // 2)
        finally:
            if self.device.type == "cuda":
                torch.cuda.set_per_process_memory_fraction(1.0)
        worst = max(float((p.grad - w).abs().max()) for p, w in zip(training.model.parameters(), wanted, strict=True))
        return f"{tried} sentences at once, gradients {worst:.0e} away", verdict(worst < 1e-3)

    def speed(self) -> Iterator[Row]:
        for shape in self.shapes:
            peaks = {name: peak_flops(self.device, dtype, smoke=self.smoke) for name, dtype in DTYPES.items()}
            base = 0.0
            for way in WAYS:
                precision = "fp32" if way == "Trainer default" else "bf16"
                try:
                    words, flops, mb = self.rate(self.training(shape, precision, way=way))
                # whatever one of them lacks here must not cost the others
                except Exception as error:
                    yield f"{shape}, {way}", "-", first_line(error)
                    continue
                base = base or words
                share = 100 * flops / peaks[precision]
                compared = f"{words / base:.2f} x, {share:.0f} % of the peak, {mb:.0f} MB"
                yield f"{shape}, {way}, {precision}", f"{words:.0f} words/s", compared

    def rate(
        self, training: Training, seconds: float | None = None, when_warm: Callable[[], Any] = lambda: None
    ) -> tuple[float, float, float]:
        """Words and FLOP per second, peak memory in MB."""
        if training.way == "varlen" and self.device.type != "cuda":
            raise NotHereError("torch.nn.attention.varlen needs a GPU")
        order, steps = training.order(), self.steps
        reset_peak(self.device)
        for step in range(2 if self.smoke else 10):
            training.step(step, order[step % len(order)])
        finish(self.device)
        when_warm()
        begun, done = time.monotonic(), 0
        while done < steps or (seconds and time.monotonic() - begun < seconds):
            training.step(done, order[done % len(order)])
            done += 1
        finish(self.device)
        took = time.monotonic() - begun
        trained = [order[step % len(order)] for step in range(done)]
        words, flops = (sum(map(count, trained)) / took for count in (training.words, training.flops))
        mb = torch.cuda.max_memory_allocated() / 1e6 if self.device.type == "cuda" else 0.0
        return words, flops, mb

    def graphs(self) -> Iterator[Row]:
        if self.device.type != "cuda":
            raise NotHereError("CUDA graphs need a GPU")
        for shape in self.shapes:
            for width in (32, 64, 128):
                plain, replay = captured(self.training(shape, "bf16", way="padded", dropout=0.0), width)
                one, other = (timed(step, self.device) for step in (plain, replay))
                step = f"{1e3 * one:.2f} -> {1e3 * other:.2f} ms per step"
                yield f"{shape}, {width} places", step, f"{one / other:.2f} x"

    def sharing(self) -> Iterator[Row]:
        numbers = (1, 2) if self.smoke else (1, 2, 4, 8, 16)
        alone = 0.0
        # one after the other: MPS is there from when it is asked for until the next is
        for name, environment in chain([("", {})], self.with_mps()):
            for number in numbers:
                try:
                    words = self.together(number, environment)
                except RuntimeError as error:
                    yield f"{number} processes{name}", "-", first_line(error)
                    continue
                alone = alone or words
                yield f"{number} processes{name}", f"{words:.0f} words/s", f"{words / alone:.2f} x"
        if shutil.which(MPS) is None:
            yield "with MPS", "-", f"{MPS} is not here"

    def with_mps(self) -> Iterator[tuple[str, dict[str, str]]]:
        if self.device.type != "cuda" or shutil.which(MPS) is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            environment = {"CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe", "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log"}
            for place in environment.values():
                Path(place).mkdir()
            # a daemon that held on to our output would keep whoever reads it waiting
            subprocess.run([MPS, "-d"], env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True)
            try:
                yield " with MPS", environment
            finally:
                subprocess.run([MPS], input="quit\n", text=True, env={**os.environ, **environment}, check=False)

    def together(self, number: int, environment: dict[str, str]) -> float:
        """Words per second of several processes, each with a training of its own: all begin when the last one is warm.

        Raises:
            RuntimeError: one of them failed; the message is its last line.
        """
        command = [sys.executable, str(HERE), "--one", "--data", str(self.file.parent)]
        command += ["--smoke"] if self.smoke else []
        started = [
            subprocess.Popen(
                command, env={**os.environ, **environment}, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True
            )
            for _ in range(number)
        ]
        if all(process.stdout.readline() for process in started):
            for process in started:
                process.stdin.write("\n")
                process.stdin.flush()
        ended = [process.communicate() for process in started]
        for process, (_, errors) in zip(started, ended, strict=True):
            if process.returncode:
                raise RuntimeError((errors.strip() or f"ended with {process.returncode}").splitlines()[-1])
        return sum(float(said) for said, _ in ended)

    def several(self) -> Iterator[Row]:
        number = torch.cuda.device_count() if self.device.type == "cuda" else 2
        if number < 2:
            raise NotHereError("there is one GPU")
        with tempfile.TemporaryDirectory() as folder:
            torch.multiprocessing.spawn(one_of_several, (number, folder, self), nprocs=number)
            worst = max(float((Path(folder) / str(rank)).read_text()) for rank in range(number))
        backend = "NCCL" if self.device.type == "cuda" else "Gloo"
        yield f"{backend}, {number} workers: gradients, those of one", f"{worst:.0e} away", verdict(worst < 1e-3)


MPS = "nvidia-cuda-mps-control"


def one_of_several(rank: int, world: int, folder: str, bench: Bench) -> None:
    cuda = bench.device.type == "cuda"
    device = torch.device("cuda", rank) if cuda else bench.device
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "nccl" if cuda else "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world
    )
    training = bench.training(bench.shapes[0], device=device, dropout=0.0)
    members = training.order()[0]
    training.gradients(0, members)
    wanted = [p.grad.clone() for p in training.model.parameters()]
    mine = members[rank::world]
    training.gradients(0, mine)
    worst = 0.0
    for parameter, whole in zip(training.model.parameters(), wanted, strict=True):
        gradient = parameter.grad * len(mine)
        torch.distributed.all_reduce(gradient)
        worst = max(worst, float((gradient / len(members) - whole).abs().max()))
    (Path(folder) / str(rank)).write_text(str(worst))
    torch.distributed.destroy_process_group()


def losses(training: Training, number: int) -> np.ndarray[Any, Any]:
    order = training.order()
    return np.array([float(training.step(step, order[step % len(order)])) for step in range(number)])


def same(found: tuple[list[torch.Tensor], list[torch.Tensor]], number: int) -> tuple[str, str]:
    equal = all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    return f"{number} steps, {'bit-equal' if equal else 'not bit-equal'}", verdict(equal)


def verdict(good: bool) -> str:
    return "ok" if good else "FAILED"


def finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_of(training: Training, members: Any, size: int | None) -> int:
    """Bytes that the process takes of the GPU for the gradients of a batch in pieces; afterwards all are given back."""
    free_memory(training)
    reset_peak(training.device)
    training.gradients(0, members, size)
    peak = torch.cuda.max_memory_reserved()
    free_memory(training)
    return peak


def free_memory(training: Training) -> None:
    training.optimizer.zero_grad(set_to_none=True)
    torch.cuda.empty_cache()


def wait_for_the_others() -> None:
    """Until the process that has started this one says so: see Bench.together."""
    print("warm", flush=True)
    sys.stdin.readline()


def timed(action: Callable[[], None], device: torch.device, times: int = 30) -> float:
    """Seconds of one."""
    action()
    finish(device)
    begun = time.monotonic()
    for _ in range(times):
        action()
    finish(device)
    return (time.monotonic() - begun) / times


def peak_flops(device: torch.device, dtype: torch.dtype, *, smoke: bool) -> float:
    side = 256 if smoke else 8192
    a, b = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(2))
    return 2 * side**3 / timed(lambda: torch.mm(a, b), device, 5)


def first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, default=Path("store/datasets/quickstart"), help="folder with train.jsonl")
    add("--smoke", action="store_true", help="tiny, on the CPU: does it work at all?")
    add("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.smoke and not torch.cuda.is_available():
        parser.error("there is no GPU here that torch can use; --smoke tries everything on the CPU")
    device = torch.device("cpu" if args.smoke else "cuda")
    if args.smoke:
        torch.set_num_threads(1)
    bench = Bench(device, args.data / "train.jsonl", smoke=args.smoke)
    if args.one:
        seconds = None if args.smoke else 5.0
        words, _, _ = bench.rate(bench.training(bench.shapes[0], "bf16"), seconds, wait_for_the_others)
        print(words)
        return 0
    name = "CPU" if args.smoke else torch.cuda.get_device_name()
    print(f"{name}, torch {torch.__version__}, {'smoke: the numbers mean nothing' if args.smoke else args.data.name}\n")
    print("| what | measured | |\n|---|---|---|")
    failed = False
    for title, section in bench.sections():
        print(f"| **{title}** | | |", flush=True)
        try:
            for row in section():
                print(f"| {' | '.join(row)} |", flush=True)
                failed |= row[-1] == "FAILED"
        # one that cannot be measured here must not cost the others their minutes
        except Exception as error:
            failed |= not isinstance(error, NotHereError)
            print(f"| - | - | {type(error).__name__}: {first_line(error)} |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
