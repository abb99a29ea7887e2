"""A model in ONNX: predicts what it does in torch, says what its form costs, and is refused where it is another one."""

import json
import pickle
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.tiny_models import fill

from nerbb_ray.cli import main
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.errors import DataError, ModelError
from nerbb_ray.export import OnnxForm, export
from nerbb_ray.inference.onnx_model import load_onnx
from nerbb_ray.inference.parity import Form, Limit, Parity, Yardstick, latency, limit_of
from nerbb_ray.inference.tagger import open_tagger
from nerbb_ray.inference.write_onnx import write_onnx
from nerbb_ray.model import Model
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.model_files import check_files, revision_of
from nerbb_ray.training.sources import find_model, local_model

LONG = "Anna works in Paris. Bert lives in Berlin. " * 20  # several windows
TEXTS = ["Anna", "Anna works in Paris. Bert lives in Berlin.", "", "\u200b", LONG]
F1 = "test/entity/micro/f1"
FORMS = ("torch fp32", "torch bf16", "ONNX fp32", "ONNX int8")


@pytest.fixture(scope="module")
def onnx(trained, tmp_path_factory) -> Path:
    return export("tiny", tmp_path_factory.mktemp("onnx") / "my-model", onnx=True, store=trained.store.root)


@pytest.fixture(scope="module")
def int8(trained, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "my-model"
    return export("tiny", folder, int8=True, accept_change=True, language="en", store=trained.store.root)


def probabilities(model: Model, text: str) -> np.ndarray:
    return np.array([list(word["proba_dist"].values()) for word in model.predict_proba(text)])


@pytest.mark.parametrize("text", TEXTS)
def test_probabilities_are_those_of_torch(model: Model, onnx: Path, text: str) -> None:
    there = Model.from_checkpoint(onnx)
    one, other = probabilities(model, text), probabilities(there, text)
    assert one.shape == other.shape
    assert np.abs(one - other).max(initial=0) < 1e-3
    assert [e | {"proba": 0} for e in there.predict(text)] == [e | {"proba": 0} for e in model.predict(text)]


def test_it_is_the_same_model_in_all_that_is_not_weights(model: Model, onnx: Path) -> None:
    there = Model.from_checkpoint(onnx)
    for what in ("tags", "classes", "annotation_scheme", "decoding", "word_splitting", "max_seq_length"):
        assert getattr(there, what) == getattr(model, what)
    names = {path.name for path in onnx.iterdir()}
    assert {"model.onnx", "parity.json", "config.json", "tokenizer.json", "decoding.json", "README.md"} <= names
    assert not [name for name in names if name.startswith(".") or name.endswith((".safetensors", ".bin", ".npz"))]


@pytest.mark.slow
def test_the_file_has_no_path_of_this_machine(onnx: Path, int8: Path) -> None:
    for folder in (onnx, int8):
        content = (folder / "model.onnx").read_bytes()
        assert not [path for path in (b"site-packages", b".py", str(Path.cwd()).encode()) if path in content]


@pytest.mark.usefixtures("in_store")
def test_files_and_data_sets_too(model: Model, onnx: Path, tmp_path, capsys) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    there = Model.from_checkpoint(onnx)
    rows = []
    for number, one in enumerate((model, there)):
        one.predict_on_file(tmp_path / "texts.txt", tmp_path / f"{number}.jsonl", quiet=True)
        rows.append([json.loads(line) for line in (tmp_path / f"{number}.jsonl").read_text().splitlines()])
    assert [[e["char_start"] for e in row["tags"]] for row in rows[0]] == [
        [e["char_start"] for e in row["tags"]] for row in rows[1]
    ]
    one, other = (which.evaluate_on_dataset("tiny") for which in (model, there))
    assert other == pytest.approx(one, abs=1e-3, nan_ok=True)
    assert main(["evaluate", str(onnx), "tiny"]) == 0
    assert f"F1 by argmax: {one['test/entity/micro/f1_argmax']:.4f}" in capsys.readouterr().out


def test_int8_is_smaller_and_says_so(onnx: Path, int8: Path) -> None:
    sizes = [(folder / "model.onnx").stat().st_size for folder in (int8, onnx)]
    assert sizes[0] < 0.8 * sizes[1], "of so small a model, much is not weights"
    assert [e["tag"] for e in Model.from_checkpoint(int8).predict(TEXTS[1])]
    assert "Its weights are in int8." in (int8 / "README.md").read_text()


@pytest.mark.parametrize(("form", "exported"), [("onnx", "ONNX fp32"), ("int8", "ONNX int8")])
def test_the_table_has_all_forms(form: str, exported: str, trained, request) -> None:
    folder = request.getfixturevalue(form)
    parity, card = Parity.load(folder), (folder / "README.md").read_text()
    assert parity.exported == exported
    assert tuple(one.name for one in parity.forms) == FORMS
    assert parity.split == "test"
    assert parity.form("torch fp32").f1 == pytest.approx(trained.reports[43]["chosen"][F1])
    for one in parity.forms:
        assert one.bytes > 0
        assert one.ms_alone > 0
        assert one.ms_together > 0
        name = f"{one.name} (this model)" if one.name == exported else one.name
        numbers = f"{one.bytes / 1e6:.1f} MB | {one.ms_alone:.2f} | {one.ms_together:.2f} | {one.f1:.4f}"
        assert f"| {name} | {numbers} |" in card
    assert "one seed has no deviation" in card
    assert parity.form(exported).bytes == (folder / "model.onnx").stat().st_size


def test_the_snippet_of_the_card_runs_and_the_hub_understands_it(int8: Path, monkeypatch, capsys) -> None:
    from huggingface_hub import ModelCard

    card = (int8 / "README.md").read_text()
    (snippet,) = re.findall(r"^```python\n(.*?)^```", card, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(int8.parent)
    exec(compile(snippet, "card", "exec"), {})
    assert capsys.readouterr().out.startswith("[")
    data = ModelCard(card).data
    assert data.library_name == "nerbb_ray", "transformers does not load it"
    assert {"onnx", "int8"} <= {*data.tags}
    (f1,) = (r.metric_value for r in data.eval_results if r.metric_name == "entity micro f1")
    assert f1 == Parity.load(int8).form("ONNX int8").f1


def parity(was: float, now: float, limit: float | None) -> Parity:
    forms = (Form("torch fp32", f1=was), Form("ONNX int8", f1=now))
    found = None if limit is None else Limit(limit, "the standard deviation of the 5 seeds")
    return Parity("ONNX int8", forms, None if limit is None else "test", found, 1)


@pytest.mark.parametrize(
    ("was", "now", "limit", "refused"),
    [
        (0.8, 0.8, 0.01, None),
        (0.8, 0.795, 0.01, None),
        (0.8, 0.805, 0.01, None),
        (0.8, 0.78, 0.01, r"test F1 moves by -0.0200 \(from 0.8000 to 0.7800\), more than 0.0100, the standard dev"),
        (0.8, 0.82, 0.01, r"test F1 moves by \+0.0200"),
        (0.8, 0.8, 0.0, None),
        (0.8, 0.7999, 0.0, "more than 0.0000"),
        (0.8, float("nan"), 0.01, "cannot be seen"),
        (float("nan"), float("nan"), None, "cannot be seen"),
    ],
)
def test_a_model_whose_f1_moves_too_far_is_refused(was, now, limit, refused) -> None:
    found = parity(was, now, limit)
    if refused is None:
        found.check()
        return
    found.check(accept_change=True)
    with pytest.raises(ModelError, match=refused) as error:
        found.check()
    assert "--accept-change" in str(error.value)


def test_a_form_that_cannot_predict_is_no_export_whatever_is_accepted() -> None:
    forms = (Form("torch fp32", f1=0.8), Form("ONNX int8", note="it gives no probabilities (NaN)"))
    with pytest.raises(ModelError, match="ONNX int8 cannot predict: it gives no prob"):
        Parity("ONNX int8", forms, "test", Limit(0.1, "sd"), 1).check(accept_change=True)


def test_parity_is_read_as_it_was_written(tmp_path) -> None:
    for found in (parity(0.8, float("nan"), 0.1), parity(float("nan"), float("nan"), None)):
        found.save(tmp_path)
        assert str(Parity.load(tmp_path)) == str(found), "NaN is not equal to itself"
        json.loads((tmp_path / "parity.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.5, 0.6, 0.7), (0.1, "the standard deviation of the 3 seeds")),
        ((0.5, 0.6, None), (0.0707, "the standard deviation of the 2 seeds")),
        # F1 = 2 tp / (2 tp + errors) of 100 sentences, half of them right: sd of a share of 1/2 by the delta method
        ((0.5,), (0.0443, "the standard error over the 100 sentences of test (one seed has no deviation)")),
        ((0.5, 0.5), (0.0443, "the standard error over the 100 sentences of test (the seeds do not differ)")),
    ],
)
def test_the_limit_is_the_deviation_of_the_seeds_or_the_error_of_the_sentences(scores, expected) -> None:
    trials = [
        TrialResult("runA", seed, "failed" if f1 is None else "ok", {} if f1 is None else {F1: f1})
        for seed, f1 in enumerate(scores)
    ]
    counts = np.array([[1, 0, 0], [0, 0, 1]] * 50)
    found = limit_of(ExperimentResult.of("e", trials).runs[0], "test", counts)
    assert (found.value, found.of) == (pytest.approx(expected[0], rel=0.1), expected[1])


@pytest.mark.parametrize(
    ("missing", "split", "of"),
    [((), "test", "test"), (("test",), "val", "val"), (("test", "val"), None, None)],
)
def test_without_test_data_val_is_the_yardstick(trained, model: Model, missing, split, of) -> None:
    corpus = replace(load_corpus(trained.store.dataset("tiny")), **dict.fromkeys(missing, ()))
    run = ExperimentResult.of("e", [TrialResult("runA", 43, "ok", {F1: 0.5})]).runs[0]
    yardstick = Yardstick(corpus=corpus, run=run)
    yardstick.measure("torch fp32", 1, lambda: model._tagger)
    assert yardstick.split == split
    assert (yardstick.limit is None) == (of is None)
    if of:
        assert f"sentences of {of} (one seed" in yardstick.limit.of
        assert yardstick.forms[0].f1 == model.score("tiny", of).evaluation.f1
    assert yardstick.forms[0].ms_alone > 0


@pytest.mark.parametrize(
    ("missing", "split", "seen"), [((), "test", False), (("test",), "val", True), (("test", "val"), "train", True)]
)
def test_folds_without_test_data_compare_the_forms_on_what_the_models_have_seen(
    trained, model: Model, missing, split, seen
) -> None:
    corpus = replace(load_corpus(trained.store.dataset("tiny")), **dict.fromkeys(missing, ()))
    run = ExperimentResult.of("e", [TrialResult("runA", 43, "ok", {F1: 0.5}, fold=1)]).runs[0]
    yardstick = Yardstick(corpus=corpus, run=run)
    yardstick.measure("torch fp32", 1, lambda: model._tagger)
    found = yardstick.parity("torch fp32")
    assert (found.split, found.seen) == (split, seen)
    assert found.test_f1 == (None if seen else found.forms[0].f1)
    assert ("does not say how good they are" in " ".join(found.words())) is seen
    assert "one fold model has no deviation" in found.limit.of


@pytest.mark.parametrize(("fold", "empty"), [(None, set()), (1, {"val", "test"})])
def test_nothing_is_held_out_of_the_training_data_of_fold_models(trained, tmp_path, monkeypatch, fold, empty) -> None:
    """What would be held out of train now, the models of folds were trained on."""
    from nerbb_ray.inference import to_onnx

    store = StorePaths(tmp_path / "store")
    store.create()
    store.dataset("alone").mkdir()
    shutil.copy(trained.store.dataset("tiny") / "train.jsonl", store.dataset("alone"))
    measured = []
    monkeypatch.setattr(to_onnx, "turn_into_onnx", lambda *_, corpus, **__: measured.append(corpus))
    trial = TrialResult("runA", 43, "ok", {F1: 0.5}, {"dataset_name": "alone"}, fold=fold)
    OnnxForm(int8=False, accept_change=False).apply("m", tmp_path, store, ExperimentResult.of("e", [trial]), trial)
    assert {split for split in ("train", "val", "test") if not measured[0].split(split)} == empty


def test_latency_is_milliseconds_per_sentence() -> None:
    import time

    class Slow:
        calls: list[int] = []  # noqa: RUF012

        def find(self, texts: list) -> None:
            self.calls.append(len(texts))
            time.sleep(0.004 * len(texts))

    slow = Slow()
    assert latency(slow, [["a"]] * 5, 4) == pytest.approx(4, rel=0.5)
    assert slow.calls == [4, 4, 4], "every text once, after a call that is not counted"


@pytest.fixture
def with_outlier(trained, tmp_path) -> Path:
    """The store with a model of which one number, of a token that no text has, is so large that int8 loses the rest."""
    from safetensors.torch import load_file, save_file

    store = tmp_path / "store"
    shutil.copytree(trained.store.root, store)
    file = store / trained.checkpoint().relative_to(trained.store.root) / "model.safetensors"
    weights = load_file(file)
    (name,) = (name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name][-1, 0] = 1e5
    save_file(weights, file, metadata={"format": "pt"})
    # the result still has the place of the original, which must not be found
    return store


@pytest.mark.slow
def test_refused_int8_leaves_nothing_behind(with_outlier: Path, trained, tmp_path, capsys) -> None:
    moved = trained.checkpoint().with_name("away")
    trained.checkpoint().rename(moved)
    try:
        arguments = ["--store", str(with_outlier), "export", "tiny", str(tmp_path / "m"), "--int8"]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert re.search(r"ONNX int8 is another one: test F1 moves by -0\.\d+ .* --accept-change", error)
        assert [path.name for path in tmp_path.iterdir()] == ["store"]
        assert main([*arguments, "--accept-change"]) == 0
        out = capsys.readouterr().out
        assert "ONNX int8 (this model)" in out
        assert re.search(r"F1 moves by -0\.\d+, more than", out)
        assert "more than" in (tmp_path / "m/README.md").read_text()
    finally:
        moved.rename(trained.checkpoint())


@pytest.mark.slow
def test_without_the_data_only_what_is_accepted_unseen(trained, tmp_path) -> None:
    data = trained.store.dataset("tiny")
    data.rename(data.with_name("away"))
    try:
        with pytest.raises(DataError, match=r"measured on the data of its training.*--accept-change"):
            export("tiny", tmp_path / "m", onnx=True, store=trained.store.root)
        assert list(tmp_path.iterdir()) == []
        export("tiny", tmp_path / "m", onnx=True, accept_change=True, store=trained.store.root)
    finally:
        data.with_name("away").rename(data)
    found = Parity.load(tmp_path / "m")
    assert (found.split, found.limit) == (None, None)
    assert all(one.ms_alone > 0 for one in found.forms)
    assert "was not measured: there were no data" in (tmp_path / "m/README.md").read_text()


@pytest.mark.parametrize("package", ["onnxruntime", "onnx", "onnxscript"])
@pytest.mark.usefixtures("in_store")
def test_without_the_extra_the_error_names_it(package: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"to export in ONNX, {package} must be installed: pip install 'nerbb_ray\[onnx\]'"
    with pytest.raises(ModelError, match=message):
        export("tiny", tmp_path / "m", onnx=True)
    assert list(tmp_path.iterdir()) == []


def test_without_onnxruntime_nothing_is_predicted(onnx: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"is in ONNX: to run it, onnxruntime must be .* 'nerbb_ray\[onnx\]'"):
        Model.from_checkpoint(onnx)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "bf16"}, "has the number format of its file; leave precision out; got 'bf16'"),
        ({"threads": 0}, "threads must be a whole number >= 1"),
        ({"device": "meta"}, "runs on the CPU here; got device 'meta'"),
    ],
)
def test_options_that_it_does_not_have_are_refused(onnx: Path, options: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model.from_checkpoint(onnx, **options)


def test_it_reads_its_file_again_where_it_is_unpickled(onnx: Path) -> None:
    model = Model.from_checkpoint(onnx)
    assert pickle.loads(pickle.dumps(model)).predict("Anna works in Paris.") == model.predict("Anna works in Paris.")


def test_it_cannot_be_trained(onnx: Path, tmp_path) -> None:
    with pytest.raises(ModelError, match=r"no weights: expected one of .*; model.onnx can predict, but not be trained"):
        find_model(onnx.name, tmp_path, onnx.parent)
    assert find_model(onnx.name, tmp_path, onnx.parent, onnx=True).location == str(onnx)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.write_bytes(b"no"), "cannot be loaded"),
        (lambda file: file.write_bytes(b""), "cannot be loaded"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1000]), "cannot be loaded"),
        (lambda file: file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        (lambda file: file.unlink(), "has no weights"),
    ],
)
def test_a_damaged_file_is_one_line(onnx: Path, tmp_path, spoil: Callable, message: str) -> None:
    shutil.copytree(onnx, tmp_path / "m")
    before = revision_of(onnx)
    spoil(tmp_path / "m/model.onnx")
    with pytest.raises(ModelError, match=message) as error:
        Model.from_checkpoint(tmp_path / "m")
    assert "\n" not in str(error.value)
    assert revision_of(tmp_path / "m") != before


