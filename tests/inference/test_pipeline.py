"""The saved folder loads in transformers' own pipeline, which finds the same entities."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.model import Model
from nerbb_ray.ner.tags import tag_set

WORDS = ["Anna", "BERT", "paris", "Berlin", "works", "lives", "in", "the", "acmecorp", "xyz", "42", ".", ",", "(", ")"]


def pipeline_of(folder, strategy: str):
    from transformers import pipeline

    return pipeline("token-classification", model=str(folder), aggregation_strategy=strategy, device="cpu")


def compared(model: Model, recognise, text: str) -> tuple[list, list]:
    ours = [(e["tag"], e["char_start"], e["char_end"], e["proba"]) for e in model.predict(text)]
    theirs = [(e["entity_group"], e["start"], e["end"], float(e["score"])) for e in recognise(text)]
    return [list(e[:3]) for e in ours] + [pytest.approx(e[3], abs=1e-5) for e in ours], [
        list(e[:3]) for e in theirs
    ] + [e[3] for e in theirs]


@pytest.fixture(scope="module", params=["bio", "plain"])
def random_folder(request, untrained):
    """A model that finds entities everywhere, those of several words and with unexpected tags, too."""
    return untrained(tag_set(("LOC", "PER"), request.param), seed=4)


def test_the_trained_model_finds_the_same_in_the_pipeline(trained, model: Model) -> None:
    for strategy in ("simple", "first"):
        recognise = pipeline_of(trained.checkpoint(), strategy)
        for text in ("Anna works in Paris.", "Bert lives in Berlin. Anna and Bert works in Paris.", "the Bert", ""):
            ours, theirs = compared(model, recognise, text)
            assert ours == theirs, (strategy, text)


def test_any_text_of_words_gives_the_same_in_the_pipeline(random_folder) -> None:
    model, recognise = Model.from_checkpoint(random_folder, device="cpu"), pipeline_of(random_folder, "first")
    lengths = []

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from([" ", "  ", "\n"]))
    def compare(words: list[str], blank: str) -> None:
        ours, theirs = compared(model, recognise, blank.join(words))
        assert ours == theirs
        lengths.append(len(ours))

    compare()
    assert max(lengths) >= 4


def test_the_pipeline_cuts_a_text_at_the_length_of_training_where_we_read_on(random_folder) -> None:
    text = "Anna works in Paris . " * 30
    found = pipeline_of(random_folder, "first")(text)
    room = 32 - 2  # special tokens
    assert found[-1]["end"] <= len(" ".join(text.split()[:room]))
    assert Model.from_checkpoint(random_folder, device="cpu").predict(text)[-1]["char_end"] > len(text) - 30
