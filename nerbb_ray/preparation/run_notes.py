"""What a user should know of a run before it is trained: of its folds, and of values that undo each other."""

from collections.abc import Iterator

import numpy as np

from nerbb_ray.config.spec import DatasetParams, RunSpec
from nerbb_ray.training.encoded_corpus import EncodedCorpus


def run_notes(run: RunSpec, steps: int) -> Iterator[str]:
    """What the values of a run make of its training.

    Args:
        steps: of an epoch.
    """
    hparams = run.hparams
    if run.dataset.train_on_val:
        yield f"run {run.name}: train_on_val trains on the split that {hparams.monitor} watches"
    if run.dataset.train_on_test:
        yield f"run {run.name}: train_on_test trains on the test split: its metrics say nothing"
    warmup, most = hparams.lr_warmup_epochs, hparams.max_epochs
    if warmup and steps * most <= 1:
        rule = "the only step of the training has the learning rate 0: nothing is learnt"
        yield f"run {run.name}: {rule}; set lr_warmup_epochs = 0, a smaller batch_size or more epochs"
    elif warmup >= most:
        rule = f"lr_warmup_epochs = {warmup} of at most {most} epochs (max_epochs)"
        yield f"run {run.name}: {rule}: the learning rate never reaches lr_max"


def fold_note(data: EncodedCorpus, params: DatasetParams) -> str:
    """What the folds of a data set are made of."""
    sentences = data.train.num_sentences + data.val.num_sentences
    documents = len(np.unique(data.documents))
    whole = f"{documents} documents stay whole" if documents else "no borders of documents are known"
    inside = data.test.num_sentences == 0
    test = "there is no test data: every fold is test once, and the next one val" if inside else "test is untouched"
    folds = f"{params.folds} folds" + (f", {params.repeats} times," if params.repeats > 1 else "")
    held_out = ""
    if (share := params.prune_ratio_val) < 1:
        held_out = (
            f"; prune_ratio_val = {share:g}: only the first {100 * share:.4g} % of the sentences of each fold, and at "
            "least one, are held out, so that the out-of-fold predictions are not of all of them"
        )
    return f"data set {data.name}: {folds} of the {sentences} sentences of train and val; {whole}; {test}{held_out}"