def test_a_graph_for_something_else_is_refused(onnx: Path, tmp_path) -> None:
    from onnx import TensorProto, helper, save

    shutil.copytree(onnx, tmp_path / "m")
    pixels, logits = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("pixels", "logits"))
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["logits"])], "g", [pixels], [logits])
    save(
        helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)]), tmp_path / "m/model.onnx"
    )
    with pytest.raises(ModelError, match="must turn input_ids and attention_mask into logits; it turns pixels into"):
        Model.from_checkpoint(tmp_path / "m")


def test_torch_goes_before_onnx_where_a_folder_has_both(onnx: Path, trained, tmp_path) -> None:
    shutil.copytree(onnx, tmp_path / "m")
    shutil.copy(trained.checkpoint() / "model.safetensors", tmp_path / "m")
    (tmp_path / "m/model.onnx").write_bytes(b"no")
    check_files(tmp_path / "m")
    assert Model.from_checkpoint(tmp_path / "m").predict(TEXTS[1])


@pytest.mark.slow
@pytest.mark.usefixtures("in_store")
def test_an_ensemble_is_exported_with_members_in_onnx(trained, record_trials, untrained, tmp_path) -> None:
    from nerbb_ray.ner.tags import tag_set

    trials = []
    for seed in (43, 44):
        folder = trained.store.checkpoints("pair", "runA", seed)
        shutil.copytree(untrained(tag_set(("LOC", "PER"), "bio"), seed), folder)
        spec = replace(trained.trials[43], seed=seed)
        metrics = {"val/entity/micro/f1": seed / 100, F1: seed / 100}
        trials.append((spec, TrialResult("runA", seed, "ok", metrics, spec.params(), checkpoint=str(folder))))
    record_trials(trained.store, "pair", trials)
    folder = export("pair", tmp_path / "m", ensemble=True, onnx=True)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("model.*")) == [
        "members/43/model.onnx",
        "members/44/model.onnx",
    ]
    for text in TEXTS:
        one, other = (
            probabilities(model, text)
            for model in (Model.from_experiment("pair", ensemble=True), Model.from_checkpoint(folder))
        )
        assert np.abs(one - other).max(initial=0) < 1e-3
    parity, card = Parity.load(folder), (folder / "README.md").read_text()
    assert parity.form("ONNX fp32").bytes == sum(path.stat().st_size for path in folder.rglob("model.onnx"))
    assert "the standard deviation of the 2 seeds" in card
    assert "| ONNX fp32 (this model) |" in card


