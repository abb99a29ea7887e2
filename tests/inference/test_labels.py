"""What a model's labels mean."""

import pytest

from nerbb_ray.errors import ModelError
from nerbb_ray.inference.labels import read_labels, scheme_of
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


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("O", "o"), ("O", "PER", "PER"), ()])
def test_labels_that_are_no_tags_are_refused(names) -> None:
    with pytest.raises(ModelError, match="must have one tag O"):
        read_labels(dict(enumerate(names)), "m")
