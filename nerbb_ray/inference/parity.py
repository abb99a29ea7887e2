"""Size, latency and F1 of a model in several forms, and whether F1 may move as far as it does."""

import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray.data.corpus import Corpus
from nerbb_ray.errors import ModelError
from nerbb_ray.inference.scoring import Scoring, score
from nerbb_ray.inference.tagger import Tagger
from nerbb_ray.ner.resampling import drawn_scores
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, RunResult

FILE = "parity.json"
SEEN_BY_FOLDS = ("val", "train")  # splits that fold models were trained on, all or most of them
TORCH_FP32, TORCH_BF16, ONNX_FP32, ONNX_INT8 = FORMS = ("torch fp32", "torch bf16", "ONNX fp32", "ONNX int8")
TOGETHER = 16  # sentences
TIMED_S = 2.0  # seconds at most for each latency
DRAWS = 2000
WITHOUT_DATA = ("Angela", "Merkel", "met", "the", "mayor", "of", "Paris", "in", "Berlin", ".")  # for the latency


@dataclass(frozen=True, slots=True)
class Form:
    """A model in one of the forms that it can have.

    Args:
        bytes: of its files with weights.
        ms_alone, ms_together: milliseconds per sentence, one at a time and 16 at a time, with tokenisation and
            decoding.
        f1: strict entity micro F1.
        note: why there are no numbers.
    """

    name: str
    bytes: int = 0
    ms_alone: float = math.nan
    ms_together: float = math.nan
    f1: float = math.nan
    note: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """How far F1 may move.

    Args:
        of: what it is, in words.
    """

    value: float
    of: str


