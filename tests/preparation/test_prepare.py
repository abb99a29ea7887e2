"""What keeps an experiment from running is told before the start: `--dry-run`, a run and `nerbb plan` end with 2."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fixtures.experiments import job_of
from fixtures.tiny_models import fill, write_json

from nerbb_ray import cli
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import NerbbError
from nerbb_ray.preparation.prepare import Preparation, check_search_metric, notes_on, prepare
from nerbb_ray.results.identity import Identity
from nerbb_ray.store import StorePaths
from nerbb_ray.tune.__main__ import main
from nerbb_ray.tune.job import Job
from nerbb_ray.tune.run_job import run_job

Change = Callable[[StorePaths], object]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def own_model(store: StorePaths, tiny_model: Path) -> StorePaths:
    """A store whose model can be spoilt."""
    (store.pretrained_models / "tiny-bert").unlink()
    shutil.copytree(tiny_model, store.pretrained_models / "tiny-bert")
    return store


def model_of(store: StorePaths) -> Path:
    return store.pretrained_models / "tiny-bert"


def change_config(store: StorePaths, **values: object) -> None:
    path = model_of(store) / "config.json"
    write_json(path, **(json.loads(path.read_text()) | values))


def fnet_instead(store: StorePaths) -> None:
    shutil.rmtree(model_of(store))
    fill(model_of(store), "RoBERTa", model_type="fnet", pad_token_id=1)


WRONG: dict[str, tuple[Change, str]] = {
    "no data": (lambda s: (s.datasets / "tiny").unlink(), "data set 'tiny'"),
    "no model": (lambda s: shutil.rmtree(model_of(s)), "pretrained model 'tiny-bert' was not found"),
    "no weights": (lambda s: (model_of(s) / "model.safetensors").unlink(), "has no weights: expected one of"),
    "pointer": (
        lambda s: (model_of(s) / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        "fetch it with: git lfs pull",
    ),
    "unknown type": (lambda s: change_config(s, model_type="strange"), "install a newer one"),
    "bad configuration": (lambda s: change_config(s, hidden_size="wide"), "Mend its config.json"),
    "no positions": (lambda s: change_config(s, max_position_embeddings=16), "max_seq_length: must be <= 16"),
    "library": (lambda s: change_config(s, model_type="layoutlmv2"), "Install it: pip install detectron2"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(
    "way",
    [["--dry-run"], pytest.param(["--dry-run", "--json"], marks=pytest.mark.slow), []],
    ids=["dry run", "as JSON", "run"],
)
def test_nothing_starts_and_the_reason_is_one_line(
    own_model: StorePaths, experiment, capsys: pytest.CaptureFixture[str], change: Change, message: str, way: list[str]
) -> None:
    change(own_model)
    assert main([str(experiment()), "--store", str(own_model.root), *way]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    if "--json" in way:
        plan = json.loads(out)
        assert {trial["steps_per_epoch"] for trial in plan["trials"]} == {None}
        assert message in plan["problems"][0]
    elif way:
        assert "runB" in out
    assert not own_model.ray("exp").exists()


def test_data_and_model_that_are_missing_are_told_together(
    own_model: StorePaths, experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(model_of(own_model))
    (own_model.datasets / "tiny").unlink()
    for way in (["--dry-run"], []):
        assert main([str(experiment()), "--store", str(own_model.root), *way]) == 2
        err = capsys.readouterr().err
        assert "data set 'tiny'" in err
        assert "pretrained model 'tiny-bert'" in err


def test_one_good_run_does_not_hide_a_bad_one(
    own_model: StorePaths, experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    file = experiment()
    file.write_text(file.read_text() + "max_seq_length = 129\n")
    assert main([str(file), "--store", str(own_model.root), "--dry-run", "--json"]) == 2
    out, err = capsys.readouterr()
    steps = {trial["run"]: trial["steps_per_epoch"] for trial in json.loads(out)["trials"]}
    assert steps == {"runA": 5, "runB": None}
    assert "max_seq_length: must be <= 128, the length of 'tiny-bert'; got 129" in err


def test_points_of_a_search_are_looked_at_as_well(
    own_model: StorePaths, experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    file = experiment()
    text = file.read_text().replace("max_seq_length = 32", "max_seq_length = randint(16, 256)")
    file.write_text(text + "[search]\nalgorithm = optuna\nnum_samples = 2\n")
    assert main([str(file), "--store", str(own_model.root), "--dry-run"]) == 2
    assert "max_seq_length: must be <= 128" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["predict", "MODEL", "Anna"], ["predict_file", "MODEL", "in.txt", "out.jsonl"]])
@pytest.mark.parametrize("name", ["unknown type", "bad configuration", "pointer", "no weights", "library"])
def test_use_of_a_model_that_cannot_be_loaded_is_one_line(
    own_model: StorePaths, capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    change, message = WRONG[name]
    change(own_model)
    Path(own_model.root / "in.txt").write_text("Anna\n")
    words = [str(model_of(own_model)) if word == "MODEL" else word for word in command]
    words = [str(own_model.root / word) if word.startswith(("in.", "out.")) else word for word in words]
    assert cli.main([*words, "--store", str(own_model.root)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_what_is_peculiar_about_a_model_is_noted_before_the_start(
    own_model: StorePaths, experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    fnet_instead(own_model)
    assert main([str(experiment()), "--store", str(own_model.root), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.count("note: model 'tiny-bert' does not leave padding out of account (the attention mask)") == 1


def test_notes_are_told_once_for_all_runs(own_model: StorePaths, experiment) -> None:
    fnet_instead(own_model)
    spec = read_ini(experiment())
    prepared = prepare(spec, Preparation(own_model, Path.cwd(), own_model.cache))
    assert set(prepared) == {"runA", "runB"}
    assert len(notes_on(prepared)) == len(set(notes_on(prepared))) == 2  # padding, and a head without names


def test_trial_trains_in_the_number_format_that_the_preparation_found(
    own_model: StorePaths, experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DeBERTa of the first version, on hardware that has bf16, with `precision = auto`."""
    shutil.rmtree(model_of(own_model))
    values = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
    fill(model_of(own_model), "GPT-2", model_type="deberta", **values)
    monkeypatch.setattr("nerbb_ray.training.worker.has_bf16", lambda _: True)
    file = experiment()
    file.write_text(
        file.read_text().replace("precision = fp32", "precision = auto").replace("epochs = 3", "epochs = 1")
    )
    spec = read_ini(file)
    prepared = prepare(spec, Preparation(own_model, Path.cwd(), own_model.cache))["runA"]
    assert prepared.precision == "fp32"
    trial = expand(spec)[0]
    job = job_of(
        trial, prepared, own_model, Identity.of(trial, data=prepared.fingerprint, precision=prepared.precision)
    )
    reports: list[dict] = []
    run_job(Job.from_dict(job.to_dict()), reports.append, torch.device("cpu"))
    assert reports[-1]["environment"]["precision"] == "float32"


