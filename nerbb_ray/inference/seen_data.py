"""Whether a model is asked about sentences that it was trained on: what it says of these is no measure. Pure."""

from collections.abc import Sequence

from nerbb_ray.results.trial_result import TrialResult, subset_of


def is_of_training(trials: Sequence[TrialResult], dataset: str, subset: str | None) -> bool:
    """Whether a data set is the one that the trials of a model were trained with."""
    return any(
        str(trial.params.get("dataset_name")) == dataset and subset_of(trial.params) == subset for trial in trials
    )


def seen_in_training(trials: Sequence[TrialResult], phase: str) -> str | None:
    """What to know of scores on a split of the data set that a model was trained with; None if it has not seen it.

    Args:
        trials: of the model, or of the members of an ensemble.
        phase: train, val or test.
    """
    if phase == "train":
        return "the model was trained on train: its scores there say little about other texts"
    if any(str(trial.params.get(f"train_on_{phase}")) == "True" for trial in trials):
        return f"the model was trained on {phase} (train_on_{phase}): its scores there say little about other texts"
    if phase == "val" and any(trial.fold is not None for trial in trials):
        return (
            "with folds, most of val was training data of each model: its scores there say little about other texts. "
            "What the models reach on the sentences that they have not seen is the val F1 of nerbb results"
        )
    return None
