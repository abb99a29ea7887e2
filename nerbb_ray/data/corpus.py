"""Corpora by name: from the store, from a path, from the built-in names, or from the hub."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from nerbb_ray.data.build_corpus import SPLITS, Corpus, assemble
from nerbb_ray.data.cycles import no_search_for_cycles
from nerbb_ray.data.fetch import read_local, read_name, read_splits
from nerbb_ray.data.find_splits import split_files
from nerbb_ray.data.folders import local_path, read_files
from nerbb_ray.data.hub import is_saved
from nerbb_ray.data.known_names import BUILTIN, did_you_mean
from nerbb_ray.data.odd_words import without_document_marks
from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.origin import chosen_splitting, stored_documents
from nerbb_ray.data.raw_tags import standard_tags
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.split import DEFAULT, HoldOut
from nerbb_ray.data.words_of_text import FORMER, WordSplitting
from nerbb_ray.errors import DataError

# (format, key of the tags) of what `write_corpus` writes
OWN_FORMS = {("tokens", "tags"), ("spans", "tags")}

__all__ = [
    "SPLITS",
    "Corpus",
    "Found",
    "Sentence",
    "find_corpus",
    "find_data",
    "find_folder",
    "load_corpus",
    "load_hub",
]


@dataclass(frozen=True, slots=True)
class Found:
    """A data set as it stands in its files, before anything is mended or converted.

    Args:
        readings: by split; val and test may be missing. Their tags are in the usual spelling (`raw_tags.py`).
        stored: whether the data were settled when they were set up.
        splitting: that was chosen at set-up.
        documents: of the sentences of train and val, as they were known then; None: what the files say.
    """

    name: str
    readings: Mapping[str, Reading]
    stored: bool = False
    splitting: WordSplitting | None = None
    documents: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls, name: str, readings: Mapping[str, Reading], options: ReadingOptions = AUTO, *, stored: bool = False
    ) -> Self:
        """
        Args:
            stored: whether the data are in the store; only those in its own formats were settled there.
        Raises:
            DataError: what the tags mean is not certain.
        """
        if stored and all(_is_own(reading) for reading in readings.values()):
            return cls(name, readings, stored=True)
        return cls(name, standard_tags(without_document_marks(readings), options))

    def corpus(self, scheme: str = "auto", rule: HoldOut = DEFAULT) -> Corpus:
        corpus = assemble(self.name, self.readings, scheme, rule, stored=self.stored, splitting=self.splitting)
        return corpus if self.documents is None else _with_documents(corpus, self.documents)


def _with_documents(corpus: Corpus, documents: tuple[int, ...]) -> Corpus:
    """With the borders that were known at set-up; the store's own files do not say them."""
    if documents and len(documents) != len(corpus.train) + len(corpus.val):
        note = "the borders of documents in origin.json are not those of the data, which were changed since: not used"
        return replace(corpus, documents=(), notes=(*corpus.notes, note))
    return replace(corpus, documents=documents)


def _is_own(reading: Reading) -> bool:
    """Whether this is of a form that the store writes."""
    return not reading.sentences or (
        not reading.numbers and (reading.format, reading.choices.get("tag_column")) in OWN_FORMS
    )


@no_search_for_cycles()
def load_corpus(directory: Path, *, scheme: str = "auto", name: str | None = None, stored: bool = False) -> Corpus:
    """Read the files train, val and test of a folder, each by its content.

    Missing val or test is held out from train; an empty file is an empty split.

    Args:
        stored: whether the folder is one of a store.
    Raises:
        DataError: no train data, or data that are not in their format, by file and line.
    """
    readings = read_files(split_files(directory), directory)
    return Found.of(name or directory.name, readings, stored=stored).corpus(scheme)


def load_hub(
    name: str, subset: str | None = None, *, scheme: str = "auto", revision: str | None = None, title: str | None = None
) -> Corpus:
    """Load a data set through the `datasets` library.

    Args:
        name: on the hub, or the path of a folder that the library can read.
        title: the name of the corpus, if it is another.
    """
    return Found.of(title or name, read_splits(name, subset, revision)).corpus(scheme)


