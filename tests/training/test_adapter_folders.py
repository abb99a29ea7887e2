"""A model with an adapter of peft beside its weights, or instead of them: refused, and merged it is an ordinary one."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.errors import ModelError
from nerbb_ray.model import Model
from nerbb_ray.training.model import load_config, load_trained, load_with_notes
from nerbb_ray.training.model_check import ModelCheck
from nerbb_ray.training.sources import ModelSource, find_model, local_model

TAGS = ("O", "B-PER", "I-PER")
REFUSED = r"adapter_config.json: is of an adapter \(peft\).*merge_and_unload\(\)"
NOWHERE = Path("/nowhere")


def base_of(tiny_model: Path) -> Any:
    from transformers import BertForTokenClassification

    return BertForTokenClassification.from_pretrained(tiny_model)


@pytest.fixture(params=["beside the weights", "instead of them"])
def folder(request: pytest.FixtureRequest, tiny_model: Path, tmp_path: Path) -> Path:
    """With an adapter, as peft writes it."""
    from peft import LoraConfig, get_peft_model

    found = tmp_path / "adapted"
    if request.param == "beside the weights":
        shutil.copytree(tiny_model, found)
    get_peft_model(base_of(tiny_model), LoraConfig(r=2, target_modules=["query"])).save_pretrained(found)
    return found


def test_adapter_is_refused_wherever_a_model_is_looked_for(folder: Path) -> None:
    lookups = (
        lambda: find_model(str(folder), NOWHERE, NOWHERE, ask_hub=False),
        lambda: find_model(folder.name, folder.parent, NOWHERE, ask_hub=False),
        lambda: local_model("m", folder),
        lambda: Model.from_checkpoint(folder),
    )
    for look in lookups:
        with pytest.raises(ModelError, match=REFUSED) as caught:
            look()
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)


def test_adapter_that_was_put_there_later_is_not_loaded_either(folder: Path) -> None:
    source = ModelSource("m", str(folder), "")
    for load in (load_config, load_trained, lambda source: load_with_notes(source, TAGS)):
        with pytest.raises(ModelError, match=REFUSED):
            load(source)


def test_adapter_of_a_model_of_the_hub_is_refused_before_the_start(folder: Path, monkeypatch) -> None:
    """Of a repository without a config.json, too, whose base model would be loaded in its place."""
    cache = folder.parent / "cache"
    for constants in ("huggingface_hub.constants", "transformers.utils.hub.constants"):
        monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(f"{constants}.HF_HUB_OFFLINE", True)
    commit = "a" * 40
    shutil.copytree(folder, cache / "models--org--adapted" / "snapshots" / commit)
    check = ModelCheck(ModelSource("org/adapted", "org/adapted", commit), None, "fp32")
    with pytest.raises(ModelError, match=REFUSED):
        check.check(TAGS, 32)


def test_merged_as_the_message_says_it_is_a_model(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    merged = tmp_path / "merged"
    PeftModel.from_pretrained(base_of(tiny_model), folder).merge_and_unload().save_pretrained(merged)
    model, _ = load_with_notes(local_model("m", merged), TAGS)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any("lora" in key for key, _ in model.named_parameters())
