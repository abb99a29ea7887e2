"""Model: where it comes from, what it predicts, and that places always point into the original text."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.words_of_text import FORMER, WordSplitting
from nerbb_ray.errors import DataError, ModelError, ResultError, StoreError
from nerbb_ray.model import Model
from nerbb_ray.ner.tags import SCHEMES, tag_set

TEXT = "Anna works in Paris. Bert lives in Berlin."
FOUND = [("PER", "Anna"), ("LOC", "Paris"), ("PER", "Bert"), ("LOC", "Berlin")]
ODD = "\x00\r\n\t \u00ad\u200b\u200d\u202e\u0301\u05d0\u0645\u00a0\u2028\ufeff😀👨‍👩‍👧ßİﬁ日本.,'-Aa1"


@pytest.fixture(scope="module")
def random_model(untrained) -> Model:
    """It finds entities everywhere."""
    return Model.from_checkpoint(untrained(tag_set(("LOC", "PER"), "bio")), device="cpu")


def pairs(entities) -> list[tuple[str, str]]:
    return [(entity["tag"], entity["token"]) for entity in entities]


def test_the_model_of_an_experiment_finds_entities_with_their_places(model: Model) -> None:
    found = model.predict(TEXT)
    assert pairs(found) == FOUND
    assert found[1] == {"char_start": 14, "char_end": 19, "token": "Paris", "tag": "LOC", "proba": found[1]["proba"]}
    assert all(0.5 < entity["proba"] <= 1 for entity in found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_it_knows_what_it_is(model: Model) -> None:
    assert model.name == "tiny/runA-43"
    assert model.classes == ("LOC", "PER")
    assert model.tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert (model.annotation_scheme, model.max_seq_length) == ("bio", 32)
    assert repr(model).startswith("<Model tiny/runA-43: LOC, PER; ")


def test_several_texts_give_a_list_each(model: Model) -> None:
    texts = [TEXT, "", " \n ", "the acmecorp works", "Anna lives"]
    assert [pairs(found) for found in model.predict(texts)] == [FOUND, [], [], [], [("PER", "Anna")]]
    assert model.predict([]) == []
    assert model.predict("") == []
    assert model.predict(tuple(texts)) == model.predict(texts)


def test_a_text_is_predicted_the_same_in_any_company(random_model: Model) -> None:
    texts = [TEXT, "x " * 50, "Bert", "", "in the at " * 30]
    for text, found in zip(texts, random_model.predict(texts), strict=True):
        alone = random_model.predict(text)
        assert pairs(found) == pairs(alone)
        assert [e["proba"] for e in found] == pytest.approx([e["proba"] for e in alone], abs=1e-5)


def test_words_come_with_their_tag_o_included(model: Model) -> None:
    words = model.predict(TEXT, level="word")
    assert [word["token"] for word in words] == [TEXT[start:end] for start, end in WordSplitting("runs").words(TEXT)]
    assert [word["tag"] for word in words][:5] == ["B-PER", "O", "O", "B-LOC", "O"]


def test_probabilities_of_a_word_add_up_and_agree_with_its_tag(random_model: Model) -> None:
    words = random_model.predict(TEXT, level="word")
    distributions = random_model.predict_proba(TEXT)
    for word, other in zip(words, distributions, strict=True):
        proba = other["proba_dist"]
        assert tuple(proba) == random_model.tags
        assert sum(proba.values()) == pytest.approx(1, abs=1e-9)
        assert (word["tag"], word["proba"]) == max(proba.items(), key=lambda item: item[1])
        assert {key: word[key] for key in ("char_start", "char_end", "token")} == {
            key: other[key] for key in ("char_start", "char_end", "token")
        }


def test_the_probability_of_an_entity_is_the_mean_over_its_words(random_model: Model) -> None:
    text = "Anna Bert Paris Berlin works lives in the at " * 3
    words = {word["char_start"]: word for word in random_model.predict(text, level="word")}
    entities = random_model.predict(text)
    assert max(entity["token"].count(" ") for entity in entities) >= 1
    for entity in entities:
        inside = [w["proba"] for start, w in words.items() if entity["char_start"] <= start < entity["char_end"]]
        assert entity["proba"] == pytest.approx(sum(inside) / len(inside))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80) | st.text(alphabet=ODD, max_size=80))
def test_places_point_into_the_original_text(random_model: Model, text: str) -> None:
    words, entities = random_model.predict(text, level="word"), random_model.predict(text)
    for found in (*words, *entities):
        assert text[found["char_start"] : found["char_end"]] == found["token"]
        assert 0 < found["proba"] <= 1
    assert [(word["char_start"], word["char_end"]) for word in words] == WordSplitting(FORMER).words(text)
    starts = [entity["char_start"] for entity in entities]
    assert starts == sorted(starts)
    covered = sum(word["tag"] != "O" for word in words)
    inside = [w for e in entities for w in words if e["char_start"] <= w["char_start"] < e["char_end"]]
    assert len(inside) == covered
    assert json.dumps(entities, allow_nan=False)


def test_words_without_a_subtoken_are_o(random_model: Model) -> None:
    (word,) = random_model.predict_proba("\u200b")
    assert word["proba_dist"]["O"] == 1.0


def test_a_long_text_is_predicted_to_its_end(model: Model) -> None:
    text = TEXT.replace(".", " .") + " "
    found = model.predict(text * 60)
    assert pairs(found) == FOUND * 60
    assert [entity["char_start"] % len(text) for entity in found[:4]] == [entity["char_start"] for entity in found[:4]]


@pytest.mark.parametrize("text", ["a" * 1_000_000, "." * 3000, "日" * 3000, "😀" * 3000, "İ" * 5000])
def test_text_without_blanks_is_predicted(random_model: Model, text: str) -> None:
    words = random_model.predict(text, level="word")
    assert "".join(word["token"] for word in words) == text


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (5, "must be a string or a list"),
        (None, "must be a string or a list"),
        (["a", 5], "a text must be a string; got 5"),
        ("a\ud800b", "half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused(model: Model, texts, message) -> None:
    for ask in (model.predict, model.predict_proba, model.guess):
        with pytest.raises(DataError, match=message):
            ask(texts)


def test_guess_of_a_text_is_that_of_the_only_one_of_a_list(model: Model) -> None:
    assert model.guess(TEXT) == model.guess([TEXT])[0]
    assert len(model.guess(TEXT).entities) == len(FOUND)


def test_what_is_less_probable_than_the_threshold_is_left_out(model: Model) -> None:
    text = "Anna works in Paris. Bert lives in Berlin."
    found = model.predict(text)
    middle = sorted(entity.proba for entity in found)[1]
    assert model.predict(text, threshold=middle) == [entity for entity in found if entity.proba >= middle]
    assert model.predict([text], threshold=1.0) == [[entity for entity in found if entity.proba >= 1]]
    assert model.predict(text, threshold=np.float32(0)) == found


@pytest.mark.parametrize("threshold", [1.5, -0.1, float("nan"), "0.5", None, [0.5], True, np.array([0.5, 0.5])])
def test_threshold_is_a_share(model: Model, threshold: object) -> None:
    with pytest.raises(DataError, match="threshold must be a number from 0 to 1; got"):
        model.predict(TEXT, threshold=threshold)


def test_an_unknown_level_is_refused(model: Model) -> None:
    with pytest.raises(DataError, match="must be entity or word; got 'token'"):
        model.predict("a", level="token")  # type: ignore[call-overload]


@pytest.mark.parametrize("scheme", [*SCHEMES, "iob1", "bioes"])
def test_entities_are_read_in_every_scheme(scheme, untrained) -> None:
    tags = {"iob1": ("O", "I-LOC", "I-PER", "B-LOC"), "bioes": ("O", "B-P", "I-P", "E-P", "S-P")}
    model = Model.from_checkpoint(untrained(tags.get(scheme) or tag_set(("LOC", "PER"), scheme)), device="cpu")
    assert model.annotation_scheme == scheme
    found = model.predict("Anna Bert works in Paris and Berlin lives at the acmecorp for " * 3)
    assert {entity["tag"] for entity in found} <= set(model.classes)
    assert found


def test_tags_are_right_where_o_is_not_the_first_output(trained, tmp_path) -> None:
    """The same network with its outputs in another order says the same."""
    from transformers import AutoModelForTokenClassification

    shutil.copytree(trained.checkpoint(), tmp_path / "m")
    network = AutoModelForTokenClassification.from_pretrained(tmp_path / "m")
    order = [3, 1, 4, 0, 2]
    with torch.no_grad():
        for parameter in (network.classifier.weight, network.classifier.bias):
            parameter.copy_(parameter[order].clone())
    names = network.config.id2label
    network.config.id2label = {new: names[old] for new, old in enumerate(order)}
    network.config.label2id = {name: index for index, name in network.config.id2label.items()}
    network.save_pretrained(tmp_path / "m")
    first, second = (Model.from_checkpoint(path) for path in (trained.checkpoint(), tmp_path / "m"))
    assert second.tags != first.tags
    assert pairs(second.predict(TEXT)) == FOUND
    ours, theirs = first.predict_proba("Anna")[0]["proba_dist"], second.predict_proba("Anna")[0]["proba_dist"]
    assert theirs == pytest.approx(ours)
    assert set(ours) == set(theirs)


@pytest.mark.parametrize("wrong", [5, None, ["a"], b"a"])
def test_what_is_no_name_of_a_model_is_refused(trained, wrong: object) -> None:
    store = trained.store.root
    with pytest.raises(ResultError, match="the name of an experiment must be a text; got"):
        Model.from_experiment(wrong, store=store)
    with pytest.raises(ModelError, match="the folder of a model must be a text or a path; got"):
        Model.from_checkpoint(wrong, store=store)
    with pytest.raises(ModelError, match="the name of a model must be a text or a path; got"):
        Model.from_huggingface(wrong, store=store)


def test_other_arguments_of_a_wrong_kind_are_refused(trained, model: Model, tmp_path) -> None:
    store = trained.store.root
    with pytest.raises(ResultError, match=r"the name of an experiment must be a text; got .*Path\('tiny'\)"):
        Model.from_experiment(Path("tiny"), store=store)
    with pytest.raises(ResultError, match="run must be a text; got 5"):
        Model.from_experiment("tiny", run=5, store=store)
    with pytest.raises(StoreError, match="the folder of a store must be a text or a path; got 5"):
        Model.from_experiment("tiny", store=5)
    with pytest.raises(DataError, match="source must be a text or a path; got None"):
        model.predict_on_file(None, tmp_path / "out.jsonl")


@pytest.mark.parametrize("name", [5, None, ["tiny"]])
def test_what_is_no_name_of_a_data_set_is_refused(model: Model, name: object) -> None:
    with pytest.raises(DataError, match="the name of a data set must be a text or a path; got"):
        model.evaluate_on_dataset(name)
    with pytest.raises(DataError, match="subset must be a text; got 5"):
        model.evaluate_on_dataset("tiny", subset=5)


def test_model_of_the_hub_may_be_named_by_its_folder(trained) -> None:
    folder = trained.checkpoint()
    assert pairs(Model.from_huggingface(folder, store=trained.store.root).predict(TEXT)) == FOUND


def test_model_goes_to_another_process_before_and_after_it_has_predicted(trained, tmp_path) -> None:
    fresh = Model.from_checkpoint(trained.checkpoint(), device="cpu")
    before = pickle.dumps(fresh)
    found = fresh.predict(TEXT)
    file = tmp_path / "models"
    file.write_bytes(pickle.dumps([before, pickle.dumps(fresh)]))
    code = (
        f"import json, pickle; pickled = pickle.load(open({str(file)!r}, 'rb'));"
        f" print(json.dumps([pickle.loads(one).predict({TEXT!r}) for one in pickled]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [pairs(one) for one in json.loads(done.stdout)] == [FOUND, FOUND]
    assert pairs(found) == FOUND
