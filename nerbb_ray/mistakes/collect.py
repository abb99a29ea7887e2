"""From an experiment to the mistakes of one of its runs: the kept predictions, and the words that they are about."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nerbb_ray.data.corpus import Corpus, Sentence, find_corpus
from nerbb_ray.errors import DataError, ResultError
from nerbb_ray.mistakes.found import Mistakes, find_mistakes
from nerbb_ray.mlflow_store.kept_predictions import kept_predictions
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import decoder_of, read_members
from nerbb_ray.results.experiment_result import ExperimentResult, RunResult
from nerbb_ray.results.log_probs import LogProbs
from nerbb_ray.spelling import did_you_mean


def collect(
    store: StorePaths, result: ExperimentResult, run: str | None = None, split: str = "test", *, ask_hub: bool = False
) -> Mistakes:
    """The mistakes of a run; of the best one if none is named.

    Args:
        split: val or test.
        ask_hub: whether the network may be used to find the data.
    Raises:
        ResultError: there is no such run, its predictions are not here, or the data are not those that it was
            evaluated on.
        DataError: the data set cannot be found or read.
    """
    chosen = _chosen(result, run)
    members = read_members(chosen.ok_trials, kept_predictions(store, result.name))
    if not members.said:
        why = members.note or "none of its trials ended ok"
        raise ResultError(f"run {chosen.run} of experiment {result.name} has no predictions to look at: {why}")
    first = next(iter(members.said.values()))
    if split not in first.splits:
        raise ResultError(f"run {chosen.run} of experiment {result.name} has no {split} data")
    sentences = _sentences(store, chosen.ok_trials[0].params, first, split, ask_hub)
    said = dict(members.said)
    decoder = decoder_of(list(said.values())) if len(said) > 1 else first.decoder
    return find_mistakes(result.name, chosen.run, said, decoder, split, sentences, members.note)


def _chosen(result: ExperimentResult, run: str | None) -> RunResult:
    runs = {found.run: found for found in result.runs}
    if run is not None and run not in runs:
        raise ResultError(f"experiment {result.name} has no run {run!r}; {did_you_mean(run, list(runs))}")
    return result.best_run() if run is None else runs[run]


def _sentences(
    store: StorePaths, params: Mapping[str, object], said: LogProbs, split: str, ask_hub: bool
) -> Sequence[Sentence]:
    """The sentences that the predictions are about."""
    name = str(params["dataset_name"])
    subset = params.get("dataset_subset_name")
    corpus = find_corpus(
        name,
        None if subset in (None, "", "None") else str(subset),
        store.datasets,
        scheme=said.scheme,
        ask_hub=ask_hub,
    )
    _check_same(corpus, said)
    # what a run uses of a split are its first sentences
    return corpus.split(split)[: len(said.splits[split].starts) - 1]


def _check_same(corpus: Corpus, said: LogProbs) -> None:
    if corpus.fingerprint != said.data:
        raise DataError(
            f"data set {corpus.name!r} is not the one that the models were evaluated on: its fingerprint is "
            f"{corpus.fingerprint[:12]}, theirs {said.data[:12]}; bring the data of then back, or run the experiment "
            "again with --overwrite",
            Path(corpus.name),
        )