def test_search_for_a_model_that_fails_in_bf16_says_so(own_model: StorePaths, experiment) -> None:
    shutil.rmtree(model_of(own_model))
    values = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
    fill(model_of(own_model), "GPT-2", model_type="deberta", **values)
    file = experiment()
    file.write_text(file.read_text().replace("precision = fp32", "precision = bf16"))
    with pytest.raises(NerbbError, match=r"cannot be trained in bf16.*set \[settings\] precision = fp32"):
        prepare(read_ini(file), Preparation(own_model, Path.cwd(), own_model.cache))


def test_data_of_the_same_content_keep_their_own_name(store: StorePaths, experiment) -> None:
    (store.datasets / "twin").symlink_to((store.datasets / "tiny").resolve())
    preparation = Preparation(store, Path.cwd(), store.cache)
    path = experiment()
    text = path.read_text()
    for name in ("tiny", "twin"):
        path.write_text(text.replace("dataset_name = tiny", f"dataset_name = {name}\nfolds = 2\nrepeats = 3"))
        notes = prepare(read_ini(path), preparation)["runA"].notes
        assert any(note.startswith(f"data set {name}: 2 folds, 3 times, of the 52 sentences") for note in notes)


@pytest.mark.parametrize("metric", ["val/entity/per/f1", "val/entity/PERX/f1", "val/entity/O/f1", "val/token/X Y/f1"])
def test_a_search_by_a_class_that_the_data_do_not_have_is_refused(
    store: StorePaths, experiment, capsys: pytest.CaptureFixture[str], metric: str
) -> None:
    file = experiment()
    file.write_text(file.read_text() + f"[search]\nmetric = {metric}\nracing = True\n")
    assert main([str(file), "--store", str(store.root), "--dry-run"]) == 2
    err = capsys.readouterr().err
    assert "[search] metric: must be of an average or a class of data set 'tiny' (micro, macro, " in err
    assert f"; got {metric}" in err


