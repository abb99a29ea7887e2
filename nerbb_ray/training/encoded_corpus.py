"""The tokenised data of a trial: made once, kept in a file, pruned for each run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nerbb_ray import atomic
from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.spec import DatasetParams
from nerbb_ray.data.corpus import SPLITS, Corpus
from nerbb_ray.data.folds import FEWEST_WITH_TEST, assign_folds, fold_parts, layout_of
from nerbb_ray.data.words_of_text import RUNS, WordSplitting
from nerbb_ray.errors import DataError, UnfitError
from nerbb_ray.ner.tags import Scheme, split_tag
from nerbb_ray.training.encoding import EncodedSplit, encode

FORMAT = "3"  # of the files; part of their name, so that an older file is made anew


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """A data set as label and sub-token ids.

    Args:
        scheme: plain, bio or bilou, of `tags`.
        tags: every tag that the model can predict; the place in it is the label id.
        fingerprint: sha256 of the corpus.
        splitting: how running text is cut into words like those of train.
        documents: of every sentence of train, then of val, before anything was cut; empty if none are known.
        places: of a fold: for val (and test, if it is a part of the fold) the number of each sentence in train, then
            val, of the data set.
    """

    name: str
    scheme: Scheme
    tags: tuple[str, ...]
    train: EncodedSplit
    val: EncodedSplit
    test: EncodedSplit
    fingerprint: str
    splitting: WordSplitting = RUNS
    documents: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    places: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def used(self, params: DatasetParams, fold: int | None = None) -> "EncodedCorpus":
        """What a trial uses: the parts of its fold, if it has one, pruned.

        Args:
            fold: from 1, those of the repeats after each other.
        """
        return (self if fold is None else self.folded(params, fold)).pruned(params)

    def folded(self, params: DatasetParams, fold: int) -> "EncodedCorpus":
        """A fold of train and val; of an empty test, too (see data.folds).

        Raises:
            UnfitError: there are not enough documents for so many folds, or folds for a test part.
        """
        with_test = self.test.num_sentences == 0
        if with_test and params.folds < FEWEST_WITH_TEST:
            rule = f"must be >= {FEWEST_WITH_TEST} for data set {self.name!r}, which has no test data"
            raise UnfitError("folds", f"{rule}: one fold is test, another val", params.folds)
        whole = self.train + self.val
        documents = self.documents if len(self.documents) else np.arange(whole.num_sentences)
        repeat, number = divmod(fold - 1, params.folds)
        if (most := len(np.unique(documents))) < params.folds:
            kind = "documents" if len(self.documents) else "sentences"
            rule = f"must be <= {most}, the {kind} in train and val of data set {self.name!r}"
            raise UnfitError("folds", rule, params.folds)
        counts = entity_counts(whole, self.tags, self.scheme)
        folds = _assigned(
            counts.tobytes(),
            counts.shape,
            documents.astype(np.int64).tobytes(),
            params.folds,
            params.split_seed + repeat,
        )
        parts = fold_parts(folds, number, with_test=with_test)
        places = {"val": parts.val} | ({} if parts.test is None else {"test": parts.test})
        test = self.test if parts.test is None else whole.take(parts.test)
        return replace(self, train=whole.take(parts.train), val=whole.take(parts.val), test=test, places=places)

    @property
    def layout(self) -> str:
        """What the folds depend on beside data and parameters."""
        return layout_of(self.documents)

    def pruned(self, params: DatasetParams) -> "EncodedCorpus":
        """The fractions that a run uses: sentences in file order; with train_on_*, appended to train."""
        train = _fraction(self.train, params.prune_ratio_train)
        val = _fraction(self.val, params.prune_ratio_val)
        test = _fraction(self.test, params.prune_ratio_test)
        if params.train_on_val:
            train = train + val
        if params.train_on_test:
            train = train + test
        size = {"val": val.num_sentences, "test": test.num_sentences}
        places = {split: of_split[: size[split]] for split, of_split in self.places.items()}
        return replace(self, train=train, val=val, test=test, places=places)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Optimizer steps of an epoch."""
        return -(-self.train.num_slices // batch_size)


@lru_cache(maxsize=4)
def _assigned(counts: bytes, shape: tuple[int, int], documents: bytes, folds: int, seed: int) -> NDArray[np.int64]:
    """`assign_folds`, once for all folds: with many of them it would take longer than the training."""
    found = assign_folds(
        np.frombuffer(counts, np.int64).reshape(shape), np.frombuffer(documents, np.int64), folds, seed
    )
    found.flags.writeable = False
    return found


def _fraction(split: EncodedSplit, ratio: float) -> EncodedSplit:
    size = split.num_sentences
    return split.head(min(size, max(1, int(ratio * size + 1e-9))))


def entity_counts(split: EncodedSplit, tags: Sequence[str], scheme: Scheme) -> NDArray[np.int64]:
    """Entities of every class in every sentence, the same for every scheme: neighbours of one class count as one.

    *Shape:* (sentences, classes)
    """
    classes = sorted({split_tag(tag, scheme)[1] for tag in tags} - {""})
    of_tag = np.array([classes.index(name) if (name := split_tag(tag, scheme)[1]) else -1 for tag in tags])
    of_word = of_tag[split.gold]
    begins = np.diff(of_word, prepend=-1) != 0
    begins[split.sentence_starts[:-1][np.diff(split.sentence_starts) > 0]] = True
    sentence = np.repeat(np.arange(split.num_sentences), np.diff(split.sentence_starts))
    first = begins & (of_word >= 0)
    counts = np.zeros((split.num_sentences, len(classes)), np.int64)
    np.add.at(counts, (sentence[first], of_word[first]), 1)
    return counts


def check_trainable(data: EncodedCorpus, hparams: HParams) -> None:
    """Raises DataError if there is nothing to train on, UnfitError if nothing that early stopping could watch."""
    if data.train.num_labelled == 0:
        raise DataError(f"data set {data.name!r}: train must have words that the tokenizer knows; got none")
    if not hparams.early_stopping:
        return
    if data.val.num_labelled == 0:
        rule = f"must be False for data set {data.name!r}, or that must get a val split: it has no {hparams.monitor}"
        raise UnfitError("early_stopping", f"{rule} to watch", hparams.early_stopping)
    if hparams.monitor == "val_f1" and not np.any(data.val.gold != data.tags.index("O")):
        rule = f"must be val_loss for data set {data.name!r}: its val has no entity, so that F1 is undefined"
        raise UnfitError("monitor", rule, hparams.monitor)


def encode_once(corpus: Corpus, tokenizer: Any, max_seq_length: int, cache_dir: Path) -> Path:
    """The file with the tokenised corpus; made if it is not there yet, at once and as a whole."""
    words = corpus.word_splitting().to_dict()
    settings = [FORMAT, corpus.fingerprint, corpus.scheme, str(max_seq_length), json.dumps(words)]
    documents = np.array(corpus.documents, np.int64)
    described = [*settings, layout_of(documents), tokenizer.backend_tokenizer.to_str()]
    key = hashlib.sha256("\n".join(described).encode()).hexdigest()[:32]
    path = cache_dir / f"{key}.npz"
    if path.is_file():
        return path
    splits = {name: encode(corpus.split(name), corpus.tags, tokenizer, max_seq_length) for name in SPLITS}
    about = {
        "name": corpus.name,
        "scheme": corpus.scheme,
        "tags": list(corpus.tags),
        "fingerprint": corpus.fingerprint,
        "words": words,
    }
    arrays = {f"{name}.{key}": value for name, split in splits.items() for key, value in split.arrays().items()}
    with atomic.new_file(path) as scratch, scratch.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), documents=documents, **arrays)
    return path


@lru_cache(maxsize=4)
def load_encoded(path: Path) -> EncodedCorpus:
    """Read a file of `encode_once`; a process that trains several trials reads it once."""
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        documents = stored["documents"]
        splits = {
            name: EncodedSplit(**{key.split(".")[1]: stored[key] for key in stored.files if key.startswith(f"{name}.")})
            for name in SPLITS
        }
    return EncodedCorpus(
        name=about["name"],
        scheme=about["scheme"],
        tags=tuple(about["tags"]),
        fingerprint=about["fingerprint"],
        splitting=WordSplitting.of(about["words"]),
        train=splits["train"],
        val=splits["val"],
        test=splits["test"],
        documents=documents,
    )
