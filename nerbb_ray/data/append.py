"""Merge new annotations with a data set: every document once, and what contradicts is named."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from nerbb_ray.data.append_words import annotated_anew, cut_again, places_of_entities, with_text
from nerbb_ray.data.border_notes import border_notes
from nerbb_ray.data.build_corpus import ONLY_O, SPLITS, Corpus, assemble, documents_of, numbered
from nerbb_ray.data.same_text import sentence_key
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.wording import counted
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import Scheme, entities

Conflicts = Literal["error", "old", "new"]
CONFLICTS: tuple[Conflicts, ...] = get_args(Conflicts)
_SHOWN, _CHARACTERS = 5, 40

Document = Sequence[Sentence]


@dataclass(frozen=True, slots=True)
class Merged:
    """
    Args:
        corpus: old and new sentences.
        added: sentences, by split.
        documents: that were added.
        duplicates: documents that were there with the same annotation.
        conflicts: those that were there with another one, for people.
        rule: what became of them.
        new_classes: that the data set did not have.
        read: what a user should know of the new data themselves.
    """

    corpus: Corpus
    added: Mapping[str, int]
    documents: int
    duplicates: int
    conflicts: tuple[str, ...]
    rule: Conflicts
    new_classes: tuple[str, ...]
    read: tuple[str, ...] = ()

    @property
    def replaced(self) -> int:
        """Documents whose annotation is now another one."""
        return len(self.conflicts) if self.rule == "new" else 0

    @property
    def changed(self) -> bool:
        return any(self.added.values()) or self.replaced > 0

    def notes(self) -> list[str]:
        """What a user should know."""
        notes = list(self.read)
        if self.duplicates:
            notes.append(f"{counted(self.duplicates, 'document')} in the data set already: not appended again")
        if self.conflicts:
            stays = "the old annotation stays (--overwrite takes the new one)"
            what = stays if self.rule == "old" else "the new annotation replaces the old one"
            notes.append(f"{_conflicting(self.conflicts)}: {what}")
        if self.new_classes:
            notes.append(f"classes that the data set did not have: {', '.join(self.new_classes)}")
        return notes


def merge(old: Corpus, readings: Mapping[str, Reading], split: str = "train", conflicts: Conflicts = "error") -> Merged:
    """Append what was read to a data set.

    Args:
        readings: by split; what comes as a file of its own is one reading, `train`.
        split: where that goes.
        conflicts: of documents whose words are there with another annotation: refuse, keep the old one, or the new one.
    Raises:
        DataError: there are conflicts, or the new data cannot be read like this.
    """
    if split != "train" and set(readings) != {"train"}:
        raise DataError(f"the new data have splits of their own ({', '.join(readings)}): they cannot all go to {split}")
    empty = {name: Reading(scheme="bio") for name in SPLITS if name not in readings}
    new = assemble(old.name, {**readings, **empty}, old.scheme)
    into = _Splits({name: list(old.split(name)) for name in SPLITS}, old.scheme)
    into.know_borders(old)
    raw = all(sentence.text is not None for name in SPLITS for sentence in old.split(name))
    joined = sum(sentence.text is None for name in readings for sentence in new.split(name)) if raw else 0
    documents: list[tuple[Document, str]] = []
    for name, reading in readings.items():
        target = split if name == "train" else name
        given = map(with_text, new.split(name)) if raw else new.split(name)
        sentences = [cut_again(sentence, old.scheme, old.word_splitting()) for sentence in given]
        documents += [(document, target) for document in _documents(sentences, documents_of(reading))]
    into.know_agreement([document for document, _ in documents])
    for document, target in documents:
        into.add(document, target, conflicts)
    if into.conflicts and conflicts == "error":
        raise DataError(f"{_conflicting(into.conflicts)}; say whose annotation counts: old or new")
    files = tuple(
        replace(file, split=split if file.split == "train" else file.split) for file in new.files if file.format
    )
    corpus = replace(
        old,
        classes=tuple(sorted({*old.classes, *into.classes()})),
        train=tuple(into.sentences["train"]),
        val=tuple(into.sentences["val"]),
        test=tuple(into.sentences["test"]),
        documents=numbered(into.borders()),
        files=files,
    )
    added = {name: len(corpus.split(name)) - len(old.split(name)) for name in SPLITS}
    strange = tuple(label for label in corpus.classes if label not in old.classes)
    found = into.documents, into.duplicates, tuple(into.conflicts)
    read = [note for note in new.notes if note != ONLY_O or not corpus.classes]
    read += into.notes()
    if joined:
        texts = counted(joined, "new sentence is of words", "new sentences are of words")
        read.append(f"{texts}: with blanks between them they are its raw text, cut as in the data set")
    return Merged(corpus, added, *found, conflicts, strange, (*read, *border_notes(new, split)))


@dataclass(slots=True)
class _Splits:
    """The sentences of a data set that grows.

    Args:
        places: (split, number) of the sentences with a key.
        numbers: of the documents of the sentences of train and val.
        agreed: places of documents whose annotation some new document has, too.
        known: sentences of new documents that stood in another split before, by that split.
        cut_otherwise: sentences that have other words with their new annotation.
    """

    sentences: dict[str, list[Sentence]]
    scheme: Scheme
    documents: int = 0
    duplicates: int = 0
    conflicts: list[str] = field(default_factory=list)
    places: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    agreed: set[tuple[str, int]] = field(default_factory=set)
    known: Counter[str] = field(default_factory=Counter)
    cut_otherwise: int = 0

    def know_borders(self, old: Corpus) -> None:
        """The documents of the sentences that there are; each by itself where no borders are known."""
        size = len(old.train) + len(old.val)
        known = list(old.documents or range(size))
        self.numbers = {"train": known[: len(old.train)], "val": known[len(old.train) :], "test": []}

    def know_agreement(self, documents: Sequence[Document]) -> None:
        """What somebody sends back unchanged is no correction of a text that has other annotations elsewhere."""
        self.agreed = {
            place for document in documents for place in self._places(document) if self._same(document, place)
        }

    def borders(self) -> list[int]:
        """The document of every sentence of train, then of val."""
        return [*self.numbers["train"], *self.numbers["val"]]

    def __post_init__(self) -> None:
        for split, sentences in self.sentences.items():
            self.keys[split] = []
            for sentence in sentences:
                self._learn(split, sentence)

    def _learn(self, split: str, sentence: Sentence) -> None:
        key = sentence_key(sentence)
        self.places.setdefault(key, []).append((split, len(self.keys[split])))
        self.keys[split].append(key)

    def add(self, document: Document, split: str, conflicts: Conflicts) -> None:
        """A document, unless its sentences stand somewhere in this order."""
        found = self._places(document)
        if not found:
            self.documents += 1
            following = 1 + max(self.borders(), default=-1)
            self.numbers[split] += [following] * len(document)
            for sentence in document:
                before = {where for where, _ in self.places.get(sentence_key(sentence), ())}
                self.known.update(before - {split})
                self._learn(split, sentence)
                self.sentences[split].append(sentence)
            return
        differing = [place for place in found if not self._same(document, place)]
        if len(differing) < len(found):
            # a text that is there twice, with different annotations, is corrected where it differs: of the split that
            # gets the new documents, and not where another new document says the same as is there
            mine = [place for place in differing if place[0] == split and place not in self.agreed]
            differing = mine if conflicts == "new" else []
        if not differing:
            self.duplicates += 1
            return
        self.conflicts.append(self._shown(document, differing[0]))
        if conflicts == "new":
            for where, first in differing:
                there = self._there(document, (where, first))
                now = [annotated_anew(a, b, self.scheme) for a, b in zip(there, document, strict=True)]
                self.cut_otherwise += sum(
                    a.text is None and a.tokens != b.tokens for a, b in zip(there, now, strict=True)
                )
                self.sentences[where][first : first + len(document)] = now

    def notes(self) -> list[str]:
        """What a user should know of how the new data go with the old ones."""
        notes = [
            f"{counted(n, 'sentence')} of new documents stood in {split} before: a model is tested fairly only on what "
            "it has not learned (nerbb check_dataset names them)"
            for split, n in self.known.items()
        ]
        if self.cut_otherwise:
            texts = counted(self.cut_otherwise, "sentence has", "sentences have")
            notes.append(f"{texts} other words now: an entity begins or ends inside of an old one")
        return notes

    def _places(self, document: Document) -> list[tuple[str, int]]:
        keys = [sentence_key(sentence) for sentence in document]
        starts = self.places.get(keys[0], [])
        return [(split, first) for split, first in starts if self.keys[split][first : first + len(keys)] == keys]

    def _same(self, document: Document, place: tuple[str, int]) -> bool:
        there = self._there(document, place)
        return all(
            places_of_entities(a, self.scheme) == places_of_entities(b, self.scheme)
            for a, b in zip(document, there, strict=True)
        )

    def _there(self, document: Document, place: tuple[str, int]) -> Document:
        split, first = place
        return self.sentences[split][first : first + len(document)]

    def _shown(self, document: Document, place: tuple[str, int]) -> str:
        """`train sentence 12 'Anna lives ...': PER Anna; new: ORG Anna`"""
        pairs = enumerate(zip(self._there(document, place), document, strict=True), start=place[1] + 1)
        number, (old, new) = next(
            (number, (old, new))
            for number, (old, new) in pairs
            if places_of_entities(old, self.scheme) != places_of_entities(new, self.scheme)
        )
        text = " ".join(new.tokens)
        cut = text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 3]}..."
        return f"{place[0]} sentence {number} {cut!r}: {_named(old, self.scheme)}; new: {_named(new, self.scheme)}"

    def classes(self) -> set[str]:
        return {
            entity.label
            for sentences in self.sentences.values()
            for sentence in sentences
            for entity in entities(sentence.tags, self.scheme)
        }


def _documents(sentences: Sequence[Sentence], numbers: Sequence[int]) -> list[list[Sentence]]:
    """Sentence by sentence where the format knows no documents."""
    found: dict[int, list[Sentence]] = {}
    for number, sentence in zip(numbers or range(len(sentences)), sentences, strict=True):
        found.setdefault(number, []).append(sentence)
    return list(found.values())


def _named(sentence: Sentence, scheme: Scheme) -> str:
    """`PER Anna, LOC New York`"""
    found = [f"{one.label} {' '.join(sentence.tokens[one.start : one.end])}" for one in entities(sentence.tags, scheme)]
    return ", ".join(found) or "no entity"


def _conflicting(conflicts: Sequence[str]) -> str:
    shown = "; ".join(conflicts[:_SHOWN]) + (" ..." if len(conflicts) > _SHOWN else "")
    return f"{counted(len(conflicts), 'document')} in the data set with another annotation: {shown}"