def find_corpus(
    dataset_name: str,
    subset: str | None,
    datasets_dir: Path,
    *,
    scheme: str = "auto",
    ask_hub: bool = True,
    rule: HoldOut = DEFAULT,
) -> Corpus:
    """Load a data set by name: from the store, a path, the built-in names or the hub, in this order.

    Args:
        ask_hub: whether the network may be used; if not, only what is on this machine is found.
        rule: how a missing val and test are held out from train.
    Raises:
        DataError: it is nowhere (with all places), its name leaves the store, or its data are bad.
    """
    return find_data(dataset_name, subset, datasets_dir, ask_hub=ask_hub).corpus(scheme, rule)


def find_data(
    dataset_name: str,
    subset: str | None,
    datasets_dir: Path,
    *,
    ask_hub: bool = True,
    options: ReadingOptions = AUTO,
) -> Found:
    """As `find_corpus`, with the tags as they stand in the files.

    Args:
        options: how data are read that are not in the store.
    """
    if not dataset_name or _goes_up(dataset_name):
        rule = "must not be empty or contain '..' (for a folder elsewhere, give its whole path)"
        raise DataError(f"a data set's name {rule}; got {dataset_name!r}")
    if subset is not None and (_goes_up(subset) or subset.startswith(("/", "~"))):
        raise DataError(f"the name of a subset must not lead out of the data set's folder; got {subset!r}")
    is_path = dataset_name.startswith(("/", ".", "~"))
    stored, path = datasets_dir / dataset_name, local_path(dataset_name)
    if not is_path and _is_stored(stored, subset):
        return find_folder(stored, subset, dataset_name, stored=True)
    if "/" in dataset_name and path.is_dir():
        return find_folder(path, subset, path.name, options)
    if path.is_file() and (is_path or "/" in dataset_name):
        raise DataError("is a file; bring it into the store (nerbb set_up_dataset FILE), then use its name there", path)
    if is_path:
        raise DataError(f"data set {dataset_name!r}: there is no such folder")
    if not ask_hub:
        meant = did_you_mean(dataset_name, datasets_dir)
        raise DataError(f"data set {dataset_name!r} is not in the store ({stored}), and the hub was not asked{meant}")
    if dataset_name not in BUILTIN and path.exists():
        meant = f"if you mean what lies here, say ./{dataset_name}"
        raise DataError(f"data set {dataset_name!r} is not in the store ({stored}); {meant}")
    downloads = datasets_dir.parent / "cache" / "downloads"
    places = {"stored": stored, "datasets": datasets_dir, "downloads": downloads}
    return Found.of(dataset_name, read_name(dataset_name, subset, None, options, **places), options)


def _goes_up(name: str) -> bool:
    return ".." in name.replace("\\", "/").split("/") or "\0" in name


def _is_stored(folder: Path, subset: str | None) -> bool:
    """Whether the store means this data set: a folder of nothing but other subsets does not count."""
    if subset and (folder / subset).is_dir():
        return True
    return folder.is_dir() and (any(not path.is_dir() for path in folder.iterdir()) or not any(folder.iterdir()))


@no_search_for_cycles()
def find_folder(
    folder: Path, subset: str | None, name: str, options: ReadingOptions = AUTO, *, stored: bool = False
) -> Found:
    """A folder of data files, or one that the `datasets` library can read.

    Args:
        stored: whether the folder is one of a store.
    """
    if subset and (folder / subset).is_dir():
        folder, name, subset = folder / subset, f"{name}/{subset}", None
    if subset and (split_files(folder) or is_saved(folder)):
        raise DataError(f"data set {name!r} has no subset {subset!r}: expected a folder of this name in it", folder)
    found = Found.of(name, read_local(folder, subset, options), options, stored=stored)
    if not stored:
        return found
    splitting = chosen_splitting(folder)
    found = replace(found, documents=stored_documents(folder) if found.stored else None)
    if splitting is None and found.stored and any(s.text for r in found.readings.values() for s in r.sentences):
        former = Found.of(name, read_local(folder, subset, replace(options, words=FORMER)), options, stored=True)
        return _noted(replace(former, documents=found.documents), found)
    return replace(found, splitting=splitting)


def _noted(former: Found, today: Found) -> Found:
    """Data that 0.3.0 has set up, with its words, and a note where they are not those of today."""
    for split, reading in former.readings.items():
        pairs = zip(reading.sentences, today.readings[split].sentences, strict=True)
        if changed := sum(a.tokens != b.tokens for a, b in pairs):
            way = "scripts without blanks are not cut into characters, nor are signs of several characters kept whole"
            reading.notes.append(
                f"{split}: {changed} sentences are cut into words as 0.3.0 did: {way}: set the data up anew"
            )
    return former