@dataclass(frozen=True, slots=True)
class Parity:
    """What `parity.json` of an export says.

    Args:
        exported: name of the form that was exported.
        split: of which F1 is; None: of none.
        limit: None without a split.
        threads: CPUs that were used.
        seen: whether the models were trained on it: then F1 compares the forms and says nothing of how good they are.
    """

    exported: str
    forms: tuple[Form, ...]
    split: str | None
    limit: Limit | None
    threads: int
    seen: bool = False

    @property
    def test_f1(self) -> float | None:
        """Of the exported form on a test split; None where there was none to measure it on."""
        return self.form(self.exported).f1 if self.split == "test" else None

    def form(self, name: str) -> Form:
        return next(form for form in self.forms if form.name == name)

    @property
    def moved(self) -> float:
        """F1 of the exported form minus F1 in torch and fp32."""
        return self.form(self.exported).f1 - self.form(TORCH_FP32).f1

    def check(self, *, accept_change: bool = False) -> None:
        """Raises ModelError if the exported form cannot predict, or if F1 moves too far or that is not known.

        Args:
            accept_change: whatever F1 does will do.
        """
        if note := self.form(self.exported).note:
            raise ModelError(f"the model in {self.exported} cannot predict: {note}")
        if accept_change:
            return
        way_out = "to export it all the same: --accept-change (in Python accept_change=True)"
        if self.limit is None or not math.isfinite(self.moved):
            raise ModelError(
                f"it cannot be seen whether the model in {self.exported} is as good: there are no data with entities "
                f"to measure it on; {way_out}"
            )
        if abs(self.moved) > self.limit.value:
            was, now = self.form(TORCH_FP32).f1, self.form(self.exported).f1
            raise ModelError(
                f"the model in {self.exported} is another one: {self.split} F1 moves by {self.moved:+.4f} (from "
                f"{was:.4f} to {now:.4f}), more than {self.limit.value:.4f}, {self.limit.of}; {way_out}"
            )

    def save(self, folder: Path) -> None:
        numbers = json.dumps(_defined(asdict(self)), indent=2, allow_nan=False)
        (folder / FILE).write_text(numbers + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Parity":
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        forms = tuple(Form(**{**form, **_undefined(form)}) for form in stored["forms"])
        limit = None if stored["limit"] is None else Limit(**stored["limit"])
        return cls(stored["exported"], forms, stored["split"], limit, stored["threads"], stored.get("seen", False))

    def header(self) -> list[str]:
        f1 = f"{self.split} F1" if self.split else "F1"
        return ["", "size", "ms per sentence, 1 at a time", f"{TOGETHER} at a time", f1]

    def rows(self) -> Iterator[list[str]]:
        """As texts, for the table."""
        for form in self.forms:
            name = f"{form.name} (this model)" if form.name == self.exported else form.name
            numbers = [_shown(form.ms_alone, 2), _shown(form.ms_together, 2), _shown(form.f1, 4)]
            yield [name, f"{form.bytes / 1e6:.1f} MB" if form.bytes else "-", *numbers]

    def words(self) -> Iterator[str]:
        """What is to be said beside the table."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        yield (
            f"Measured on CPU with {threads}, tokenisation and decoding included. torch bf16 computes from the file of "
            "fp32."
        )
        if self.limit is None:
            yield "How good the forms are was not measured: there were no data."
        elif math.isfinite(self.moved):
            far = "more" if abs(self.moved) > self.limit.value else "not more"
            yield f"F1 moves by {self.moved:+.4f}, {far} than {self.limit.value:.4f}, {self.limit.of}."
        if self.seen:
            yield (
                f"The models were trained on most of {self.split}, or on all of it: its F1 compares the forms and does "
                "not say how good they are."
            )
        yield from (f"{form.name}: {form.note}." for form in self.forms if form.note)


@dataclass(kw_only=True)
class Yardstick:
    """Measures the forms of one model.

    Args:
        corpus: None: there are no data.
        run: of the model.
    """

    corpus: Corpus | None
    run: RunResult
    split: str | None = None
    limit: Limit | None = None
    forms: list[Form] = field(default_factory=list)

    def measure(
        self, name: str, size: int, open_model: Callable[[], Tagger], problem: ModelError | None = None
    ) -> None:
        """Measure a form; the first one is what the others are compared with. Any other that fails has a note.

        Args:
            open_model: may raise ModelError.
            problem: why it could not be made.
        """
        try:
            if problem is not None:
                raise problem
            tagger = open_model()
            scoring = self._score(tagger)
            texts = self._texts()
            alone, together = (latency(tagger, texts, number) for number in (1, TOGETHER))
        except ModelError as error:
            if not self.forms:
                raise
            self.forms.append(Form(name, note=str(error).rstrip(".")))
            return
        f1 = math.nan if scoring is None else scoring.evaluation.f1
        self.forms.append(Form(name, size, alone, together, f1))

    def parity(self, exported: str) -> Parity:
        seen = bool(self.run.folds) and self.split in SEEN_BY_FOLDS
        return Parity(exported, tuple(self.forms), self.split, self.limit, torch.get_num_threads(), seen)

    def _score(self, tagger: Tagger) -> Scoring | None:
        if self.corpus is None:
            return None
        if self.forms:
            return score(tagger, self.corpus, self.split) if self.split else None
        # folds hold nothing out of train, so that there may be no other split
        for split in ("test", *(SEEN_BY_FOLDS if self.run.folds else ("val",))):
            scoring = score(tagger, self.corpus, split) if self.corpus.split(split) else None
            if scoring is not None and math.isfinite(scoring.evaluation.f1):
                self.split, self.limit = split, limit_of(self.run, split, scoring.sentences)
                return scoring
        return None

    def _texts(self) -> list[Sequence[str]]:
        found = [sentence.tokens for sentence in self.corpus.split(self.split)] if self.corpus and self.split else []
        return [list(words) for words in found] or [WITHOUT_DATA]


def limit_of(run: RunResult, split: str, sentences: Any) -> Limit:
    """The standard deviation over the seeds, or where there is none, the standard error over the sentences.

    Args:
        sentences: true positive, false positive and false negative entities of each. *Shape:* (sentences, 3)
    """
    mean = run.mean_if_any(TEST_METRIC if split == "test" else SELECTION_METRIC)
    if mean.n > 1 and mean.sd > 0:
        return Limit(mean.sd, f"the standard deviation of the {mean.n} {run.member}s")
    drawn = drawn_scores(sentences[None], DRAWS, np.random.default_rng(0))
    of_seeds = f"one {run.member} has no deviation" if mean.n < 2 else f"the {run.member}s do not differ"
    instead = f"the standard error over the {len(sentences)} sentences of {split} ({of_seeds})"
    return Limit(float(np.nanstd(drawn)), instead)


def latency(tagger: Tagger, texts: Sequence[Sequence[str]], number: int) -> float:
    """The median time of a call, in milliseconds per sentence.

    Args:
        number: sentences of a call.
    """
    endless = cycle(texts)
    tagger.find(list(islice(endless, number)))  # the first call is slower
    times: list[float] = []
    calls, begun = -(-len(texts) // number), time.perf_counter()
    while len(times) < calls and time.perf_counter() - begun < TIMED_S:
        batch, before = list(islice(endless, number)), time.perf_counter()
        tagger.find(batch)
        times.append(time.perf_counter() - before)
    return 1000 * statistics.median(times) / number


def _shown(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _undefined(values: dict[str, Any]) -> dict[str, Any]:
    return {key: math.nan for key, value in values.items() if value is None}


def _defined(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _defined(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
