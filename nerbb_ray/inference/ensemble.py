"""Several fine-tuned models as one: texts are encoded once, the members predict one after the other, the probabilities
are averaged. Such an ensemble can be a folder of its own: the members, and `ensemble.json`.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, Unpack

import torch

from nerbb_ray.errors import ModelError
from nerbb_ray.inference.tagger import Options, Tagger, open_tagger
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.training.sources import ModelSource, has_model, local_model, own_folders

ENSEMBLE = "ensemble.json"
MEMBERS = "members"
FORMAT = 1
FEWEST = 2

log = logging.getLogger(__name__)


class MeanOfMembers(torch.nn.Module):
    """Its `logits` are the logarithms of the mean probabilities: their softmax is the mean.

    Args:
        members: with the same tags in the same order.
    """

    def __init__(self, members: Sequence[torch.nn.Module]) -> None:
        super().__init__()
        self.members = torch.nn.ModuleList(members)
        self.config = members[0].config

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """*Shape:* (B, T) twice -> logits (B, T, number of tags), in fp32"""
        said = [member(input_ids=input_ids, attention_mask=attention_mask).logits for member in self.members]
        # a sum of probabilities in bf16 would lose what is rare
        log_probs = torch.stack([one.float().log_softmax(-1) for one in said])
        return SimpleNamespace(logits=log_probs.logsumexp(0) - torch.tensor(float(len(said))).log().item())


@dataclass(frozen=True, slots=True)
class OwnDecoder:
    """How the tags of an ensemble are found.

    Args:
        tags: the places in the decoder.
    """

    decoder: Decoder
    tags: tuple[str, ...]

    def of(self, tags: Sequence[str]) -> Decoder:
        """The same for the tags in the order of a model.

        Raises:
            ModelError: they are others.
        """
        if sorted(tags) != sorted(self.tags):
            theirs = f"{', '.join(self.tags)}; the members have {', '.join(tags)}"
            raise ModelError(f"the decoding of an ensemble must be for the tags of its members; it is for {theirs}")
        return self.decoder.arranged([self.tags.index(tag) for tag in tags])

    def to_dict(self) -> dict[str, Any]:
        return {**self.decoder.to_dict(), "tags": list(self.tags)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "OwnDecoder":
        return cls(Decoder.from_dict(values), tuple(map(str, values["tags"])))


@dataclass(frozen=True, slots=True)
class EnsembleFolder:
    """What `ensemble.json` says.

    Args:
        members: their folders.
        decoder: None: that of the first member.
    """

    members: tuple[Path, ...]
    decoder: OwnDecoder | None

    def save(self, folder: Path) -> None:
        """Write it into the folder around the members."""
        about = {
            "format": FORMAT,
            "members": [member.relative_to(folder).as_posix() for member in self.members],
            "decoder": None if self.decoder is None else self.decoder.to_dict(),
        }
        (folder / ENSEMBLE).write_text(json.dumps(about) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "EnsembleFolder":
        """
        Raises:
            ModelError: the file is damaged, of another version, or names folders outside of its own.
        """
        path = folder / ENSEMBLE
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']!r}; {FORMAT} can be read")
            members = [_inside(str(name)) for name in about["members"]]
            decoder = None if about["decoder"] is None else OwnDecoder.from_dict(about["decoder"])
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelError(f"{path} cannot be read: {error!s}; export the ensemble again") from error
        if len(members) < FEWEST:
            raise ModelError(f"{path} must name at least {FEWEST} members; got {len(members)}")
        return cls(tuple(folder / name for name in members), decoder)


def _inside(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
        raise ValueError(f"a member must be a folder inside; got {name!r}")
    return name


def is_ensemble(folder: Path) -> bool:
    return (folder / ENSEMBLE).is_file()


def ensemble_called(name: str, store_dir: Path, base_dir: Path) -> Path | None:
    """The folder of an ensemble, where `find_model` would look for a single model; None if a model comes first."""
    places = (place for place in own_folders(name, store_dir, base_dir) if is_ensemble(place) or has_model(place))
    first = next(places, None)
    return first if first is not None and is_ensemble(first) else None


def open_folder(name: str, folder: Path, **options: Unpack[Options]) -> Tagger:
    """The ensemble in a folder.

    Raises:
        ModelError: see `EnsembleFolder.load` and `open_ensemble`.
    """
    found = EnsembleFolder.load(folder)
    sources = [local_model(f"{name}/{member.name}", member, onnx=True) for member in found.members]
    return open_ensemble(name, sources, found.decoder, **options)


def open_saved(name: str, folder: Path, **options: Unpack[Options]) -> Tagger:
    """The model in a folder, or the ensemble.

    Raises:
        ModelError: there is none, or it cannot be loaded.
    """
    if is_ensemble(folder):
        return open_folder(name, folder, **options)
    return open_tagger(local_model(name, folder, onnx=True), **options)


def open_ensemble(
    name: str,
    sources: Sequence[ModelSource],
    decoder: OwnDecoder | None,
    *,
    max_seq_length: int | None = None,
    **options: Unpack[Options],
) -> Tagger:
    """Load several fine-tuned models as one.

    Args:
        decoder: of the ensemble; None: that of the first member.
        max_seq_length: as in `open_tagger`.
    Raises:
        ModelError: one cannot be loaded, or they do not have the same tags, tokenizer and length.
    """
    members: list[Tagger] = []
    for source in sources:
        member = open_tagger(source, max_seq_length=max_seq_length, **options)
        if members and (difference := _difference(members[0], member)):
            raise ModelError(f"the members of an ensemble must have the same {difference}")
        members.append(member)
    first, mean = members[0], MeanOfMembers([member.model for member in members]).eval()
    return replace(first, name=name, model=mean, decoder=decoder.of(first.tags) if decoder else first.decoder)


def _difference(one: Tagger, other: Tagger) -> str | None:
    """What two models do not have in common, and what they have instead."""
    labels = [(member.scheme, member.tags, member.columns) for member in (one, other)]
    names = f"{one.name} and {other.name}"
    if labels[0] != labels[1]:
        shown = " and ".join(", ".join(member.tags) for member in (one, other))
        return f"tags in the same order and scheme; {names} have {shown}"
    if one.tokenizer.backend_tokenizer.to_str() != other.tokenizer.backend_tokenizer.to_str():
        return f"tokenizer; those of {names} differ"
    if one.max_seq_length != other.max_seq_length:
        return f"max_seq_length; {names} have {one.max_seq_length} and {other.max_seq_length}"
    return None


def members_of(tagger: Tagger) -> list[Tagger]:
    """The models of an ensemble, each by itself but with the decoder of all; of one model, itself."""
    if not isinstance(tagger.model, MeanOfMembers):
        return [tagger]
    return [replace(tagger, model=member) for member in tagger.model.members]
