"""A saved model, or the members of an ensemble, turned into ONNX where they lie."""

import shutil
from functools import partial
from pathlib import Path

from nerbb_ray.data.corpus import Corpus
from nerbb_ray.errors import ModelError
from nerbb_ray.inference.ensemble import EnsembleFolder, is_ensemble, open_saved
from nerbb_ray.inference.parity import FORMS, ONNX_FP32, ONNX_INT8, TORCH_BF16, Parity, Yardstick
from nerbb_ray.inference.tagger import Options
from nerbb_ray.inference.write_onnx import quantise, write_onnx
from nerbb_ray.results.trial_result import RunResult
from nerbb_ray.training.model_files import ONNX, ONNX_DATA, weight_bytes, weight_files

WORK = ".forms"  # a folder for those that are measured; it is gone afterwards
FP32, BF16 = Options(device="cpu"), Options(device="cpu", precision="bf16")


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
    places = {form: folder / WORK / form for form in (ONNX_FP32, ONNX_INT8)}
    problems = _made(name, folder, places, parts)
    if problem := problems.get(wanted):
        raise problem
    yardstick = Yardstick(corpus=corpus, run=run)
    for form in FORMS:
        place, options = places.get(form, folder), BF16 if form == TORCH_BF16 else FP32
        size = sum(weight_bytes(place / part) for part in parts)
        yardstick.measure(form, size, partial(open_saved, name, place, **options), problems.get(form))
    parity = yardstick.parity(wanted)
    parity.check(accept_change=accept_change)
    for part in parts:
        _replace_weights(folder / part, places[wanted] / part)
    shutil.rmtree(folder / WORK)
    parity.save(folder)
    return parity


def members_of(folder: Path) -> tuple[Path, ...]:
    """The folders with weights: those of the members of an ensemble, else the folder itself."""
    return EnsembleFolder.load(folder).members if is_ensemble(folder) else (folder,)


def _made(name: str, folder: Path, places: dict[str, Path], parts: list[Path]) -> dict[str, ModelError]:
    """Make a folder for each of the forms, with ONNX in the place of weights.

    Returns:
        What went wrong, by form.
    """
    weights = [path.name for part in parts for path in weight_files(folder / part)]
    for place in places.values():
        shutil.copytree(folder, place, ignore=shutil.ignore_patterns(WORK, *weights))
    try:
        for part in parts:
            write_onnx(open_saved(name, folder / part, device="cpu"), places[ONNX_FP32] / part)
    except ModelError as error:
        return dict.fromkeys(places, error)
    try:
        for part in parts:
            quantise(places[ONNX_FP32] / part, places[ONNX_INT8] / part)
    except ModelError as error:
        return {ONNX_INT8: error}
    return {}


def _replace_weights(folder: Path, made: Path) -> None:
    for path in weight_files(folder):
        path.unlink()
    for name in (ONNX, ONNX_DATA):
        if (made / name).is_file():
            (made / name).rename(folder / name)
