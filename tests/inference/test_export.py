"""Export: a folder that others can use, and a card that says how good it is and how it came to be."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nerbb_ray.data.on_hub import id_on_hub
from nerbb_ray.data.origin_of_test import origin_of_test
from nerbb_ray.errors import NerbbError, ResultError, StoreError
from nerbb_ray.export import export
from nerbb_ray.inference.card import model_card
from nerbb_ray.inference.card_facts import CardFacts, code, markdown_table
from nerbb_ray.inference.front_matter import Declared
from nerbb_ray.inference.parity import Form, Limit, Parity
from nerbb_ray.model import Model
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.sources import OFFLINE_PACKAGES

TEXT = "Anna works in Paris. Bert lives in Berlin."


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exports") / "my-model"
    return export("tiny", folder, language="en", license="mit", store=trained.store.root)


@pytest.fixture(scope="module")
def card(exported: Path) -> str:
    return (exported / "README.md").read_text()


def result(seeds: dict[int, float | None], run: str = "runA", **params: object) -> ExperimentResult:
    """Test F1 of each seed, val F1 is a tenth more; None has failed."""
    trials = [
        TrialResult(run, seed, "failed", params=params, error="boom")
        if f1 is None
        else TrialResult(
            run,
            seed,
            "ok",
            {
                "val/entity/micro/f1": f1 + 0.1,
                "test/entity/micro/f1": f1,
                "test/entity/micro/f1_argmax": f1 - 0.1,
                "test/entity/A|B/f1": float("nan"),
            },
            {"dataset_name": "data", "pretrained_model_name": "org/bert", **params},
        )
        for seed, f1 in seeds.items()
    ]
    return ExperimentResult.of("exp", trials)


def facts(found: ExperimentResult, seed: int = 43, **values: object) -> CardFacts:
    trial = next(trial for trial in found.trials if trial.seed == seed)
    about = {
        "folder": "m",
        "environment": {},
        "scheme": "bio",
        "classes": ("A",),
        "max_seq_length": 64,
        "word_splitting": "runs (of letters)",
        "decoding": "argmax",
    }
    return CardFacts(result=found, trial=trial, **(about | values))


def test_the_exported_model_is_the_one_of_the_trial(exported: Path, model: Model) -> None:
    again = Model.from_checkpoint(exported)
    assert again.predict(TEXT) == model.predict(TEXT)
    assert again.max_seq_length == model.max_seq_length == 32
    names = {path.name for path in exported.iterdir()}
    files = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "decoding.json"}
    assert {"README.md", *files} <= names
    assert "log_probs.npz" not in names, "the data are not part of the model"
    assert again.decoding == model.decoding
    assert [path.name for path in exported.parent.iterdir()] == ["my-model"]


def test_the_hub_understands_the_card(card: str) -> None:
    data = ModelCard(card).data
    assert (data.language, data.library_name, data.pipeline_tag) == ("en", "transformers", "token-classification")
    assert (data.base_model, data.model_name) == ("tiny-bert", "my-model")
    assert "named-entity-recognition" in data.tags
    assert {r.dataset_name for r in data.eval_results} == {"tiny"}
    assert {r.dataset_split for r in data.eval_results} == {"test"}
    assert {r.metric_type for r in data.eval_results} == {"f1", "precision", "recall"}
    assert (data.license, data.datasets, data.metrics) == ("mit", None, ["precision", "recall", "f1"])
    assert data.widget == [{"text": "Angela Merkel met the mayor of Paris in Berlin."}]


@pytest.mark.parametrize(
    ("params", "declared", "expected"),
    [
        ({}, {}, {"license": None, "language": None}),  # never invented
        ({}, {"license": "Apache-2.0"}, {"license": "apache-2.0"}),
        ({}, {"language": "sv"}, {"language": "sv"}),
        ({}, {"language": "en, sv"}, {"language": ["en", "sv"]}),
        ({"dataset_name": "sucx3_ner"}, {}, {"datasets": ["KBLab/sucx3_ner"]}),
        ({"dataset_name": "/data/news"}, {}, {"datasets": None}),
        ({"dataset_name": "wnut_17"}, {}, {"datasets": None}),  # from GitHub
        ({"dataset_name": "mine"}, {}, {"datasets": None}),  # a folder of the store
        ({"dataset_name": "taken/by-hand"}, {}, {"datasets": None}),
        ({"dataset_name": "taken/from-hub"}, {}, {"datasets": ["taken/from-hub"]}),
        ({"dataset_name": "org/news", "dataset_subset_name": "big"}, {}, {"datasets": ["org/news"]}),
        ({"pretrained_model_name": "/models/mine"}, {}, {"base_model": None}),
        ({"pretrained_model_name": "bert-base-cased"}, {}, {"base_model": "bert-base-cased"}),
    ],
)
def test_front_matter_has_what_is_known_and_nothing_else(params, declared, expected, tmp_path) -> None:
    for name, source in (("mine", None), ("taken/by-hand", "/data/x"), ("taken/from-hub", None)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "train.jsonl").write_text('{"tokens": ["a"], "tags": ["O"]}\n')
        if "/" in name:
            origin = {"source": source, "files": [{"split": "train", "file": "x"}]}
            (tmp_path / name / "origin.json").write_text(json.dumps(origin))
    chosen = Declared.of(declared.get("language"), declared.get("license"))
    hub = id_on_hub(str(params.get("dataset_name")), params.get("dataset_subset_name"), tmp_path)
    data = ModelCard(model_card(facts(result({43: 0.5}, **params), declared=chosen, hub_dataset=hub))).data
    assert {key: getattr(data, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("params", "split", "said"),
    [
        ({}, "test", "are for the test split"),
        ({"prune_ratio_test": "1.0"}, "test", "are for the test split"),
        ({"prune_ratio_test": "0.2"}, None, "are for the first 20 % of the test split"),
        ({"prune_ratio_test": 0.125}, None, "are for the first 12.5 % of the test split"),
        ({"train_on_test": "True"}, "test", "The test split was part of its training data"),
    ],
)
def test_scores_are_of_the_split_that_they_say(params: dict[str, object], split: str | None, said: str) -> None:
    text = model_card(facts(result({43: 0.5, 44: 0.6}, **params)))
    assert {scores.dataset_split for scores in ModelCard(text).data.eval_results} == {split}
    assert said in text


@pytest.mark.parametrize(("split", "published"), [("test", 0.7), ("val", 0.5), ("train", 0.5)])
def test_only_what_was_measured_on_test_is_the_test_f1_of_the_exported_form(split: str, published: float) -> None:
    """Of folds without a test split, the forms are compared on sentences that the models were trained on."""
    forms = (Form("torch fp32", f1=0.7), Form("ONNX fp32", f1=0.7))
    parity = Parity("ONNX fp32", forms, split, Limit(0.1, "the standard deviation"), 1)
    data = ModelCard(model_card(facts(result({43: 0.5}), parity=parity))).data
    assert {scores.metric_value for scores in data.eval_results if scores.metric_type == "f1"} == {published}


@pytest.mark.parametrize(
    ("origin", "ratio", "split", "name", "said"),
    [
        ("own", 1.0, "test", "entity micro f1", "are for the test split of these data"),
        ("unknown", 1.0, None, "entity micro f1", "are for the test split"),
        (
            "held out of train",
            1.0,
            None,
            "entity micro f1 (held out of train)",
            "sentences that were held out of train",
        ),
        ("out of fold", 1.0, None, "entity micro f1 (out of fold)", "as the test part of each fold of these data"),
        (
            "held out of train",
            0.2,
            None,
            "entity micro f1 (the first 20 % of the test split, held out of train)",
            "are for the first 20 % of sentences that were held out of train",
        ),
    ],
)
def test_only_a_test_split_of_the_data_is_named_as_one(origin, ratio, split, name, said) -> None:
    text = model_card(facts(result({43: 0.5}, prune_ratio_test=ratio), test_origin=origin))
    scores = ModelCard(text).data.eval_results
    assert {one.dataset_split for one in scores} == {split}
    assert name in {one.metric_name for one in scores}
    assert said in text


def test_what_was_measured_on_the_whole_split_is_not_said_to_be_of_a_part() -> None:
    forms = (Form("torch fp32", f1=0.7), Form("ONNX fp32", f1=0.7))
    parity = Parity("ONNX fp32", forms, "test", Limit(0.1, "the standard deviation"), 1)
    found = result({43: 0.5, 44: 0.6}, prune_ratio_test=0.2)
    scores = ModelCard(model_card(facts(found, parity=parity))).data.eval_results
    assert [(one.metric_name, one.dataset_split, one.metric_value) for one in scores] == [
        ("entity micro f1", "test", 0.7),
        ("entity micro f1, mean of 2 of 2 seeds (the first 20 % of the test split)", None, pytest.approx(0.55)),
    ]


ROW = '{"tokens": ["Anna"], "tags": ["B-PER"]}\n'


@pytest.mark.parametrize(
    ("files", "origin", "folds", "expected"),
    [
        (("train", "test"), None, False, "own"),
        (("train", "test"), ("train", "test"), True, "own"),
        (("train",), None, False, "held out of train"),
        (("train", "test"), ("train",), False, "held out of train"),  # when it was set up
        (("train", "test"), ("train",), True, "held out of train"),
        (("train",), None, True, "out of fold"),
        ((), None, False, "unknown"),
    ],
)
def test_whether_the_data_have_a_test_split_of_their_own_is_known(files, origin, folds, expected, tmp_path) -> None:
    for split in files:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / f"data/{split}.jsonl").write_text(ROW)
    if origin:
        about = {"files": [{"split": split} for split in origin]}
        (tmp_path / "data/origin.json").write_text(json.dumps(about))
    name = "data" if files else str(tmp_path / "data")
    assert origin_of_test(name, None, tmp_path, folds=folds) == expected


def test_subset_of_the_data_is_the_hubs_configuration() -> None:
    found = result({43: 0.5}, dataset_name="org/news", dataset_subset_name="big")
    text = model_card(facts(found, hub_dataset="org/news"))
    (scores, *_) = ModelCard(text).data.eval_results
    assert (scores.dataset_type, scores.dataset_config, scores.dataset_name) == ("org/news", "big", "org/news/big")


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("3a" * 20, "org/bert"),  # a commit
        ("3a" * 32, None),  # a hash of files in the store
        (OFFLINE_PACKAGES["sentence-transformers/all-MiniLM-L6-v2"].sha256, "org/bert"),
        (None, "org/bert"),
    ],
)
def test_a_base_model_of_this_machine_is_none_of_the_hub(revision: str | None, expected: str | None) -> None:
    found = facts(result({43: 0.5}))
    chosen = replace(found, trial=replace(found.trial, identity=Identity(model=revision)))
    assert ModelCard(model_card(chosen)).data.base_model == expected


@pytest.mark.parametrize("odd", ["my data: 'v2'", 'a "b" #1', "Zeitungen März", "- x", "{a}", "news (part)"])
def test_names_that_the_hub_would_refuse_are_not_ids_in_the_card(odd: str) -> None:
    """An upload with others is refused: base_model, datasets and dataset.type are words with one slash at most."""
    text = model_card(facts(result({43: 0.5}, dataset_name=odd, pretrained_model_name=f"/models/{odd}")))
    data = yaml.safe_load(text.split("---\n")[1])
    assert {"base_model", "datasets"}.isdisjoint(data)
    (shown,) = {found["dataset"]["name"] for found in data["model-index"][0]["results"]}
    (named,) = {found["dataset"]["type"] for found in data["model-index"][0]["results"]}
    assert shown == odd
    assert re.fullmatch(r"(?:[\w-]+/)?[\w.-]+", named, re.ASCII)


@pytest.mark.parametrize("folder", ["my model", "Zeitungen März (2)", "a--b..c", "-x-", "ü"])
def test_a_folder_of_any_name_gives_a_name_that_the_hub_takes(folder: str) -> None:
    text = model_card(facts(result({43: 0.5}), folder=folder))
    (line,) = (line for line in text.splitlines() if "<user>/" in line)
    named = line.rpartition("<user>/")[2]
    validate_repo_id(f"user/{named}")
    assert ModelCard(text).data.model_name == named
    assert f"model={folder!r}" in text


@pytest.mark.parametrize(
    ("language", "license", "message"),
    [
        ("english", None, "must be a code of ISO 639 such as en, several as en, sv; got 'english'"),
        ("en, Swedish", None, "got 'Swedish'"),
        (["en", "sv"], None, "the language must be a text; got"),
        (None, 5, "the license must be a text; got 5"),
        (None, "apache2", "knows no license 'apache2'; did you mean 'apache-2.0'"),
        (None, "my own", "take 'other' for one that is not listed"),
    ],
)
@pytest.mark.usefixtures("in_store")
def test_what_the_hub_would_refuse_is_refused(language, license, message, tmp_path) -> None:
    with pytest.raises(StoreError, match=re.escape(message)):
        export("tiny", tmp_path / "m", language=language, license=license)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("in_store")
@pytest.mark.parametrize(("folder", "rule"), [(5, "must be a text or a path; got 5"), ("a\0b", "not have a NUL in it")])
def test_what_is_no_folder_is_refused(folder: object, rule: str) -> None:
    with pytest.raises(StoreError, match=rule):
        export("tiny", folder)


CELLS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]) | st.sampled_from("äß±_*`|<>[]"), min_size=1)


@given(st.lists(CELLS.map(lambda cell: " ".join(cell.split())), min_size=2, max_size=2))
@example(["__init__", "a__b _c_ lr_max"])
def test_markdown_shows_the_cells_of_a_table_as_they_are(cells: list[str]) -> None:
    """By markdown-it, which reads what the hub reads."""
    text = "\n".join(markdown_table(["one", "two"], [cells]))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    shown = [token.children for token in tokens if token.type == "inline"][2:]
    assert ["".join(part.content for part in parts) for parts in shown] == cells
    assert {part.type for parts in shown for part in parts} <= {"text", "text_special"}


@given(CELLS.map(lambda text: " ".join(text.split())).filter(bool))
def test_markdown_shows_names_in_code_as_they_are(name: str) -> None:
    (token,) = [token for token in MarkdownIt("commonmark").parse(f"a {code(name)} b") if token.type == "inline"]
    assert [part.content for part in token.children] == ["a ", name, " b"]


def test_the_card_has_the_results_of_all_seeds(card: str, trained) -> None:
    chosen = trained.reports[43]["chosen"]
    val, test = (f"{chosen[f'{split}/entity/micro/f1']:.4f}" for split in ("val", "test"))
    assert re.search(rf"\| seed 43 \(this model\) \| ok \| 20 \| {val} \| {test} \|", card)
    assert "| seed 44 | failed | - | - | - |" in card
    assert "1 of 2 seeds" in card
    for label in ("LOC", "PER", "micro", "macro"):
        f1 = chosen[f"test/entity/{label}/f1"]
        assert re.search(rf"^\| {label} \|.*\| {f1:.4f} \| \d+ \|$", card, re.MULTILINE)


def test_the_card_has_data_parameters_and_environment(card: str, trained) -> None:
    report = trained.reports[43]
    assert report["environment"]["data_fingerprint"] in card
    for key, value in trained.trials[43].params().items():
        assert f"| {key} | {value} |" in card
    for key in ("torch", "transformers", "python"):
        assert f"| {key} | {report['environment'][key]} |" in card


def test_the_snippets_of_the_card_run(exported: Path, card: str, monkeypatch, capsys) -> None:
    monkeypatch.chdir(exported.parent)
    snippets = re.findall(r"^```python\n(.*?)^```", card, re.MULTILINE | re.DOTALL)
    assert [("transformers" in snippet, "nerbb_ray" in snippet) for snippet in snippets] == [
        (True, False),
        (False, True),
    ]
    for snippet in snippets:
        exec(compile(snippet, "card", "exec"), {})
        assert capsys.readouterr().out.startswith("[")


@pytest.mark.parametrize(("ratio", "part"), [("0.2", "the first 20 % of the test split"), (1.0, None)])
def test_scores_of_a_part_of_the_test_split_are_said_to_be_that(ratio: object, part: str | None) -> None:
    from huggingface_hub import ModelCard

    found = result({43: 0.5, 44: 0.6})
    runs = tuple(
        replace(run, trials=tuple(replace(t, params={**t.params, "prune_ratio_test": ratio}) for t in run.trials))
        for run in found.runs
    )
    text = model_card(facts(replace(found, runs=runs), 44))
    scores = ModelCard(text).data.eval_results
    assert {score.dataset_split for score in scores} == ({None} if part else {"test"})
    assert all((part in score.metric_name) if part else "split" not in score.metric_name for score in scores)
    assert text.count(f"are of {part} only") == (1 if part else 0)
    assert f"numbers above are for {part or 'the test split'} of these data" in text


def test_mean_and_interval_are_those_of_the_run() -> None:
    found = result({43: 0.5, 44: 0.6, 45: 0.7, 46: None})
    text = model_card(facts(found, 45))
    mean = found.runs[0].mean("test/entity/micro/f1")
    assert f"| {mean.mean:.4f} ± {mean.sem:.4f} |" in text
    assert f"| {mean.ci95[0]:.4f} to {mean.ci95[1]:.4f} |" in text
    assert "mean ± standard error (3 of 4 seeds)" in text
    assert "mean of 3 of 4 seeds" in text
    assert "val F1 is the highest of the 3 trials of the experiment" in text
    assert "what to expect of a model that is made like this is the mean" in text


@pytest.mark.parametrize(
    ("seeds", "values", "expected"),
    [
        ({43: 0.5}, {}, "is the only one of the experiment that ended well"),
        ({43: 0.5}, {}, "There is one seed only"),
        ({43: 0.5, 44: 0.4}, {"by_seed": True}, "was chosen by its number"),
        ({43: 0.5, 44: 0.4}, {"by_run": True}, "the highest of the 2 trials of this run"),
        ({43: 0.5}, {"scheme": "bilou"}, "pipeline of transformers does not know this scheme"),
        ({43: 0.5}, {}, "was not recorded"),
        (
            {43: 0.5},
            {"decoding": "constrained"},
            "of transformers alone decodes by argmax; the second snippet does not",
        ),
        ({43: 0.5}, {"decoding": "bigrams, weight 0.5"}, "follow each other (bigrams, weight 0.5): test F1 0.5000, by"),
        ({43: 0.5}, {}, "| A\\|B | - | - | - | - |"),
        ({43: 0.5}, {"environment": {"torch": "2|3"}}, "| torch | 2\\|3 |"),
    ],
)
def test_the_card_says_what_holds(seeds, values, expected) -> None:
    assert expected in model_card(facts(result(seeds), **values))


def test_an_undefined_metric_is_left_out_of_the_front_matter() -> None:
    text = model_card(facts(result({43: float("nan")})))
    assert "model-index" not in text
    assert "nan" not in text.lower().replace("named", "")


@pytest.mark.parametrize(
    ("model_name", "data", "shown"),
    [
        ("/secret/models/my-bert", "/secret/data/news", ("my-bert", "news")),
        ("./models/my-bert", "../secret/news", ("my-bert", "news")),
        ("~/secret/my-bert", "org/news", ("my-bert", "org/news")),
    ],
)
def test_the_card_has_no_path_of_this_machine(model_name: str, data: str, shown: tuple[str, str]) -> None:
    found = result({43: 0.5}, pretrained_model_name=model_name, dataset_name=data)
    text = model_card(facts(found, environment={"model": model_name}))
    assert "secret" not in text
    assert f"| pretrained_model_name | {shown[0]} |" in text
    assert f"| dataset_name | {shown[1]} |" in text
    assert "base_model" not in text, "a folder is no model of the hub"


def test_a_folder_with_something_in_it_is_not_touched(in_store, exported: Path, tmp_path) -> None:
    shutil.copytree(exported, tmp_path / "model")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/diary.txt").write_text("dear diary")
    (tmp_path / "file").write_text("")
    checkpoint = in_store.checkpoint()
    for target, overwrite, message in (
        (tmp_path / "model", False, "has a model already; name another folder, or replace it with --overwrite"),
        (tmp_path / "notes", True, "exists and has no model"),
        (tmp_path / "file", True, "exists and has no model"),
        (checkpoint, True, "must not be the folder of the trial"),
        (checkpoint / "in", True, "must not be the folder of the trial"),
        (in_store.store.root, True, "must not be the folder of the trial"),
    ):
        with pytest.raises(StoreError, match=message):
            export("tiny", target, overwrite=overwrite)
    assert (tmp_path / "notes/diary.txt").read_text() == "dear diary"
    assert checkpoint.is_dir()


@pytest.mark.usefixtures("in_store")
def test_an_empty_folder_is_filled_and_an_old_model_replaced(tmp_path) -> None:
    target = tmp_path / "new/model"
    target.mkdir(parents=True)
    assert export("tiny", target) == target
    (target / "README.md").write_text("old")
    (target / "vocab.txt").write_text("")
    export("tiny", target, run="runA", seed=43, overwrite=True)
    assert "was chosen by its number" in (target / "README.md").read_text()
    assert not (target / "vocab.txt").exists(), "of a tokenizer that the model does not have"
    assert [path.name for path in target.parent.iterdir()] == ["model"]


@pytest.mark.usefixtures("in_store")
@pytest.mark.parametrize("other", [".git/HEAD", "notes.txt", "work.ipynb", "config.json/in", "members/43/diary.txt"])
def test_what_no_export_writes_is_never_deleted(exported: Path, other: str, tmp_path) -> None:
    shutil.copytree(exported, tmp_path / "m")
    path = tmp_path / "m" / other
    if path.parent.is_file():  # a folder in the place of a file
        (tmp_path / "m/ensemble.json").write_text("{}")
        (tmp_path / "m/members").mkdir()
        path.parent.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    named = other if other.startswith("members") else other.split("/")[0]
    rule = f"must have nothing but a model to be replaced; it also has {named}, which would be deleted"
    with pytest.raises(StoreError, match=re.escape(rule)):
        export("tiny", tmp_path / "m", overwrite=True)
    assert path.read_text() == "mine"


@pytest.mark.usefixtures("in_store")
def test_a_configuration_without_weights_is_no_model(tmp_path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text("{}")
    with pytest.raises(StoreError, match="exists and has no model; name another folder"):
        export("tiny", tmp_path / "m", overwrite=True)


@pytest.mark.usefixtures("in_store")
def test_a_failed_export_leaves_everything_as_it_was(tmp_path, monkeypatch) -> None:
    export("tiny", tmp_path / "m")
    before = (tmp_path / "m/README.md").read_text()
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            monkeypatch.setattr(Path, "rename", rename)
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="No space"):
        export("tiny", tmp_path / "m", overwrite=True)
    assert (tmp_path / "m/README.md").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.usefixtures("in_store")
def test_what_has_no_results_cannot_be_exported(tmp_path) -> None:
    with pytest.raises(ResultError, match="did you mean tiny"):
        export("tinni", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_not_exported(trained, tmp_path) -> None:
    store = tmp_path / "store"
    shutil.copytree(trained.store.root, store)
    moved = trained.checkpoint().with_name("away")
    trained.checkpoint().rename(moved)
    try:
        (store / "results/checkpoints/tiny/runA/43/model.safetensors").write_bytes(b"no")
        with pytest.raises(NerbbError, match="cannot be loaded"):
            export("tiny", tmp_path / "m", store=store)
    finally:
        moved.rename(trained.checkpoint())
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_the_length_of_training_is_in_the_tokenizer(exported: Path) -> None:
    assert json.loads((exported / "tokenizer_config.json").read_text())["model_max_length"] == 32
