"""Words that are given one by one get the sub-tokens of running text, in training and whenever the model is used."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from fixtures.tiny_models import (
    ROBERTA_TOKENS,
    TOKENIZERS,
    byte_level,
    generic,
    metaspace,
    words_only,
    write_json,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.errors import ModelError
from nerbb_ray.training.encoding import special_tokens, subtokens_of
from nerbb_ray.training.model import load_model, save_model
from nerbb_ray.training.sources import ModelSource, find_model
from nerbb_ray.training.tokenizer import check_vocabulary, load_tokenizer, lowercases

TAGS = ("O", "B-PER", "I-PER")
WORDS = [["Hello", "Anna"], ["hello", "anna", ","], ["Anna-Lena", "'s", "12,5"], ["we", "(x)", "M\u00fcnchen", "."]]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def source_of(folder: Path, name: str = "") -> ModelSource:
    return ModelSource(name or folder.name, str(folder), "")


def ids_of(words: list[str], tokenizer: Any) -> list[int]:
    ((ids, _),) = subtokens_of([words], tokenizer)
    return ids


def ids_in_text(words: list[str], tokenizer: Any) -> list[int]:
    """Of the words behind another one, by transformers' own call."""
    found = tokenizer(f"a {' '.join(words)}", add_special_tokens=False, return_offsets_mapping=True, truncation=False)
    pairs = zip(found["input_ids"], found["offset_mapping"], strict=True)
    return [token for token, (_, end) in pairs if end > 1]


