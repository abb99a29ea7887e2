"""Put a Corpus into its folder of a store: whole or not at all, and never over other data unless told to."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nerbb_ray.errors import DataError, StoreError
from nerbb_ray.ner.assembly import SPLITS, Corpus
from nerbb_ray.ner.corpus import find_folder
from nerbb_ray.ner.hub import is_saved
from nerbb_ray.ner.local import has_data, split_files
from nerbb_ray.ner.writer import without_text, write_corpus


@dataclass(frozen=True, slots=True)
class SetUp:
    """What setting up a data set has led to.

    Args:
        status: made; same: it was there with this content; there: it was there, and nothing was compared.
        notes: what a user should know about the data.
    """

    path: Path
    status: Literal["made", "same", "there"]
    corpus: Corpus
    notes: tuple[str, ...]

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
        }[self.status]
        yield "sentences: " + ", ".join(f"{split} {size}" for split, size in self.sizes.items())
        yield f"classes: {', '.join(self.corpus.classes) or 'none'} (scheme {self.corpus.scheme})"
        yield from (f"note: {note}" for note in self.notes)


def is_stored(folder: Path) -> bool:
    """Whether a folder has a data set that an experiment can use."""
    return folder.is_dir() and (bool(split_files(folder)) or is_saved(folder) or has_data(folder))


def place(corpus: Corpus, folder: Path, *, overwrite: bool = False) -> SetUp:
    """Write the files train, val and test into a folder of their own.

    An interruption leaves the folder as it was.

    Args:
        overwrite: whether another content of the folder is deleted.
    Raises:
        StoreError: the folder has another content, or subsets in it; or it cannot be made.
    """
    if _has_content(folder):
        if _holds(folder, corpus):
            return SetUp(folder, "same", corpus, corpus.notes)
        _check_replaceable(folder, corpus.name, overwrite=overwrite)
    with _scratch(folder) as scratch:
        notes = write_corpus(corpus, scratch)
        _move(scratch, folder)
    return SetUp(folder, "made", corpus, (*corpus.notes, *notes))


def _has_content(folder: Path) -> bool:
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"the store has a file in the place of a data set: {folder}; remove it")
    return folder.is_dir() and any(folder.iterdir())


def _holds(folder: Path, corpus: Corpus) -> bool:
    """Whether the folder has the same splits already, with or without their raw text."""
    if not is_stored(folder):
        return False
    try:
        stored = find_folder(folder, None, corpus.name).corpus(corpus.scheme)
    except DataError:
        return False
    return stored.fingerprint in (corpus.fingerprint, without_text(corpus).fingerprint)


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


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder beside another one, gone at the end if it has not been moved."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from error
    try:
        scratch.chmod(folder.parent.stat().st_mode & 0o777)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _move(scratch: Path, folder: Path) -> None:
    if not _has_content(folder):
        scratch.replace(folder)
        return
    with _scratch(folder) as old:
        folder.rename(old / folder.name)
        try:
            scratch.rename(folder)
        except BaseException:
            (old / folder.name).rename(folder)
            raise
        if (old / folder.name).is_symlink():
            (old / folder.name).unlink()  # only the link: what it leads to is not ours
