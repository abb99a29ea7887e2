"""Where a model comes from, what its files must say, and which ones are refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nerbb_ray.cli import main
from nerbb_ray.config.spec import Settings
from nerbb_ray.errors import ModelError, ResultError
from nerbb_ray.mlflow_store import overview
from nerbb_ray.mlflow_store.details import Wanted, read_details
from nerbb_ray.model import Model
from nerbb_ray.ner.tags import tag_set
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.model import load_model, save_model
from nerbb_ray.training.sources import local_model
from nerbb_ray.training.tokenizer import load_tokenizer

TEXT = "Anna works in Paris. Bert lives in Berlin."
FOUND = [("PER", "Anna"), ("LOC", "Paris"), ("PER", "Bert"), ("LOC", "Berlin")]


def pairs(entities) -> list[tuple[str, str]]:
    return [(entity["tag"], entity["token"]) for entity in entities]


@pytest.mark.parametrize("uncased", [True, False])
def test_case_is_that_of_the_training_whatever_the_folder_is_called(tiny_model, tmp_path, uncased: bool) -> None:
    tokenizer = load_tokenizer(local_model("tiny", tiny_model), uncased)
    network = load_model(local_model("tiny", tiny_model), tag_set(("LOC",), "plain"))
    folder = tmp_path / ("bert-cased" if uncased else "bert-uncased")
    save_model(network, tokenizer, folder)
    model = Model.from_checkpoint(folder, device="cpu")
    upper, lower = (model.predict_proba(text)[0]["proba_dist"] for text in ("PARIS", "paris"))
    assert (upper == pytest.approx(lower)) is uncased


def test_a_saved_model_says_how_long_its_windows_are(tiny_model, tmp_path) -> None:
    source = local_model("tiny", tiny_model)
    network = load_model(source, tag_set(("LOC",), "bio"))
    save_model(network, load_tokenizer(source), tmp_path / "short", max_seq_length=16)
    save_model(network, load_tokenizer(source), tmp_path / "plain")
    assert Model.from_checkpoint(tmp_path / "short").max_seq_length == 16
    assert Model.from_checkpoint(tmp_path / "plain").max_seq_length == 128  # the positions of the model


def test_a_model_comes_from_a_path_or_the_store_as_well(in_store, tmp_path, monkeypatch) -> None:
    expected = Model.from_experiment("tiny").predict(TEXT)
    assert Model.from_checkpoint(str(in_store.checkpoint())).predict(TEXT) == expected
    target = in_store.store.pretrained_models / "mine"
    if not target.exists():
        shutil.copytree(in_store.checkpoint(), target)
    assert Model.from_huggingface("mine").predict(TEXT) == expected
    shutil.copytree(in_store.checkpoint(), tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    assert Model.from_huggingface("./here").predict(TEXT) == expected


@pytest.mark.usefixtures("in_store")
def test_run_and_seed_choose_a_trial() -> None:
    for chosen in ({"run": "runA"}, {"seed": 43}, {"run": "runA", "seed": 43}):
        assert Model.from_experiment("tiny", **chosen).name == "tiny/runA-43"


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("tiny", {"run": "runB"}, "has no run 'runB'; did you mean 'runA'"),
        ("tiny", {"seed": 5}, "has no seed 5; there are 43, 44"),
        ("tiny", {"seed": 44}, "runA-44 of experiment tiny is failed: out of memory"),
        ("tinny", {}, "did you mean tiny"),
        ("written", {}, "has not been run yet; run it first: nerbb run_experiment written"),
        ("off", {}, "checkpoints = False; to get its model, set checkpoints = True"),
        ("gone", {}, "is there no more; run the experiment again"),
    ],
)
def test_a_trial_without_a_model_says_why(in_store, record_trials, name, chosen, message) -> None:
    (in_store.store.experiment_configs / "written.ini").write_text("")
    trial = in_store.trials[43]
    if name == "off":
        trial = replace(trial, settings=Settings(checkpoints=False))
    if name in ("off", "gone"):
        checkpoint = None if name == "off" else "/nowhere/m"
        result = TrialResult("runA", 43, "ok", {}, trial.params(), checkpoint=checkpoint)
        record_trials(in_store.store, name, [(trial, result)])
    with pytest.raises(ResultError, match=message):
        Model.from_experiment(name, **chosen)


def test_a_kept_model_that_is_an_adapter_only_says_so(in_store, record_trials, tmp_path) -> None:
    """As earlier versions kept models that had come with an adapter."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "adapter_config.json").write_text("{}")
    trial = in_store.trials[43]
    result = TrialResult("runA", 43, "ok", {}, trial.params(), checkpoint=str(tmp_path / "kept"))
    record_trials(in_store.store, "adapted", [(trial, result)])
    with pytest.raises(ResultError, match=r"adapter_config.json: is of an adapter \(peft\)"):
        Model.from_experiment("adapted")


