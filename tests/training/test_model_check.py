"""What is wrong with a model is said before the start, in one line with the way out; what is peculiar is a note."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures.tiny_models import fill, write_json

from nerbb_ray.errors import ModelError, UnfitError
from nerbb_ray.inference.tagger import open_tagger
from nerbb_ray.training import model_check as checks
from nerbb_ray.training.forward import first_position
from nerbb_ray.training.model import load_config, load_with_notes
from nerbb_ray.training.model_check import ModelCheck
from nerbb_ray.training.sources import ModelSource, local_model
from nerbb_ray.training.tiny_copy import TinyCopy

TAGS = ("O", "B-PER", "I-PER")
Change = Callable[[Path], None]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def check(folder: Path, precision: str = "fp32", length: int = 32, tags: tuple[str, ...] = TAGS) -> Any:
    return ModelCheck(local_model("m", folder), None, precision).check(tags, length)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny BERT to spoil."""
    return Path(shutil.copytree(tiny_model, tmp_path / "bert"))


def config(**values: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        write_json(path, **(json.loads(path.read_text()) | values))

    return change


def text(file: str, content: str) -> Change:
    return lambda folder: (folder / file).write_text(content) and None


def larger_tokenizer(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"new{n}" for n in range(3)])
    tokenizer.save_pretrained(folder)


def no_tokenizer(folder: Path) -> None:
    for path in [*folder.glob("*token*"), *folder.glob("vocab*")]:
        path.unlink()


def code_of_its_own(folder: Path) -> None:
    config(model_type="mine", auto_map={"AutoConfig": "code.C", "AutoModelForTokenClassification": "code.M"})(folder)
    (folder / "code.py").write_text("raise SystemExit('executed')")


