"""A folder's files: what makes two models different, and what is wrong with them before anything reads them whole."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nerbb_ray.errors import ModelError
from nerbb_ray.training import model_files
from nerbb_ray.training.model_files import check_files, revision_of, tensors_of, weight_bytes
from nerbb_ray.training.sources import check_unchanged, local_model

Change = Callable[[Path], None]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 440449768\n"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "bert"))


@pytest.fixture
def sharded(folder: Path) -> Path:
    """Its weights in three files."""
    shard(folder, 3)
    return folder


def shard(folder: Path, number: int) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = [f"model-{n:05}-of-{number:05}.safetensors" for n in range(1, number + 1)]
    where = {key: names[n % number] for n, key in enumerate(sorted(weights))}
    for name in names:
        part = {key: tensor for key, tensor in weights.items() if where[key] == name}
        save_file(part, folder / name, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def flip_last_byte(path: Path) -> None:
    """Another number in it: same size, same header."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def add_blank(path: Path) -> None:
    path.write_text(path.read_text() + " ")


OTHER_MODELS: dict[str, Change] = {
    "weights": lambda f: flip_last_byte(f / "model.safetensors"),
    "configuration": lambda f: add_blank(f / "config.json"),
    "tokenizer": lambda f: add_blank(f / "tokenizer.json"),
    "settings of the tokenizer": lambda f: add_blank(f / "tokenizer_config.json"),
    "vocabulary": lambda f: (f / "vocab.txt").write_text("a"),
    "pieces": lambda f: (f / "spm.model").write_text("a"),
    "pieces of XLM-R": lambda f: (f / "sentencepiece.bpe.model").write_text("a"),
    "merges": lambda f: (f / "merges.txt").write_text("a b"),
    "special tokens": lambda f: (f / "special_tokens_map.json").write_text("{}"),
    "added tokens": lambda f: (f / "added_tokens.json").write_text("{}"),
}


@pytest.mark.parametrize("change", OTHER_MODELS.values(), ids=OTHER_MODELS)
def test_any_other_file_is_another_model(folder: Path, change: Change) -> None:
    before = revision_of(folder)
    change(folder)
    assert revision_of(folder) != before
    assert len(before) == 64


@pytest.mark.parametrize("number", [1, 2, 3])
def test_another_shard_is_another_model(sharded: Path, number: int) -> None:
    before = local_model("m", sharded).revision
    flip_last_byte(sharded / f"model-{number:05}-of-00003.safetensors")
    assert local_model("m", sharded).revision != before


SAME_MODEL: dict[str, Change] = {
    "nothing": lambda _folder: None,
    "copied later": lambda f: os.utime(f / "model.safetensors", (1, 1)),
    "page": lambda f: (f / "README.md").write_text("mine"),
    "results of its training": lambda f: (f / "trainer_state.json").write_text("{}"),
    "weights that are not read": lambda f: (f / "pytorch_model.bin").write_bytes(b"PK other"),
}


@pytest.mark.parametrize("change", SAME_MODEL.values(), ids=SAME_MODEL)
def test_what_is_not_loaded_makes_no_other_model(folder: Path, change: Change) -> None:
    before = revision_of(folder)
    change(folder)
    assert revision_of(folder) == before


def test_the_same_files_are_the_same_model_in_any_folder(folder: Path, tiny_model: Path) -> None:
    assert revision_of(folder) == revision_of(tiny_model)


