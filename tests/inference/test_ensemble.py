"""Several models as one: the mean of their probabilities, from an experiment, from a folder, on the command line."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.predictions import TAGS as PREDICTED
from fixtures.predictions import predictions, split_of

from nerbb_ray import Store
from nerbb_ray.cli import main
from nerbb_ray.config.spec import Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.errors import ModelError, ResultError, StoreError
from nerbb_ray.export import export
from nerbb_ray.inference.members import find_ensemble
from nerbb_ray.model import Model
from nerbb_ray.ner.decoding import constrained
from nerbb_ray.ner.tags import tag_set
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import decoder_of
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.log_probs import FILE, LogProbs
from nerbb_ray.results.trial_result import TrialResult

TEXT = "Anna works in Paris. Bert lives in Berlin."
TAGS = tag_set(("LOC", "PER"), "bio")
SEEDS = (43, 44, 45)
VAL, TEST = "val/entity/micro/f1", "test/entity/micro/f1"


@dataclass(frozen=True)
class Family:
    """Experiments: `kept` with all that a trial leaves, `bare` with the models alone, `odd` of models that differ."""

    store: StorePaths
    folders: dict[int, Path]


def trial_of(trained, run: str, seed: int) -> TrialSpec:
    return replace(trained.trials[43], run=run, seed=seed, settings=Settings(precision="fp32", multiple_runs=3))


@pytest.fixture(scope="module")
def family(trained, untrained, record_trials) -> Family:
    folders = {seed: untrained(TAGS, seed) for seed in SEEDS}

    def ended(name: str, run: str, seed: int, source: Path, f1: float) -> tuple[TrialSpec, TrialResult]:
        spec, folder = trial_of(trained, run, seed), trained.store.checkpoints(name, run, seed)
        shutil.copytree(source, folder)
        if name == "kept":
            predictions(seed).save(folder / FILE)
        metrics, identity = {VAL: f1, TEST: f1 - 0.1}, Identity.of(spec, data="fingerprint")
        return spec, TrialResult(
            run, seed, "ok", metrics, spec.params(), epochs=2, checkpoint=str(folder), identity=identity
        )

    for name in ("kept", "bare"):
        trials = [ended(name, "runA", seed, folders[seed], f1) for seed, f1 in zip(SEEDS, (0.5, 0.7, 0.6), strict=True)]
        record_trials(trained.store, name, [*trials, ended(name, "runB", 43, folders[43], 0.1)])
    others = {"same": folders[43], "other tags": untrained(tag_set(("LOC", "ORG"), "bio"))}
    record_trials(
        trained.store, "odd", [ended("odd", "runA", 43 + n, folder, 0.5) for n, folder in enumerate(others.values())]
    )
    return Family(trained.store, folders)


@pytest.fixture
def at_home(family: Family, monkeypatch: pytest.MonkeyPatch) -> Family:
    """Its store is the current one."""
    monkeypatch.setattr(Store, "chosen", family.store.root)
    return family


def table(model: Model, text: str = TEXT) -> np.ndarray:
    return np.array([list(word["proba_dist"].values()) for word in model.predict_proba(text)])


def mean_of(family: Family, seeds: tuple[int, ...]) -> np.ndarray:
    singles = [Model.from_checkpoint(family.folders[seed], device="cpu") for seed in seeds]
    return np.mean([table(model) for model in singles], axis=0)


@pytest.mark.parametrize("name", ["kept", "bare"])
@pytest.mark.parametrize(("wanted", "seeds"), [(True, SEEDS), (3, SEEDS), (np.int64(2), (44, 45))])
def test_probabilities_are_the_mean_of_those_of_the_members(family, name, wanted, seeds) -> None:
    model = Model.from_experiment(name, ensemble=wanted, store=family.store.root, device="cpu")
    assert table(model) == pytest.approx(mean_of(family, seeds), abs=1e-5)
    assert model.name == f"{name}/runA-ensemble-of-{len(seeds)}"
    assert model.tags == TAGS


def test_numpy_says_whether_it_is_an_ensemble(family) -> None:
    names = [
        Model.from_experiment("bare", ensemble=wanted, store=family.store.root, device="cpu").name
        for wanted in (np.True_, np.False_)
    ]
    assert names == ["bare/runA-ensemble-of-3", "bare/runA-44"]


def test_texts_of_any_length_are_encoded_once(family, monkeypatch) -> None:
    from nerbb_ray.inference import tagger

    calls = []
    encode = tagger.encode_windows
    monkeypatch.setattr(tagger, "encode_windows", lambda *given: calls.append(1) or encode(*given))
    model = Model.from_experiment("kept", ensemble=True, store=family.store.root, device="cpu")
    text = " ".join([TEXT] * 20)
    assert len(model.predict(text, level="word")) == 200
    assert len(calls) == 1


def test_ensemble_is_measured_like_one_model(family) -> None:
    model = Model.from_experiment("kept", ensemble=True, store=family.store.root, device="cpu")
    metrics = model.evaluate_on_dataset("tiny")
    assert 0 <= metrics["test/entity/micro/f1"] <= 1
    assert np.isfinite(metrics["test/loss"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"run": "runB"}, ResultError, "run runB of experiment kept has 1"),
        ({"ensemble": 4}, ResultError, "an ensemble of 4 models needs as many seeds"),
        ({"ensemble": 1}, ResultError, "must be a whole number >= 2; got 1"),
        ({"ensemble": None}, ResultError, "True or False, must be a whole number >= 2; got None"),
        ({"ensemble": "2"}, ResultError, "must be a whole number >= 2; got '2'"),
        ({"ensemble": 2.7}, ResultError, r"must be a whole number >= 2; got 2\.7"),
        ({"run": 5}, ResultError, "run must be a text; got 5"),
        ({"run": "runC"}, ResultError, "no run 'runC'"),
        ({"seed": 43}, ResultError, "several seeds"),
    ],
)
def test_ensemble_that_cannot_be_made_is_refused(family, arguments, error, message) -> None:
    given = {"ensemble": True, "store": family.store.root, **arguments}
    with pytest.raises(error, match=message):
        Model.from_experiment("kept", **given)


def test_members_that_do_not_know_the_same_are_refused(family) -> None:
    with pytest.raises(ModelError, match=r"same tags in the same order and scheme; odd/runA-43 and odd/runA-44"):
        Model.from_experiment("odd", ensemble=True, store=family.store.root, device="cpu")


def test_members_with_other_tokenizers_are_refused(family, tmp_path) -> None:
    folder = export("bare", tmp_path / "out", ensemble=True, store=family.store.root)
    path = folder / "members" / "44" / "tokenizer.json"
    known = json.loads(path.read_text())
    vocabulary = known["model"]["vocab"]
    one, other = list(vocabulary)[-2:]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.write_text(json.dumps(known))
    with pytest.raises(ModelError, match="must have the same tokenizer"):
        Model.from_checkpoint(folder, device="cpu")


def test_model_that_was_deleted_is_named_not_left_out(family, tmp_path) -> None:
    place = family.store.checkpoints("bare", "runA", 44)
    place.rename(tmp_path / "away")
    try:
        with pytest.raises(ResultError, match="runA-44 was at"):
            Model.from_experiment("bare", ensemble=True, store=family.store.root)
    finally:
        (tmp_path / "away").rename(place)


@pytest.fixture(scope="module")
def exported(family, tmp_path_factory) -> Path:
    return export("kept", tmp_path_factory.mktemp("exports") / "many", ensemble=True, store=family.store.root)


def test_exported_folder_is_the_same_ensemble(family, exported) -> None:
    assert sorted(path.name for path in exported.iterdir()) == ["README.md", "ensemble.json", "members"]
    assert sorted(path.name for path in (exported / "members").iterdir()) == ["43", "44", "45"]
    assert not list(exported.rglob(FILE)), "what was said of the data stays here"
    assert table(Model.from_checkpoint(exported, device="cpu")) == pytest.approx(mean_of(family, SEEDS), abs=1e-5)
    about = json.loads((exported / "ensemble.json").read_text())
    said = [predictions(seed) for seed in (44, 45, 43)]
    model = Model.from_experiment("kept", ensemble=True, store=family.store.root, device="cpu")
    assert about["decoder"] == {**decoder_of(said).to_dict(), "tags": list(PREDICTED)}
    assert Model.from_checkpoint(exported, device="cpu").decoding == model.decoding == str(decoder_of(said))


@pytest.fixture
def recorded(trained, record_trials, tmp_path):
    """Records trials of an experiment, with what they say; of files of the model, find_ensemble needs one."""

    def make(name: str, said: dict[tuple[int, int | None], LogProbs | None], f1: dict[int, float], folds: int = 0):
        ended = []
        for (seed, fold), own in said.items():
            dataset = replace(trained.trials[43].dataset, folds=folds)
            spec = replace(trial_of(trained, "runA", seed), dataset=dataset, fold=fold)
            folder = tmp_path / name / str(spec.member)
            folder.mkdir(parents=True)
            (folder / "config.json").write_text("{}")
            if own is not None:
                own.save(folder / FILE)
            metrics, about = {VAL: f1[seed], TEST: f1[seed]}, {"checkpoint": str(folder), "fold": fold}
            ended.append((spec, TrialResult("runA", seed, "ok", metrics, spec.params(), 3, **about)))
        record_trials(trained.store, name, ended)
        return trained.store

    return make


def test_a_seed_that_is_no_member_is_not_missed(recorded, caplog) -> None:
    said = {(43, None): predictions(43), (44, None): predictions(44), (45, None): None}
    store = recorded("dead", said, {43: 0.5, 44: 0.6, 45: 0.01})
    found = find_ensemble(store, "dead", None, None, True)
    assert found.decoder is not None
    assert str(found.decoder.decoder) == str(decoder_of([predictions(43), predictions(44)]))
    assert found.scores.seeds == (43, 44)
    assert "45" in found.scores.note
    assert "best member" not in caplog.text


def fold_predictions(seed: int, fold: int) -> LogProbs:
    """Of three folds; test stays as it is."""
    whole, places = split_of(10 * seed + fold, sentences=4), np.arange(fold - 1, 12, 3)
    choice = replace(predictions(seed).decoders, wanted="constrained")
    splits = {"val": replace(whole, places=places), "test": split_of(seed + 1000)}
    return predictions(seed, splits=splits, folds=3, decoders=choice)


@pytest.mark.parametrize("complete", [True, False])
def test_some_fold_models_are_decoded_as_all_of_them_say(recorded, complete, caplog) -> None:
    """Of any two fold models no seed has all folds; only all of them have said something of every sentence."""
    said = {(seed, fold): fold_predictions(seed, fold) for seed in (43, 44) for fold in (1, 2, 3)}
    if not complete:
        del said[43, 3], said[44, 1]
    name = "whole" if complete else "parts"
    found = find_ensemble(recorded(name, said, {43: 0.5, 44: 0.6}, folds=3), name, None, None, 2)
    assert len(found.trials) == 2
    if not complete:
        assert found.decoder is None
        assert "that of its best member, not chosen anew: no seed has the predictions of all its folds" in caplog.text
        return
    assert str(found.decoder.decoder) == "constrained", "that of each fold model by itself is argmax"
    assert len(found.scores.seeds) == 2
    assert found.scores.decoding == "constrained"
    assert "best member" not in caplog.text


@pytest.mark.parametrize("where", ["here", "store"])
def test_exported_ensemble_is_found_by_its_plain_name(at_home, exported, where, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    place = (tmp_path if where == "here" else at_home.store.pretrained_models) / "my-ensemble"
    place.symlink_to(exported)
    try:
        assert main(["predict", "my-ensemble", TEXT, "--level", "word", "--json", "--device", "cpu"]) == 0
    finally:
        place.unlink()
    (found,) = json.loads(capsys.readouterr().out)
    said = mean_of(at_home, SEEDS)
    chosen = said[np.arange(len(said)), [TAGS.index(word["tag"]) for word in found["tags"]]]
    assert [word["proba"] for word in found["tags"]] == pytest.approx(list(chosen), abs=1e-5)


def test_decoding_of_the_ensemble_is_its_own(family, tmp_path) -> None:
    folder = export("kept", tmp_path / "out", ensemble=True, store=family.store.root)
    path = folder / "ensemble.json"
    order = [2, 0, 1, 4, 3]
    told = constrained([TAGS[place] for place in order], "bio").to_dict()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decoder": told | {"tags": [TAGS[p] for p in order]}}))
    model = Model.from_checkpoint(folder, device="cpu")
    words = model.predict(TEXT, level="word")
    probabilities, starts = np.log(table(model)), np.array([0, len(words)])
    expected = constrained(TAGS, "bio").decode(probabilities, starts)
    assert [word["tag"] for word in words] == [TAGS[tag] for tag in expected]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decoder": told | {"tags": list("abcde")}}))
    with pytest.raises(ModelError, match="must be for the tags of its members"):
        Model.from_checkpoint(folder, device="cpu")


def test_card_of_an_ensemble_says_what_it_gains(exported) -> None:
    from huggingface_hub import ModelCard

    card = (exported / "README.md").read_text()
    data = ModelCard(card).data
    assert (data.library_name, data.pipeline_tag) == ("nerbb_ray", "token-classification")
    assert [result.metric_type for result in data.eval_results] == ["f1"]
    assert "An ensemble of 3 models" in card
    assert "points [" in card
    assert "| seed 44 | ok |" in card


def test_card_without_kept_predictions_has_no_score(family, tmp_path) -> None:
    card = (export("bare", tmp_path / "out", ensemble=2, store=family.store.root) / "README.md").read_text()
    assert "was not measured" in card
    assert "model-index" not in card


def test_export_replaces_an_ensemble_only_when_told_to(family, tmp_path) -> None:
    target = tmp_path / "out"
    export("bare", target, ensemble=True, store=family.store.root)
    with pytest.raises(StoreError, match="has a model already"):
        export("bare", target, ensemble=2, store=family.store.root)
    export("bare", target, ensemble=2, overwrite=True, store=family.store.root)
    assert len(list((target / "members").iterdir())) == 2


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "{}",
        '{"format": 2, "members": ["members/43", "members/44"], "decoder": null}',
        '{"format": 1, "members": ["members/43"], "decoder": null}',
        '{"format": 1, "members": ["../a", "../b"], "decoder": null}',
        '{"format": 1, "members": ["/a", "/b"], "decoder": null}',
    ],
)
def test_damaged_folder_is_a_model_error(tmp_path, text) -> None:
    (tmp_path / "ensemble.json").write_text(text)
    with pytest.raises(ModelError, match=r"ensemble\.json"):
        Model.from_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ["kept", "--ensemble", TEXT],
        ["kept", "--ensemble", "3", TEXT],
        ["kept", TEXT, "--ensemble"],
        ["--ensemble", "kept", TEXT],
        ["kept", "--ensemble=3", TEXT],
    ],
)
def test_command_takes_the_ensemble_wherever_the_option_stands(at_home, capsys, words) -> None:
    assert main(["predict", *words, "--level", "word", "--json", "--device", "cpu"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["text"] == TEXT
    said = mean_of(at_home, SEEDS)
    chosen = said[np.arange(len(said)), [TAGS.index(word["tag"]) for word in found["tags"]]]
    assert [word["proba"] for word in found["tags"]] == pytest.approx(list(chosen), abs=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "kept", "x", "--ensemble=1"], "must be a number >= 2"),
        (["predict", "./folder", "x", "--ensemble"], "--ensemble choose among the trials of an experiment"),
        (["predict", "kept", "x", "--ensemble", "--seed", "43"], "several seeds"),
    ],
)
@pytest.mark.usefixtures("at_home")
def test_command_refuses_what_makes_no_sense(capsys, words, message) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("at_home")
def test_other_commands_take_it_too(capsys, tmp_path) -> None:
    (tmp_path / "in.txt").write_text(TEXT + "\n")
    assert main(["predict_file", "kept", str(tmp_path / "in.txt"), str(tmp_path / "out.jsonl"), "--ensemble", "2"]) == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["text"] == TEXT
    assert main(["evaluate", "kept", "tiny", "--ensemble", "--json"]) == 0
    assert "kept/runA-ensemble-of-3" in capsys.readouterr().out
    assert main(["export", "kept", str(tmp_path / "made"), "--ensemble"]) == 0
    assert "the ensemble, with its model card" in capsys.readouterr().out