@pytest.fixture(scope="session", params=TOKENIZERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    TOKENIZERS[request.param](path)
    return path


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_words_have_the_subtokens_of_running_text(folder: Path, words: list[str]) -> None:
    from transformers import AutoTokenizer

    as_published = AutoTokenizer.from_pretrained(folder)
    as_published.backend_tokenizer.no_truncation()
    as_published.backend_tokenizer.no_padding()
    assert ids_of(words, load_tokenizer(source_of(folder))) == ids_in_text(words, as_published)


def test_hello_anna_is_the_same_as_words_and_as_text(folder: Path) -> None:
    tokenizer = load_tokenizer(source_of(folder))
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    as_text = tokenizer("Hello Anna", add_special_tokens=False)["input_ids"]
    as_words = tokenizer(["Hello", "Anna"], is_split_into_words=True, add_special_tokens=False)["input_ids"]
    assert as_words == as_text == ids_of(["Hello", "Anna"], tokenizer)


def test_saved_tokenizer_predicts_with_the_subtokens_of_training(folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(source_of(folder))
    tokenizer.save_pretrained(tmp_path / "saved")
    shutil.copy(folder / "config.json", tmp_path / "saved")
    again = load_tokenizer(source_of(tmp_path / "saved"), trained=True)
    assert special_tokens(again) == special_tokens(tokenizer)
    for words in WORDS:
        assert ids_of(words, again) == ids_of(words, tokenizer)


@pytest.mark.parametrize("kind", ["ModernBERT", "Qwen", "XLM-R, pieces only", "Llama 3"])
def test_any_words_have_the_subtokens_of_running_text(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from transformers import AutoTokenizer

    path = tmp_path_factory.mktemp("tokenizer")
    TOKENIZERS[kind](path)
    published, loaded = AutoTokenizer.from_pretrained(path), load_tokenizer(source_of(path))
    letters = st.text(alphabet="abcAZ\u00fc19.,-'()", min_size=1, max_size=6)

    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    @given(st.lists(letters, min_size=1, max_size=5))
    def same(words: list[str]) -> None:
        assert ids_of(words, loaded) == ids_in_text(words, published)

    same()


def test_generic_tokenizer_keeps_the_blank_for_everybody_who_loads_it(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    TOKENIZERS["ModernBERT"](tmp_path)
    tokenizer = load_tokenizer(source_of(tmp_path))
    tokenizer.save_pretrained(tmp_path / "saved")
    elsewhere = AutoTokenizer.from_pretrained(tmp_path / "saved")
    found = elsewhere(["Hello", "Anna"], is_split_into_words=True, add_special_tokens=False)
    assert found.tokens()[0].startswith("\u0120")
    assert found["input_ids"] == ids_of(["Hello", "Anna"], tokenizer)


def test_model_that_was_fine_tuned_without_the_blank_predicts_without_it(tmp_path: Path) -> None:
    """As 0.3.0 has saved a ModernBERT: its settings ask for the blank, which its training never saw."""
    from transformers import AutoTokenizer

    TOKENIZERS["ModernBERT that is told in vain"](tmp_path)
    as_saved = AutoTokenizer.from_pretrained(tmp_path)
    words = ["Hello", "Anna"]
    assert ids_of(words, load_tokenizer(source_of(tmp_path), trained=True)) == ids_of(words, as_saved)
    assert ids_of(words, load_tokenizer(source_of(tmp_path))) != ids_of(words, as_saved)


def test_ordinary_tokenizers_stay_as_they_are(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    generic(tmp_path, words_only(cuts=True), "bert", {"unk_token": "[UNK]"})
    for place in (tiny_model, tmp_path):
        loaded = load_tokenizer(source_of(place)).backend_tokenizer
        assert loaded.to_str() == AutoTokenizer.from_pretrained(place).backend_tokenizer.to_str()


def test_tokenizer_that_cannot_see_where_words_begin_is_refused(tmp_path: Path) -> None:
    from tokenizers import Regex, Tokenizer, normalizers
    from tokenizers.models import WordLevel

    # a word is known by the one before it
    raw = Tokenizer(WordLevel({"[UNK]": 0, "Hello": 1, "a_Hello_Anna": 2, "Anna": 3}, unk_token="[UNK]"))
    raw.normalizer = normalizers.Replace(Regex(r"\s"), "_")
    generic(tmp_path, raw, "bert", {"unk_token": "[UNK]"})
    with pytest.raises(ModelError, match=r"the words Hello and Anna other sub-tokens .* choose another model"):
        load_tokenizer(source_of(tmp_path))


def test_model_without_a_fast_tokenizer_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", model_type="canine")
    write_json(tmp_path / "tokenizer_config.json", tokenizer_class="CanineTokenizer")
    with pytest.raises(ModelError, match=r"has no fast tokenizer.*choose a model that has one"):
        load_tokenizer(source_of(tmp_path))


@pytest.mark.parametrize(("uncased", "expected"), [(None, True), (True, True), (False, False)])
def test_case_follows_the_tokenizer_or_the_setting_and_is_saved_with_the_model(
    tiny_model: Path, tmp_path: Path, uncased: bool | None, expected: bool
) -> None:
    tokenizer = load_tokenizer(source_of(tiny_model), uncased)
    assert lowercases(tokenizer) is expected
    save_model(load_model(source_of(tiny_model), TAGS), tokenizer, tmp_path / "saved")
    again = load_tokenizer(source_of(tmp_path / "saved"))
    assert lowercases(again) is expected
    assert again.tokenize("Paris") == tokenizer.tokenize("Paris")


def test_folders_around_a_model_do_not_say_what_it_is(tiny_model: Path, tmp_path: Path) -> None:
    cased = load_tokenizer(source_of(tiny_model), False)
    save_model(load_model(source_of(tiny_model), TAGS), cased, tmp_path / "bert")
    for name, expected in (("./uncased_study/bert", False), ("uncased/bert/", False), ("study/bert-uncased/", True)):
        assert lowercases(load_tokenizer(source_of(tmp_path / "bert", name))) == expected, name


def test_a_name_that_says_uncased_makes_a_silent_tokenizer_lowercase(tiny_model: Path, tmp_path: Path) -> None:
    cased = load_tokenizer(source_of(tiny_model), False)
    save_model(load_model(source_of(tiny_model), TAGS), cased, tmp_path / "bert")
    assert not lowercases(load_tokenizer(source_of(tmp_path / "bert", "my/bert")))
    assert lowercases(load_tokenizer(source_of(tmp_path / "bert", "my/bert-uncased")))


def test_a_folder_with_a_vocabulary_only_follows_its_name(tiny_model: Path, tmp_path: Path) -> None:
    for name, expected in (("my-bert-cased", False), ("my-bert-uncased", True), ("my-bert", True)):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("config.json", "model.safetensors", "vocab.txt"):
            shutil.copy(tiny_model / file, folder)
        assert lowercases(load_tokenizer(find_model(name, tmp_path, Path("/nowhere")))) is expected


def test_blank_and_case_go_together(tmp_path: Path) -> None:
    from tokenizers import normalizers

    raw = byte_level(ROBERTA_TOKENS)
    raw.normalizer = normalizers.Lowercase()
    generic(tmp_path, raw, "modernbert", ROBERTA_TOKENS)
    tokenizer = load_tokenizer(source_of(tmp_path))
    assert lowercases(tokenizer)
    assert ids_of(["HELLO", "Anna"], tokenizer) == ids_of(["hello", "anna"], tokenizer)
    with pytest.raises(ModelError, match="uncased = False"):
        load_tokenizer(source_of(tmp_path), False)


def embeddings(rows: int) -> Any:
    """A model with so many word embeddings."""
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(vocab_size=rows, hidden_size=8, num_hidden_layers=0, num_attention_heads=1))


def test_tokenizer_must_not_be_larger_than_the_word_embeddings(tmp_path: Path) -> None:
    generic(tmp_path, byte_level(ROBERTA_TOKENS), "modernbert", ROBERTA_TOKENS)
    tokenizer = load_tokenizer(source_of(tmp_path))
    largest = max(tokenizer.get_vocab().values())
    check_vocabulary(tokenizer, embeddings(largest + 1), "m")
    with pytest.raises(ModelError, match=f"ids up to {largest}, but there are only {largest} word embeddings"):
        check_vocabulary(tokenizer, embeddings(largest), "m")


def test_added_tokens_count_as_well(tmp_path: Path) -> None:
    generic(tmp_path, metaspace("always"), "xlm-roberta", {"pad_token": "<pad>"})
    tokenizer = load_tokenizer(source_of(tmp_path))
    rows = len(tokenizer)
    tokenizer.add_tokens(["<new>"])
    with pytest.raises(ModelError, match=f"ids up to {rows}, but there are only {rows}"):
        check_vocabulary(tokenizer, embeddings(rows), "m")
