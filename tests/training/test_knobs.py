"""Every knob of [hparams] reaches the trial, does what it says, and leaves an ordinary model behind."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nerbb_ray.config.hparams import OF_THE_MODEL, HParams
from nerbb_ray.config.spec import DatasetParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.errors import UnfitError
from nerbb_ray.training.batches import IGNORED
from nerbb_ray.training.encoded_corpus import EncodedCorpus, encode_once, load_encoded
from nerbb_ray.training.epoch import train_epoch
from nerbb_ray.training.evaluation import evaluate
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.model import load_trained
from nerbb_ray.training.model_check import ModelCheck
from nerbb_ray.training.sources import ModelSource, find_model
from nerbb_ray.training.tag_weights import tag_weights
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.trial_setup import Session, set_up
from nerbb_ray.training.worker import TrialContext

CPU = torch.device("cpu")
# knob -> a value that is not its default
KNOBS: dict[str, Any] = {
    "weight_decay": 0.5,
    "adam_beta2": 0.9,
    "max_grad_norm": 0.1,
    "label_smoothing": 0.2,
    "focal_gamma": 2.0,
    "loss_weights": "inverse",
    "hidden_dropout": 0.4,
    "attention_dropout": 0.4,
    "classifier_dropout": 0.4,
    "lr_head": 5.0,
    "lr_layer_decay": 0.5,
    "freeze_layers": 1,
    "reinit_layers": 1,
    "lora_rank": 2,
}
DEPENDENT = {"lora_alpha": 16.0, "lora_targets": "all"}


@pytest.fixture(scope="module")
def source(tiny_model: Path) -> ModelSource:
    return find_model(str(tiny_model), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module")
def data(tiny_dataset: Path, source: ModelSource, tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    path = encode_once(load_corpus(tiny_dataset), load_tokenizer(source), 32, tmp_path_factory.mktemp("cache"))
    return load_encoded(path)


def trial(**hparams: Any) -> TrialSpec:
    values = {"lr_max": 3e-3, "max_epochs": 2, "lr_warmup_epochs": 0, "batch_size": 8, "max_seq_length": 32}
    return TrialSpec(
        run="runA",
        seed=43,
        dataset=DatasetParams(dataset_name="tiny"),
        model=ModelParams(pretrained_model_name="tiny-bert"),
        hparams=HParams(**(values | {"early_stopping": False} | hparams)),
        settings=Settings(precision="fp32"),
    )


def context(**values: Any) -> TrialContext:
    return TrialContext(**({"report": lambda _: None, "device": CPU, "threads": 1} | values))


def session_of(data: EncodedCorpus, source: ModelSource, **hparams: Any) -> Session:
    return set_up(trial(**hparams), data, source, context())


def losses(data: EncodedCorpus, source: ModelSource, **hparams: Any) -> list[float]:
    reports: list[dict[str, Any]] = []
    train_trial(trial(**hparams), data, source, context(report=reports.append))
    return [report["val/loss"] for report in reports]


@pytest.fixture(scope="module")
def plain(data: EncodedCorpus, source: ModelSource) -> list[float]:
    return losses(data, source)


def test_every_knob_is_in_the_table_of_these_tests() -> None:
    first = list(HParams.__dataclass_fields__).index("lr_head")
    assert {*KNOBS, *DEPENDENT} == set(list(HParams.__dataclass_fields__)[first:])
    assert set(OF_THE_MODEL) <= {*KNOBS, *DEPENDENT}


@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_changes_what_is_trained(knob, data, source, plain) -> None:
    assert losses(data, source, **{knob: KNOBS[knob]}) != plain


@pytest.mark.parametrize("knob", DEPENDENT)
def test_knobs_of_adapters_change_what_is_trained(knob, data, source) -> None:
    assert losses(data, source, lora_rank=2, **{knob: DEPENDENT[knob]}) != losses(data, source, lora_rank=2)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("hidden_dropout", 0.1),  # as the model has it
        ("attention_dropout", 0.1),
        ("classifier_dropout", 0.1),
        ("max_grad_norm", 1e6),  # larger than any gradient
        ("loss_weights", "LOC:1.0 O:1.0 PER:1.0"),
    ],
)
def test_a_knob_at_what_holds_anyway_changes_nothing(knob, value, data, source, plain) -> None:
    assert losses(data, source, **{knob: value}) == pytest.approx(plain, rel=1e-5)


def test_knobs_of_the_optimizer_are_its_own(data, source) -> None:
    optimizer = session_of(data, source, weight_decay=0.25, adam_beta2=0.98, lr_head=4).optimizer
    assert {group["betas"] for group in optimizer.param_groups} == {(0.9, 0.98)}
    found = [(group["factor"], group["weight_decay"], group["params"][0].ndim) for group in optimizer.param_groups]
    assert found == [(4.0, 0.25, 2), (4.0, 0.0, 1), (1.0, 0.25, 2), (1.0, 0.0, 1)]


@pytest.mark.parametrize(("most", "expected"), [(0.0, None), (0.05, 0.05), (1e6, None)])
def test_the_gradient_is_clipped_to_its_norm_before_each_step(most, expected, data, source, monkeypatch) -> None:
    session = session_of(data, source, max_grad_norm=most)
    seen = []
    real = session.optimizer.step

    def step(*args: Any, **options: Any) -> Any:
        gradients = [p.grad for group in session.optimizer.param_groups for p in group["params"] if p.grad is not None]
        seen.append(torch.cat([gradient.flatten() for gradient in gradients]).norm().item())
        return real(*args, **options)

    monkeypatch.setattr(session.optimizer, "step", step)
    train_epoch(session, 0, [1e-4] * 5)
    assert len(seen) == 5
    assert max(seen) > 0.05 if expected is None else seen == pytest.approx([expected] * 5, rel=1e-3)


def test_dropout_of_encoder_and_head_is_set(data, source) -> None:
    model = session_of(data, source, hidden_dropout=0.3, attention_dropout=0.2, classifier_dropout=0.6).model
    config = model.config
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.3, 0.2)
    rates = {name: m.p for name, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert rates.pop("dropout") == 0.6
    assert {p for name, p in rates.items() if "attention.self" in name} <= {0.2}
    assert {p for name, p in rates.items() if "attention.self" not in name} == {0.3}


def test_weights_of_classes_and_tags(data) -> None:
    weights = tag_weights(data, "B-LOC:7.0 LOC:3.0 O:0.5")
    found = dict(zip(data.tags, weights.tolist(), strict=True))
    assert {tag: found[tag] for tag in ("O", "B-LOC", "B-PER")} == {"O": 0.5, "B-LOC": 7.0, "B-PER": 1.0}
    assert all(found[tag] == 3.0 for tag in data.tags if tag.endswith("-LOC") and tag != "B-LOC")
    labels = data.train.labels(IGNORED)
    found = tag_weights(data, "inverse")
    labelled = labels[labels != IGNORED]
    for number, tag in enumerate(data.tags):
        count = max(1, int((labelled == number).sum()))
        assert found[number] == pytest.approx(len(labelled) / (len(data.tags) * count)), tag
    pruned = data.pruned(DatasetParams(dataset_name="tiny", prune_ratio_train=0.1))
    assert tag_weights(pruned, "inverse").tolist() != found.tolist()
    assert tag_weights(data, "none") is None


def test_a_weight_of_a_class_that_there_is_not_is_refused(data) -> None:
    with pytest.raises(
        UnfitError, match=r"loss_weights must be for classes or tags of data set 'tiny' \(LOC, PER, O,.*got ORG"
    ):
        tag_weights(data, "LOC:2.0 ORG:1.0")


def saved(data: EncodedCorpus, source: ModelSource, folder: Path, **hparams: Any) -> dict[str, Any]:
    """The last report of a trial that has left its model in a folder."""
    reports: list[dict[str, Any]] = []
    train_trial(trial(**hparams), data, source, context(report=reports.append, checkpoint_dir=folder))
    return reports[-1]


def test_frozen_weights_are_saved_bit_for_bit(data, source, tmp_path) -> None:
    saved(data, source, tmp_path / "model", freeze_layers=1, weight_decay=0.5)
    before, after = (load_file(folder / "model.safetensors") for folder in (Path(source.location), tmp_path / "model"))
    same = {name for name, value in after.items() if name in before and torch.equal(value, before[name])}
    frozen = {name for name in after if "embeddings" in name or ".layer.0." in name}
    assert same == frozen


@pytest.mark.parametrize("kept", ["best", "last"])
def test_an_adapted_model_is_saved_as_an_ordinary_one_that_predicts_the_same(data, source, tmp_path, kept) -> None:
    hparams = {"lora_rank": 4, "lora_alpha": 32, "lr_max": 0.03, "max_epochs": 8, "label_smoothing": 0.1}
    spec = replace(trial(**hparams), settings=Settings(precision="fp32", evaluate_checkpoint=kept))
    reports: list[dict[str, Any]] = []
    train_trial(spec, data, source, context(report=reports.append, checkpoint_dir=tmp_path / "model"))
    last = reports[-1]
    before, after = (load_file(folder / "model.safetensors") for folder in (Path(source.location), tmp_path / "model"))
    assert after.keys() == before.keys()
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert not {name for name in names if name.startswith("adapter")}
    model = load_trained(find_model(str(tmp_path / "model"), Path("/nowhere"), Path("/nowhere")))
    assert type(model).__name__ == "BertForTokenClassification"
    session = session_of(data, source)
    session = replace(session, forward=replace(session.forward, model=model, first_position=None))
    found, predicted, _ = evaluate(session, data.test)
    assert found.loss == pytest.approx(last["chosen"]["test/loss"], abs=1e-5)
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    adapted = {name for name in before if name.endswith(("query.weight", "value.weight"))}
    assert changed == adapted | {"classifier.weight", "classifier.bias"}
    assert predicted.log_probs.shape == (len(data.test.gold), len(data.tags))


@pytest.mark.parametrize("hparams", [{"lora_rank": 2}, {"freeze_layers": 1, "reinit_layers": 1, "lr_layer_decay": 0.5}])
def test_an_interrupted_trial_goes_on_bit_for_bit(data, source, tmp_path, hparams) -> None:
    class Killed(BaseException):
        pass

    def die(report: dict[str, Any]) -> None:
        if report["epoch"] == 2:
            raise Killed

    more = {"max_epochs": 5, **hparams}
    saved(data, source, tmp_path / "calm", **more)
    paths = {"checkpoint_dir": tmp_path / "resumed", "resume_dir": tmp_path / "states"}
    with pytest.raises(Killed):
        train_trial(trial(**more), data, source, context(report=die, **paths))
    train_trial(trial(**more), data, source, context(**paths))
    weights, expected = (load_file(tmp_path / name / "model.safetensors") for name in ("resumed", "calm"))
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


@pytest.mark.parametrize(
    ("hparams", "said"),
    [
        ({"freeze_layers": 3}, "freeze_layers must be <= 2, the layers of "),
        ({"reinit_layers": 3}, "reinit_layers must be <= 2"),
        ({"freeze_layers": 2, "reinit_layers": 1}, r"freeze_layers must be <= 1 with reinit_layers = 1"),
        ({"lora_rank": 33}, "lora_rank must be <= 32, the width of .*; got 33"),
        ({"lora_rank": 10**20}, "lora_rank must be <= 32"),
        ({"lora_rank": 2, "lora_targets": "q_lin"}, r"lora_targets must be linear layers of .*query.*; got q_lin"),
    ],
)
def test_what_the_model_does_not_have_is_refused_before_anything_starts(source, hparams, said) -> None:
    (error,) = ModelCheck(source, None, "fp32").unfit_knobs(HParams(**hparams))
    assert re.search(said, str(error))


def test_everything_that_the_model_does_not_have_is_told_at_once(source) -> None:
    wrong = HParams(freeze_layers=3, reinit_layers=3, lora_rank=33, lora_targets="q_lin")
    found = ModelCheck(source, None, "fp32").unfit_knobs(wrong)
    assert [error.key for error in found] == ["freeze_layers", "reinit_layers", "lora_rank", "lora_targets"]


@pytest.mark.parametrize(
    "hparams",
    [{}, {"freeze_layers": 2}, {"freeze_layers": 1, "reinit_layers": 1}, {"lora_rank": 32, "lora_targets": "all"}],
)
def test_what_the_model_has_is_accepted(source, hparams) -> None:
    assert ModelCheck(source, None, "fp32").unfit_knobs(HParams(**hparams)) == []
