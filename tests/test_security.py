"""No code of a model runs, and no name leads out of the store."""

import ast
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray import Experiment, Store, cli
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import ModelError, NerbbError, StoreError
from nerbb_ray.paths import StorePaths
from nerbb_ray.training import model as models
from nerbb_ray.training.sources import ModelSource, local_model
from nerbb_ray.training.tokenizer import load_tokenizer

SOURCES = sorted((Path(__file__).resolve().parents[1] / "nerbb_ray").rglob("*.py"))

# --- code ------------------------------------------------------------------------------------------------------------

WAYS_TO_LOAD: dict[str, Callable[[ModelSource], Any]] = {
    "tokenizer": load_tokenizer,
    "configuration": models.load_config,
    "model": lambda source: models.load_model(source, ["O", "B-X"]),
    "fine-tuned model": models.load_trained,
}


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to spoil."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.mark.parametrize("kind", ["torch", "pickle"])
@pytest.mark.parametrize("load", ["model", "fine-tuned model"])
def test_weights_that_run_code_when_unpickled_are_refused(kind: str, load: str, folder: Path, tmp_path: Path) -> None:
    import torch

    weights, trace = folder / "pytorch_model.bin", tmp_path / "trace"
    (folder / "model.safetensors").unlink()
    content = {"bert.embeddings.word_embeddings.weight": Payload(trace)}
    if kind == "torch":
        torch.save(content, weights)
    else:
        weights.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ModelError, match="cannot be loaded"):
        WAYS_TO_LOAD[load](local_model("evil", folder))
    assert not trace.exists()
    # and it is a file that does harm
    if kind == "torch":
        torch.load(weights, weights_only=False)
    else:
        pickle.loads(weights.read_bytes())
    assert trace.exists()


CODE = """
open({trace!r}, "w").close()
from transformers import BertConfig, BertForTokenClassification, BertTokenizer
class EvilConfig(BertConfig):
    model_type = "evil"
class EvilModel(BertForTokenClassification):
    config_class = EvilConfig
class EvilTokenizer(BertTokenizer):
    pass
"""


