"""From an experiment to the mistakes of one of its runs: the kept predictions, and the words that they are about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nerbb_ray.data.corpus import Corpus, find_corpus
from nerbb_ray.data.split import rule_of_training
from nerbb_ray.errors import DataError, ResultError
from nerbb_ray.mistakes.found import Mistakes, find_mistakes
from nerbb_ray.mlflow_store.kept_predictions import kept_predictions
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import decoder_of_run, of_split, read_members, with_all_folds
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.log_probs import LogProbs
from nerbb_ray.results.out_of_fold import on_the_same_words
from nerbb_ray.results.trial_result import RunResult, subset_of
from nerbb_ray.spelling import did_you_mean


def collect(
    store: StorePaths, result: ExperimentResult, run: str | None = None, split: str = "test", *, ask_hub: bool = False
) -> Mistakes:
    """The mistakes of a run; of the best one if none is named.

    Its seeds are those of its ensemble: one that has learnt nothing would contradict what the others agree on.

    Args:
        split: val or test.
        ask_hub: whether the network may be used to find the data.
    Raises:
        ResultError: there is no such run, its predictions are not here, or the data are not those that it was
            evaluated on.
        DataError: the data set cannot be found or read.
    """
    chosen = chosen_run(result, run)
    everyone = read_members(chosen.ok_trials, kept_predictions(store, result.name))
    members = of_split(everyone, chosen.ok_trials, split)
    if not members.said:
        why = members.note or "none of its trials ended ok"
        raise ResultError(f"run {chosen.run} of experiment {result.name} has no predictions to look at: {why}")
    if split not in next(iter(members.said.values())).splits:
        raise ResultError(f"run {chosen.run} of experiment {result.name} has no {split} data")
    said = on_the_same_words(members.said, split)
    if not said:
        raise ResultError(
            f"run {chosen.run} of experiment {result.name} has no seed with the predictions of all its folds"
            f"{f' ({members.note})' if members.note else ''}: run it again to train the missing ones"
        )
    first = next(iter(said.values()))
    corpus = corpus_of(store, chosen.ok_trials[0].params, first, ask_hub=ask_hub)
    places = places_in(corpus, first, split)
    sentences = [corpus.split(of)[number] for of, number in places]
    decoder = decoder_of_run(with_all_folds(everyone, members)) if len(members.said) > 1 else first.decoder
    note = "; ".join(filter(None, (members.note, _learnt(chosen, split)))) or None
    found = find_mistakes(result.name, chosen.run, dict(said), decoder, split, sentences, note)
    return replace(found, places=tuple(places))


def _learnt(run: RunResult, split: str) -> str | None:
    """Where the models have seen the answers."""
    if str(run.trials[0].params.get(f"train_on_{split}")) != "True":
        return None
    return f"the models were trained on {split} (train_on_{split}): they make fewer mistakes on it than on other texts"


def chosen_run(result: ExperimentResult, run: str | None) -> RunResult:
    """A run by its name; the best one if none is named."""
    runs = {found.run: found for found in result.runs}
    if run is not None and run not in runs:
        raise ResultError(f"experiment {result.name} has no run {run!r}; {did_you_mean(run, list(runs))}")
    return result.best_run() if run is None else runs[run]


def places_in(corpus: Corpus, said: LogProbs, split: str) -> Sequence[tuple[str, int]]:
    """The split and the number in it of every sentence that something is said of."""
    one, size = said.splits[split], len(corpus.train)
    if one.places is None:  # what a run uses of a split are its first sentences
        return [(split, number) for number in range(len(one.starts) - 1)]
    return [("train", number) if number < size else ("val", number - size) for number in one.places.tolist()]


def corpus_of(store: StorePaths, params: Mapping[str, object], said: LogProbs, *, ask_hub: bool = False) -> Corpus:
    """The data set that predictions are about.

    Args:
        params: of the trials.
    Raises:
        DataError: it cannot be found, or is not what it was then.
    """
    corpus = find_corpus(
        str(params["dataset_name"]),
        subset_of(params),
        store.datasets,
        scheme=said.scheme,
        ask_hub=ask_hub,
        rule=rule_of_training(folds=bool(said.folds)),
    )
    _check_same(corpus, said)
    return corpus


def _check_same(corpus: Corpus, said: LogProbs) -> None:
    if corpus.fingerprint != said.data:
        raise DataError(
            f"data set {corpus.name!r} is not the one that the models were evaluated on: its fingerprint is "
            f"{corpus.fingerprint[:12]}, theirs {said.data[:12]}; bring the data of then back, or run the experiment "
            "again with --overwrite",
            Path(corpus.name),
        )
