"""Training a part of the vocabulary saves the model that training all of it would have saved."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertForTokenClassification,
    ModernBertConfig,
    ModernBertForTokenClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForTokenClassification,
)

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.training import embedding_trim as vocabulary
from nerbb_ray.training.encoded_corpus import EncodedCorpus, encode_once, load_encoded
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.model import load_model
from nerbb_ray.training.sources import ModelSource, find_model
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.trial_setup import set_up
from nerbb_ray.training.worker import TrialContext

CPU = torch.device("cpu")
WORDS = ["the", "in", "at", "and", "paris", "berlin", "anna", "bert", "acmecorp", "works", "lives", "."]
ROWS = 1300
SMALL = {"vocab_size": ROWS, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
WIDE = SMALL | {"intermediate_size": 32}
# kind -> (model, id of padding): BERT pads with 0, RoBERTa counts positions from it, ModernBERT has it far up
KINDS = {
    "bert": (lambda pad: BertForTokenClassification(BertConfig(**WIDE, pad_token_id=pad)), 0),
    "roberta": (lambda pad: RobertaForTokenClassification(RobertaConfig(**WIDE, pad_token_id=pad)), 1),
    "modernbert": (
        lambda pad: ModernBertForTokenClassification(
            ModernBertConfig(**WIDE, pad_token_id=pad, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)
        ),
        ROWS - 1,
    ),
}


def make_model(kind: str, folder: Path) -> ModelSource:
    """A random model whose vocabulary is mostly words that no data set here has."""
    build, pad = KINDS[kind]
    tokens = [f"unseen{i}" for i in range(ROWS)]
    tokens[pad], tokens[2], tokens[3], tokens[4] = "[PAD]", "[CLS]", "[SEP]", "[UNK]"
    tokens[1100 : 1100 + len(WORDS)] = WORDS
    backend = Tokenizer(WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    backend.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    torch.manual_seed(0)
    build(pad).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    return find_model(str(folder), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module", params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return make_model(request.param, tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture(scope="module")
def data(source: ModelSource, tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    path = encode_once(load_corpus(tiny_dataset), load_tokenizer(source), 32, tmp_path_factory.mktemp("cache"))
    return load_encoded(path)


def trial(**hparams: object) -> TrialSpec:
    values = {"lr_max": 1e-2, "max_epochs": 6, "lr_warmup_epochs": 1, "batch_size": 8, "max_seq_length": 32}
    return TrialSpec(
        run="runA",
        seed=43,
        dataset=DatasetParams(dataset_name="tiny"),
        model=ModelParams(pretrained_model_name="any"),
        hparams=HParams(**(values | hparams)),
        settings=Settings(precision="fp32"),
    )


def trained(spec: TrialSpec, data: EncodedCorpus, source: ModelSource, folder: Path) -> list[dict]:
    reports: list[dict] = []
    train_trial(spec, data, source, TrialContext(report=reports.append, device=CPU, threads=1, checkpoint_dir=folder))
    return reports


def test_the_saved_model_and_all_numbers_are_those_of_training_all_rows(
    data: EncodedCorpus, source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = trial(monitor="val_f1", lr_cooldown_epochs=2)
    trimmed = trained(spec, data, source, tmp_path / "trimmed")
    monkeypatch.setattr(vocabulary, "WORTH_IT", 0.0)  # nothing is worth it: all rows are trained
    whole = trained(spec, data, source, tmp_path / "whole")
    for some, all_rows in zip(trimmed, whole, strict=True):
        assert (some["train/loss"], some["val/loss"]) == (all_rows["train/loss"], all_rows["val/loss"])
    assert trimmed[-1]["chosen"] == pytest.approx(whole[-1]["chosen"], nan_ok=True)
    assert trimmed[-1]["best_epoch"] < trimmed[-1]["epochs"] - 1  # the weights of an earlier epoch were kept
    weights, expected = (load_file(tmp_path / name / "model.safetensors") for name in ("trimmed", "whole"))
    assert weights.keys() == expected.keys()
    table = next(name for name, value in expected.items() if value.shape[0] == ROWS)
    for name, value in expected.items():
        # rows that were left out decay in one step instead of many; all else is the same, bit for bit
        torch.testing.assert_close(weights[name], value, rtol=1e-6 if name == table else 0, atol=0)
    before = load_model(source, data.tags).get_input_embeddings().weight
    assert not torch.equal(weights[table][50], before[50])  # a row that no sentence has decayed all the same


def test_rows_that_were_left_out_decay_by_the_knobs_of_the_embeddings(
    data: EncodedCorpus, source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = trial(max_epochs=2, early_stopping=False, weight_decay=0.3, lr_layer_decay=0.25, lr_head=3)
    trained(spec, data, source, tmp_path / "trimmed")
    monkeypatch.setattr(vocabulary, "WORTH_IT", 0.0)
    trained(spec, data, source, tmp_path / "whole")
    weights, expected = (load_file(tmp_path / name / "model.safetensors") for name in ("trimmed", "whole"))
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-6, atol=0)


@pytest.mark.parametrize("knob", [{"freeze_layers": 1}, {"lora_rank": 2}])
def test_a_table_that_is_not_trained_is_left_whole(data: EncodedCorpus, source: ModelSource, knob) -> None:
    session = set_up(trial(**knob), data, source, TrialContext(report=print, device=CPU, threads=1))
    assert session.vocabulary is None
    assert session.model.get_input_embeddings().num_embeddings == ROWS


def test_only_the_rows_that_occur_are_trained(data: EncodedCorpus, source: ModelSource) -> None:
    session = set_up(trial(), data, source, TrialContext(report=print, device=CPU, threads=1))
    table = session.model.get_input_embeddings()
    assert table.num_embeddings < 1100
    assert any(p is table.weight for group in session.optimizer.param_groups for p in group["params"])
    assert session.vocabulary is not None
    assert session.vocabulary.pretrained.shape == (ROWS, 16)
    assert int(session.data.train.input_ids.max()) < table.num_embeddings
    assert int(session.vocabulary.ids[session.forward.pad]) == session.tokenizer.pad_token_id


def test_a_state_of_a_trimmed_trial_holds_the_rows_that_are_trained(
    data: EncodedCorpus, source: ModelSource, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def die(report: dict) -> None:
        if report["epoch"] == 3:
            raise Killed

    spec, calm = trial(), tmp_path / "calm"
    trained(spec, data, source, calm)
    paths = {"checkpoint_dir": tmp_path / "resumed", "resume_dir": tmp_path / "states"}
    with pytest.raises(Killed):
        train_trial(spec, data, source, TrialContext(report=die, device=CPU, threads=1, **paths))
    train_trial(spec, data, source, TrialContext(report=lambda _: None, device=CPU, threads=1, **paths))
    weights, expected = (load_file(folder / "model.safetensors") for folder in (tmp_path / "resumed", calm))
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


def test_fp16_trains_all_rows_because_it_may_skip_steps(data: EncodedCorpus, source: ModelSource) -> None:
    spec = trial()
    fp16 = TrialSpec(
        run=spec.run,
        seed=spec.seed,
        dataset=spec.dataset,
        model=spec.model,
        hparams=spec.hparams,
        settings=Settings(precision="fp16"),
    )
    session = set_up(fp16, data, source, TrialContext(report=print, device=CPU, threads=1))
    assert session.vocabulary is None
    assert session.model.get_input_embeddings().num_embeddings == ROWS
