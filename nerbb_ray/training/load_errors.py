"""Whatever goes wrong while a library loads a model, as one line that says what to do."""

import contextlib
import re
from collections.abc import Iterator

from nerbb_ray.errors import ModelError
from nerbb_ray.training.sources import ModelSource

LONGEST = 300  # characters of what the library says
# these are sentences for a user; of others, the kind belongs to the message
SPEAKING = (OSError, ValueError, ImportError)
# (what the library says, what to do), the first that fits
WAYS_OUT = (
    (
        r"trust_remote_code|[Cc]ustom code|remote code",
        "No code of a model is executed here: choose a model of an architecture that transformers itself has",
    ),
    (
        r"does not recognize this architecture|Unrecognized model|Should have a `model_type` key",
        "Choose a model of an architecture that this transformers has, or install a newer one",
    ),
    (
        r"Unrecognized configuration class",
        "Choose an encoder with a head for token classification (AutoModelForTokenClassification)",
    ),
    (r"(?:requires|need to install|pip install)(?: the)? `?([A-Za-z][\w-]*)", r"Install it: pip install \1"),
    (
        r"backend tokenizer",
        "Put tokenizer.json, or the vocabulary that the model was trained with, beside its weights",
    ),
    (r"[Vv]alidation error|not a valid JSON", "Mend its config.json, or download it again"),
    (r"Expecting .*: line|Extra data: line", "Mend its tokenizer.json and other JSON files, or download them again"),
    (r"invalid literal for int|no attribute 'items'", "Mend id2label and label2id in its config.json"),
    (
        r"couldn't connect|offline|outgoing traffic|cached files|Connection|[Tt]imed? ?out",
        "Check the name and the network",
    ),
    (r"out of memory|MemoryError|can't allocate", "Choose a smaller model, or end other programs"),
)
OTHERWISE = "Download its files again, or choose another model"
LISTS = " Model type should be one of"  # of all that the library has


@contextlib.contextmanager
def as_model_error(source: ModelSource) -> Iterator[None]:
    """Loading in this context raises nothing but ModelError."""
    try:
        yield
    except ModelError:
        raise
    # every library below fails in its own way, from ImportError to StrictDataclassFieldValidationError
    except Exception as error:
        reason, way_out = explained(error)
        where = (
            f"model {source.name!r}"
            if source.name == source.location
            else f"model {source.name!r} at {source.location}"
        )
        raise ModelError(f"{where} cannot be loaded: {reason}. {way_out}") from error


def explained(error: BaseException, otherwise: str = OTHERWISE) -> tuple[str, str]:
    """(what an error says, in one line; what to do about it)."""
    text = " ".join(str(error).split()).partition(LISTS)[0].rstrip(".")
    if not text or not isinstance(error, SPEAKING):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    way_out = otherwise
    for pattern, advice in WAYS_OUT:
        match = re.search(pattern, text)
        if match:
            way_out = match.expand(advice)
            break
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...", way_out
