"""What an export has written into a folder, which it may replace, and what it has not."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from nerbb_ray.inference.ensemble import ENSEMBLE, MEMBERS
from nerbb_ray.inference.parity import FILE as PARITY
from nerbb_ray.training.model import DECODING
from nerbb_ray.training.model_files import CONFIG, ONNX, ONNX_DATA, TOKENIZER, WEIGHTS

CARD = "README.md"
# shards, and what transformers saves beside configuration and tokenizer
_OTHERS = ("model-*-of-*.safetensors", "pytorch_model-*-of-*.bin", "generation_config.json", "chat_template.jinja")
_OF_A_MODEL = (CONFIG, *WEIGHTS, ONNX, ONNX_DATA, *TOKENIZER, *_OTHERS, DECODING)


def has_model(folder: Path) -> bool:
    """Whether a folder has a model or an ensemble; a config.json without weights may be that of anything."""
    if (folder / ENSEMBLE).is_file() and (folder / MEMBERS).is_dir():
        return True
    return (folder / CONFIG).is_file() and any((folder / name).is_file() for name in (*WEIGHTS, ONNX))


def not_of_an_export(folder: Path) -> list[str]:
    """Files and folders that no export writes, relative to the folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in _foreign(folder))


def _foreign(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name == MEMBERS and path.is_dir() and not path.is_symlink():
            for member in path.iterdir():
                yield from (_unknown(member) if member.is_dir() and not member.is_symlink() else (member,))
        elif path.name not in (CARD, ENSEMBLE, PARITY) or not path.is_file():
            yield from (() if _is_of_a_model(path) else (path,))


def _unknown(member: Path) -> Iterator[Path]:
    return (path for path in member.iterdir() if not _is_of_a_model(path))


def _is_of_a_model(path: Path) -> bool:
    return path.is_file() and any(fnmatchcase(path.name, pattern) for pattern in _OF_A_MODEL)
