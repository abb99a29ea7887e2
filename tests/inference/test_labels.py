"""What a model's labels mean."""

import numpy as np
import pytest

from nerbb_ray.errors import ModelError
from nerbb_ray.inference.labels import read_labels, scheme_of
from nerbb_ray.model import Model
from nerbb_ray.ner.tags import SCHEMES, tag_set


@pytest.mark.parametrize("classes", [("PER",), ("LOC", "PER"), ("B-side", "U-boat"), ("a b", "X/Y")])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_scheme_of_our_own_models_is_known(scheme, classes) -> None:
    assert scheme_of(tag_set(classes, scheme)[1:]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (("B-PER", "I-PER", "B-LOC"), "bio"),
        (("I-PER", "I-LOC", "B-LOC"), "iob1"),
        (("B-PER", "I-PER", "E-PER", "S-PER"), "bioes"),
        (("b-per", "i-per"), "bio"),
        (("PER", "B-LOC", "I-LOC"), "plain"),
        (("U-boat", "L-dopa"), "plain"),
        (("B-PER", "I-PER", "S-PER"), "bioes"),
        (("B-PER", "I-PER", "L-PER"), "bilou"),
        (("B-PER", "M-PER", "E-PER", "S-PER"), "bmes"),
        (("B-PER", "M-PER", "E-PER", "W-PER"), "bmewo"),
        (("I-PER", "E-PER"), "ioe2"),
        (("B-cell", "B-side"), "plain"),
        (("U-boat", "U-bahn", "L-boat"), "plain"),
        ((), "plain"),
    ],
)
def test_the_scheme_of_models_from_elsewhere(tags, scheme) -> None:
    assert scheme_of(tags) == scheme


def test_o_comes_first_wherever_the_model_has_it() -> None:
    labels = read_labels({0: "B-PER", 1: "I-PER", 2: "O"}, "m")
    assert labels.tags == ("O", "B-PER", "I-PER")
    assert labels.columns == (2, 0, 1)
    assert labels.classes == ("PER",)


BIO = ("B-LOC", "I-LOC")


@pytest.mark.parametrize(
    ("names", "tags", "scheme"),
    [
        (("O", *BIO, "X", "[CLS]", "[SEP]"), BIO, "bio"),
        (("[PAD]", "O", *BIO), BIO, "bio"),
        (("<pad>", "O", *BIO), BIO, "bio"),
        (("O", "B_LOC", "I_LOC"), BIO, "bio"),
        (("O", "LOC-B", "LOC-I"), BIO, "bio"),
        (("O", "B:LOC", "I:LOC", "X"), BIO, "bio"),
        (("O", "B", "I"), ("B-ENTITY", "I-ENTITY"), "bio"),
        (("O", "B-LOC", "M-LOC", "E-LOC", "S-LOC"), ("B-LOC", "M-LOC", "E-LOC", "S-LOC"), "bmes"),
        (("O", "B-LOC", "I-LOC", "S-LOC"), ("B-LOC", "I-LOC", "S-LOC"), "bioes"),
        # classes of their own
        (("O", "X", "Y"), ("X", "Y"), "plain"),
        (("O", "PER", "[PAD]"), ("PER",), "plain"),
        (("O", "I_date", "Y"), ("I_date", "Y"), "plain"),
        (("O", "B-side", "U-boat"), ("B-side", "U-boat"), "plain"),
        (("O", "S", "E"), ("S", "E"), "plain"),
    ],
)
def test_labels_in_the_ways_of_the_hub(names, tags, scheme, caplog) -> None:
    labels = read_labels(dict(enumerate(names)), "m")
    assert (labels.tags, labels.scheme) == (("O", *tags), scheme)
    assert len(labels.columns) == len(labels.tags)
    own = [names[column] for column in labels.columns]
    assert own[0] == "O"
    assert len(own) == len(labels.tags)
    assert not {*own} & {"[CLS]", "[SEP]", "[PAD]", "<pad>"}
    assert caplog.text == ""


@pytest.mark.parametrize("names", [("O", "B-LOC", "I-LOC", "PER"), ("O", "B_LOC", "I_LOC", "Q_LOC")])
def test_prefixes_that_no_scheme_has_are_said_to_be_taken_for_classes(names, caplog) -> None:
    assert read_labels(dict(enumerate(names)), "m").scheme == "plain"
    (record,) = caplog.records
    assert "model 'm': most of its labels have prefixes" in record.getMessage()


def test_what_is_no_tag_is_never_predicted(untrained) -> None:
    """Cut off the outputs, and what remains is the same distribution, over the tags alone."""
    names = ("O", "B-LOC", "I-LOC", "X", "[CLS]")
    folder = untrained(names)
    text = "Anna works in Paris"
    model = Model.from_checkpoint(folder, device="cpu")
    assert model.tags == names[:3]
    assert {word["tag"] for word in model.predict(text, level="word")} <= {*names[:3]}
    raw = model._tagger.model
    before = [list(word["proba_dist"].values()) for word in model.predict_proba(text)]
    raw.classifier.bias.data[3:] += 100  # the model itself would now say X or [CLS] everywhere
    after = [list(word["proba_dist"].values()) for word in model.predict_proba(text)]
    assert np.allclose(before, after, atol=1e-5)
    assert np.allclose(np.sum(after, axis=1), 1)


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("O", "o"), ("O", "PER", "PER"), ()])
def test_labels_that_are_no_tags_are_refused(names) -> None:
    with pytest.raises(ModelError, match="must have one tag O"):
        read_labels(dict(enumerate(names)), "m")
