"""Data wherever they are: built-in names, data sets of the hub, addresses of files, paths."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from nerbb_ray.data.alike import read_alike
from nerbb_ray.data.archive import unpack
from nerbb_ray.data.content import suffix_of
from nerbb_ray.data.detect import SUFFIXES, read_file
from nerbb_ray.data.download import NotDownloadedError, download
from nerbb_ray.data.find_splits import has_data, inner_folder, split_files
from nerbb_ray.data.folders import ARCHIVE, FILES, read_path
from nerbb_ray.data.hub import NotLoadedError, is_saved, read_hub
from nerbb_ray.data.known_names import BUILTIN, Source, did_you_mean
from nerbb_ray.data.options import AUTO, ReadingOptions, option
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.split_names import NO_SPLIT, SPLIT_NAMES, is_exact
from nerbb_ray.errors import DataError

Readings = Mapping[str, Reading]


def read_name(
    name: str,
    subset: str | None,
    revision: str | None,
    options: ReadingOptions = AUTO,
    *,
    stored: Path,
    datasets: Path,
    downloads: Path,
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
            return read_splits(name, subset, revision, options)
        if source.files:
            return _read_files(name, source, subset, revision, options, downloads)
        return read_splits(source.hub or name, subset or source.subset, revision or source.revision, options)
    except (NotLoadedError, NotDownloadedError) as error:
        known = f"is built in, but {error}" if source else f"is not built in ({', '.join(BUILTIN)}), and {error}"
        fetched = f"fetch it from {source.page} elsewhere and " if source else ""
        hint = did_you_mean(name, datasets) if source is None else ""
        meant = f"{hint} It" if hint else ": it"
        raise DataError(
            f"data set {name!r} not found{meant} is not in the store ({stored}), {known}. "
            f"Without a connection, {fetched}{by_hand}"
        ) from error


def read_url(url: str, options: ReadingOptions = AUTO, *, downloads: Path, fresh: bool = False) -> Readings:
    """A file of the web, or a zip archive of files.

    Raises:
        DataError: it cannot be had, with what to do; or its data are bad.
    """
    try:
        path = download(url, downloads, fresh=fresh)
    except NotDownloadedError as error:
        raise DataError(f"{error}. Fetch it in another way and name the file instead of the address") from error
    is_archive = path.suffix.lower() == ARCHIVE
    if suffix_of(path) not in SUFFIXES and not is_archive and not is_exact(path.suffix[1:]):
        raise DataError(f"{url}: expected a file with one of {', '.join(SUFFIXES)}, {ARCHIVE}; got {path.name!r}")
    try:
        return read_local(unpack(path, fresh=fresh), None, options) if is_archive else read_path(path, options)
    except DataError:
        # its folder is that of its address only; once the file is mended on its server, the new one is fetched
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def read_splits(name: str, subset: str | None, revision: str | None = None, options: ReadingOptions = AUTO) -> Readings:
    """The splits of a data set of the hub, or of a folder that its library can read."""
    found = read_hub(name, subset, revision, options)
    own_names = {split: next((own for own in names if own in found), None) for split, names in SPLIT_NAMES.items()}
    given = {split: None if own == NO_SPLIT else own for split, own in options.names_of_splits.items()}
    own_names |= given
    wrong = next((own for own in given.values() if own is not None and own not in found), None)
    if wrong is not None or own_names["train"] is None:
        rule = "expected a split train" if wrong is None else f"there is no split {wrong!r}"
        way = f"say which with {option('split_names')} train=NAME"
        raise DataError(f"data set {name!r}: {rule}; got {', '.join(found) or 'none'}: {way}")
    readings = {
        split: replace(found[own], source=f"{name}[{own}]") for split, own in own_names.items() if own is not None
    }
    for own in found.keys() - own_names.values():
        readings["train"].notes.append(f"split {own} of {name} is not used; to use it, say {option('split_names')}")
    return readings


def read_local(path: Path, subset: str | None = None, options: ReadingOptions = AUTO) -> Readings:
    """A file or a folder of this machine, also a folder that only the library of the hub can read.

    Raises:
        DataError: there is nothing that can be read, or the data are bad.
    """
    if not path.is_dir() or split_files(path, options) or not any(path.iterdir()):
        return read_path(path, options)
    if not subset and not is_saved(path) and (has_data(path) or inner_folder(path) or options.annotator):
        return read_path(path, options)
    try:
        return read_splits(str(path), subset, None, options)
    except NotLoadedError as error:
        raise DataError(f"expected files {FILES}, or what the datasets library reads. {error}", path) from error


def _read_files(
    name: str, source: Source, subset: str | None, revision: str | None, options: ReadingOptions, downloads: Path
) -> Readings:
    if subset or revision:
        raise DataError(f"data set {name!r} has no subsets and revisions; got {subset or revision!r}")
    paths = {
        split: download(remote.url, downloads, name=remote.name, sha256=remote.sha256)
        for split, remote in source.files.items()
    }
    return read_alike({split: partial(read_file, path) for split, path in paths.items()}, options)
