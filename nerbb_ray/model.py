"""Models from Python: use what was trained.

Model.from_experiment("first").predict("Anna lives in Berlin.")
[{"char_start": 0, "char_end": 4, "token": "Anna", "tag": "PER", "proba": 0.99}, ...]
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack, overload

from nerbb_ray.annotation.guess import guesses
from nerbb_ray.arguments import optional_text, path_of, share_of
from nerbb_ray.data.corpus import SPLITS, find_corpus
from nerbb_ray.data.split import rule_of_training
from nerbb_ray.errors import DataError, ModelError, StoreError
from nerbb_ray.inference.ensemble import ensemble_called, open_ensemble, open_saved
from nerbb_ray.inference.entities import distributions, given_texts, predicted_entities, predicted_words, split_texts
from nerbb_ray.inference.files import tag_file
from nerbb_ray.inference.labels import classes_of
from nerbb_ray.inference.members import find_ensemble, members_wanted
from nerbb_ray.inference.predictions import Predictions
from nerbb_ray.inference.scoring import score, target_scheme
from nerbb_ray.inference.seen_data import is_of_training, seen_in_training
from nerbb_ray.inference.selection import checkpoint_folder, choose_trial, fold_note, load_experiment
from nerbb_ray.inference.tagger import open_tagger
from nerbb_ray.paths import StorePaths
from nerbb_ray.store import current_store
from nerbb_ray.training.sources import find_model, local_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from nerbb_ray.annotation.guess import Guess
    from nerbb_ray.config.spec import Member
    from nerbb_ray.inference.entities import Level, Span
    from nerbb_ray.inference.predictions import Entities, WordProba
    from nerbb_ray.inference.scoring import Scoring
    from nerbb_ray.inference.tagger import Found, Options, Tagger
    from nerbb_ray.results.experiment_result import ExperimentResult
    from nerbb_ray.results.trial_result import TrialResult

Name = str | os.PathLike[str]
Texts = list[str] | tuple[str, ...]
Read = TypeVar("Read")

log = logging.getLogger(__name__)


class Model:
    """A fine-tuned model; made by `from_experiment`, `from_checkpoint` or `from_huggingface`.

    All of them take as keywords: device (a GPU if there is one), batch_size (32), threads, precision (fp32).
    """

    def __init__(self, tagger: "Tagger", store: StorePaths, trials: "Sequence[TrialResult]" = ()) -> None:
        """
        Args:
            trials: of an experiment, whose models it is.
        """
        self._tagger, self._store, self._trials = tagger, store, tuple(trials)
        self.notes: tuple[str, ...] = ()  # what a user should know of the choice of the model

    @classmethod
    def from_experiment(
        cls,
        name: str,
        run: str | None = None,
        seed: "Member | None" = None,
        *,
        ensemble: bool | int = False,
        store: Name | None = None,
        **options: Unpack["Options"],
    ) -> "Model":
        """The model of an experiment's best trial: highest entity micro F1 on the validation data.

        Args:
            run, seed: choose among the trials of this run, or with this seed; with folds, `43-fold2` is one of them.
            ensemble: all models of the best run, or of `run`, as one: their probabilities are averaged. A number: of
                as many of them, those with the highest F1 on the validation data.
            store: the folder of the store; the current one if left out.
        Raises:
            ResultError: it was never run, has no such trial, or the trial's model was not kept.
            ModelError: the model cannot be loaded.
        """
        paths = store_of(store)
        if wanted := members_wanted(ensemble):
            return cls._open_ensemble(paths, name, run, seed, wanted, options)
        result, trial, folder = find_trial(paths, name, run, seed)
        source = local_model(f"{name}/{trial.name}", folder)
        model = cls(open_tagger(source, max_seq_length=_length_of(trial), **options), paths, (trial,))
        model.notes = tuple(filter(None, (fold_note(result, trial),)))
        return model

    @classmethod
    def from_checkpoint(cls, path: Name, *, store: Name | None = None, **options: Unpack["Options"]) -> "Model":
        """The model in a folder: of a trial, of an export, also in ONNX, or any other of transformers; or an ensemble.

        Raises:
            ModelError: there is none, or it cannot be loaded.
        """
        folder = path_of("the folder of a model", path, ModelError)
        return cls(open_saved(folder, Path(folder).expanduser(), **options), store_of(store))

    @classmethod
    def from_huggingface(cls, name: Name, *, store: Name | None = None, **options: Unpack["Options"]) -> "Model":
        """A model for token classification of the Hugging Face hub, or from where experiments find models, too.

        An ensemble that was exported is found like a single model.

        Raises:
            ModelError: it is nowhere, cannot be loaded, or is not fine-tuned for named entities.
        """
        paths, asked = store_of(store), path_of("the name of a model", name, ModelError)
        if folder := ensemble_called(asked, paths.pretrained_models, Path.cwd()):
            return cls(open_saved(asked, folder, **options), paths)
        source = find_model(name, paths.pretrained_models, Path.cwd(), onnx=True)
        return cls(open_tagger(source, **options), paths)

    @classmethod
    def _open_ensemble(
        cls, store: StorePaths, name: str, run: str | None, seed: "Member | None", ensemble: int, options: "Options"
    ) -> "Model":
        found = find_ensemble(store, name, run, seed, ensemble)
        trials, folders = found.trials, found.folders
        sources = [local_model(f"{name}/{trial.name}", folder) for trial, folder in zip(trials, folders, strict=True)]
        title, length = f"{name}/{trials[0].run}-ensemble-of-{len(trials)}", _length_of(trials[0])
        return cls(open_ensemble(title, sources, found.decoder, max_seq_length=length, **options), store, trials)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(self.classes)}; {self._tagger.device}>"

    @property
    def name(self) -> str:
        """`<experiment>/<trial>`, or as it was asked for."""
        return self._tagger.name

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags that a word can get, O first."""
        return self._tagger.tags

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes of entities, sorted."""
        return classes_of(self._tagger.tags, self._tagger.scheme)

    @property
    def annotation_scheme(self) -> str:
        """Of the tags: plain, bio, bilou; of models from elsewhere also iob1, ioe2, bioes, bmes, ..."""
        return self._tagger.scheme

    @property
    def decoding(self) -> str:
        """How the tags of a text are found: argmax, constrained, or bigrams with their weight."""
        return str(self._tagger.decoder)

    @property
    def word_splitting(self) -> str:
        """How text is cut into words, so that they are like those of training."""
        return str(self._tagger.splitting)

    @property
    def max_seq_length(self) -> int:
        """Sub-tokens of a window; longer texts are predicted in overlapping ones."""
        return self._tagger.max_seq_length

    @overload
    def predict(self, texts: str, level: "Level" = "entity", *, threshold: float = 0.0) -> "Entities": ...
    @overload
    def predict(self, texts: Texts, level: "Level" = "entity", *, threshold: float = 0.0) -> Predictions: ...
    def predict(
        self, texts: str | Texts, level: "Level" = "entity", *, threshold: float = 0.0
    ) -> "Entities | Predictions":
        """The entities of a text, or those of each of several texts.

        Texts can be of any length. What comes back are dictionaries in lists, ready for JSON, that also have their
        keys as typed attributes (`entity.tag`), and that a notebook shows as the text with its entities marked:
        `{"char_start": 0, "char_end": 4, "token": "Anna", "tag": "PER", "proba": 0.99}`
        with `text[char_start:char_end] == token`.

        Args:
            level: "entity": the entities; `proba` is the mean over their words. "word": every word with its tag, O
                included, which need not be the most probable one (`decoding`); text is cut into words as
                `word_splitting` says.
            threshold: what is less probable is left out; from 0 to 1.
        Raises:
            DataError: a text is no text, or the threshold no probability.
        """
        least = share_of("threshold", threshold, DataError)
        if level not in ("entity", "word"):
            raise DataError(f"level must be entity or word; got {level!r}")
        read = predicted_entities if level == "entity" else predicted_words
        found = [entities.at_least(least) for entities in self._predicted(texts, read)]
        return found[0] if isinstance(texts, str) else Predictions(found)

    @overload
    def predict_proba(self, texts: str) -> "list[WordProba]": ...
    @overload
    def predict_proba(self, texts: Texts) -> "list[list[WordProba]]": ...
    def predict_proba(self, texts: str | Texts) -> "list[WordProba] | list[list[WordProba]]":
        """Every word of a text, or of each of several texts, with the probability of every tag:

        `{"char_start": 0, "char_end": 4, "token": "Anna", "proba_dist": {"O": 0.01, "B-PER": 0.98, "I-PER": 0.01}}`
        """
        found = self._predicted(texts, distributions)
        return found[0] if isinstance(texts, str) else found

    def _predicted(
        self,
        texts: str | Texts,
        read: "Callable[[str, Sequence[Span], Found, Tagger], Read]",
    ) -> list[Read]:
        """What is read from each of the texts, or of the one."""
        given = given_texts(texts)
        spans, words = split_texts(given, self._tagger.splitting)
        found = self._tagger.find(words)
        return [read(text, places, one, self._tagger) for text, places, one in zip(given, spans, found, strict=True)]

    @overload
    def guess(self, texts: str) -> "Guess": ...
    @overload
    def guess(self, texts: Texts) -> "list[Guess]": ...
    def guess(self, texts: str | Texts) -> "Guess | list[Guess]":
        """The entities of a text that nobody has annotated, or of several, and how uncertain the model is of each.

        Of an ensemble the uncertainty is how much its members disagree, of one model its entropy; per word.

        Raises:
            DataError: a text is no text.
        """
        found = guesses(self._tagger, texts)
        return found[0] if isinstance(texts, str) else found

    def predict_on_file(self, source: Name, target: Name, *, quiet: bool = False) -> int:
        """Write the rows of a file with their entities to another file, of any size, in the same order.

        Args:
            source: .txt (a text per line) or .jsonl (`{"text": "..."}` or `{"tokens": [...]}` per line).
            target: .jsonl, in a format of data sets: `{"text": "...", "tags": [<entity>, ...]}`, or
                `{"tokens": [...], "tags": ["B-PER", ...]}`. Other keys of a line are kept. It is replaced if it exists.
            quiet: no progress bar; there is none either where stderr is not a terminal.
        Returns:
            The number of rows.
        Raises:
            DataError: by file and line; the target is untouched then.
        """
        read, written = path_of("source", source, DataError), path_of("target", target, DataError)
        return tag_file(self._tagger, Path(read).expanduser(), Path(written).expanduser(), quiet=quiet)

    def evaluate_on_dataset(self, name: Name, phase: str = "test", *, subset: str | None = None) -> dict[str, float]:
        """The metrics on a split of a data set, as an experiment names and counts them: `test/entity/micro/f1`.

        Of the data that the model was trained with, all of `test` gives what its trial reported. A trial that ran in
        bf16 was tested in bf16: to get its numbers, load the model with precision="bf16".

        Another annotation scheme is converted. Entities of classes that the model does not know count as missed.

        Args:
            name: of a data set in the store or on the hub, or a folder.
            phase: train, val or test.
        Raises:
            DataError: there is no such data set or phase, or its data are bad.
        """
        scoring = self.score(name, phase, subset=subset)
        for note in scoring.notes:
            log.warning("data set %s: %s", name, note)
        return scoring.evaluation.metrics(phase)

    def score(self, name: Name, phase: str = "test", *, subset: str | None = None) -> "Scoring":
        """As `evaluate_on_dataset`, with all counts: `.evaluation.counts.report()`, and the notes."""
        if phase not in SPLITS:
            raise DataError(f"phase must be one of {', '.join(SPLITS)}; got {phase!r}")
        data, subset = path_of("the name of a data set", name, DataError), optional_text("subset", subset, DataError)
        known = is_of_training(self._trials, data, subset)
        rule = rule_of_training(folds=known and self._trials[0].fold is not None)
        scheme = target_scheme(self._tagger)
        corpus = find_corpus(data, subset, self._store.datasets, scheme=scheme, rule=rule)
        scoring = score(self._tagger, corpus, phase)
        seen = seen_in_training(self._trials, phase) if known else None
        return replace(scoring, notes=(*scoring.notes, seen)) if seen else scoring


def find_trial(
    store: StorePaths, name: str, run: str | None, seed: "Member | None"
) -> "tuple[ExperimentResult, TrialResult, Path]":
    """An experiment, its best trial (of a run, with a seed), and the folder of that trial's model.

    Raises:
        ResultError: there is no such trial, or its model was not kept.
    """
    result = load_experiment(store, name)
    trial = choose_trial(result, run, seed)
    return result, trial, checkpoint_folder(name, trial)


def _length_of(trial: "TrialResult") -> int | None:
    """Of the sequences that it was trained with, if that is known."""
    return int(str(trial.params["max_seq_length"])) if "max_seq_length" in trial.params else None


def store_of(path: Name | None) -> StorePaths:
    """The store in a folder; of None, the current one."""
    return current_store(None if path is None else Path(path_of("the folder of a store", path, StoreError)))
