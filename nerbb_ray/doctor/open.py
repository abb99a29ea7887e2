"""The data doctor's way to a data set and a tokenizer by their names."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerbb_ray.data.corpus import Found, find_data
from nerbb_ray.data.folders import local_path, read_path
from nerbb_ray.data.options import AUTO
from nerbb_ray.data.origin import origin_lines
from nerbb_ray.doctor.examine import examine
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths

if TYPE_CHECKING:
    from nerbb_ray.data.options import ReadingOptions
    from nerbb_ray.doctor.findings import Findings

with lazy_modules():  # only who asks for the sub-tokens of a model waits for transformers
    from nerbb_ray.training import model_check, sources, tokenizer

MAX_SEQ_LENGTH = 128


def check_up(
    store: StorePaths,
    name: str,
    subset: str | None = None,
    *,
    options: "ReadingOptions | None" = None,
    model: str | None = None,
    max_seq_length: int = MAX_SEQ_LENGTH,
    annotation_scheme: str = "auto",
) -> "Findings":
    """What the data doctor finds in a data set.

    Args:
        name: of the store, of a folder or a file, built in, or of the hub.
        options: how files are read that are not in the store.
        model: whose sub-tokens are counted; None leaves out what depends on them.
    Raises:
        NerbbError: data or model cannot be found or read.
    """
    path = local_path(name)
    is_file = path.is_file() and not (store.datasets / name).is_dir()
    options = options or AUTO
    if is_file:
        found = Found.of(path.stem, read_path(path, options), options)
    else:
        found = find_data(name, subset, store.datasets, options=options)
    corpus = found.corpus(annotation_scheme)
    splitter = _tokenizer(model, store, max_seq_length) if model else None
    findings = examine(corpus, found.readings, splitter, max_seq_length, model)
    said = origin_lines(store.datasets / name / (subset or "")) or [f"read from {file}" for file in corpus.files]
    return replace(findings, notes=(*said, *findings.notes))


def _tokenizer(name: str, store: StorePaths, max_seq_length: int) -> Any:
    source = sources.find_model(name, store.pretrained_models, Path.cwd())
    model_check.model_check(source, None, "fp32").check_length(max_seq_length)
    return tokenizer.load_tokenizer(source)
