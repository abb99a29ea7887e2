"""The training loop as a whole, on a tiny model: what it reports, that it repeats itself, and what it leaves behind."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.errors import DataError, UnfitError
from nerbb_ray.ner.metrics import count
from nerbb_ray.ner.resampling import micro_f1
from nerbb_ray.results.log_probs import LogProbs
from nerbb_ray.results.reports import curve_point
from nerbb_ray.training import loop
from nerbb_ray.training.adaptive import replay
from nerbb_ray.training.encoded_corpus import EncodedCorpus, check_trainable, encode_once, load_encoded
from nerbb_ray.training.evaluation import evaluate
from nerbb_ray.training.forward import Forward
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.model import load_model
from nerbb_ray.training.sources import find_model
from nerbb_ray.training.stop_request import ask_to_end
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.trial_setup import make_optimizer, set_up
from nerbb_ray.training.worker import TrialContext, device_precision
from nerbb_ray.verdict.sentences import parse

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tiny_model: Path):
    return find_model(str(tiny_model), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module")
def data(tiny_dataset: Path, source, tmp_path_factory) -> EncodedCorpus:
    path = encode_once(load_corpus(tiny_dataset), load_tokenizer(source), 32, tmp_path_factory.mktemp("cache"))
    return load_encoded(path)


def trial(seed: int = 43, settings: Settings | None = None, **hparams) -> TrialSpec:
    values = {"lr_max": 3e-3, "max_epochs": 3, "lr_warmup_epochs": 1, "batch_size": 8, "max_seq_length": 32}
    return TrialSpec(
        run="runA",
        seed=seed,
        dataset=DatasetParams(dataset_name="tiny"),
        model=ModelParams(pretrained_model_name="tiny-bert"),
        hparams=HParams(**(values | hparams)),
        settings=settings or Settings(precision="fp32"),
    )


def trained(spec: TrialSpec, data, source, folder: Path | None = None) -> list[dict]:
    reports: list[dict] = []
    train_trial(spec, data, source, TrialContext(report=reports.append, device=CPU, threads=1, checkpoint_dir=folder))
    return reports


def test_the_same_seed_gives_the_same_losses_bit_for_bit(data, source) -> None:
    first, again, other = (trained(trial(seed), data, source) for seed in (43, 43, 44))
    keys = ("train/loss", "val/loss", "val/entity/micro/f1", "lr")
    assert [[r[k] for k in keys] for r in first] == [[r[k] for k in keys] for r in again]
    assert first[-1]["chosen"] == again[-1]["chosen"]
    assert first[0]["train/loss"] != other[0]["train/loss"]


def test_a_seed_may_be_any_positive_number(data, source) -> None:
    assert len(trained(trial(seed=10**20, max_epochs=1), data, source)) == 1


def test_the_trial_follows_the_rule_and_learns(data, source) -> None:
    spec = trial(max_epochs=20, lr_cooldown_epochs=2, monitor="val_f1")
    reports = trained(spec, data, source)
    expected = replay(spec.hparams, reports[-1]["history"], data.steps_per_epoch(8))
    assert [r["epoch"] for r in reports] == list(range(expected.epochs))
    assert [r["stage"] for r in reports] == [stage.value for stage in expected.stages]
    assert [r["lr"] for r in reports] == [rates[-1] for rates in expected.learning_rates]
    last = reports[-1]
    assert (last["final"], last["reason"], last["best_epoch"]) == (True, expected.reason, expected.best_epoch)
    assert last["chosen"]["test/entity/micro/f1"] > 0.9
    assert not any("final" in r for r in reports[:-1])


def latest(values: list[float], value: float) -> int:
    return max(k for k, one in enumerate(values) if one == value)


@pytest.mark.parametrize("which", ["auto", "best", "best_f1", "last"])
def test_the_chosen_checkpoint_is_the_one_that_is_tested_and_saved(data, source, tmp_path, which) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    settings = Settings(precision="fp32", evaluate_checkpoint=which)
    # a learning rate that ruins the model after the first epochs
    spec = trial(lr_max=0.03, max_epochs=5, early_stopping=False, settings=settings)
    reports = trained(spec, data, source, tmp_path / "model")
    last = reports[-1]
    by_f1 = [report["val/entity/micro/f1"] for report in reports]
    highest = latest(by_f1, max(by_f1))
    epochs = {"auto": highest, "best": last["best_epoch"], "best_f1": highest, "last": len(reports) - 1}
    epoch = epochs[which]
    assert which == "last" or epoch < len(reports) - 1
    assert last["chosen"]["val/loss"] == reports[epoch]["val/loss"]
    assert last["checkpoint"] == str(tmp_path / "model")
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "model")
    assert model.config.id2label == dict(enumerate(data.tags))
    session = set_up(spec, data, source, TrialContext(report=print, device=CPU, threads=1))
    session = replace(session, forward=Forward.of(model, "saved", model.config.pad_token_id, CPU, torch.float32))
    said = LogProbs.load(tmp_path / "model" / "log_probs.npz")
    found, predicted, _ = evaluate(session, data.test, said.decoder)
    assert found.metrics("test") == pytest.approx(
        {k: v for k, v in last["chosen"].items() if k.startswith("test/")}, nan_ok=True
    )
    assert (said.tags, said.scheme, said.data) == (data.tags, data.scheme, data.fingerprint)
    assert np.allclose(said.splits["test"].log_probs, predicted.log_probs, atol=0.01)
    for name in ("val", "test"):
        assert np.array_equal(said.splits[name].gold, getattr(data, name).gold)
    stored = json.loads((tmp_path / "model" / "decoding.json").read_text())
    assert stored == {"tags": list(data.tags), **said.decoder.to_dict()}
    assert last["kept_epoch"] == epoch
    assert AutoTokenizer.from_pretrained(tmp_path / "model").tokenize("Paris") == ["paris"]
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & 0o044 == 0o044


@pytest.mark.parametrize("decoding", ["argmax", "constrained", "bigrams", "auto"])
def test_numbers_are_those_of_the_decoding_that_was_asked_for(data, source, tmp_path, decoding) -> None:
    spec = trial(max_epochs=2, settings=Settings(precision="fp32", decoding=decoding))
    last = trained(spec, data, source, tmp_path / "model")[-1]
    said = LogProbs.load(tmp_path / "model" / "log_probs.npz")
    assert decoding in ("auto", said.decoder.kind)
    assert last["decoding"] == str(said.decoder)
    for split in ("val", "test"):
        one = said.splits[split]
        for name, tags in (
            ("f1", said.decoder.decode(one.log_probs, one.starts)),
            ("f1_argmax", one.log_probs.argmax(1)),
        ):
            score = count(one.gold, tags, one.starts, said.tags, said.scheme).scores("entity")["micro"].f1
            assert last["chosen"][f"{split}/entity/micro/{name}"] == pytest.approx(score, nan_ok=True)


def test_results_come_with_everything_one_needs_to_read_them(data, source) -> None:
    last = trained(trial(), data, source)[-1]
    files = last["artifacts"]
    assert set(files) == {
        "classification_report.txt",
        "confusion_matrix_token.csv",
        "confusion_matrix_entity.csv",
        "config.json",
        "environment.json",
        "test_sentences.csv",
    }
    assert json.loads(files["config.json"]) == trial().params()
    rows = [line.split(",") for line in files["confusion_matrix_token.csv"].splitlines()]
    assert rows[0] == ["true\\predicted", "O", "LOC", "PER"]
    assert sum(int(cell) for row in rows[1:] for cell in row[1:]) == len(data.test.gold)
    sentences = parse(files["test_sentences.csv"])
    assert len(sentences) == data.test.num_sentences
    chosen = last["chosen"]["test/entity/micro/f1"]
    assert float(micro_f1(sentences.sum(axis=0))) == pytest.approx(chosen, nan_ok=True)
    environment = json.loads(files["environment.json"])
    assert environment["data_fingerprint"] == data.fingerprint
    assert environment["precision"] == "float32"
    assert last["checkpoint"] == ""


def test_a_diverged_trial_says_so_and_keeps_its_best_model(data, source) -> None:
    reports = trained(trial(lr_max=1e30, max_epochs=6, lr_warmup_epochs=1), data, source)
    last = reports[-1]
    assert last["diverged"]
    assert last["reason"] == "diverged"
    assert len(reports) < 6
    if last["best_epoch"] >= 0:
        assert math.isfinite(last["chosen"]["val/loss"])


@pytest.mark.parametrize("kept", ["best", "last"])
def test_a_model_that_diverged_without_a_validation_split_is_not_saved(
    data, source, tmp_path, monkeypatch, kept
) -> None:
    """Nothing was put aside, so that all there is are weights that are no numbers."""
    train_epoch = loop.train_epoch

    def diverging(session, epoch: int, *args) -> float:
        if epoch == 1:
            for parameter in session.model.parameters():
                parameter.data.fill_(math.nan)
        return train_epoch(session, epoch, *args)

    monkeypatch.setattr(loop, "train_epoch", diverging)
    spec = trial(early_stopping=False, settings=Settings(precision="fp32", evaluate_checkpoint=kept))
    last = trained(spec, replace(data, val=data.val.head(0)), source, tmp_path / "model")[-1]
    assert (last["diverged"], last["epochs"]) == (True, 2)
    assert (last["chosen"], last["checkpoint"], last["artifacts"]) == ({}, "", {})
    assert not (tmp_path / "model").exists()


def test_without_a_validation_split_the_last_epoch_is_kept(data, source) -> None:
    empty = replace(data, val=data.val.head(0))
    last = trained(trial(early_stopping=False, max_epochs=2), empty, source)[-1]
    assert last["history"] == [None, None]
    assert math.isnan(last["val/loss"])
    assert last["chosen"]["test/entity/micro/f1"] >= 0


def test_a_validation_split_without_entities_is_not_divergence(data, source) -> None:
    without = replace(data, val=replace(data.val, gold=np.zeros_like(data.val.gold)))
    last = trained(trial(early_stopping=False, max_epochs=4, monitor="val_f1"), without, source)[-1]
    assert (last["epochs"], last["diverged"]) == (4, False)
    assert last["chosen"]["test/entity/micro/f1"] >= 0


def test_epochs_whose_validation_nobody_uses_are_skipped_and_nothing_else_changes(data, source, tmp_path) -> None:
    def reports(name: str, **settings) -> list[dict]:
        chosen = Settings(precision="fp32", evaluate_checkpoint="last", **settings)
        return trained(trial(early_stopping=False, max_epochs=4, settings=chosen), data, source, tmp_path / name)

    whole, skipped = reports("whole"), reports("skipped", skip_validation=True)
    assert [math.isnan(report["val/loss"]) for report in skipped] == [True, True, True, False]
    assert [curve_point(report).keys() & {"val/loss", "val/entity/micro/f1"} for report in skipped[:-1]] == [set()] * 3
    assert [report["train/loss"] for report in skipped] == [report["train/loss"] for report in whole]
    for key in ("chosen", "kept_epoch", "decoding", "reason", "epochs", "diverged", "val/loss"):
        assert skipped[-1][key] == whole[-1][key], key


@pytest.mark.parametrize(
    ("settings", "hparams"),
    [
        ({"evaluate_checkpoint": "last"}, {"early_stopping": True, "patience": 9}),
        ({"evaluate_checkpoint": "best"}, {"early_stopping": False}),
        ({"evaluate_checkpoint": "best_f1"}, {"early_stopping": False}),
    ],
)
def test_epochs_whose_validation_somebody_uses_are_not_skipped(data, source, settings, hparams) -> None:
    chosen = Settings(precision="fp32", skip_validation=True, **settings)
    reports = trained(trial(max_epochs=2, settings=chosen, **hparams), data, source)
    assert not any(math.isnan(report["val/loss"]) for report in reports)


def test_divergence_is_seen_where_epochs_are_not_validated(data, source) -> None:
    chosen = Settings(precision="fp32", evaluate_checkpoint="last", skip_validation=True)
    last = trained(trial(lr_max=1e30, max_epochs=6, early_stopping=False, settings=chosen), data, source)[-1]
    assert last["diverged"]
    assert last["epochs"] < 6


def test_divergence_is_seen_whatever_is_monitored(data, source) -> None:
    last = trained(trial(lr_max=1e30, max_epochs=6, monitor="val_f1"), data, source)[-1]
    assert last["diverged"]


def test_an_empty_test_split_gives_undefined_metrics(data, source) -> None:
    last = trained(trial(max_epochs=1), replace(data, test=data.test.head(0)), source)[-1]
    assert math.isnan(last["chosen"]["test/entity/micro/f1"])


@pytest.mark.parametrize(
    ("empty", "hparams", "message"),
    [
        ("train", {}, "got none"),
        ("val", {}, "that must get a val split: it has no val_loss to watch"),
        ("val", {"monitor": "val_f1"}, "that must get a val split: it has no val_f1 to watch"),
    ],
)
def test_what_cannot_be_trained_is_refused(data, empty, hparams, message) -> None:
    with pytest.raises(DataError if empty == "train" else UnfitError, match=message):
        check_trainable(replace(data, **{empty: data.train.head(0)}), trial(**hparams).hparams)


def test_f1_cannot_be_watched_where_there_is_no_entity(data) -> None:
    without = replace(data, val=replace(data.val, gold=np.zeros_like(data.val.gold)))
    with pytest.raises(UnfitError, match="no entity"):
        check_trainable(without, trial(monitor="val_f1").hparams)
    check_trainable(without, trial(monitor="val_loss").hparams)


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1.0, 40), (0.5, 20), (0.0, 1), (0.01, 1), (0.29 + 0.01, 12), (0.7, 28)]
)
def test_pruning_takes_the_first_sentences(data, ratio: float, expected: int) -> None:
    pruned = data.pruned(DatasetParams(prune_ratio_train=ratio))
    assert pruned.train.num_sentences == expected
    np.testing.assert_array_equal(pruned.train.gold, data.train.gold[: len(pruned.train.gold)])


def test_training_can_include_the_other_splits(data) -> None:
    both = data.pruned(DatasetParams(train_on_val=True, train_on_test=True, prune_ratio_val=0.5))
    assert both.train.num_sentences == 40 + 6 + 12
    assert both.val.num_sentences == 6


def test_the_data_file_is_made_once(tiny_dataset, source, tmp_path) -> None:
    corpus, tokenizer = load_corpus(tiny_dataset), load_tokenizer(source)
    path = encode_once(corpus, tokenizer, 32, tmp_path)
    stamp = path.stat().st_mtime_ns
    assert encode_once(corpus, tokenizer, 32, tmp_path) == path
    assert path.stat().st_mtime_ns == stamp
    assert encode_once(corpus, tokenizer, 16, tmp_path) != path
    assert [p.suffix for p in tmp_path.iterdir()] == [".npz", ".npz"]


def test_only_matrices_decay(source, data) -> None:
    model = load_model(source, data.tags)
    decaying, rest = make_optimizer(model).param_groups
    assert (decaying["weight_decay"], rest["weight_decay"]) == (0.01, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert {n for p in rest["params"] if "LayerNorm" not in (n := names[id(p)])} <= {
        n for n in names.values() if n.endswith("bias")
    }
    assert not any("LayerNorm" in names[id(p)] or names[id(p)].endswith("bias") for p in decaying["params"])


@pytest.mark.parametrize(("wanted", "expected"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_precision_can_be_chosen(wanted, expected) -> None:
    assert device_precision(wanted, CPU) is expected


def test_bf16_learns_as_well(data, source) -> None:
    settings = Settings(precision="bf16")
    last = trained(trial(max_epochs=12, early_stopping=False, settings=settings), data, source)[-1]
    assert last["chosen"]["test/entity/micro/f1"] > 0.9
    assert last["environment"]["precision"] == "bfloat16"


def test_a_trial_that_is_asked_to_end_does_so_after_its_epoch_untested_and_unsaved(data, source, tmp_path) -> None:
    reports: list[dict] = []

    def report(values) -> None:
        reports.append(dict(values))
        if len(reports) == 2:
            ask_to_end(tmp_path / "states", "cut: cannot catch up")

    ctx = TrialContext(
        report=report, device=CPU, threads=1, checkpoint_dir=tmp_path / "model", resume_dir=tmp_path / "states"
    )
    train_trial(trial(max_epochs=9), data, source, ctx)
    assert [r["epoch"] for r in reports] == [0, 1, 2]
    last = reports[-1]
    assert (last["final"], last["cut"], last["reason"], last["epochs"]) == (True, True, "cut: cannot catch up", 3)
    assert set(last["chosen"])
    assert all(name.startswith("val/") for name in last["chosen"])
    assert last["checkpoint"] == ""
    assert not (tmp_path / "model").exists()
    # what it had reached is that of the whole trial's first epochs
    assert [r["val/loss"] for r in reports] == [r["val/loss"] for r in trained(trial(max_epochs=9), data, source)[:3]]


@pytest.mark.parametrize("found_out", [0, None])
def test_whether_a_model_needs_padding_is_not_tried_again(data, source, monkeypatch, found_out: int | None) -> None:
    monkeypatch.setattr("nerbb_ray.training.forward.TinyCopy", None)
    ctx = TrialContext(report=print, device=CPU, threads=1, first_position=found_out)
    assert set_up(trial(), data, source, ctx).forward.first_position == found_out