def test_a_store_that_was_moved_still_has_its_models(trained, tmp_path) -> None:
    """The paths in MLflow are those of the old place."""
    moved = tmp_path / "moved"
    shutil.copytree(trained.store.root, moved)
    original = trained.checkpoint()
    hidden = original.with_name("hidden")
    original.rename(hidden)
    try:
        assert pairs(Model.from_experiment("tiny", store=moved).predict(TEXT)) == FOUND
    finally:
        hidden.rename(original)


@pytest.mark.parametrize("first_is_gone", [True, False], ids=["moved", "copied"])
def test_results_of_a_store_that_was_moved_name_its_own_files(trained, tmp_path, capsys, first_is_gone) -> None:
    """Also the table, data frames and CSV; files of a trial that MLflow keeps are those of the new place, too."""
    first, moved = trained.store.root, tmp_path / "moved"
    shutil.copytree(first, moved)
    hidden = first.rename(first.with_name("hidden")) if first_is_gone else first
    try:
        result = overview.results_of(StorePaths(moved), "tiny")
        assert main(["results", "tiny", "--csv", "--store", str(moved)]) == 0
        assert main(["results", "tiny", "--store", str(moved)]) == 0
        printed = capsys.readouterr().out
        details = read_details(StorePaths(moved).tracking_uri, "tiny", {("runA", 43): Wanted(files=("*.json",))})
    finally:
        hidden.rename(first)
    own = str(StorePaths(moved).checkpoints("tiny", "runA", 43))
    assert next(iter(result.to_dataframe()["checkpoint"])) == own
    assert f"best model: {own}" in printed
    assert str(first) not in printed
    assert details["runA", 43].files


def test_a_server_has_the_files_of_several_stores(trained, tmp_path, monkeypatch) -> None:
    """What it has recorded is asked first: this store may have an experiment of the same name."""
    copied = tmp_path / "copied"
    shutil.copytree(trained.store.root, copied)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", trained.store.tracking_uri)
    result = overview.results_of(StorePaths(copied), "tiny")
    assert result.best_trial().checkpoint == str(trained.checkpoint())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "is no folder"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no weights"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "cannot be loaded"),
        (lambda folder: edit(folder, architectures=["BertModel"]), "not fine-tuned .* it is a BertModel"),
        (
            lambda folder: edit(folder, id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0}),
            "in another size, classifier.bias",
        ),
    ],
)
def test_a_folder_that_is_no_model_for_entities_is_refused(trained, tmp_path: Path, damage, message) -> None:
    folder = tmp_path / "m"
    shutil.copytree(trained.checkpoint(), folder)
    damage(folder)
    with pytest.raises(ModelError, match=message):
        Model.from_checkpoint(folder)


def edit(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def test_a_pretrained_encoder_without_a_head_is_refused(tiny_model, tmp_path) -> None:
    from transformers import AutoTokenizer, BertModel

    BertModel.from_pretrained(tiny_model).save_pretrained(tmp_path / "m")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "m")
    edit(tmp_path / "m", architectures=None)
    with pytest.raises(ModelError, match=r"not fine-tuned .* its weights lack.* classifier"):
        Model.from_checkpoint(tmp_path / "m")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "abacus"}, "device must be cpu, or a GPU"),
        ({"batch_size": 0}, "batch_size must be a whole number >= 1; got 0"),
        ({"batch_size": "x"}, "batch_size must be a whole number >= 1; got 'x'"),
        ({"batch_size": 2.5}, r"batch_size must be a whole number >= 1; got 2\.5"),
        ({"threads": True}, "threads must be a whole number >= 1; got True"),
        ({"device": ["cpu"]}, "device must be cpu, or a GPU"),
        ({"threads": 0}, "threads must be a whole number >= 1; got 0"),
        ({"precision": "int8"}, "precision must be one of fp32, bf16"),
    ],
)
def test_wrong_options_are_refused(trained, options, message) -> None:
    with pytest.raises(ModelError, match=message):
        Model.from_checkpoint(trained.checkpoint(), **options)


def test_other_batches_and_precision_change_next_to_nothing(trained) -> None:
    one = Model.from_checkpoint(trained.checkpoint(), batch_size=1, precision="bf16", device="cpu")
    found = one.predict([TEXT, "Paris " * 50, "Anna"])
    expected = Model.from_checkpoint(trained.checkpoint(), device="cpu").predict([TEXT, "Paris " * 50, "Anna"])
    assert [pairs(a) for a in found] == [pairs(b) for b in expected]
    for a, b in zip(found[0], expected[0], strict=True):
        assert a["proba"] == pytest.approx(b["proba"], abs=0.05)


def test_a_model_that_gives_no_numbers_says_so(trained, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(trained.checkpoint(), tmp_path / "m")
    weights = load_file(tmp_path / "m/model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, tmp_path / "m/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="NaN"):
        Model.from_checkpoint(tmp_path / "m").predict("Anna")
