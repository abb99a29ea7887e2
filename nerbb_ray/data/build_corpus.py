"""From the sentences of some files to a Corpus: one tag scheme, known classes, three splits."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from nerbb_ray.data.sentences import BLANK, Reading, Sentence
from nerbb_ray.data.split import DEFAULT, HoldOut, hold_out
from nerbb_ray.data.tag_errors import refuse_stray_tags
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import (
    OUTSIDE,
    OUTSIDE_SPELLINGS,
    SCHEMES,
    TARGET_OF,
    Scheme,
    SourceScheme,
    convert,
    explain,
    recognise,
    split_tag,
    tag_set,
)

SPLITS = ("train", "val", "test")
_SHOWN = 3  # places of what was mended


@dataclass(frozen=True, slots=True)
class Corpus:
    """A data set that is ready to be encoded.

    Args:
        classes: of all splits before pruning, sorted, without O.
        notes: what a user should know about the data, for the log.
        fingerprint: sha256 (hex) of everything that training can see; the name is no part of it.
    """

    name: str
    scheme: Scheme
    classes: tuple[str, ...]
    train: tuple[Sentence, ...]
    val: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    notes: tuple[str, ...] = ()
    fingerprint: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag set, O first; ids of tags are indices into it."""
        return tag_set(self.classes, self.scheme)

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


def assemble(name: str, readings: Mapping[str, Reading], scheme: str, rule: HoldOut = DEFAULT) -> Corpus:
    """Bring the splits of a data set into one scheme.

    Args:
        readings: by split; val and test may be missing, and are then held out from train.
        scheme: plain, bio, bilou, or auto for that of the data.
        rule: how val and test are held out.
    Raises:
        DataError: train is empty, a tag breaks the scheme of the others, or a class cannot be told from a name of the
            metrics.
    """
    notes = [note for reading in readings.values() for note in reading.notes]
    splits = {split: _cleaned(split, reading.sentences, notes) for split, reading in readings.items()}
    if not splits.get("train"):
        raise DataError(f"data set {name!r}: train has no sentences")
    tags = [s.tags for split, reading in readings.items() if not reading.scheme for s in splits[split]]
    source = _source(tags, scheme, notes)
    if source == "plain" != scheme:
        unknown = {split: reading for split, reading in readings.items() if not reading.scheme}
        refuse_stray_tags(unknown, {split: splits[split] for split in unknown})
    sources: dict[str, SourceScheme] = {split: reading.scheme or source for split, reading in readings.items()}
    target = _target(scheme, sources)
    converted = {
        split: _converted(split, rows, sources[split], target, notes, readings[split].source)
        for split, rows in splits.items()
    }
    classes = sorted({split_tag(tag, target)[1] for rows in converted.values() for s in rows for tag in s.tags} - {""})
    _check_classes(name, classes, notes)
    hold_out(converted, _documents(readings["train"]), rule, notes)
    return Corpus(name, target, tuple(classes), converted["train"], converted["val"], converted["test"], tuple(notes))


def _cleaned(split: str, sentences: Iterable[Sentence], notes: list[str]) -> list[Sentence]:
    """The sentences that have words, with O written as O and no blanks around tags."""
    rows = list(sentences)
    kept = [replace(row, tags=tuple(_clean_tag(tag) for tag in row.tags)) for row in rows if row.tokens]
    if len(kept) < len(rows):
        notes.append(f"{split}: {len(rows) - len(kept)} sentences without any word left out")
    return kept


def _clean_tag(tag: str) -> str:
    bare = tag.strip(BLANK)
    return OUTSIDE if bare in OUTSIDE_SPELLINGS else bare


def _source(tags: Sequence[Sequence[str]], scheme: str, notes: list[str]) -> SourceScheme:
    """The scheme of the data: what their tags look like, unless the user knows better."""
    guess = recognise(tags)
    if guess != "plain":
        return guess
    forms = {known: form for known in SCHEMES if (form := explain(tags, known))}
    if scheme == "auto" and forms:
        looks = ", ".join(sorted({tag for row in tags for tag in row} - OUTSIDE_SPELLINGS)[:5])
        notes.append(
            f"read as plain classes although all of them begin like tags of {' or '.join(forms)} ({looks}): "
            f"if that is what they are, set annotation_scheme = {next(iter(forms))}"
        )
    named = next((form for known, form in forms.items() if known == scheme), None)
    if named:
        notes.append(f"tags read as {named} because annotation_scheme = {scheme}; they could be plain classes")
    return named or guess


def _target(scheme: str, sources: Mapping[str, SourceScheme]) -> Scheme:
    if scheme == "auto":
        return TARGET_OF[sources["train"]]
    target = next((known for known in SCHEMES if known == scheme), None)
    if target is None:
        raise DataError(f"annotation scheme must be one of auto, {', '.join(SCHEMES)}; got {scheme!r}")
    return target


def _converted(
    split: str, rows: list[Sentence], source: SourceScheme, target: Scheme, notes: list[str], file: str
) -> tuple[Sentence, ...]:
    mended: list[str] = []
    written: list[Sentence] = []
    for sentence in rows:
        tags: Sequence[str] = sentence.tags
        if source not in ("plain", "iob1"):
            formed = convert(tags, source, source)
            mended += [
                f"{PurePath(file).name}:{sentence.line(word)} {a}" if sentence.line(word) else a
                for word, (a, b) in enumerate(zip(tags, formed, strict=True))
                if a.upper() != b.upper()
            ]
            tags = formed
        written.append(replace(sentence, tags=tuple(convert(tags, source, target))))
    if mended:
        rule = f"{len(mended)} tags were not well-formed {source} (such as I- without B-) and were mended"
        notes.append(f"{split}: {rule}: {', '.join(mended[:_SHOWN])}{' ...' if len(mended) > _SHOWN else ''}")
    if source != target and rows:
        lost = "; neighbours of one class are one entity from now on" if target == "plain" else ""
        notes.append(f"{split}: tags converted from {source} to {target}{lost}")
    return tuple(written)


def _check_classes(name: str, classes: list[str], notes: list[str]) -> None:
    from nerbb_ray.ner.scores import RESERVED_LABELS  # loads numpy, and `import nerbb_ray` comes by here

    reserved = sorted((RESERVED_LABELS | OUTSIDE_SPELLINGS) & set(classes))
    if reserved:
        raise DataError(
            f"data set {name!r}: a class must not be called {', '.join(reserved)}: metrics and O use these names; "
            "rename the class in the data"
        )
    if not classes:
        notes.append("no sentence has an entity: a model can only learn O")
    prefixed = {label[2:] for label in classes if label.startswith("B-")}
    odd = prefixed & {label[2:] for label in classes if label.startswith("I-")}
    if odd:
        bare = [label for label in classes if label[1:2] != "-"][:5]
        notes.append(
            f"read as plain classes although {len(odd)} of them look like B- and I- tags: other tags have no such form "
            f"({', '.join(bare) or 'see the prefixes'})"
        )


def _documents(reading: Reading) -> list[int]:
    """The document of each sentence that has words; empty if the data know no documents."""
    pairs = zip(reading.documents, reading.sentences, strict=True) if reading.documents else ()
    return [document for document, sentence in pairs if sentence.tokens]
