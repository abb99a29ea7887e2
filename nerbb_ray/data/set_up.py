"""Bring a data set into the store: find it, read it, bring it into one form, and add to it later."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from nerbb_ray.data.append import CONFLICTS, Conflicts, merge
from nerbb_ray.data.corpus import SPLITS, Found, find_folder
from nerbb_ray.data.cycles import no_search_for_cycles
from nerbb_ray.data.download import is_url
from nerbb_ray.data.fetch import read_name, read_url
from nerbb_ray.data.folders import local_path
from nerbb_ray.data.known_names import did_you_mean
from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.save_corpus import SetUp, is_stored, place, place_appended
from nerbb_ray.data.split import DEFAULT, HoldOut
from nerbb_ray.errors import DataError, StoreError
from nerbb_ray.paths import StorePaths, folder_problem


@dataclass(frozen=True, slots=True)
class Wanted:
    """A data set that is to come into a store.

    Args:
        name, subset: in the store.
        source: a path or an address of the web; None for a built-in name or an id of the hub, which is `name`.
        revision: of the hub.
        options: how the files are read.
    """

    name: str
    subset: str | None = None
    source: str | None = None
    revision: str | None = None
    options: ReadingOptions = AUTO

    @property
    def title(self) -> str:
        return self.name if self.subset is None else f"{self.name}/{self.subset}"

    def path(self, store: StorePaths) -> Path:
        """
        Raises:
            StoreError: the name cannot be that of a folder.
        """
        parts = self.name.split("/")
        if len(parts) > 2:
            raise StoreError(f"the name of a data set has at most one /, as in organisation/name; got {self.name!r}")
        for part in [*parts, *([] if self.subset is None else [self.subset])]:
            if rule := folder_problem(part):
                local = ": for local data, use Dataset.from_file(name, path)" if "." in part[:2] or not part else ""
                raise StoreError(f"the name of the data set {rule}; got {self.title!r}{local}")
        return store.datasets.joinpath(*parts, *([] if self.subset is None else [self.subset]))


@no_search_for_cycles()
def bring_in(
    store: StorePaths,
    wanted: Wanted,
    scheme: str = "auto",
    rule: HoldOut = DEFAULT,
    *,
    overwrite: bool = False,
    must_split: bool = False,
) -> SetUp:
    """Read a data set, convert it, split it where splits are missing, and put it into the store.

    Args:
        must_split: whether it is an error if there is nothing to split.
    Raises:
        DataError: it cannot be found or read.
        StoreError: the store has a data set of this name with another content.
    """
    path = wanted.path(store)
    if wanted.source is None and not overwrite and is_stored(path):
        corpus = find_folder(path, None, wanted.title, stored=True).corpus()
        return SetUp(path, "there", corpus, corpus.notes)
    found = _find(store, wanted, path, fresh=overwrite)
    if must_split and {"val", "test"} <= found.readings.keys():
        raise DataError(f"data set {wanted.title!r} has val and test already: nothing to split; call set_up() instead")
    corpus = found.corpus(scheme, rule)
    return place(corpus, path, source=wanted.source, options=wanted.options, overwrite=overwrite)


@no_search_for_cycles()
def append_to(store: StorePaths, wanted: Wanted, split: str = "train", conflicts: Conflicts = "error") -> SetUp:
    """Read new annotations and merge them with the data set of the store that `wanted` names.

    Raises:
        DataError: they cannot be read, or contradict the data set.
        StoreError: the data set is not in the store.
    """
    path = wanted.path(store)
    if split not in SPLITS or conflicts not in CONFLICTS:
        rule = f"split must be one of {', '.join(SPLITS)}, conflicts one of {', '.join(CONFLICTS)}"
        raise DataError(f"{rule}; got {split!r} and {conflicts!r}")
    if wanted.source is None:
        raise DataError(f"what is appended is a file, a folder or an address; got the name {wanted.name!r}")
    if not is_stored(path):
        meant = did_you_mean(wanted.title, store.datasets)
        raise StoreError(f"data set {wanted.title!r} is not in the store, so nothing can be appended to it{meant}")
    old = find_folder(path, None, wanted.title, stored=True).corpus()
    new = _find(store, replace(wanted, subset=None), path, fresh=True)
    merged = merge(old, new.readings, split, conflicts)
    return place_appended(merged, path, source=wanted.source, options=wanted.options)


def _find(store: StorePaths, wanted: Wanted, path: Path, *, fresh: bool) -> Found:
    downloads, options = store.cache / "downloads", wanted.options
    if wanted.source is None:
        places = {"stored": path, "datasets": store.datasets, "downloads": downloads}
        readings = read_name(wanted.name, wanted.subset, wanted.revision, options, **places)
        return Found.of(wanted.title, readings, options)
    if wanted.revision is not None:
        raise DataError(f"a revision is one of a data set of the hub; {wanted.source} has none")
    if is_url(wanted.source):
        readings = read_url(wanted.source, options, downloads=downloads, fresh=fresh)
        return Found.of(wanted.title, readings, options)
    source = local_path(wanted.source)
    if wanted.subset is not None and not source.is_dir():
        raise DataError("only a folder, or a data set of the hub, has subsets", source)
    if Path(os.path.realpath(source)).is_relative_to(os.path.realpath(path)):  # resolve() fails on a loop of links
        raise StoreError(f"the data lie in the folder that would get them ({path}): move them elsewhere first")
    return replace(find_folder(source, wanted.subset, source.name, options), name=wanted.title)
