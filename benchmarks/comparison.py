"""From time stamps and costs to measures, ratios and Markdown tables. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

NOTHING = float("nan")  # a measure that one of the settings does not have


@dataclass(frozen=True, slots=True)
class Epoch:
    """Training of one epoch, without its validation.

    Args:
        begin, end: seconds since 1970.
        words: labelled tokens that were trained.
    """

    begin: float
    end: float
    words: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One fine-tuned model; `f1` is its strict entity micro F1 on the test split."""

    seed: int
    epochs: tuple[Epoch, ...]
    f1: float


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the tables.

    Args:
        gain: (ours, theirs) -> how much better ours is.
    """

    title: str
    gain_title: str
    digits: int
    gain: Callable[[float, float], float]


def _times_more(ours: float, theirs: float) -> float:
    return ours / theirs


def _times_less(ours: float, theirs: float) -> float:
    return theirs / ours


def _difference(ours: float, theirs: float) -> float:
    return ours - theirs


METRICS = {
    "train_words_per_s": Metric("training words/s", "training words/s", 0, _times_more),
    "all_words_per_s": Metric("words/s with validation", "words/s with validation", 0, _times_more),
    "epoch_s": Metric("s per epoch", "s per epoch", 2, _times_less),
    "first_step_s": Metric("s to first step", "s to first step", 1, _times_less),
    "wall_s": Metric("s in all", "s in all", 1, _times_less),
    "cpu_s": Metric("CPU s", "CPU s", 1, _times_less),
    "peak_mb": Metric("peak MB", "peak MB", 0, _times_less),
    "f1": Metric("test F1", "test F1 (difference)", 3, _difference),
}


def measures(trials: Sequence[Trial], started: float, costs: Mapping[str, float]) -> dict[str, float]:
    """Everything that the tables show of one measurement.

    Words per second are the words of all trials over the time in which at least one of them was at it, so that trials
    side by side count as they should. "With validation" takes the time from the beginning of an epoch to the beginning
    of the next; the last epoch has no next one and does not count.

    Args:
        started: seconds since 1970, just before the first process started.
        costs: wall_s, cpu_s and peak_mb.
    """
    training = [epoch for trial in trials for epoch in trial.epochs]
    whole = [Epoch(a.begin, b.begin, a.words) for trial in trials for a, b in pairwise(trial.epochs)]
    return {
        "train_words_per_s": words_per_second(training),
        "all_words_per_s": words_per_second(whole),
        "epoch_s": median(epoch.end - epoch.begin for epoch in training),
        "first_step_s": min(epoch.begin for epoch in training) - started,
        **{name: costs[name] for name in ("wall_s", "cpu_s", "peak_mb")},
        "f1": fmean(trial.f1 for trial in trials),
    }


def words_per_second(epochs: Sequence[Epoch]) -> float:
    """Words of all epochs over the length of the union of their times; NaN of none."""
    busy = union_length((epoch.begin, epoch.end) for epoch in epochs)
    return sum(epoch.words for epoch in epochs) / busy if busy else NOTHING


def union_length(intervals: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    length, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        length += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return length


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, lowest and highest of some repetitions."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def text(self, digits: int, sign: str = "") -> str:
        """`1.52 [1.49, 1.60]`; a single repetition has no spread; `-` if undefined."""
        if self.middle != self.middle:
            return "-"
        middle, low, high = (f"{value:{sign}.{digits}f}" for value in (self.middle, self.low, self.high))
        return middle if low == high else f"{middle} [{low}, {high}]"


Repeats = Sequence[Mapping[str, float]]  # what `measures` gives, once per repetition


def gains(ours: Repeats, theirs: Repeats) -> dict[str, Spread]:
    """How many times better ours is, per metric, repetition by repetition; of F1 the difference."""
    return {
        name: Spread.of([metric.gain(a[name], b[name]) for a, b in zip(ours, theirs, strict=True)])
        for name, metric in METRICS.items()
    }


def measures_table(sides: Mapping[str, Repeats]) -> str:
    """One row per side: the medians over the repetitions, with the lowest and the highest."""
    rows = [
        [name, *(Spread.of([one[key] for one in repeats]).text(metric.digits) for key, metric in METRICS.items())]
        for name, repeats in sides.items()
    ]
    return markdown(["", *(metric.title for metric in METRICS.values())], rows)


def gains_table(sides: Mapping[str, Repeats], pairs: Iterable[tuple[str, str]]) -> str:
    """One row per pair (ours, theirs)."""
    rows = []
    for ours, theirs in pairs:
        found = gains(sides[ours], sides[theirs])
        cells = [found[key].text(3, "+") if key == "f1" else found[key].text(2) for key in METRICS]
        rows.append([f"{ours} against {theirs}", *cells])
    return markdown(["times better (> 1: nerbb_ray is)", *(metric.gain_title for metric in METRICS.values())], rows)


def nothing_learnt(sides: Mapping[str, Repeats]) -> str:
    """What is to be said of sides whose models find nothing, after the tables; empty if there are none."""
    names = [name for name, repeats in sides.items() if any(one["f1"] == 0 for one in repeats)]
    if not names:
        return ""
    what = "nothing was learnt, so it proves nothing; try more --epochs or --sentences"
    return f"\n\nF1 is 0 of {', '.join(names)}: {what}."


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its columns aligned: the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])