SMALL = {"num_hidden_layers": 2, "vocab_size": 420}
DISTIL = {"dim": 32, "n_heads": 2, "n_layers": 2, "hidden_dim": 32}
ARCHITECTURES = {
    "roberta": ("RoBERTa", {"pad_token_id": 1}),
    "distilbert": ("words", DISTIL),
    "electra": ("words", {"embedding_size": 16}),
    "mpnet": ("RoBERTa", {"pad_token_id": 1}),
    "deberta": ("RoBERTa", {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "deberta-v2": ("DeBERTa v3, pieces only", {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "albert": ("words", {"embedding_size": 16}),
    "modernbert": ("ModernBERT", {"cls_token_id": 1, "sep_token_id": 2, "pad_token_id": 0}),
}


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_other_architectures_are_written_with_any_number_of_sentences_of_any_length(model_type: str, tmp_path) -> None:
    tokenizer, config = ARCHITECTURES[model_type]
    labels = dict(enumerate(("O", "B-A", "I-A")))
    folder = fill(tmp_path / "m", tokenizer, **{"model_type": model_type, **SMALL, **config, "id2label": labels})
    source = local_model("m", folder)
    tagger = open_tagger(source, device="cpu")
    write_onnx(tagger, folder)
    there = replace(tagger, model=load_onnx(source, 1))
    texts = [["Anna"], ["Hello", "Anna", "lives", "in", "Paris"] * 40, ["Bert", "."], []]
    for some in (texts[:1], texts):
        for one, other in zip(tagger.find(some), there.find(some), strict=True):
            assert np.abs(one.probabilities - other.probabilities).max(initial=0) < 1e-3


def test_what_cannot_be_written_is_one_line(tmp_path) -> None:
    labels = dict(enumerate(("O", "B-A", "I-A")))
    folder = fill(tmp_path / "m", "words", model_type="fnet", **SMALL, id2label=labels)
    with pytest.raises(ModelError, match=r"model 'm' cannot be written as ONNX: .* Export it without ONNX") as error:
        write_onnx(open_tagger(local_model("m", folder), device="cpu"), tmp_path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
