"""The files of a data set in a store: in the best form from which reading gives the same corpus again."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from nerbb_ray.data.build_corpus import SPLITS, Corpus
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import Scheme, entities

# made once: json.dumps makes one for every call
_ASCII, _READABLE = json.JSONEncoder().encode, json.JSONEncoder(ensure_ascii=False).encode

Row = Callable[[Sentence, Scheme], dict[str, Any]]


class Form(NamedTuple):
    """A way to write sentences.

    Args:
        row: of one sentence.
        keeps_scheme: whether the scheme of the tags can be told from the rows.
        notes: what the user should know.
    """

    row: Row
    keeps_scheme: bool
    notes: tuple[str, ...]


def write_corpus(corpus: Corpus, folder: Path) -> tuple[str, ...]:
    """Write the splits into a folder that exists, so that reading them gives the same corpus again.

    With raw text for every sentence they are entities by their place, else words and tags.

    Returns:
        What a user should know about the files.
    Raises:
        DataError: no form of the files gives the same corpus again.
    """
    for form in _forms(corpus):
        for split in SPLITS:
            _write(folder / f"{split}.jsonl", corpus.split(split), corpus.scheme, form.row)
        if _is_same(corpus, folder, form):
            return form.notes
    raise DataError(f"data set {corpus.name!r} cannot be stored without loss; please report this with the data")


def _forms(corpus: Corpus) -> list[Form]:
    """From the best to the one that always works."""
    forms = [Form(_pretokenised, True, ()), Form(_with_scheme, True, ())]
    whole = [sentence for split in SPLITS for sentence in corpus.split(split)]
    if bare := sum(sentence.text is None for sentence in whole):
        rule = f"{bare} of {len(whole)} sentences have no raw text, that of others is lost"
        mixed = (f"stored as words and tags: {rule}",) if bare < len(whole) else ()
        return [form._replace(notes=mixed) for form in forms]
    notes: tuple[str, ...] = ()
    if corpus.scheme != "bio":
        notes = (f"stored as entities in raw text: for {corpus.scheme} tags, set annotation_scheme in the experiment",)
    lossy = "stored as words and tags without the raw text, in which these entities cannot be told apart"
    return [Form(_standard, False, notes), *(form._replace(notes=(lossy,)) for form in forms)]


def _is_same(corpus: Corpus, folder: Path, form: Form) -> bool:
    try:
        again = load_corpus(folder, scheme="auto" if form.keeps_scheme else corpus.scheme, stored=True)
    except DataError:
        return False
    expected = without_text(corpus) if form.row is not _standard else corpus
    return seen_by_training(again) == seen_by_training(expected)


def seen_by_training(corpus: Corpus) -> tuple[object, ...]:
    """What the fingerprint is made of."""
    return corpus.scheme, corpus.classes, corpus.train, corpus.val, corpus.test


def without_text(corpus: Corpus) -> Corpus:
    """The same words and tags."""
    if all(sentence.text is None for split in SPLITS for sentence in corpus.split(split)):
        return corpus
    rows = {split: tuple(replace(s, text=None, spans=None) for s in corpus.split(split)) for split in SPLITS}
    return replace(corpus, train=rows["train"], val=rows["val"], test=rows["test"])


def _write(path: Path, sentences: tuple[Sentence, ...], scheme: Scheme, row: Row) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for sentence in sentences:
            # ASCII: no editor and no version control can change what a strange character is
            encode = _ASCII if _is_strange(sentence) else _READABLE
            file.write(encode(row(sentence, scheme)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _is_strange(sentence: Sentence) -> bool:
    """Whether a word has characters that are invisible or may end a line."""
    text = "".join(sentence.tokens) if sentence.text is None else sentence.text
    return not text.isprintable()


def _pretokenised(sentence: Sentence, _: Scheme) -> dict[str, Any]:
    return {"tokens": sentence.tokens, "tags": sentence.tags}


def _with_scheme(sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    return {"tokens": sentence.tokens, "tags": sentence.tags, "scheme": scheme}


def _standard(sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    text, words = sentence.text or "", sentence.spans or ()
    marks = []
    for label, first, behind in entities(sentence.tags, scheme):
        start, end = words[first][0], words[behind - 1][1]
        marks.append({"token": text[start:end], "tag": label, "char_start": start, "char_end": end})
    return {"text": text, "tags": marks}
