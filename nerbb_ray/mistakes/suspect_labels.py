"""From a data set and an experiment on it to the labels that are probably wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nerbb_ray.config.spec import Member
from nerbb_ray.data.build_corpus import SPLITS, Corpus
from nerbb_ray.errors import ResultError
from nerbb_ray.mistakes.annotation import Task, write_tasks
from nerbb_ray.mistakes.collect import chosen_run, corpus_of, places_in
from nerbb_ray.mistakes.suspects import Part, Suspect, find_suspects, reason
from nerbb_ray.mlflow_store.kept_predictions import kept_predictions
from nerbb_ray.ner.tags import entities
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import Members, decoder_of_run, of_learnt, of_split, read_members, with_all_folds
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.log_probs import LogProbs
from nerbb_ray.results.out_of_fold import on_the_same_words
from nerbb_ray.results.trial_result import RunResult, subset_of


@dataclass(frozen=True, slots=True)
class SuspectLabels:
    """The labels of a data set that are probably wrong, the most suspicious first.

    Args:
        looked_at: split -> how many of its sentences models were asked about.
        sizes: split -> how many it has.
        note: what was not looked at, and why.
        folds: that the run has; 0 without folds.
    """

    dataset: str
    experiment: str
    run: str
    found: tuple[Suspect, ...]
    looked_at: dict[str, int]
    sizes: dict[str, int]
    note: str | None = None
    folds: int = 0

    def first(self, number: int | None) -> "SuspectLabels":
        """The most suspicious ones; None: all."""
        return replace(self, found=self.found[:number])

    def tasks(self) -> Iterator[Task]:
        """Each sentence once, where its most suspicious label comes."""
        reasons: dict[tuple[str, int], list[Suspect]] = {}
        for one in self.found:
            reasons.setdefault((one.split, one.number), []).append(one)
        for (split, number), own in reasons.items():
            said = "; ".join(f"{one.words}: {reason(one)}" for one in own)
            about = {"sentence": number, "of_split": split, "why": said}
            first = own[0]
            model = f"{self.experiment}/{self.run}"
            yield Task(first.sentence, first.gold, first.predicted, first.confidence, model, about)

    def write(self, path: Path, kind: str) -> int:
        """Write the sentences for an annotation tool (`annotation.FORMATS`); returns how many there are."""
        return write_tasks(self.tasks(), path, kind)


def suspect_labels(
    store: StorePaths,
    result: ExperimentResult,
    dataset: str,
    subset: str | None = None,
    run: str | None = None,
    *,
    ask_hub: bool = False,
) -> SuspectLabels:
    """What the models of a run say about labels of sentences that they were not trained on.

    With folds these are all sentences of train and val; without, those of val and test.

    Args:
        run: of the experiment; the best one if left out.
        ask_hub: whether the network may be used to find the data.
    Raises:
        ResultError: the experiment is not about this data set, there is no such run, or no predictions are here.
        DataError: the data cannot be found, or have changed since.
    """
    chosen = chosen_run(result, run)
    params = chosen.trials[0].params
    trained_on = str(params.get("dataset_name")), subset_of(params)
    if trained_on != (dataset, subset):
        named = " ".join(filter(None, trained_on))
        raise ResultError(f"experiment {result.name} must be about data set {dataset!r}; it is about {named!r}")
    if any(str(params.get(key)) == "True" for key in ("train_on_val", "train_on_test")):
        raise ResultError(f"run {chosen.run} was trained on val or test: what it says of their labels it has learnt")
    everyone = read_members(chosen.ok_trials, kept_predictions(store, result.name))
    if not everyone.said:
        why = everyone.note or "none of its trials ended ok"
        raise ResultError(f"run {chosen.run} of experiment {result.name} has no predictions to look at: {why}")
    corpus = corpus_of(store, params, next(iter(everyone.said.values())), ask_hub=ask_hub)
    parts, note = list(_parts(everyone, chosen, corpus)), _note(everyone, chosen)
    if not any(part.sentences for part in parts):
        what = "the predictions of all its folds" if chosen.folds else f"learnt anything that can be read ({note})"
        raise ResultError(f"no seed of run {chosen.run} has {what}: run it again")
    everything = [
        (sentence.tokens, entities(sentence.tags, corpus.scheme))
        for split in SPLITS
        for sentence in corpus.split(split)
    ]
    places = [place for part in parts for place in part.places]
    looked_at = {split: len({number for of, number in places if of == split}) for split in SPLITS}
    sizes = {split: len(corpus.split(split)) for split in SPLITS}
    found = tuple(find_suspects(parts, everything))
    return SuspectLabels(dataset, result.name, chosen.run, found, looked_at, sizes, note, chosen.folds)


def _note(everyone: Members, run: RunResult) -> str | None:
    """Which models were not asked: with folds, those that have learnt nothing are asked out of fold, not of test."""
    learnt = of_learnt(everyone, run.ok_trials)
    if not run.folds:
        return learnt.note
    failed = {member: why for member, why in learnt.missing.items() if member not in everyone.missing}
    of_test = Members({}, failed).note if any(_untouched(everyone.said)) else None
    return "; ".join(filter(None, (everyone.note, of_test and f"of test, {of_test}"))) or None


def _untouched(said: Mapping[Member, LogProbs]) -> Iterator[str]:
    """The splits that are not a part of each fold."""
    yield from (split for split, one in next(iter(said.values())).splits.items() if one.places is None)


def _parts(everyone: Members, run: RunResult, corpus: Corpus) -> Iterator[Part]:
    """What is held out; of folds with a test part, that one, by which no training was stopped."""
    splits, untouched = list(next(iter(everyone.said.values())).splits), list(_untouched(everyone.said))
    inside = [split for split in splits if split not in untouched]
    for split in splits:
        if split in inside[:-1]:  # val, where test holds out the same sentences
            continue
        members = of_split(everyone, run.ok_trials, split)
        own = on_the_same_words(members.said, split)
        if own:
            decoder = decoder_of_run(with_all_folds(everyone, members))
            places = places_in(corpus, next(iter(own.values())), split)
            yield Part(own, split, decoder, [corpus.split(of)[number] for of, number in places], places)
