"""Data wherever they are: built-in names, data sets of the hub, addresses of files, paths."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nerbb_ray.data.archive import unpack
from nerbb_ray.data.detect import READERS, read_file
from nerbb_ray.data.download import NotDownloadedError, download
from nerbb_ray.data.folders import FILES, SPLIT_NAMES, has_data, read_path, split_files
from nerbb_ray.data.hub import NotLoadedError, is_saved, read_hub
from nerbb_ray.data.known_names import BUILTIN, Source, did_you_mean
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

ARCHIVE = ".zip"
Readings = Mapping[str, Reading]


def read_name(
    name: str, subset: str | None, revision: str | None, *, stored: Path, datasets: Path, downloads: Path
) -> Readings:
    """A data set that is built in or on the hub.

    Args:
        revision: of the hub; None for the usual one.
        stored: where the user can put the data if they cannot be had.
        datasets: of the store, one of which may have been meant.
        downloads: cache of files of the web.
    Raises:
        DataError: it cannot be had, with what to do; or its data are bad.
    """
    source = BUILTIN.get(name)
    by_hand = f"put files {FILES} into {stored}"
    if source is not None and not source.hub and not source.files:
        raise DataError(f"data set {name!r} cannot be downloaded: fetch it from {source.page} and {by_hand}")
    try:
        if source is None:
            return read_splits(name, subset, revision)
        if source.files:
            return _read_files(name, source, subset, revision, downloads)
        return read_splits(source.hub or name, subset or source.subset, revision or source.revision)
    except (NotLoadedError, NotDownloadedError) as error:
        known = f"is built in, but {error}" if source else f"is not built in ({', '.join(BUILTIN)}), and {error}"
        fetched = f"fetch it from {source.page} elsewhere and " if source else ""
        hint = did_you_mean(name, datasets) if source is None else ""
        meant = f"{hint} It" if hint else ": it"
        raise DataError(
            f"data set {name!r} not found{meant} is not in the store ({stored}), {known}. "
            f"Without a connection, {fetched}{by_hand}"
        ) from error


def read_url(url: str, *, downloads: Path, fresh: bool = False) -> Readings:
    """A file of the web, or a zip archive of files.

    Raises:
        DataError: it cannot be had, with what to do; or its data are bad.
    """
    try:
        path = download(url, downloads, fresh=fresh)
    except NotDownloadedError as error:
        raise DataError(f"{error}. Fetch it in another way and name the file instead of the address") from error
    if path.suffix.lower() not in (*READERS, ARCHIVE):
        raise DataError(f"{url}: expected a file with one of {', '.join(READERS)}, {ARCHIVE}; got {path.name!r}")
    try:
        return read_local(unpack(path, fresh=fresh)) if path.suffix.lower() == ARCHIVE else read_path(path)
    except DataError:
        # its folder is that of its address only; once the file is mended on its server, the new one is fetched
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def read_splits(name: str, subset: str | None, revision: str | None = None) -> Readings:
    """The splits of a data set of the hub, or of a folder that its library can read."""
    found = read_hub(name, subset, revision)
    own_names = {split: next((own for own in names if own in found), None) for split, names in SPLIT_NAMES.items()}
    readings = {
        split: replace(found[own], source=f"{name}[{own}]") for split, own in own_names.items() if own is not None
    }
    if "train" not in readings:
        raise DataError(f"data set {name!r}: expected a split train; got {', '.join(found) or 'none'}")
    return readings


def read_local(path: Path, subset: str | None = None) -> Readings:
    """A file or a folder of this machine, also a folder that only the library of the hub can read.

    Raises:
        DataError: there is nothing that can be read, or the data are bad.
    """
    if not path.is_dir() or split_files(path) or not any(path.iterdir()):
        return read_path(path)
    if not subset and not is_saved(path) and has_data(path):
        return read_path(path)
    try:
        return read_splits(str(path), subset)
    except NotLoadedError as error:
        raise DataError(f"expected files {FILES}, or what the datasets library reads. {error}", path) from error


def _read_files(name: str, source: Source, subset: str | None, revision: str | None, downloads: Path) -> Readings:
    if subset or revision:
        raise DataError(f"data set {name!r} has no subsets and revisions; got {subset or revision!r}")
    paths = {
        split: download(remote.url, downloads, name=remote.name, sha256=remote.sha256)
        for split, remote in source.files.items()
    }
    return {split: read_file(path) for split, path in paths.items()}
