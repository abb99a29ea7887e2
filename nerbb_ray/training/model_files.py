"""The files of a model in a folder: which they are, whether they are whole, and what they are, as one hash.

Reads beginnings and ends of files only, but for the hash, and needs neither torch nor transformers.
"""

import fnmatch
import hashlib
import json
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nerbb_ray.errors import ModelError

CONFIG = "config.json"
ADAPTER = "adapter_config.json"  # of peft: transformers puts its adapter on a model, unasked
# of one file, or the list of several; transformers takes the first that is there
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
ONNX = "model.onnx"  # of an export: it can predict, but not be trained
ONNX_DATA = "model.onnx.data"  # beside it where it would be larger than a file of this kind can be
# its base may be any other model, its encoder would be frozen, and what is saved of it would be an adapter again
IS_ADAPTER = (
    "is of an adapter (peft), which is no whole model; merge it into its base model first: "
    "PeftModel.from_pretrained(base_model, folder).merge_and_unload().save_pretrained(new_folder)"
)
# whatever tokenizers of transformers read
TOKENIZER = (
    *("tokenizer*", "*vocab*", "merges.txt", "*.model", "*.tiktoken", "tekken.json"),
    *("special_tokens_map.json", "added_tokens.json", "bpe.codes", "dict.txt"),
)
GIT_LFS = b"version https://git-lfs"
LEGACY_PICKLE = b"\x80"  # of torch before 1.6
LONGEST_HEADER = 100_000_000  # bytes, the limit of safetensors

Tensor = tuple[str, tuple[int, ...]]  # format and shape


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that transformers reads the weights from, the list of several first; empty if there are none.

    Raises:
        ModelError: a list of several cannot be read, or names files that are not there.
    """
    found = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        return ()
    if found.suffix != ".json":
        return (found,)
    _refuse_pointer(found)
    try:
        names = sorted(set(json.loads(found.read_text(encoding="utf-8"))["weight_map"].values()))
        if not names or any(Path(name).name != name for name in names):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        rule = "must say in which file of this folder each weight is (weight_map)"
        raise ModelError(f"{found}: {rule}; download it again") from None
    shards = tuple(folder / name for name in names)
    missing = [name for name, shard in zip(names, shards, strict=True) if not shard.is_file()]
    if missing:
        raise ModelError(
            f"{folder}: {len(missing)} of the {len(names)} files of its weights are missing: {few(missing)}; "
            f"download them again"
        )
    return (found, *shards)


def has_onnx_only(folder: Path) -> bool:
    """Whether the weights in a folder are in ONNX, and in no other form."""
    return (folder / ONNX).is_file() and not weight_files(folder)


def check_files(folder: Path, *, onnx: bool = False) -> None:
    """Raises ModelError if the weights are not there as a whole, or are not all that transformers would load.

    That is so with a file that stands for another one that git-lfs has, and with an adapter beside the weights.

    Args:
        onnx: whether weights in ONNX will do.
    """
    _refuse_adapter(folder)
    weights = weight_files(folder)
    if not weights and not (onnx and has_onnx_only(folder)):
        only_predicts = f"; {ONNX} can predict, but not be trained" if has_onnx_only(folder) else ""
        raise ModelError(f"{folder} has no weights: expected one of {', '.join(WEIGHTS)}{only_predicts}")
    for path in _identifying(folder):
        _refuse_pointer(path)
    _refuse_other_weights(folder, weights)
    for path in weights:
        if path.suffix == ".safetensors":
            tensors_of(path)
        elif path.suffix != ".json":
            _check_torch(path)


def weight_bytes(folder: Path) -> int:
    """The size of the weights in a folder, of a model in ONNX that of its files."""
    weights = [path for path in weight_files(folder) if path.name not in WEIGHTS[1::2]]
    return sum(path.stat().st_size for path in weights or _onnx_files(folder))


def _onnx_files(folder: Path) -> list[Path]:
    return [path for path in (folder / ONNX, folder / ONNX_DATA) if path.is_file()]


def revision_of(folder: Path) -> str:
    """sha256 over weights, tokenizer and configuration: what exactly would be loaded. A file is read once per state.

    Raises:
        ModelError: the files of the weights are not all there.
    """
    lines = (f"{path.name} {_sha256(path)}\n" for path in _identifying(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _identifying(folder: Path) -> list[Path]:
    """Every file that decides what is loaded, by name."""
    described = [
        path
        for path in folder.iterdir()
        if path.is_file() and (path.name == CONFIG or any(fnmatch.fnmatch(path.name, name) for name in TOKENIZER))
    ]
    return sorted({*(weight_files(folder) or _onnx_files(folder)), *described})


_known: dict[tuple[Any, ...], str] = {}


def _sha256(path: Path) -> str:
    """Of a file; remembered as long as the file is the same by all that the file system says of it."""
    stat = path.stat()
    state = (str(path), stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if state not in _known:
        with path.open("rb") as file:
            _known[state] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known[state]


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file by name, from its header.

    Raises:
        ModelError: it is none, or not there as a whole.
    Source: https://github.com/huggingface/safetensors#format
    """
    size = path.stat().st_size
    if not size:
        raise ModelError(f"{path}: is empty; download it again")
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LONGEST_HEADER:
                raise ValueError
            header = json.loads(file.read(length)) if length <= size - 8 else None
        tensors = {} if header is None else {name: t for name, t in header.items() if name != "__metadata__"}
        end = length + 8 + max((t["data_offsets"][1] for t in tensors.values()), default=0)
        found = {name: (t["dtype"], tuple(t["shape"])) for name, t in tensors.items()}
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):
        raise ModelError(f"{path}: is no safetensors file (its header cannot be read); download it again") from None
    if size != end:
        what = f"ends after {size:,} of {end:,} bytes" if size < end else f"has {size:,} bytes instead of {end:,}"
        raise ModelError(f"{path}: {what}; download it again")
    return found


def _check_torch(path: Path) -> None:
    with path.open("rb") as file:
        first = file.read(2)
    if not first:
        raise ModelError(f"{path}: is empty; download it again")
    # the list of the files in an archive is at its end
    if first != b"PK" and not first.startswith(LEGACY_PICKLE):
        raise ModelError(f"{path}: is no file of PyTorch weights; download it again")
    if first == b"PK" and not zipfile.is_zipfile(path):
        raise ModelError(f"{path}: its end is missing; download it again")


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(GIT_LFS)) == GIT_LFS:
            raise ModelError(f"{path}: is a pointer of git-lfs, not the file itself; fetch it with: git lfs pull")


def _refuse_adapter(folder: Path) -> None:
    if (folder / ADAPTER).is_file():
        otherwise = "; or take the file away, to have the model without it" if (folder / CONFIG).is_file() else ""
        raise ModelError(f"{folder / ADAPTER}: {IS_ADAPTER}{otherwise}")


def _refuse_other_weights(folder: Path, weights: Sequence[Path]) -> None:
    """A config.json may name the file of the weights, which would be loaded instead of those that were looked at."""
    try:
        named = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("transformers_weights")
    except (OSError, ValueError, AttributeError):
        return  # transformers says what is wrong with it
    if named and weights and named != weights[0].name:
        raise ModelError(
            f"{folder / CONFIG}: names {named} as its weights (transformers_weights), beside {weights[0].name}; take "
            f"the line out, and let the weights that are meant be called {WEIGHTS[0]}"
        )


def few(names: Sequence[str], number: int = 3) -> str:
    """The first of some names, for a message."""
    return ", ".join(names[:number]) + (", ..." if len(names) > number else "")
