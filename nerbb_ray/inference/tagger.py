"""A fine-tuned model in memory: loaded with all that its files say, and predicting."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.arguments import whole_number
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.errors import ModelError
from nerbb_ray.inference.labels import read_labels
from nerbb_ray.inference.onnx_model import is_onnx, load_onnx
from nerbb_ray.inference.windows import encode_windows
from nerbb_ray.ner.decoding import Decoder, unknown_word
from nerbb_ray.ner.tags import SourceScheme
from nerbb_ray.training.batches import batches_of, evaluation_order
from nerbb_ray.training.encoding import NO_WORD, special_tokens
from nerbb_ray.training.forward import Forward
from nerbb_ray.training.model import decoder_of, load_trained, splitting_of
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.training.tiny_copy import TinyCopy, stated_length
from nerbb_ray.training.tokenizer import check_vocabulary, load_tokenizer
from nerbb_ray.training.worker import PRECISION_OF, TrialContext, device_precision

log = logging.getLogger(__name__)

Probabilities = NDArray[np.float64]

DEFAULT_LENGTH = 512  # of a model that sets no limit
NO_LIMIT = 10**6
PRECISIONS = ("fp32", "bf16", "fp16", "auto")


class Options(TypedDict, total=False):
    """How a model predicts.

    device: cpu, cuda, cuda:1, ...; a GPU if there is one.
    batch_size: windows of full length that are predicted at once; shorter ones are more (32).
    threads: CPUs that torch may use in this process; left as it is.
    precision: fp32, bf16, fp16, or auto: bf16 where the hardware has it (fp32).
    """

    device: str | None
    batch_size: int
    threads: int | None
    precision: str


class Found(NamedTuple):
    """What is found in a text.

    Args:
        probabilities: the distribution of every word over the tags. *Shape:* (words, tags)
        tags: ids of the tags that the words got, by the model's decoder. *Shape:* (words,)
    """

    probabilities: Probabilities
    tags: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Tagger:
    """A model that predicts the tags of words.

    Args:
        tags: that it can predict, O first.
        scheme: in which the tags are written.
        columns: where in its output each of the tags is.
        max_seq_length: sub-tokens of a window, special tokens included.
        budget: sub-tokens of a batch, padding included.
        decoder: how the tags of a text are found.
        splitting: how text is cut into words like those of its training.
    """

    name: str
    model: Any
    tokenizer: Any
    tags: tuple[str, ...]
    scheme: SourceScheme
    columns: tuple[int, ...]
    max_seq_length: int
    budget: int
    device: torch.device
    dtype: torch.dtype
    decoder: Decoder
    splitting: WordSplitting

    @property
    def unknown_word(self) -> NDArray[np.float32]:
        """What is said of a word without sub-token, as in training. *Shape:* (tags,)"""
        return unknown_word(self.tags, self.scheme)

    @property
    def ctx(self) -> TrialContext:
        """Of a worker that is alone and reports to nobody: made anew, because it cannot go to another process."""
        return TrialContext(report=lambda _: None, device=self.device, threads=torch.get_num_threads())

    @cached_property
    def _order(self) -> torch.Tensor | None:
        """None where the output has the tags in their order already, and nothing else."""
        sorted_already = self.columns == tuple(range(len(self.model.config.id2label)))
        return None if sorted_already else torch.tensor(self.columns, device=self.device)

    @property
    def pad(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)

    @cached_property
    def forward(self) -> Forward:
        """How the model is run, which is tried once; it gives the tags in their order."""
        forward = Forward.of(self.model, self.name, self.pad, self.device, self.dtype)
        return replace(forward, columns=self._order)

    @torch.inference_mode()
    def find(
        self, texts: Sequence[Sequence[str]], after_batch: Callable[[float], None] = lambda _: None
    ) -> list[Found]:
        """The tags of each text, decoded as one sequence; a word without a sub-token has its tag for certain.

        Args:
            texts: the words of each.
            after_batch: is told the share of all windows that were in the batch.
        """
        split = encode_windows(texts, self.tokenizer, self.max_seq_length)
        log_probs = np.full((len(split.gold), len(self.tags)), self.unknown_word, dtype=np.float64)
        known = np.zeros(len(split.gold), bool)
        order = evaluation_order(split.lengths, self.budget)
        for members, batch in zip(order, batches_of(split, order, self.device), strict=True):
            first = batch.words != NO_WORD
            logits = self.forward.logits(batch)[torch.from_numpy(first).to(self.device)]
            log_probs[batch.words[first]] = logits.cpu().double().log_softmax(-1).numpy()
            known[batch.words[first]] = True
            after_batch(len(members) / len(split.lengths))
        if np.isnan(log_probs).any():
            raise ModelError(
                f"model {self.name!r} gives no probabilities (NaN): its weights, or {self.dtype}, are no good"
            )
        tags, borders = self.decoder.decode(log_probs, split.sentence_starts), split.sentence_starts[1:-1]
        probabilities = np.exp(log_probs)
        probabilities[~known] = np.arange(len(self.tags)) == tags[~known, None]
        return list(map(Found, np.split(probabilities, borders), np.split(tags, borders))) if texts else []


def open_tagger(
    source: ModelSource,
    *,
    max_seq_length: int | None = None,
    device: str | None = None,
    batch_size: int = 32,
    threads: int | None = None,
    precision: str = "fp32",
) -> Tagger:
    """Load a fine-tuned model; see `Options`.

    Args:
        max_seq_length: that it was trained with, if known; else what its files say.
    Raises:
        ModelError: it cannot be loaded, is not one for named entities, or cannot run like this.
    """
    batch_size = whole_number("batch_size", batch_size, ModelError, low=1)
    threads = None if threads is None else whole_number("threads", threads, ModelError, low=1)
    if precision not in PRECISIONS:
        raise ModelError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}")
    in_onnx = is_onnx(source)
    place = _device("cpu" if in_onnx and device is None else device)
    if in_onnx:
        _check_onnx_options(source.name, place, precision)
        model: Any = load_onnx(source, threads or torch.get_num_threads())
    else:
        model = load_trained(source)
    tokenizer = load_tokenizer(source, trained=True)
    labels = read_labels(model.config.id2label, source.name)
    check_vocabulary(tokenizer, model, source.name)
    length = max_seq_length or _length(model.config, tokenizer, source.name)
    _check_room(length, tokenizer, source)
    dtype = torch.float32 if in_onnx else device_precision(precision, place)
    if dtype != torch.float32:
        dtype = _possible(dtype, precision, TinyCopy(model.config, source.name))
    if threads is not None:
        torch.set_num_threads(threads)
    return Tagger(
        name=source.name,
        model=model.to(place),
        tokenizer=tokenizer,
        tags=labels.tags,
        scheme=labels.scheme,
        columns=labels.columns,
        max_seq_length=length,
        budget=batch_size * length,
        device=place,
        dtype=dtype,
        decoder=decoder_of(source, labels.tags),
        splitting=splitting_of(model.config),
    )


def _check_onnx_options(name: str, place: torch.device, precision: str) -> None:
    if place.type != "cpu":
        raise ModelError(f"model {name!r} is in ONNX, which runs on the CPU here; got device {str(place)!r}")
    if precision not in ("fp32", "auto"):
        rule = "has the number format of its file"
        raise ModelError(f"model {name!r} is in ONNX and {rule}; leave precision out; got {precision!r}")


def _device(wanted: str | None) -> torch.device:
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:  # how torch says that it was built without CUDA
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"device must be cpu, or a GPU of this machine such as cuda:0; got {wanted!r}: {reason}"
        ) from error
    return device


def _length(config: Any, tokenizer: Any, name: str) -> int:
    """The tokenizer's own limit, as far as the model has room."""
    limit = tokenizer.model_max_length
    # a tokenizer without a limit says 10^30
    wanted = int(limit) if limit < NO_LIMIT else stated_length(config) or DEFAULT_LENGTH
    return TinyCopy(config, name).longest(wanted)


def _possible(dtype: torch.dtype, precision: str, tiny: TinyCopy) -> torch.dtype:
    """The number format, or fp32 where `auto` would be one that the model cannot do with."""
    name = PRECISION_OF[dtype]
    failure = tiny.failure_in(name)
    if failure is None:
        return dtype
    if precision != "auto":
        raise ModelError(f"model {tiny.name!r} cannot predict in {name}: {failure}; leave precision at fp32")
    log.warning("model %r cannot predict in %s (%s): fp32 is used", tiny.name, name, failure)
    return torch.float32


def _check_room(length: int, tokenizer: Any, source: ModelSource) -> None:
    special = sum(map(len, special_tokens(tokenizer)))
    if length <= special:
        raise ModelError(
            f"model {source.name!r}: its tokenizer takes {length} sub-tokens, which leaves no room beside {special} "
            "special ones: mend model_max_length in its tokenizer_config.json"
        )
