"""Zip archives of data files: unpacked beside the archive, and nowhere else."""

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from nerbb_ray import atomic
from nerbb_ray.errors import DataError

MAX_BYTES = 4 * 2**30
MAX_FILES = 100_000
_LINK = 0o120000


def unpack(archive: Path, folder: Path | None = None, *, fresh: bool = False) -> Path:
    """The folder with the content of an archive; if that is a single folder, that one.

    Args:
        folder: that gets the content; None for one beside the archive.
        fresh: unpack it again even if that has been done.
    Raises:
        DataError: it is no archive, is damaged, too large, or has members that would leave the folder.
    """
    folder = folder or archive.with_name(f"{archive.name}.content")
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        with atomic.new_folder(folder) as scratch:
            _extract(archive, scratch)
    entries = [path for path in folder.iterdir() if path.name != "__MACOSX"]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _extract(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as content:
            members = content.infolist()
            for member in members:
                _check_member(member, archive)
            if len(members) > MAX_FILES or sum(member.file_size for member in members) > MAX_BYTES:
                raise DataError(f"must have at most {MAX_FILES} files and {MAX_BYTES} bytes unpacked", archive)
            content.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"is no zip archive that can be unpacked: {error}", archive) from error


def _check_member(member: zipfile.ZipInfo, archive: Path) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    drive = path.parts and path.parts[0].endswith(":")
    if path.is_absolute() or ".." in path.parts or drive:
        raise DataError(f"has a member that leaves its folder, which is refused: {member.filename!r}", archive)
    if (member.external_attr >> 16) & 0o170000 == _LINK:
        raise DataError(f"has a symbolic link, which is refused: {member.filename!r}", archive)
