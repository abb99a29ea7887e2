"""From the sentences of some files to a Corpus: one tag scheme, known classes, three splits."""

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from nerbb_ray.data.choose_splitting import fitting
from nerbb_ray.data.one_scheme import cleaned, converted_to, sources_of, target_of
from nerbb_ray.data.options import option
from nerbb_ray.data.origin import FileTaken
from nerbb_ray.data.outside import NO_CLASS
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.split import DEFAULT, HoldOut, hold_out
from nerbb_ray.data.tag_errors import refuse_tags_as_classes
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.errors import DataError
from nerbb_ray.ner.scores import RESERVED_LABELS
from nerbb_ray.ner.tags import (
    OUTSIDE_SPELLINGS,
    Scheme,
    split_tag,
    tag_set,
)
from nerbb_ray.spelling import look_alike

SPLITS = ("train", "val", "test")
ONLY_O = "no sentence has an entity: a model can only learn O"


@dataclass(frozen=True)
class Corpus:
    """A data set that is ready to be encoded.

    Args:
        classes: of all splits before pruning, sorted, without O.
        notes: what a user should know about the data, for the log.
        files: what was read as what.
        splitting: how running text is cut into words like those of train, if it was chosen at set-up.
        documents: the document of every sentence of train, then of val, for folds; empty where no borders are known. No
            part of the fingerprint: training does not see them.
    """

    name: str
    scheme: Scheme
    classes: tuple[str, ...]
    train: tuple[Sentence, ...]
    val: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    notes: tuple[str, ...] = ()
    files: tuple[FileTaken, ...] = ()
    splitting: WordSplitting | None = None
    documents: tuple[int, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) of everything that training can see; the name is no part of it."""
        return _fingerprint(self)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag set, O first; ids of tags are indices into it."""
        return tag_set(self.classes, self.scheme)

    def word_splitting(self) -> WordSplitting:
        """How running text is cut into words like those of train: as it was chosen at set-up, or is chosen now."""
        return self.splitting or self._fitting

    @cached_property
    def _fitting(self) -> WordSplitting:
        return fitting(self.train)

    def split(self, name: str) -> tuple[Sentence, ...]:
        """The sentences of train, val or test."""
        if name not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}; got {name!r}")
        sentences: tuple[Sentence, ...] = getattr(self, name)
        return sentences


def _fingerprint(corpus: Corpus) -> str:
    digest = hashlib.sha256(json.dumps([corpus.scheme, corpus.classes]).encode())
    for split in SPLITS:
        for sentence in corpus.split(split):
            row = [split, sentence.tokens, sentence.tags, sentence.text, sentence.spans]
            digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def assemble(
    name: str,
    readings: Mapping[str, Reading],
    scheme: str,
    rule: HoldOut = DEFAULT,
    *,
    stored: bool = False,
    splitting: WordSplitting | None = None,
) -> Corpus:
    """Bring the splits of a data set into one scheme.

    Args:
        readings: by split; val and test may be missing, and are then held out from train.
        scheme: plain, bio, bilou, or auto for that of the data.
        rule: how val and test are held out.
        stored: whether the data were settled when they were set up, so that doubts are noted and not refused.
        splitting: that was chosen at set-up.
    Raises:
        DataError: train is empty, a tag breaks the scheme of the others, or a class cannot be told from a tag or from
            a name of the metrics.
    """
    notes = [note for reading in readings.values() for note in reading.notes]
    splits = {split: cleaned(split, reading.sentences, notes) for split, reading in readings.items()}
    if not splits.get("train"):
        raise DataError(f"data set {name!r}: train has no sentences")
    sources = sources_of(readings, splits, scheme, notes, stored=stored)
    target = target_of(scheme, sources)
    files, converted = [], {}
    for split, rows in splits.items():
        converted[split], mended = converted_to(split, rows, sources[split], target, notes, readings[split].source)
        files.append(FileTaken.of(split, readings[split], sources[split], len(rows), mended))
    classes = sorted({split_tag(tag, target)[1] for rows in converted.values() for s in rows for tag in s.tags} - {""})
    _check_classes(name, classes, notes)
    if not stored and scheme != "plain":
        refuse_tags_as_classes(readings, splits, sources)
    own = {split: documents_of(reading) for split, reading in readings.items()}
    taken = hold_out(converted, own["train"], rule, notes)
    train, val, test = (converted[split] for split in SPLITS)
    documents = _documents_of_both(own, taken, len(val))
    about = (tuple(classes), train, val, test, tuple(notes), tuple(files), splitting, documents)
    return Corpus(name, target, *about)


def _documents_of_both(own: Mapping[str, list[int]], taken: Mapping[str, list[int]], num_val: int) -> tuple[int, ...]:
    """The document of every sentence of train and val; a sentence is one by itself where only the other's are known.

    Args:
        own: of the sentences of each file.
        taken: see `hold_out`.
    """
    found: list[Hashable] = []
    for split in ("train", "val"):
        if split in taken:
            of_train = own["train"]
            found += [("train", of_train[k] if of_train else -1 - k) for k in taken[split]]
        else:
            of_val = own.get("val") or [-1 - k for k in range(num_val)]
            found += [("val", document) for document in of_val]
    return numbered(found)


def numbered(documents: Sequence[Hashable]) -> tuple[int, ...]:
    """Numbers from 0 in the order of the data; empty where every sentence is a document by itself."""
    numbers: dict[Hashable, int] = {}
    found = tuple(numbers.setdefault(one, len(numbers)) for one in documents)
    return found if len(numbers) < len(found) else ()


def _check_classes(name: str, classes: list[str], notes: list[str]) -> None:
    reserved = sorted((RESERVED_LABELS | OUTSIDE_SPELLINGS) & set(classes))
    if reserved:
        raise DataError(
            f"data set {name!r}: a class must not be called {', '.join(reserved)}: metrics and O use these names; "
            f"rename the class in the data, or say {option('outside')} with its tags, such as B-{reserved[0]}, if its "
            "words are in no entity"
        )
    if not classes:
        notes.append(ONLY_O)
    marked = [label for label in classes if any(mark in label for mark in "<>=")]
    if marked:
        shown = ", ".join(map(repr, marked[:3]))
        notes.append(
            f"classes with <, > or = ({shown}): see whether lines of structure, such as <doc id=1>, were read as words"
        )
    if alike := look_alike(classes):
        plain = all(len({"".join(label.casefold().split()) for label in group}) == 1 for group in alike)
        what = "case or blanks" if plain else "case, blanks, marks or invisible characters"
        shown = "; ".join(" = ".join(group) for group in alike)
        notes.append(f"classes that differ in {what} only: {shown}: give each one spelling")
    unnamed = [label for label in classes if label.lower() in NO_CLASS]
    if unnamed:
        shown = " and ".join(map(repr, unnamed))
        way = f"say {option('outside')} {unnamed[0]!r}"
        notes.append(f"the class {shown} stands for no class in other data: if its words are in no entity, {way}")


def documents_of(reading: Reading) -> list[int]:
    """The document of each sentence that has words; empty if the data know no documents."""
    pairs = zip(reading.documents, reading.sentences, strict=True) if reading.documents else ()
    return [document for document, sentence in pairs if sentence.tokens]