def test_files_are_read_again_only_if_they_have_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    digest = model_files.hashlib.file_digest

    def counted(file, name):
        read.append(Path(file.name).name)
        return digest(file, name)

    monkeypatch.setattr(model_files.hashlib, "file_digest", counted)
    first = revision_of(folder)
    assert "model.safetensors" in read
    assert revision_of(folder) == first
    assert len(read) == len(set(read))
    del read[:]
    stamp = (folder / "model.safetensors").stat()
    flip_last_byte(folder / "model.safetensors")
    # size and time of another file as they were: a copy that keeps times looks like this
    os.utime(folder / "model.safetensors", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert revision_of(folder) != first
    assert read == ["model.safetensors"]


def test_asking_again_costs_no_time(folder: Path) -> None:
    with (folder / "pytorch_model.bin").open("wb") as file:
        file.truncate(300_000_000)
    (folder / "model.safetensors").unlink()
    revision_of(folder)
    begun = time.process_time()
    for _ in range(10):
        revision_of(folder)
    assert time.process_time() - begun < 0.1


def test_trial_does_not_train_another_model_than_was_prepared(folder: Path) -> None:
    source = local_model("m", folder)
    check_unchanged(source)
    flip_last_byte(folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"files of model 'm' in .* have changed since the experiment began"):
        check_unchanged(source)


def cut(path: Path, size: int = -1) -> None:
    path.write_bytes(path.read_bytes()[:size])


def as_torch(folder: Path) -> Path:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin"


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0")


BAD_FILES: dict[str, tuple[Change, str]] = {
    "pointer of git-lfs": (
        lambda f: (f / "model.safetensors").write_text(POINTER),
        r"model.safetensors: is a pointer of git-lfs.* fetch it with: git lfs pull",
    ),
    "pointer for the tokenizer": (
        lambda f: (f / "tokenizer.json").write_text(POINTER),
        r"tokenizer.json: is a pointer of git-lfs",
    ),
    "pointer for pytorch": (
        lambda f: as_torch(f).write_text(POINTER),
        r"pytorch_model.bin: is a pointer of git-lfs",
    ),
    "empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "model.safetensors: is empty; download it again"),
    "cut by a byte": (lambda f: cut(f / "model.safetensors"), r"ends after [\d,]+ of [\d,]+ bytes; download it again"),
    "cut in the header": (lambda f: cut(f / "model.safetensors", 100), r"ends after 100 of [\d,]+ bytes"),
    "cut in the length": (lambda f: cut(f / "model.safetensors", 5), "is no safetensors file"),
    "too long": (lambda f: lengthen(f / "model.safetensors"), r"has [\d,]+ bytes instead of [\d,]+"),
    "page of an error": (
        lambda f: (f / "model.safetensors").write_text("<!DOCTYPE html><html>404 not found</html>"),
        "is no safetensors file",
    ),
    "header that is no JSON": (
        lambda f: (f / "model.safetensors").write_bytes((4).to_bytes(8, "little") + b"{{{{"),
        "is no safetensors file",
    ),
    "header of another kind": (
        lambda f: (f / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"[]"),
        "is no safetensors file",
    ),
    "torch, cut": (lambda f: cut(as_torch(f)), "pytorch_model.bin: its end is missing; download it again"),
    "torch, empty": (lambda f: as_torch(f).write_bytes(b""), "pytorch_model.bin: is empty"),
    "torch, another file": (lambda f: as_torch(f).write_text("not found"), "is no file of PyTorch weights"),
    "adapter beside them": (
        lambda f: (f / "adapter_config.json").write_text("{}"),
        r"adapter_config.json: is of an adapter \(peft\).*merge_and_unload\(\).*or take the file away",
    ),
    "weights of another name": (
        lambda f: (f / "config.json").write_text('{"transformers_weights": "other.safetensors"}'),
        r"names other.safetensors as its weights \(transformers_weights\), beside model.safetensors; take the line out",
    ),
    "none": (lambda f: (f / "model.safetensors").unlink(), "has no weights: expected one of model.safetensors"),
}


@pytest.mark.parametrize(("change", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_are_no_good_are_named_with_the_way_out(folder: Path, change: Change, message: str) -> None:
    check_files(folder)
    change(folder)
    with pytest.raises(ModelError, match=message) as caught:
        local_model("m", folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def without(number: int) -> Change:
    return lambda folder: (folder / f"model-{number:05}-of-00003.safetensors").unlink()


def indexed(**values: object) -> Change:
    return lambda folder: (folder / "model.safetensors.index.json").write_text(json.dumps(values))


BAD_SHARDS: dict[str, tuple[Change, str]] = {
    "missing": (without(2), r"1 of the 3 files of its weights are missing: model-00002-of-00003.safetensors; download"),
    "cut": (lambda f: cut(f / "model-00003-of-00003.safetensors"), r"00003-of-00003.safetensors: ends after"),
    "pointer": (lambda f: (f / "model-00001-of-00003.safetensors").write_text(POINTER), "00001.* pointer of git-lfs"),
    "list is a pointer": (
        lambda f: (f / "model.safetensors.index.json").write_text(POINTER),
        "index.json: is a pointer",
    ),
    "list without files": (indexed(metadata={}), "must say in which file of this folder"),
    "list of nothing": (indexed(weight_map={}), "must say in which file of this folder"),
    "list of other things": (indexed(weight_map={"a": 3}), "must say in which file of this folder"),
    "list that leads out": (indexed(weight_map={"a": "../other.safetensors"}), "must say in which file of this folder"),
}


@pytest.mark.parametrize(("change", "message"), BAD_SHARDS.values(), ids=BAD_SHARDS)
def test_shards_that_are_no_good_are_named_with_the_way_out(sharded: Path, change: Change, message: str) -> None:
    change(sharded)
    with pytest.raises(ModelError, match=message) as caught:
        local_model("m", sharded)
    assert "\n" not in str(caught.value)


def test_old_files_of_torch_are_left_to_torch(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, as_torch(folder), _use_new_zipfile_serialization=False)
    check_files(folder)


def test_header_has_the_tensors_that_the_library_reads(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    found = tensors_of(folder / "model.safetensors")
    assert found == {name: ("F32", tuple(tensor.shape)) for name, tensor in weights.items()}


def test_size_of_the_weights_is_that_of_all_shards(folder: Path) -> None:
    whole = weight_bytes(folder)
    assert whole == (folder / "model.safetensors").stat().st_size
    shard(folder, 3)
    assert whole <= weight_bytes(folder) < whole + 10_000
