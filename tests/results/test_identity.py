"""What makes two trials the same thing."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.results.identity import NUMERICS, Identity

FACTS = {"data": "abc", "model": "def", "precision": "fp32", "device": "cpu"}
TEXTS = st.text(max_size=5)


def trial_of(**params: object) -> TrialSpec:
    base = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 2}
    return expand(build_spec("e", params=base | params))[0]


def identity(facts: dict[str, str] | None = None, **params: object) -> Identity:
    return Identity.of(trial_of(**params), **(FACTS if facts is None else FACTS | facts))


@pytest.mark.parametrize(
    ("params", "difference"),
    [
        ({"lr_max": 3e-5}, "lr_max was 2e-05, now 3e-05"),
        ({"prune_ratio_train": 0.5}, "prune_ratio_train was 1.0, now 0.5"),
        ({"annotation_scheme": "bilou"}, "annotation_scheme was auto, now bilou"),
        ({"evaluate_checkpoint": "last"}, "evaluate_checkpoint was auto, now last"),
        ({"decoding": "argmax"}, "decoding was auto, now argmax"),
        ({"uncased": True}, "uncased was auto, now True"),
        ({"lora_rank": 2, "lora_alpha": 4}, "lora_rank was 0, now 2; lora_alpha was auto, now 4.0"),
        ({"loss_weights": "inverse"}, "loss_weights was none, now inverse"),
        ({"dataset_subset_name": "small"}, "dataset_subset_name was left out, now small"),
        ({"dataset_name": "other"}, "dataset_name was d, now other"),
    ],
)
def test_parameters_that_shape_training_tell_trials_apart(params, difference: str) -> None:
    assert "; ".join(identity().differences(identity(**params))) == difference
    assert identity().digest() != identity(**params).digest()


@pytest.mark.parametrize(
    "params",
    [{"seed": 7}, {"multiple_runs": 5}, {"checkpoints": False}, {"logging_level": "debug"}, {"precision": "fp32"}],
)
def test_other_parameters_do_not(params) -> None:
    assert identity().differences(identity(**params)) == []
    assert identity().digest() == identity(**params).digest()


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"pretrained_model_name": "./models/bert"}, {"pretrained_model_name": "models/bert/"}),
        ({"dataset_name": "./data"}, {"dataset_name": "data"}),
        ({"label_smoothing": 0.0}, {"label_smoothing": -0.0}),
        ({"evaluate_checkpoint": "auto"}, {"evaluate_checkpoint": "best_f1"}),
    ],
)
def test_another_spelling_is_the_same_thing(was, now) -> None:
    assert identity(**was).differences(identity(**now)) == []
    assert identity(**now).differences(identity(**was)) == []


@pytest.mark.parametrize(
    ("facts", "difference"),
    [
        ({"data": "xyz"}, "the data had the fingerprint abc, now xyz"),
        ({"model": "xyz"}, "the model had the revision def, now xyz"),
        ({"precision": "bf16"}, "precision was fp32, now bf16"),
        ({"device": "cuda"}, "it was trained on cpu, now on cuda"),
    ],
)
def test_data_model_and_hardware_tell_trials_apart(facts, difference: str) -> None:
    assert identity().differences(identity(facts)) == [difference]
    assert identity().digest() != identity(facts).digest()


def test_numbers_of_another_version_are_not_mixed_with_ours() -> None:
    old = Identity.from_dict(identity().to_dict() | {"numerics": NUMERICS - 1})
    assert old.differences(identity()) == [f"it was trained by a version with numerics {NUMERICS - 1}, now {NUMERICS}"]


def test_what_is_not_known_agrees_with_anything() -> None:
    planned = Identity.of(trial_of())
    assert planned.differences(identity()) == identity().differences(planned) == []
    assert Identity().differences(identity()) == []


def test_a_key_that_an_older_version_did_not_know_had_its_default() -> None:
    params = {key: value for key, value in trial_of().params().items() if key != "patience"}
    old = Identity.of_record(params, "abc")
    assert old.param_differences(identity()) == []
    assert old.param_differences(identity(patience=3)) == ["patience was 0, now 3"]


def test_a_default_that_has_changed_since_is_no_change_of_the_file() -> None:
    params = trial_of().params() | {"evaluate_checkpoint": "best"}
    for old in (Identity.of_record(params, "abc"), replace(identity(evaluate_checkpoint="best"), numerics=2)):
        assert old.param_differences(identity()) == []
        assert len(old.differences(identity())) == 1, "but what it means is another thing now"
        assert old.param_differences(identity(evaluate_checkpoint="last")) == ["evaluate_checkpoint was best, now last"]
    ours = identity(evaluate_checkpoint="best")
    assert ours.param_differences(identity()) == ["evaluate_checkpoint was best, now auto"]


def test_a_record_of_version_0_3_knows_parameters_and_data() -> None:
    # as MLflow gives them back: texts
    old = Identity.of_record({key: str(value) for key, value in trial_of().params().items()}, "abc")
    (numerics,) = old.differences(identity())
    assert numerics == f"it was trained by a version with numerics 1, now {NUMERICS}"
    assert old.differences(identity({"data": "xyz"})) == ["the data had the fingerprint abc, now xyz", numerics]


@given(
    st.builds(
        Identity,
        params=st.dictionaries(TEXTS, TEXTS),
        data=st.none() | TEXTS,
        model=st.none() | TEXTS,
        precision=st.none() | TEXTS,
        device=st.none() | TEXTS,
        numerics=st.none() | st.integers(),
    )
)
def test_an_identity_survives_a_way_through_json(one: Identity) -> None:
    again = Identity.from_dict(json.loads(json.dumps(one.to_dict())))
    assert again == one
    assert again.digest() == one.digest()
    assert again.differences(one) == []


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"folds": 3, "split_seed": 7}, False),
        ({"folds": 4}, False),
        ({}, False),
        ({"folds": 3, "repeats": 2}, True),  # the first folds are the same
        ({"folds": 3, "lr_max": 1e-5}, True),
    ],
)
def test_folds_are_part_of_what_val_is_but_not_of_test(other: dict[str, object], same: bool) -> None:
    folds, others = identity(folds=3), identity(**other)
    assert (folds.evaluated_on(("val",)) == others.evaluated_on(("val",))) == same
    assert folds.evaluated_on(("test",), folds=False) == others.evaluated_on(("test",), folds=False)


def test_folds_of_other_documents_are_other_folds() -> None:
    one, other = (identity({"layout": layout}, folds=3) for layout in ("abc", "xyz"))
    assert one.evaluated_on() != other.evaluated_on()
    assert "documents abc" in one.evaluated_on()


def test_before_there_were_folds_val_was_the_same_as_it_is_without() -> None:
    old = Identity.of_record({"dataset_name": "d", "prune_ratio_val": "1.0"}, "abc")
    assert old.evaluated_on(("val",)) == identity().evaluated_on(("val",))