BROKEN: dict[str, tuple[Change, str]] = {
    "type that nobody knows": (config(model_type="strange"), r"strange.* this transformers has, or install a newer"),
    "code of its own": (code_of_its_own, "No code of a model is executed here: choose a model of an architecture"),
    "value of a wrong type": (config(hidden_size="wide"), r"hidden_size.*Mend its config.json, or download it again"),
    "value that is missing": (config(hidden_size=None), "hidden_size"),
    "heads that do not share the width": (config(num_attention_heads=5), "not a multiple of the number of attention"),
    "unknown activation": (
        config(hidden_act="sine"),
        "a text: KeyError: 'sine'. Choose another model",
    ),
    "no JSON": (text("config.json", "{"), r"not a valid JSON file. Mend its config.json, or download it again"),
    "no object": (text("config.json", "[1]"), "cannot be loaded"),
    "picture model": (config(model_type="vit"), "Choose an encoder with a head for token classification"),
    "library that is not there": (config(model_type="layoutlmv2"), r"Install it: pip install detectron2"),
    "quantized": (
        config(quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}),
        r"quantised \(bitsandbytes in its config.json\) and cannot be trained; choose the model that they were made of",
    ),
    "attention that is not there": (config(attn_implementation="flash_attention_2"), "FlashAttention2"),
    "other weights": (config(num_hidden_layers=3), "16 of the 53 tensors of its encoder are not in its weights"),
    "other vocabulary": (config(vocab_size=2000), "1 of the 37 tensors of its encoder .* another size than its config"),
    "larger tokenizer": (larger_tokenizer, r"ids up to \d+, but there are only \d+ word embeddings"),
    "damaged tokenizer": (text("tokenizer.json", '{"model": '), "cannot be loaded"),
    "no tokenizer": (no_tokenizer, "has no tokenizer: put tokenizer.json, or the vocabulary"),
    "pointer for the weights": (
        text("model.safetensors", "version https://git-lfs.github.com/spec/v1"),
        "git lfs pull",
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_model_that_cannot_be_trained_is_refused_in_one_line(folder: Path, change: Change, message: str) -> None:
    change(folder)
    with pytest.raises(ModelError, match=message) as caught:
        check(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_quantised_by_a_method_that_transformers_ignores_is_refused(folder: Path) -> None:
    config(quantization_config={"quant_method": "new"})(folder)
    with pytest.raises(ModelError, match=r"quantised \(new in its config.json\)"):
        check(folder)


@pytest.mark.parametrize("change", [change for change, _ in BROKEN.values()], ids=BROKEN)
def test_model_that_cannot_predict_is_refused_in_one_line(folder: Path, change: Change) -> None:
    """The same faults in a model that is fine-tuned already; what its weights lack is said in other words."""
    config(id2label={"0": "O", "1": "PER"}, label2id={"O": 0, "PER": 1})(folder)
    open_tagger(local_model("m", folder))
    change(folder)
    with pytest.raises(ModelError) as caught:
        open_tagger(local_model("m", folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [128, 129])
def test_length_of_an_ordinary_model_is_known_without_a_copy(tiny_model: Path, monkeypatch, length: int) -> None:
    monkeypatch.setattr("nerbb_ray.training.tiny_copy.TinyCopy.__init__", lambda *_: pytest.fail("a copy was made"))
    if length == 128:
        check(tiny_model, length=length)
    else:
        with pytest.raises(UnfitError, match=r"max_seq_length must be <= 128, the length of 'm'; got 129"):
            check(tiny_model, length=length)


def test_error_says_the_true_length(tmp_path: Path) -> None:
    folder = fill(tmp_path / "m", "RoBERTa", model_type="mpnet", pad_token_id=1)
    check(folder, length=64)
    for asked in (65, 66, 512):
        with pytest.raises(UnfitError, match=rf"max_seq_length must be <= 64, the length of 'm'; got {asked}"):
            check(folder, length=asked)


def test_what_is_known_of_an_ordinary_bert_is_what_trying_it_finds_out(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    shutil.copytree(tiny_model, tmp_path / "m")
    BertForMaskedLM(BertConfig.from_pretrained(tiny_model)).save_pretrained(tmp_path / "m")
    for folder in (tiny_model, tmp_path / "m"):
        source = local_model("m", folder)
        plain = checks.plain_bert(source, None)
        assert plain is not None
        tiny = TinyCopy(load_config(source), "m")
        assert tiny.longest(10_000) == plain.positions
        assert [tiny.failure_in(name) for name in ("fp32", "bf16", "fp16")] == [None] * 3
        assert tiny.keeps_to_mask()
        for tags in (TAGS, ("O", "X")):
            _, notes = load_with_notes(source, tags)
            assert [*check(folder, tags=tags).notes] == notes


@pytest.fixture(scope="module")
def deberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "deberta"
    return fill(folder, "GPT-2", model_type="deberta", relative_attention=True, pos_att_type=["c2p", "p2c"])


def test_model_that_cannot_do_bf16_is_trained_in_fp32_with_a_note(deberta: Path) -> None:
    found = check(deberta, "auto")
    assert found.precision == "fp32"
    (note,) = (note for note in found.notes if "bf16" in note)
    assert "cannot be trained in bf16" in note
    assert "c10::BFloat16" in note
    assert check(deberta, "fp32").precision == "fp32"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_precision_that_a_model_cannot_do_is_refused(deberta: Path, precision: str) -> None:
    with pytest.raises(ModelError, match=rf"cannot be trained in {precision}: .*set \[settings\] precision = fp32"):
        check(deberta, precision)


@pytest.mark.parametrize("precision", ["auto", "bf16", "fp16", "fp32"])
def test_precision_of_other_models_is_that_of_the_settings(tiny_model: Path, tmp_path: Path, precision: str) -> None:
    roberta = fill(tmp_path / "m", "RoBERTa", model_type="roberta", pad_token_id=1)
    for folder in (tiny_model, roberta):
        assert check(folder, precision).precision == precision


def test_model_that_cannot_do_bf16_predicts_in_fp32_or_says_so(deberta: Path, monkeypatch, caplog) -> None:
    config(id2label={"0": "O", "1": "PER"}, label2id={"O": 0, "PER": 1})(deberta)
    monkeypatch.setattr("nerbb_ray.training.worker.has_bf16", lambda _: True)
    source = local_model("m", deberta)
    tagger = open_tagger(source, precision="auto", device="cpu")
    assert tagger.dtype == torch.float32
    assert "fp32 is used" in caplog.text
    assert len(tagger.find([["Hello", "Anna"]])[0].tags) == 2
    with pytest.raises(ModelError, match=r"cannot predict in bf16: .*leave precision at fp32"):
        open_tagger(source, precision="bf16", device="cpu")


@pytest.mark.parametrize(("model_type", "said"), [("fnet", True), ("roberta", False)])
def test_model_that_ignores_the_mask_gets_a_note(tmp_path: Path, model_type: str, said: bool) -> None:
    folder = fill(tmp_path / "m", "RoBERTa", model_type=model_type, pad_token_id=1)
    notes = [note for note in check(folder).notes if "attention mask" in note]
    assert bool(notes) is said


def test_notes_on_heads_are_those_of_the_data(tmp_path: Path) -> None:
    labels = dict(enumerate(reversed(TAGS)))
    folder = fill(
        tmp_path / "m", "RoBERTa", model_type="roberta", pad_token_id=1,
        id2label=labels, label2id={v: k for k, v in labels.items()},
    )  # fmt: skip
    model = ModelCheck(local_model("m", folder), None, "fp32")
    (aligned,) = model.check(TAGS, 32).notes
    (new,) = model.check(("O", "B-LOC", "I-LOC"), 32).notes
    assert "in another order" in aligned
    assert "for other labels (I-PER, B-PER, O)" in new
    (kept,) = model.check(tuple(reversed(TAGS)), 32).notes
    assert "is kept: every seed begins with the same one" in kept


def test_a_model_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "m", "RoBERTa", model_type="roberta", pad_token_id=1)
    made: list[str] = []
    real = TinyCopy.__init__

    def counted(self, config, name) -> None:
        made.append(name)
        real(self, config, name)

    monkeypatch.setattr(TinyCopy, "__init__", counted)
    source = local_model("m", folder)
    for length in (16, 32):
        checks.model_check(source, None, "auto").check(TAGS, length)
    assert made == ["m"]
    # other files are another model
    config(layer_norm_eps=1e-4)(folder)
    checks.model_check(local_model("m", folder), None, "auto").check(TAGS, 32)
    assert len(made) == 2


PUBLISHED = {
    "microsoft/deberta-v3-base": ("DeBERTa v3, pieces only", {"model_type": "deberta-v2"}),
    "FacebookAI/xlm-roberta-base": ("XLM-R, pieces only", {"model_type": "xlm-roberta", "pad_token_id": 1}),
    "meta-llama/Llama-3": ("tiktoken", {"model_type": "llama", "num_key_value_heads": 1}),
    "answerdotai/ModernBERT-base": (
        "ModernBERT",
        {"model_type": "modernbert", "pad_token_id": 1, "cls_token_id": 0, "sep_token_id": 2},
    ),
    "Qwen/Qwen2": ("Qwen", {"model_type": "qwen2", "num_key_value_heads": 1}),
}


@pytest.mark.parametrize(("tokenizer", "values"), PUBLISHED.values(), ids=PUBLISHED)
def test_layouts_of_publishers_can_be_trained(tokenizer: str, values: dict[str, Any], tmp_path: Path) -> None:
    found = check(fill(tmp_path / "m", tokenizer, **values), "auto", length=64)
    assert found.precision == "auto"


def test_model_of_the_hub_is_checked_by_what_is_in_the_local_cache(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nerbb_ray.training.sources import find_model, on_this_machine

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository, commit = tmp_path / "models--org--tiny", "a" * 40
    snapshot = repository / "snapshots" / commit
    shutil.copytree(tiny_model, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    source = find_model("org/tiny", Path("/nowhere"), Path("/nowhere"), ask_hub=False)
    assert source == ModelSource("org/tiny", "org/tiny", commit)
    assert on_this_machine(source) == snapshot
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="local cache has not all of its files, and the hub was not asked"):
        find_model("org/tiny", Path("/nowhere"), Path("/nowhere"), ask_hub=False)


@pytest.mark.parametrize(
    ("tokenizer", "family", "first"),
    [("RoBERTa", "roberta", 2), ("words", "distilbert", 0), ("words", "fnet", None)],
)
def test_whether_a_model_goes_without_padding_is_found_out_here(
    tokenizer: str, family: str, first: int | None, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "model", tokenizer, model_type=family, pad_token_id=1 if family == "roberta" else 0)
    assert check(folder).first_position == first
    assert first_position(load_config(local_model("m", folder)), family) == first
