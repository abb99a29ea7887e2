"""What a model can do, tried on a copy with few and narrow layers and random weights.

The copy is of the model's own class and follows its own rules for positions, masks and number formats, which are not
known by name here. It costs a fraction of a second, where the model itself would cost its whole weights.
"""

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoModelForTokenClassification

from nerbb_ray.errors import ModelError
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.load_errors import explained
from nerbb_ray.training.tokenizer import quiet_transformers
from nerbb_ray.training.worker import DTYPES

# every architecture gets by with it: heads of 24 are even, halves, quarters and sixths of it are whole
WIDTH, LAYERS, HEADS = 48, 2, 2
WIDTHS = (
    *("hidden_size", "embedding_size", "input_embedding_size", "entity_emb_size", "true_hidden_size"),
    *("intermediate_size", "moe_intermediate_size", "intra_bottleneck_size"),
)
SHORT = 5  # sub-tokens; an odd number, as any sentence may have
PADDED = 3  # sub-tokens of padding beside them: 8 together are the least that max_seq_length can be
TOKENS = 23  # different ones
TRIED_AT_MOST = 8192  # sub-tokens: beyond, a model that has room for more would need gigabytes to show it
NOISE = 1e-4  # of the logits' spread: rounding stays a hundred times below, what padding changes is far above


class TinyCopy:
    """A model that can be tried.

    Raises:
        ModelError: no copy of this configuration predicts sentences of sub-tokens.
    """

    def __init__(self, config: Any, name: str) -> None:
        self.name, self.config = name, copy.deepcopy(config)
        if not getattr(self.config, "num_labels", None):  # the head will be that of the data
            self.config.num_labels = 2
        pad, rows = (getattr(config.get_text_config(), key, None) for key in ("pad_token_id", "vocab_size"))
        special = [value for key, value in config.to_dict().items() if key.endswith("_token_id")]
        ids = range(TOKENS if rows is None else min(rows, TOKENS + len(special)))
        self.pad = 0 if pad is None else pad
        self.tokens = torch.tensor([i for i in ids if i not in special and i != self.pad] or [0])
        self.model = self._running()

    def _running(self) -> Any:
        problem: Exception | None = None
        with aside():
            torch.manual_seed(0)
            for config in _smaller(self.config):
                try:
                    model = _built(config)
                    self._predict(model, *self._sentences(SHORT))
                    return model
                # an architecture fails in its own way where something of it does not fit: another copy may
                except Exception as error:
                    problem = error
        assert problem is not None
        raise self._useless(problem) from problem

    def _useless(self, problem: Exception) -> ModelError:
        reason, way_out = explained(problem, "Choose another model")
        return ModelError(f"model {self.name!r} cannot predict the sub-tokens of a text: {reason}. {way_out}")

    def longest(self, wanted: int) -> int:
        """The most sub-tokens of a sequence, special ones included, as far as `wanted`."""
        most = min(wanted, stated_length(self.config) or wanted)
        if most <= SHORT or self._has_room(min(most, TRIED_AT_MOST)):
            return most
        fits, fails = SHORT, min(most, TRIED_AT_MOST)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            fits, fails = (middle, fails) if self._has_room(middle) else (fits, middle)
        return fits

    def _has_room(self, length: int) -> bool:
        try:
            self._predict(self.model, *self._sentences(length))
        except Exception:
            return False
        return True

    def keeps_to_mask(self) -> bool:
        """Whether a sentence gets the same predictions beside a longer one as alone."""
        try:
            alone = self._predict(self.model, *self._sentences(SHORT))
            beside = self._predict(self.model, *self._sentences(SHORT, SHORT + PADDED))[:1, :SHORT]
        except Exception as error:
            raise self._useless(error) from error
        return bool((alone - beside).abs().max() <= NOISE * alone.std())

    def failure_in(self, precision: str) -> str | None:
        """Why it cannot be trained in a number format; None: it can."""
        ids, mask = self._sentences(SHORT, SHORT + PADDED)
        dtype = DTYPES[precision]
        try:
            with aside():
                model = copy.deepcopy(self.model).train()
                with torch.autocast("cpu", dtype, enabled=dtype != torch.float32), FastDropout((0,)):
                    logits = model(input_ids=ids, attention_mask=mask).logits[mask.bool()].float()
                torch.autograd.backward(logits.sum())
        except Exception as error:
            return explained(error)[0]
        return None if logits.isfinite().all() else "it gives no finite numbers"

    def heeds_dropout(self, keys: Sequence[str]) -> bool:
        """Whether its training depends on some dropouts of its configuration: some architectures never read theirs."""
        outputs = [self._trained_with(dict.fromkeys(keys, p)) for p in (0.0, 0.9)]
        return not torch.equal(*outputs)

    @torch.inference_mode()
    def _trained_with(self, values: Mapping[str, float]) -> torch.Tensor:
        ids, mask = self._sentences(SHORT)
        config = copy.deepcopy(self.model.config)
        for key, value in values.items():
            setattr(config, key, value)
        with aside():
            torch.manual_seed(0)
            model = _built(config)
            model.load_state_dict(self.model.state_dict())
            logits: torch.Tensor = model.train()(input_ids=ids, attention_mask=mask).logits
        return logits

    @torch.inference_mode()
    def _predict(self, model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        # some models go over to another kind of attention for good when they see a short sentence
        with aside():
            logits: torch.Tensor = copy.deepcopy(model)(input_ids=ids, attention_mask=mask).logits
        if logits.shape[:2] != ids.shape:
            raise ValueError(f"{ids.shape[1]} sub-tokens give outputs of the shape {tuple(logits.shape)}")
        return logits

    def _sentences(self, *lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch of sentences that begin alike: ids and mask. *Shape:* (B, T) twice"""
        places = torch.arange(max(lengths))
        mask = places < torch.tensor(lengths)[:, None]
        return torch.where(mask, self.tokens[places % len(self.tokens)], self.pad), mask.long()


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Whoever tries something here leaves no trace, and takes one thread: more would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), quiet_transformers():
            yield
    finally:
        torch.set_num_threads(threads)


def stated_length(config: Any) -> int | None:
    """The length that a configuration names, which may be more than there is room for; None: it names none."""
    stated = getattr(config, "max_position_embeddings", None)
    return stated if isinstance(stated, int) and stated > 0 else None


def _built(config: Any) -> Any:
    return AutoModelForTokenClassification.from_config(config, trust_remote_code=False, dtype=torch.float32).eval()


def _smaller(config: Any) -> Iterator[Any]:
    """Configurations of copies, the cheapest first; the others are for architectures that do not take to that."""
    narrow = dict.fromkeys(WIDTHS, WIDTH) | {"num_attention_heads": HEADS, "num_key_value_heads": HEADS}
    few, heads = {"num_hidden_layers": LAYERS}, {"head_dim": WIDTH // HEADS}
    for most in (narrow | few, narrow | few | heads, narrow, few):
        smaller = copy.deepcopy(config)
        parts = [getattr(smaller, key, None) for key in getattr(smaller, "sub_configs", {})]
        for part in (smaller, *parts):
            for key, value in most.items():
                _lower(part, key, value)
        yield smaller


def _lower(config: Any, key: str, most: int) -> None:
    given = getattr(config, key, None)
    if isinstance(given, int) and given > most:
        try:
            setattr(config, key, most)
        except (AttributeError, NotImplementedError, ValueError):  # worked out from other keys
            return
