"""A fine-tuned model in ONNX, run by onnxruntime: called like one of transformers."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from nerbb_ray.errors import ModelError
from nerbb_ray.training.load_errors import as_model_error
from nerbb_ray.training.model import load_config
from nerbb_ray.training.model_files import ONNX, has_onnx_only
from nerbb_ray.training.sources import ModelSource

INPUTS = ("input_ids", "attention_mask")
ZEROS = "token_type_ids"  # asked for by some files from elsewhere; a text is one sequence
OUTPUT = "logits"
TO_RUN, TO_WRITE = ("onnxruntime",), ("onnx", "onnxscript", "onnxruntime")
ERRORS_ONLY = 3  # of onnxruntime's log levels


class OnnxNetwork(torch.nn.Module):
    """The network of a file model.onnx, on CPU.

    Args:
        config: of transformers; its id2label has the tags.
    """

    def __init__(self, path: Path, config: Any, threads: int) -> None:
        import onnxruntime

        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = ERRORS_ONLY
        self.config = config
        self._made_of = (path, config, threads)
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.asked = [found.name for found in self.session.get_inputs()]
        names = [found.name for found in self.session.get_outputs()]
        if not {*INPUTS} <= {*self.asked} <= {*INPUTS, ZEROS} or OUTPUT not in names:
            raise ValueError(
                f"{path.name} must turn {' and '.join(INPUTS)} into {OUTPUT}; it turns {', '.join(self.asked)} "
                f"into {', '.join(names)}"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._made_of  # a session belongs to its process: another one reads the file again

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """*Shape:* (B, T) twice -> logits (B, T, number of tags), in fp32"""
        given = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        if ZEROS in self.asked:
            given[ZEROS] = np.zeros_like(given["input_ids"])
        (logits,) = self.session.run([OUTPUT], given)
        return SimpleNamespace(logits=torch.from_numpy(np.asarray(logits, np.float32)))


def is_onnx(source: ModelSource) -> bool:
    """Whether a model is in a folder whose only weights are a file model.onnx."""
    folder = Path(source.location)
    return folder.is_dir() and has_onnx_only(folder)


def load_onnx(source: ModelSource, threads: int) -> OnnxNetwork:
    """
    Raises:
        ModelError: onnxruntime is not installed, or the file cannot be run.
    """
    require(TO_RUN, f"model {source.name!r} is in ONNX: to run it")
    config = load_config(source)
    with as_model_error(source):
        return OnnxNetwork(Path(source.location) / ONNX, config, threads).eval()


def require(packages: Sequence[str], purpose: str) -> None:
    """Raises ModelError if one of the packages of the extra `onnx` is not installed."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(f"{purpose}, {' and '.join(missing)} must be installed: pip install 'nerbb_ray[onnx]'")
