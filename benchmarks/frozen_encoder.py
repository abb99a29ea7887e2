"""Taggers whose encoder is frozen: MiniLM says once what it makes of every word, and a small head is trained on that.

A training takes seconds where fine-tuning takes minutes, so that hundreds of them fit into a benchmark. Their scores
are lower than those of fine-tuned models, their noise over seeds and sentences is real.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench_trial import MODEL, ROOT

BATCH = 256


@dataclass(frozen=True, slots=True)
class Head:
    """How a head of one hidden layer is trained.

    Args:
        layers: of the encoder, the last ones, side by side.
    """

    hidden: int
    epochs: int
    lr: float
    layers: int


LARGE, SMALL = Head(128, 20, 1e-3, layers=2), Head(64, 10, 2e-3, layers=1)


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of some sentences.

    Args:
        features: *Shape:* (words, layers x width)
        gold: ids of the tags. *Shape:* (words,)
        starts: of the sentences. *Shape:* (sentences + 1,)
    """

    features: Any
    gold: Any
    starts: Any

    def of(self, sentences: Any) -> "Words":
        """Some of the sentences, in this order."""
        words = np.concatenate([np.arange(self.starts[k], self.starts[k + 1]) for k in sentences])
        lengths = [self.starts[k + 1] - self.starts[k] for k in sentences]
        return Words(self.features[words], self.gold[words], np.concatenate([[0], np.cumsum(lengths)]))

    @property
    def number(self) -> int:
        return len(self.starts) - 1


def words_of(sentences: Any, tags: Any, head: Head) -> Words:
    """What the encoder makes of sentences."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from nerbb_ray.training.sources import find_model

    torch.set_num_threads(1)
    location = find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd()).location
    tokenizer, model = AutoTokenizer.from_pretrained(location), AutoModel.from_pretrained(location).eval()
    place = {tag: number for number, tag in enumerate(tags)}
    features: list[Any] = [None] * len(sentences)
    order = sorted(range(len(sentences)), key=lambda k: len(sentences[k].tokens))
    with torch.inference_mode():
        for begin in range(0, len(order), 32):
            batch = order[begin : begin + 32]
            tokens = [list(sentences[k].tokens) for k in batch]
            encoded = tokenizer(
                tokens, is_split_into_words=True, truncation=True, max_length=256, padding=True, return_tensors="pt"
            )
            states = model(**encoded, output_hidden_states=True).hidden_states[-head.layers :]
            said = torch.cat(states, dim=-1).numpy()
            for row, k in enumerate(batch):
                features[k] = first_subtokens(said[row], encoded.word_ids(row), len(tokens[row]))
    gold = np.array([place[tag] for sentence in sentences for tag in sentence.tags])
    lengths = [len(sentence.tokens) for sentence in sentences]
    return Words(np.concatenate(features), gold, np.concatenate([[0], np.cumsum(lengths)]))


def first_subtokens(states: Any, word_ids: Any, words: int) -> Any:
    """Of every word; a word without any is all zeros."""
    found = np.zeros((words, states.shape[1]), np.float32)
    for position in range(len(word_ids) - 1, -1, -1):
        if word_ids[position] is not None:
            found[word_ids[position]] = states[position]
    return found


def train_head(words: Words, tags: int, seed: int, kind: Head) -> Any:
    """A head of one hidden layer; the seed is that of its weights and of the order of the words."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y = torch.from_numpy(words.features), torch.from_numpy(words.gold)
    head = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], kind.hidden),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(kind.hidden, tags),
    )
    optimizer = torch.optim.AdamW(head.parameters(), lr=kind.lr)
    for _ in range(kind.epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(head(x[batch]), y[batch]).backward()
            optimizer.step()
    return head.eval()


def log_probs(head: Any, words: Words) -> Any:
    """*Shape:* (words, tags)"""
    import torch

    with torch.inference_mode():
        return head(torch.from_numpy(words.features)).double().log_softmax(-1).numpy()


def entity_f1(said: Any, words: Words, tags: Any, scheme: Any) -> float:
    """Strict entity micro F1 of constrained decoding; 0 where nothing is found."""
    from nerbb_ray.ner.decoding import constrained
    from nerbb_ray.ner.metrics import count

    found = constrained(tags, scheme).decode(said, words.starts)
    value = count(words.gold, found, words.starts, tags, scheme).scores("entity")["micro"].f1
    return 0.0 if np.isnan(value) else float(value)