@pytest.mark.parametrize("metric", ["val/entity/micro/f1", "val/token/all/acc", "val/loss", "val/token/O/recall"])
def test_a_search_by_what_the_data_have_is_not(store: StorePaths, experiment, metric: str) -> None:
    file = experiment()
    file.write_text(file.read_text() + f"[search]\nmetric = {metric}\nracing = True\n")
    assert main([str(file), "--store", str(store.root), "--dry-run"]) == 0


def test_a_class_is_one_to_search_by(store: StorePaths, experiment) -> None:
    preparation = Preparation(store, Path.cwd(), store.cache)
    corpus = preparation._corpus(read_ini(experiment()).runs[0])
    for label in corpus.classes:
        check_search_metric(f"val/entity/{label}/f1", corpus)


@pytest.mark.parametrize(
    ("hparams", "said"),
    [
        ("lr_warmup_epochs = 3", "lr_warmup_epochs = 3 of at most 3 epochs (max_epochs): the learning rate never"),
        ("lr_warmup_epochs = 2", ""),
        ("lr_warmup_epochs = 0", ""),
    ],
)
def test_a_warm_up_that_never_ends_is_told(
    store: StorePaths, experiment, capsys: pytest.CaptureFixture[str], hparams: str, said: str
) -> None:
    file = experiment()
    file.write_text(re.sub("lr_warmup_epochs = .*", hparams, file.read_text()))
    assert main([str(file), "--store", str(store.root), "--dry-run"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert said in out if said else "lr_max" not in out.partition("note")[2]


def test_a_single_step_of_a_warm_up_is_told_to_learn_nothing(store: StorePaths, experiment) -> None:
    file = experiment()
    text = file.read_text().replace("batch_size = 8", "batch_size = 1000")
    file.write_text(text.replace("max_epochs = 3", "max_epochs = 1"))
    notes = prepare(read_ini(file), Preparation(store, Path.cwd(), store.cache))["runA"].notes
    assert any("the only step of the training has the learning rate 0" in note for note in notes), notes


def test_a_configuration_without_labels_is_no_hindrance(own_model: StorePaths, experiment) -> None:
    change_config(own_model, num_labels=0)
    assert main([str(experiment()), "--store", str(own_model.root), "--dry-run"]) == 0


def test_many_folds_are_cut_once(store: StorePaths, experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    from nerbb_ray.training import encoded_corpus

    calls = []
    real = encoded_corpus.assign_folds
    monkeypatch.setattr(encoded_corpus, "assign_folds", lambda *a: calls.append(a[2:]) or real(*a))
    encoded_corpus._assigned.cache_clear()
    file = experiment()
    file.write_text(file.read_text().replace("dataset_name = tiny", "dataset_name = tiny\nfolds = 17"))
    prepare(read_ini(file), Preparation(store, Path.cwd(), store.cache))
    assert calls == [(17, 42)]


def test_a_dry_run_says_once_what_is_strange_of_the_data(own_model: StorePaths, experiment, caplog) -> None:
    data = own_model.datasets / "tiny"
    source = data.resolve()
    data.unlink()
    shutil.copytree(source, data)
    train = data / "train.jsonl"
    train.write_text(train.read_text() + '{"tokens": ["Rome"], "tags": ["B-loc"]}\n')
    for way in (["--dry-run"], ["--dry-run", "--json"]):
        caplog.clear()
        assert main([str(experiment()), "--store", str(own_model.root), *way]) == 0
        assert caplog.text.count("classes that differ in case or blanks only") == 1
