"""What a trial's model says of every word of the val and test data, kept after the model is out of memory.

A file `log_probs.npz` beside the model: half precision, compressed. Ensembles, errors and probably wrong annotations
are found from it without a forward pass.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nerbb_ray import atomic
from nerbb_ray.ner.choose_decoder import DecoderChoice
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.ner.tags import Scheme

FILE = "log_probs.npz"
FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class SplitLogProbs:
    """Of one split.

    Args:
        log_probs: natural logarithms; all tags of a word without sub-token are all but the same. *Shape:* (words, tags)
        gold: ids of the right tags. *Shape:* (words,)
        starts: offset of the first word of each sentence, then the number of words. *Shape:* (sentences + 1,)
        places: of a fold: the number of each sentence in train, then val, of the data set; None: the split itself, or
            its first sentences. *Shape:* (sentences,)
    """

    log_probs: NDArray[np.float16]
    gold: NDArray[np.int16]
    starts: NDArray[np.int64]
    places: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LogProbs:
    """Of a trial.

    Args:
        tags: the columns.
        decoder: that the trial chose.
        decoders: those that it chose from.
        data: fingerprint of the data set.
        folds: of which its data are one; 0 without folds.
    """

    tags: tuple[str, ...]
    scheme: Scheme
    decoder: Decoder
    decoders: DecoderChoice
    data: str
    splits: Mapping[str, SplitLogProbs]
    folds: int = 0

    def save(self, path: Path) -> None:
        """Write the file, as a whole."""
        about = {
            "format": FORMAT,
            "tags": list(self.tags),
            "scheme": self.scheme,
            "decoder": self.decoder.to_dict(),
            "decoding": self.decoders.wanted,
            "splits": list(self.splits),
            "data": self.data,
            "folds": self.folds,
        }
        arrays = {
            f"{split}.{name}": getattr(one, name)
            for split, one in self.splits.items()
            for name in SplitLogProbs.__dataclass_fields__
            if getattr(one, name) is not None
        }
        arrays |= {"train.gold": self.decoders.gold, "train.starts": self.decoders.starts}
        with atomic.new_file(path) as scratch, scratch.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: Path) -> "LogProbs":
        """
        Raises:
            OSError, ValueError: there is no such file, or it is damaged.
        """
        try:
            return cls._read(path)
        except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from error

    @classmethod
    def _read(cls, path: Path) -> "LogProbs":
        with np.load(path, allow_pickle=False) as stored:
            about: dict[str, Any] = json.loads(str(stored["about"]))
            if about["format"] != FORMAT:
                raise ValueError(f"{path} has the format {about['format']}; {FORMAT} can be read")
            splits = {
                split: SplitLogProbs(
                    **{
                        name: stored[f"{split}.{name}"]
                        for name in SplitLogProbs.__dataclass_fields__
                        if f"{split}.{name}" in stored.files
                    }
                )
                for split in about["splits"]
            }
            gold, starts = stored["train.gold"], stored["train.starts"]
        tags, scheme = tuple(about["tags"]), about["scheme"]
        choice = DecoderChoice(about["decoding"], tags, scheme, gold, starts)
        return cls(
            tags, scheme, Decoder.from_dict(about["decoder"]), choice, about["data"], splits, about.get("folds", 0)
        )
