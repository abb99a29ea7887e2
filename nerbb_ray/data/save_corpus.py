"""Put a Corpus into its folder of a store: whole or not at all, and never over other data unless told to."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from nerbb_ray import atomic
from nerbb_ray.data.append import Merged
from nerbb_ray.data.border_notes import border_notes
from nerbb_ray.data.build_corpus import SPLITS, Corpus
from nerbb_ray.data.corpus import find_folder
from nerbb_ray.data.find_splits import has_data, split_files
from nerbb_ray.data.hub import is_saved
from nerbb_ray.data.odd_words import word_notes
from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.origin import FILE as ORIGIN
from nerbb_ray.data.origin import read_origin, write_appended_origin, write_origin
from nerbb_ray.data.wording import counted
from nerbb_ray.data.write_corpus import seen_by_training, without_text, write_corpus
from nerbb_ray.errors import DataError, StoreError


@dataclass(frozen=True, slots=True)
class SetUp:
    """What setting up a data set has led to.

    Args:
        status: made; same: it was there with this content; there: it was there, and nothing was compared; appended.
        notes: what a user should know about the data.
        merged: what was appended.
    """

    path: Path
    status: Literal["made", "same", "there", "appended"]
    corpus: Corpus
    notes: tuple[str, ...]
    merged: Merged | None = None

    @property
    def name(self) -> str:
        return self.corpus.name

    @property
    def sizes(self) -> dict[str, int]:
        """Sentences of each split."""
        return {split: len(self.corpus.split(split)) for split in SPLITS}

    def lines(self) -> Iterator[str]:
        """For a reader."""
        yield {
            "made": f"data set {self.name} is set up in {self.path}",
            "same": f"data set {self.name} is in the store with the same content: nothing to do ({self.path})",
            "there": f"data set {self.name} is in the store already: nothing was done ({self.path}); "
            "overwrite it to set it up anew",
            "appended": f"data set {self.name}: appended {self._appended()} ({self.path})",
        }[self.status]
        yield from map(str, self.corpus.files if self.status != "there" else ())
        yield "sentences: " + ", ".join(f"{split} {size}" for split, size in self.sizes.items())
        yield f"classes: {', '.join(self.corpus.classes) or 'none'} (scheme {self.corpus.scheme})"
        yield f"running text is cut by: {self.corpus.word_splitting()}"
        yield from (f"note: {note}" for note in self.notes)

    def _appended(self) -> str:
        """`12 sentences to train, 3 sentences to val, replaced 1 document`"""
        added = self.merged.added.items() if self.merged else ()
        parts = [f"{counted(number, 'sentence')} to {split}" for split, number in added if number]
        if self.merged and self.merged.replaced:
            parts = [*(parts or ["nothing"]), f"replaced {counted(self.merged.replaced, 'document')}"]
        return ", ".join(parts) or "nothing"


def is_stored(folder: Path) -> bool:
    """Whether a folder has a data set that an experiment can use."""
    return folder.is_dir() and (bool(split_files(folder)) or is_saved(folder) or has_data(folder))


def place(
    corpus: Corpus,
    folder: Path,
    *,
    source: str | None = None,
    options: ReadingOptions = AUTO,
    overwrite: bool = False,
) -> SetUp:
    """Write the files train, val and test into a folder of their own, and what they were read from.

    An interruption leaves the folder as it was.

    Args:
        source: as the user has named it; None for a name of the hub.
        options: as the user has given them.
        overwrite: whether another content of the folder is deleted.
    Raises:
        StoreError: the folder has another content, or subsets in it; or it cannot be made.
    """
    notes = (*corpus.notes, *border_notes(corpus), *word_notes(corpus))
    corpus = replace(corpus, splitting=corpus.word_splitting(), notes=notes)
    about = source, options.given(), corpus.files
    if _has_content(folder):
        if _holds(folder, corpus):
            write_origin(folder, *about, corpus.notes, corpus.word_splitting(), corpus.documents)
            return SetUp(folder, "same", corpus, corpus.notes)
        _check_replaceable(folder, corpus.name, overwrite=overwrite)
    splitting, documents = corpus.word_splitting(), corpus.documents
    said_notes = _make(corpus, folder, lambda scratch, said: write_origin(scratch, *about, said, splitting, documents))
    return SetUp(folder, "made", corpus, said_notes)


def place_appended(merged: Merged, folder: Path, *, source: str | None, options: ReadingOptions = AUTO) -> SetUp:
    """Write a data set that has grown into its folder, and add to `origin.json` what was appended.

    An interruption leaves the folder as it was; so does it if there is nothing new.

    Raises:
        StoreError: the folder has folders in it, or data that somebody has put there by hand; or it cannot be made.
    """
    corpus, said = merged.corpus, tuple(merged.notes())
    if not merged.changed:
        return SetUp(folder, "appended", corpus, said, merged)
    _check_replaceable(folder, corpus.name, overwrite=True)
    _check_written_here(folder, corpus.name)
    corpus = replace(corpus, splitting=corpus.word_splitting())
    earlier, about = read_origin(folder), (source, options.given(), corpus.files)
    notes = _make(
        replace(corpus, notes=said),
        folder,
        lambda scratch, notes: write_appended_origin(
            scratch, earlier, *about, notes, corpus.word_splitting(), corpus.documents
        ),
        keep=True,
    )
    return SetUp(folder, "appended", corpus, notes, merged)


def _make(
    corpus: Corpus, folder: Path, write_about: Callable[[Path, tuple[str, ...]], None], *, keep: bool = False
) -> tuple[str, ...]:
    """
    Args:
        keep: whether the files that are not written here stay.
    Returns:
        All notes.
    """
    try:
        with atomic.new_folder(folder) as scratch:
            for path in _others(folder) if keep else ():
                shutil.copy2(path, scratch / path.name, follow_symlinks=False)
            notes = (*corpus.notes, *write_corpus(corpus, scratch))
            write_about(scratch, notes)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from error
    return notes


def _has_content(folder: Path) -> bool:
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"the store has a file in the place of a data set: {folder}; give it another name")
    return folder.is_dir() and any(folder.iterdir())


def _holds(folder: Path, corpus: Corpus) -> bool:
    """Whether the folder has the same splits already, with or without their raw text."""
    if not is_stored(folder):
        return False
    try:
        stored = find_folder(folder, None, corpus.name, stored=True).corpus(corpus.scheme)
    except DataError:
        return False
    return seen_by_training(stored) in (seen_by_training(corpus), seen_by_training(without_text(corpus)))


def _check_replaceable(folder: Path, name: str, *, overwrite: bool) -> None:
    subfolders = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if subfolders:
        given = ", ".join(subfolders[:5])
        raise StoreError(
            f"the folder of data set {name!r} has folders in it, which are never deleted: {given}; "
            f"move them away or choose another name ({folder})"
        )
    if not overwrite:
        raise StoreError(
            f"data set {name!r} is in the store with another content ({folder}); "
            "to replace it, say so with overwrite (--overwrite), or choose another name"
        )


def _others(folder: Path) -> list[Path]:
    """The files that `_make` does not write."""
    written = {ORIGIN, *(f"{split}.jsonl" for split in SPLITS)}
    return [path for path in sorted(folder.iterdir()) if path.name not in written]


def _check_written_here(folder: Path, name: str) -> None:
    """Data that were put there by hand would be read no more, or their comments and other columns would be lost."""
    used = split_files(folder).values()
    by_hand = [path.name for path in _others(folder) if path in used]
    if by_hand:
        raise StoreError(
            f"the files of data set {name!r} were put there by hand ({', '.join(by_hand)}), and appending would write "
            f"others in their place: bring them in under another name (nerbb set_up_dataset {folder} --name NAME), and "
            "append to that"
        )
