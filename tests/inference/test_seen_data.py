"""What is said of scores on sentences that a model was trained on."""

import pytest

from nerbb_ray.inference.seen_data import is_of_training, seen_in_training
from nerbb_ray.results.trial_result import TrialResult


def trial(fold: int | None = None, **params: object) -> TrialResult:
    return TrialResult("runA", 43, "ok", params={"dataset_name": "d", **params}, fold=fold)


@pytest.mark.parametrize(
    ("trials", "phase", "said"),
    [
        ([trial()], "val", None),
        ([trial()], "test", None),
        ([trial()], "train", "was trained on train"),
        ([trial(train_on_val="True")], "val", "trained on val (train_on_val)"),
        ([trial(train_on_val=True)], "test", None),
        ([trial(train_on_test="True")], "test", "trained on test (train_on_test)"),
        ([trial(fold=1)], "val", "most of val was training data"),
        ([trial(fold=1), trial(fold=2)], "val", "most of val was training data"),
        ([trial(fold=1)], "test", None),
        ([], "val", None),
    ],
)
def test_a_score_on_training_data_is_said_to_be_one(trials: list[TrialResult], phase: str, said: str | None) -> None:
    found = seen_in_training(trials, phase)
    assert (found is None) if said is None else (said in str(found))


def test_only_the_data_set_of_the_training_counts() -> None:
    assert is_of_training([trial()], "d", None)
    assert is_of_training([trial(dataset_subset_name="None")], "d", None)
    assert is_of_training([trial(dataset_subset_name="s")], "d", "s")
    assert not is_of_training([trial(dataset_subset_name="s")], "d", None)
    assert not is_of_training([trial()], "e", None)
    assert not is_of_training([], "d", None)