@pytest.mark.parametrize("model_type", ["bert", "evil"])
@pytest.mark.parametrize("load", WAYS_TO_LOAD)
def test_code_that_comes_with_a_model_never_runs(
    load: str, model_type: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    (folder / "evil.py").write_text(CODE.format(trace=str(trace)))
    classes = {"AutoConfig": "evil.EvilConfig", "AutoModelForTokenClassification": "evil.EvilModel"}
    change(folder / "config.json", auto_map=classes, model_type=model_type)
    tokenizer = {} if model_type == "bert" else {"tokenizer_class": "EvilTokenizer"}
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.EvilTokenizer"] * 2}, **tokenizer)

    def asked(prompt: str = "") -> str:
        pytest.fail(f"the user was asked: {prompt}")

    monkeypatch.setattr("builtins.input", asked)
    try:
        WAYS_TO_LOAD[load](local_model("evil", folder))
    except ModelError:
        pass
    else:
        assert model_type == "bert", "only with its code can this be loaded"
    assert not trace.exists()


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def calls(name: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Every call of a function or method of this name in the sources: where, and its constant keywords."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and name == getattr(node.func, "attr", getattr(node.func, "id", "")):
                constants = {k.arg: k.value.value for k in node.keywords if k.arg and isinstance(k.value, ast.Constant)}
                yield f"{path.name}:{node.lineno}", constants


def test_every_model_is_loaded_without_its_code() -> None:
    found = dict(calls("from_pretrained"))
    assert len(found) >= 3
    assert {where for where, keywords in found.items() if keywords.get("trust_remote_code") is not False} == set()


def test_nothing_is_unpickled() -> None:
    loading = [where for where, keywords in calls("load") if keywords.get("weights_only") is False]
    assert loading == []
    for path in SOURCES:
        text = path.read_text()
        assert "trust_remote_code=True" not in text
        assert "pickle.load" not in text, path
        assert "allow_pickle=True" not in text, path


# --- names -----------------------------------------------------------------------------------------------------------

BAD_NAMES = (
    "../evil",
    "/evil",
    "..",
    ".",
    "",
    "a/../../evil",
    "a/b",
    "a\\..\\evil",
    "a\0b",
    "a\nb",
    ".hidden",
    "~root",
)
EXPERIMENT = """
[dataset]
dataset_name = tiny
{dataset}
[model]
pretrained_model_name = {model}
[hparams]
max_epochs = 1
early_stopping = False
lr_warmup_epochs = 0
max_seq_length = 32
{run}
"""


@pytest.fixture
def store(tmp_path: Path, tiny_dataset: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    """A store with data and a model, two folders below an empty one; it is the chosen store."""
    paths = StorePaths(tmp_path / "inner" / "store")
    paths.create()
    (paths.datasets / "tiny").symlink_to(tiny_dataset)
    (paths.pretrained_models / "tiny").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path / "inner")
    monkeypatch.setattr(Store, "chosen", paths.root)
    return paths


def outside(store: StorePaths) -> set[Path]:
    around = store.root.parents[1]
    return {path for path in around.rglob("*") if not path.is_relative_to(store.root)}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_no_path_of_the_store_leads_out_of_it(name: str, store: StorePaths) -> None:
    for path in (store.dataset, store.config, store.ray, store.logs, store.checkpoints, store.tensorboard):
        with pytest.raises(StoreError, match="the name of the"):
            path(name)
    with pytest.raises(StoreError, match="the name of the run"):
        store.checkpoints("exp", name)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_python_refuses_the_name_of_an_experiment(name: str, store: StorePaths) -> None:
    before = outside(store)
    with pytest.raises(NerbbError):
        Experiment(name, model="tiny", dataset="tiny")
    with pytest.raises(NerbbError):
        Experiment(name, from_config=True)
    assert outside(store) == before
    assert list(store.experiment_configs.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in BAD_NAMES if name])
@pytest.mark.parametrize(
    "command",
    [
        ("run_experiment", "NAME", "--dry-run"),
        ("show_experiment_config", "NAME"),
        ("get_experiment_results", "NAME"),
        ("report", "NAME"),
        ("export", "NAME", "exported"),
        ("set_up_dataset", "data.jsonl", "--name", "NAME"),
    ],
    ids=lambda command: command[0],
)
def test_a_command_refuses_the_name(
    command: tuple[str, ...], name: str, store: StorePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("data.jsonl").write_text('{"tokens": ["Anna"], "tags": ["B-PER"]}\n' * 20)
    before = outside(store)
    if command[0] == "set_up_dataset" and name == "a/b":
        pytest.skip("a data set may have an owner: store/datasets/a/b")
    status = cli.main([word.replace("NAME", name) for word in command])
    err = capsys.readouterr().err
    assert status == 2, err
    assert "Traceback" not in err
    assert outside(store) == before


@pytest.mark.parametrize("name", ["../tiny", "../../../tiny", "a/../../tiny", "tiny/../../tiny", "/", "~/x", "a\0b"])
def test_the_name_of_a_data_set_stays_in_the_store(name: str, store: StorePaths) -> None:
    from nerbb_ray.data.corpus import find_corpus

    shutil.copytree(store.datasets / "tiny", store.root / "tiny")
    shutil.copytree(store.datasets / "tiny", store.root.parent / "tiny")
    with pytest.raises(NerbbError):
        find_corpus(name, None, store.datasets, ask_hub=False)
    with pytest.raises(NerbbError):
        find_corpus("tiny", name, store.datasets, ask_hub=False)


def test_the_name_of_a_run_stays_in_the_store(store: StorePaths) -> None:
    path = store.config("exp")
    path.write_text(EXPERIMENT.format(dataset="", model="tiny", run="[run/../../evil]\nlr_max = 1e-3"))
    with pytest.raises(NerbbError, match="names a folder"):
        read_ini(path)


def test_a_value_of_a_grid_stays_in_the_store(store: StorePaths) -> None:
    path = store.config("exp")
    path.write_text(EXPERIMENT.format(dataset="", model="../../../evil, tiny", run=""))
    trials = expand(read_ini(path))
    assert len(trials) == 2
    for trial in trials:
        checkpoint = store.checkpoints("exp", trial.run, trial.seed)
        assert checkpoint.resolve().is_relative_to(store.results / "checkpoints/exp")


def test_clearing_deletes_a_link_and_not_what_it_leads_to(store: StorePaths, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (store.datasets / "link").symlink_to(precious)
    store.cache.symlink_to(precious)
    assert cli.main(["clear_data", "--datasets", "--yes"]) == 0
    assert (precious / "file").exists()
    assert not store.cache.is_symlink()
    assert not (store.datasets / "link").is_symlink()
