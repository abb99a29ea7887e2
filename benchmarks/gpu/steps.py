"""Models of known shapes with random weights, sentences of a data set, and training steps in several ways.

Sub-tokens are not those of a tokenizer, which cannot be had without a network: a word of n letters has n / 4 of them,
numbered by a checksum. So the lengths are near to real ones, and the losses are of no use but to be compared.
"""

import contextlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray.training.batches import IGNORED, Batch, make_batch, parts, training_order
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.encoding import NO_WORD, EncodedSplit
from nerbb_ray.training.forward import Forward

LETTERS, LONGEST = 4, 128  # letters of a sub-token; sub-tokens of a sentence
PAD, CLS, SEP, FIRST = 0, 1, 2, 1000  # token ids
TAGS, BATCH = 13, 16
SHAPES: dict[str, dict[str, int]] = {
    "smoke": {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 96},
    "MiniLM": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "bert-base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
ROWS = {"smoke": 2000, "MiniLM": 30522, "bert-base": 30522, "XLM-R-base": 250002}
SHAPES["XLM-R-base"] = SHAPES["bert-base"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def build(shape: str, device: torch.device, **more: Any) -> Any:
    """A model with the same random weights on every device."""
    from transformers import AutoModelForTokenClassification, BertConfig, XLMRobertaConfig

    torch.manual_seed(0)
    of_family = XLMRobertaConfig if shape.startswith("XLM") else BertConfig
    config = of_family(vocab_size=ROWS[shape], num_labels=TAGS, pad_token_id=PAD, **SHAPES[shape], **more)
    return AutoModelForTokenClassification.from_config(config).to(device)


def read(file: Path, rows: int, sentences: int) -> EncodedSplit:
    """The first sentences of a file of the standard format, with made up sub-tokens."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[:sentences]]
    ids, words, starts, count = [], [], [0], 0
    for line in lines:
        row, first = [CLS], [NO_WORD]
        for token in line["tokens"]:
            pieces = [token[i : i + LETTERS] for i in range(0, len(token), LETTERS)]
            row += [FIRST + zlib.crc32(piece.encode()) % (rows - FIRST) for piece in pieces]
            first += [count, *[NO_WORD] * (len(pieces) - 1)]
            count += 1
        ids += [*row[: LONGEST - 1], SEP]
        words += [*first[: LONGEST - 1], NO_WORD]
        starts.append(len(ids))
    tags = {tag: number for number, tag in enumerate(sorted({tag for line in lines for tag in line["tags"]}))}
    every = np.arange(len(lines) + 1)
    return EncodedSplit(
        input_ids=np.array(ids, np.int32),
        words=np.array(words, np.int32),
        slice_starts=np.array(starts),
        gold=np.array([tags[tag] % TAGS for line in lines for tag in line["tags"]], np.int16),
        sentence_starts=every,
        sentence_slices=every,
    )


@dataclass
class Training:
    """A model that is trained as a trial is, apart from its data.

    Args:
        way: ours, padded, varlen, or one of the Trainer's, which pad: "Trainer default" (not fused, gradients
            clipped), "Trainer best" (fused, gradients clipped, batches of similar length from groups of 50).
    """

    shape: str
    device: torch.device
    dtype: torch.dtype
    data: EncodedSplit
    way: str = "ours"
    batch_size: int = BATCH
    dropout: float = 0.1

    def __post_init__(self) -> None:
        rates = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), self.dropout)
        self.model = build(self.shape, self.device, **rates).train()
        self.forward = Forward.of(self.model, self.shape, PAD, self.device, self.dtype)
        if self.way in ("padded", "Trainer default", "Trainer best"):
            self.forward = replace(self.forward, first_position=None)
        if self.way == "varlen":
            set_varlen(self.model)
        fused = self.way != "Trainer default"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=0.01, fused=fused)
        self.labels = self.data.labels(IGNORED)

    def order(self, epoch: int = 0) -> list[Any]:
        order = training_order(self.data.num_slices, self.batch_size, 43, epoch)
        if self.way != "Trainer best":
            return order
        lengths, mixed = self.data.lengths, np.concatenate(order)
        groups = np.split(mixed, np.arange(50 * self.batch_size, len(mixed), 50 * self.batch_size))
        members = np.concatenate([group[np.argsort(-lengths[group])] for group in groups])
        return np.split(members, np.arange(self.batch_size, len(members), self.batch_size))

    def batch(self, members: Any) -> Batch:
        return make_batch(self.data, self.labels, members).to(self.device)

    def step(self, number: int, members: Any, micro_batch: int | None = None) -> torch.Tensor:
        """The summed loss of one optimizer step: *Shape:* ()"""
        self.gradients(number, members, micro_batch)
        if self.way.startswith("Trainer"):
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return self.loss

    def gradients(self, number: int, members: Any, micro_batch: int | None = None) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(number)
        ours = self.dropout and not self.way.startswith("Trainer")
        dropout: Any = FastDropout([number]) if ours else contextlib.nullcontext()
        self.loss = torch.zeros((), device=self.device)
        for part in parts(members, micro_batch):
            batch = self.batch(part)
            with dropout:
                logits = self.forward.logits(batch)
            loss = torch.nn.functional.cross_entropy(logits, batch.labels, ignore_index=IGNORED, reduction="sum")
            torch.autograd.backward(loss / len(members))
            self.loss += loss.detach()

    def words(self, members: Any) -> int:
        return int((self.batch(members).labels != IGNORED).sum())

    def flops(self, members: Any) -> float:
        """Of the matrix products for the sub-tokens that there are: 6 a weight, and 12 x layers x width x length^2."""
        weights = sum(m.weight.numel() for m in self.model.modules() if isinstance(m, torch.nn.Linear))
        lengths, config = self.data.lengths[members], self.model.config
        attention = 12 * config.num_hidden_layers * config.hidden_size * int((lengths**2).sum())
        return float(6 * weights * int(lengths.sum()) + attention)


def set_varlen(model: Any) -> None:
    """Attention of sentences in a row by torch's kernel for them, which needs a GPU, and knows no dropout."""
    from torch.nn.attention.varlen import varlen_attn
    from transformers import AttentionInterface, AttentionMaskInterface

    from nerbb_ray.training import unpadded

    def attend(_module: Any, query: Any, key: Any, value: Any, mask: Any, **_: Any) -> tuple[Any, None]:
        ends, longest = mask
        q, k, v = (one[0].transpose(0, 1).contiguous() for one in (query, key, value))
        return varlen_attn(q, k, v, ends, ends, longest, longest)[None], None

    def ends(**_: Any) -> tuple[torch.Tensor, int]:
        row = unpadded.current()
        assert row is not None
        lengths = torch.cat([group.mask.sum(1) for group in row.groups])
        return torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).int(), row.groups[-1].mask.shape[1]

    AttentionInterface.register("varlen", attend)
    AttentionMaskInterface.register("varlen", ends)
    model.set_attn_implementation("varlen")


def captured(training: Training, width: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """A whole padded step of one width, without dropout: as it is, and as a CUDA graph, which spares the launches."""
    ids = torch.full((training.batch_size, width), FIRST, device=training.device)
    mask, labels = torch.ones_like(ids), torch.zeros(ids.numel(), dtype=torch.long, device=training.device)
    model = training.model.eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True, capturable=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", training.dtype, enabled=training.dtype != torch.float32, cache_enabled=False):
            logits = model(input_ids=ids, attention_mask=mask[:, None, None, :].bool()).logits.flatten(0, 1)
        torch.autograd.backward(torch.nn.functional.cross_entropy(logits.float(), labels))
        optimizer.step()

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return step, graph.replay
