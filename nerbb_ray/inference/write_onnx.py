"""A fine-tuned model written as ONNX, and checked against the one that it was made of."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray.errors import ModelError
from nerbb_ray.inference.onnx_model import INPUTS, OUTPUT, OnnxNetwork
from nerbb_ray.inference.tagger import Tagger
from nerbb_ray.training.encoding import special_tokens
from nerbb_ray.training.load_errors import explained
from nerbb_ray.training.model_files import ONNX, ONNX_DATA

# torch.export keeps a size of 0 or 1 as it is: these are none, and different
EXAMPLE = (3, 7)
TRIED = ((1, 1), (1, 5), (4, 16))  # sentences, sub-tokens; and two of the longest sequence, as far as
TRIED_AT_MOST = 512  # sub-tokens
TOLERANCE = 1e-3  # of a tag's log-probability
PROTOBUF = 1_800_000_000  # bytes of weights; a file of 2 GiB could not be read
QUIETED = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "onnx_ir.passes")


class _Logits(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def write_onnx(tagger: Tagger, folder: Path) -> None:
    """Write model.onnx into a folder: any number of sentences, of any length, in fp32.

    torch.export follows the shapes through the whole model. The older exporter, which records one run, fixes the mask
    of some sentences in its file without a word (it was off by .2 for BERT, RoBERTa and others); optimum does not
    take this transformers.

    Args:
        tagger: with the network in torch, on CPU.
    Raises:
        ModelError: this architecture cannot be written, or not so that it predicts the same.
    """
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    weights = sum(tensor.nbytes for tensor in tagger.model.state_dict().values())
    path = folder / ONNX
    try:
        with _quiet(), torch.inference_mode():
            program = torch.onnx.export(
                _Logits(tagger.model),
                _sentences(tagger, *EXAMPLE, padded=True),
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                dynamic_shapes=dict.fromkeys(INPUTS, sizes),
                dynamo=True,
                verbose=False,
            )
            assert program is not None
            _forget_where_it_was_made(program.model)
            program.save(path, external_data=weights > PROTOBUF)
        network = OnnxNetwork(path, tagger.model.config, torch.get_num_threads())
        difference = _largest_difference(tagger, network)
    # the exporter and the runtime have a kind of error for every of their stages
    except Exception as error:
        reason, _ = explained(error)
        raise ModelError(
            f"model {tagger.name!r} cannot be written as ONNX: {reason}. Export it without ONNX"
        ) from error
    if not difference <= TOLERANCE:
        raise ModelError(
            f"model {tagger.name!r} cannot be written as ONNX: log-probabilities differ from those of torch by "
            f"{difference:.2g}, more than {TOLERANCE:g}. Export it without ONNX"
        )


def _forget_where_it_was_made(graph: Any) -> None:
    """The exporter notes the lines of code that each node comes from, with the paths of this machine."""
    for node in graph.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()


def quantise(folder: Path, target: Path) -> None:
    """Write the model.onnx of a folder into another one with weights in int8; activations become it while it runs.

    Raises:
        ModelError: it cannot be done.
    Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, dynamic quantization
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    try:
        with _quiet():
            quantize_dynamic(
                folder / ONNX,
                target / ONNX,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=True,  # 7 bits: sums of 8 overflow on CPUs without VNNI, and were no nearer to fp32
                use_external_data_format=(folder / ONNX_DATA).exists(),
            )
    except Exception as error:  # as above
        reason, _ = explained(error)
        raise ModelError(f"the weights cannot become int8: {reason}. Export it without --int8") from error


def _largest_difference(tagger: Tagger, network: OnnxNetwork) -> float:
    """Of log-probabilities, over sentences of several lengths, with padding and without."""
    found, longest = [], min(tagger.max_seq_length, TRIED_AT_MOST)
    for sentences, length in (*TRIED, (2, longest)):
        for padded in {False, sentences > 1}:
            ids, mask = _sentences(tagger, sentences, min(length, longest), padded=padded)
            with torch.inference_mode():
                one, other = (model(ids, mask).logits.log_softmax(-1) for model in (tagger.model, network))
            found.append(float((one - other)[mask.bool()].abs().max()))
    return max(found)


def _sentences(tagger: Tagger, number: int, length: int, *, padded: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Random sub-tokens, and the mask of every second sentence half as long. *Shape:* (number, length) twice"""
    tokenizer = tagger.tokenizer
    special = {*tokenizer.all_special_ids}
    ordinary = [token for token in range(tokenizer.backend_tokenizer.get_vocab_size()) if token not in special]
    random = np.random.default_rng(0)
    ids, mask = random.choice(ordinary, (number, length)), np.ones((number, length), np.int64)
    prefix, suffix = special_tokens(tokenizer)
    if length > len(prefix) + len(suffix):
        ids[:, : len(prefix)] = prefix
        ids[:, length - len(suffix) :] = suffix
    if padded:
        mask[1::2, (length + 1) // 2 :] = 0
        ids[mask == 0] = tagger.pad
    return torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(mask)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter prints and logs of its progress; errors still come through."""
    levels = {name: logging.getLogger(name).level for name in ("", *QUIETED)}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
