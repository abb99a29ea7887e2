"""A saved model, or the members of an ensemble, turned into ONNX where they lie."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nerbb_ray.data.corpus import Corpus
from nerbb_ray.errors import ModelError
from nerbb_ray.inference.ensemble import EnsembleFolder, is_ensemble, open_saved
from nerbb_ray.inference.parity import ONNX_FP32, ONNX_INT8, TORCH_BF16, TORCH_FP32, Parity, Yardstick
from nerbb_ray.inference.tagger import Tagger
from nerbb_ray.inference.write_onnx import quantise, write_onnx
from nerbb_ray.results.experiment_result import RunResult
from nerbb_ray.training.model_files import ONNX, ONNX_DATA, weight_bytes, weight_files

WORK = ".forms"  # a folder for those that are measured; it is gone afterwards


def turn_into_onnx(
    name: str, folder: Path, *, int8: bool, corpus: Corpus | None, run: RunResult, accept_change: bool = False
) -> Parity:
    """Put ONNX in the place of the weights in a folder of a model or an ensemble.

    Size, latency and F1 are measured in torch and in ONNX, each with the model's own decoding.

    Args:
        name: of the model, in errors.
        int8: whether weights become int8.
        corpus: that the forms are measured on; None: there is none.
        run: of the model; its seeds say how far F1 may move.
        accept_change: export it whatever F1 does.
    Raises:
        ModelError: the model cannot be written as ONNX, or F1 moves too far, or that cannot be measured.
    """
    parts = [member.relative_to(folder) for member in members_of(folder)]
    wanted = ONNX_INT8 if int8 else ONNX_FP32
    works = {name: folder / WORK / name for name in (ONNX_FP32, ONNX_INT8)}
    problems = {form: _made(name, form, folder, works, parts) for form in works}
    if problem := problems[wanted]:
        raise problem
    yardstick = Yardstick(corpus=corpus, run=run)
    for form, open_model in _forms(name, folder, works, problems).items():
        size = sum(weight_bytes(works.get(form, folder) / part) for part in parts)
        yardstick.measure(form, size, open_model)
    parity = yardstick.parity(wanted)
    if not accept_change:
        parity.check()
    for part in parts:
        _replace_weights(folder / part, works[wanted] / part)
    shutil.rmtree(folder / WORK)
    parity.save(folder)
    return parity


def members_of(folder: Path) -> tuple[Path, ...]:
    """The folders with weights: those of the members of an ensemble, else the folder itself."""
    return EnsembleFolder.load(folder).members if is_ensemble(folder) else (folder,)


def _forms(
    name: str, folder: Path, works: dict[str, Path], problems: dict[str, ModelError | None]
) -> dict[str, Callable[[], Tagger]]:
    """How each of the forms is loaded, the first one being the model as it was trained."""
    opened: dict[str, Callable[[], Tagger]] = {
        TORCH_FP32: partial(open_saved, name, folder, device="cpu"),
        TORCH_BF16: partial(open_saved, name, folder, device="cpu", precision="bf16"),
    }
    return opened | {
        form: partial(_raise, problem) if (problem := problems[form]) else partial(open_saved, name, place)
        for form, place in works.items()
    }


def _raise(problem: ModelError) -> Tagger:
    raise problem


def _made(name: str, form: str, folder: Path, works: dict[str, Path], parts: list[Path]) -> ModelError | None:
    """Make a folder with ONNX in the place of weights; what went wrong, if anything did."""
    ignored = [path.name for part in parts for path in weight_files(folder / part)]
    shutil.copytree(folder, works[form], ignore=shutil.ignore_patterns(WORK, *ignored))
    try:
        for part in parts:
            if form == ONNX_INT8:
                quantise(works[ONNX_FP32] / part, works[form] / part)
            else:
                write_onnx(open_saved(name, folder / part, device="cpu"), works[form] / part)
    except ModelError as error:
        return error
    return None


def _replace_weights(folder: Path, made: Path) -> None:
    for path in weight_files(folder):
        path.unlink()
    for name in (ONNX, ONNX_DATA):
        if (made / name).is_file():
            (made / name).rename(folder / name)
