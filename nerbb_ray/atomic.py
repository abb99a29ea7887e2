"""Files and folders that are there as a whole or not at all: written beside their place, then renamed.

They get the permissions that the umask of the process gives; a temporary file of the standard library would be readable
for its owner alone.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = ".part"  # how the names of what is not finished end; they begin with a dot


@contextmanager
def new_file(path: Path, *, keep: bool = False) -> Iterator[Path]:
    """A path to write to, which becomes `path` if nothing is raised; its folder is made if need be.

    Args:
        keep: a `path` that somebody else makes meanwhile stays as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _beside(path)
    try:
        yield scratch
        if not (keep and _linked(scratch, path)):
            scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _linked(scratch: Path, path: Path) -> bool:
    """Whether `path` is there afterwards. A link, unlike a new name, never takes the place of a file."""
    with contextlib.suppress(OSError):
        os.link(scratch, path)
    return path.exists()  # a file system without links leaves a moment between this look and the renaming


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `path` if nothing is raised; otherwise the old one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch, old = _beside(path), _beside(path)
    scratch.mkdir()
    try:
        yield scratch
        if path.exists():
            path.rename(old)
        try:
            scratch.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    finally:
        for folder in (scratch, old):
            _remove(folder)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 with line feeds; nobody ever sees a part of it."""
    with new_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def clear_unfinished(folder: Path) -> None:
    """Delete what killed processes left in a folder that only one process at a time writes to."""
    for path in folder.glob(f".*{PART}"):
        _remove(path)


def give_everybody(folder: Path) -> None:
    """Give the files of a folder, which a library has written for their owner only, the permissions of the umask."""
    umask = os.umask(0)
    os.umask(umask)
    for file in folder.rglob("*"):
        file.chmod((0o777 if file.is_dir() else 0o666) & ~umask)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)  # of a link only the link: what it leads to is not ours


def _beside(path: Path) -> Path:
    # the name of the target would make the new one too long for some file systems
    return path.with_name(f".{path.name[:60]}.{uuid.uuid4().hex[:12]}{PART}")
