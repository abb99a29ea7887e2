"""A trained model as a folder that can be handed on: weights, tokenizer, and a model card."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray import atomic
from nerbb_ray.errors import StoreError
from nerbb_ray.model import Model, Name, find_trial, store_of
from nerbb_ray.paths import StorePaths
from nerbb_ray.results import log_probs
from nerbb_ray.results.experiment_result import ExperimentResult, TrialResult

if TYPE_CHECKING:
    from nerbb_ray.inference.card import CardFacts
    from nerbb_ray.inference.front_matter import Declared
    from nerbb_ray.inference.members import FoundEnsemble

CARD = "README.md"
TOKENIZER_CONFIG = "tokenizer_config.json"
ENVIRONMENT = "environment.json"
MODEL_FILES = ("config.json", "ensemble.json")  # a folder with one of them has a model


def export(
    name: str,
    folder: Name,
    run: str | None = None,
    seed: int | None = None,
    *,
    ensemble: bool | int = False,
    overwrite: bool = False,
    language: str | None = None,
    license: str | None = None,
    store: Name | None = None,
) -> Path:
    """Copy the model of an experiment's best trial into a folder in the format of transformers, with a model card.

    Args:
        folder: is there as a whole afterwards, or as it was.
        run, seed: choose another trial, as in `Model.from_experiment`.
        ensemble: several models as one, as there: the folder has a folder for each, and `ensemble.json`.
        overwrite: replace a folder that has a model.
        language: code for the model card, such as en; several as "en, sv".
        license: of the model, as the hub names it, such as apache-2.0; without it the card names none.
    Returns:
        The folder, absolute.
    Raises:
        ResultError: the experiment was never run, has no such trial, or its model was not kept.
        ModelError: the model cannot be loaded.
        StoreError: the folder cannot be written, or replaced; or the hub knows no such language or license.
    """
    from nerbb_ray.inference.card import model_card
    from nerbb_ray.inference.front_matter import Declared

    declared = Declared.of(language, license)
    paths, target = store_of(store), Path(folder).expanduser().resolve()
    if ensemble is not False:
        from nerbb_ray.inference.members import find_ensemble

        found = find_ensemble(paths, name, run, seed, ensemble)
        _export_ensemble(paths, found, target, overwrite, declared)
        return target
    result, trial, source = find_trial(paths, name, run, seed)
    _check_target(target, source.resolve(), overwrite)
    with atomic.new_folder(target) as made:
        _copy_model(source, made, trial)
        facts = replace(_facts(paths, result, trial, made), declared=declared)
        chosen = replace(facts, folder=target.name, by_run=run is not None, by_seed=seed is not None)
        (made / CARD).write_text(model_card(chosen), encoding="utf-8")
    return target


def _export_ensemble(
    store: StorePaths, found: "FoundEnsemble", target: Path, overwrite: bool, declared: "Declared"
) -> None:
    from nerbb_ray.inference.ensemble import MEMBERS, EnsembleFolder
    from nerbb_ray.inference.ensemble_card import ensemble_card

    for source in found.folders:
        _check_target(target, source.resolve(), overwrite)
    with atomic.new_folder(target) as made:
        members = tuple(made / MEMBERS / str(trial.seed) for trial in found.trials)
        for source, member, trial in zip(found.folders, members, found.trials, strict=True):
            _copy_model(source, member, trial)
        EnsembleFolder(members, found.decoder).save(made)
        facts = replace(_facts(store, found.result, found.trials[0], made), folder=target.name, declared=declared)
        (made / CARD).write_text(ensemble_card(facts, found), encoding="utf-8")


def _copy_model(source: Path, target: Path, trial: TrialResult) -> None:
    """What is needed to predict: what the model said of val and test stays here."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", log_probs.FILE), dirs_exist_ok=True)
    _write_length(target, trial)


def _check_target(target: Path, source: Path, overwrite: bool) -> None:
    if target == source or source in target.parents or target in source.parents:
        raise StoreError(f"{target} must not be the folder of the trial, nor around or inside of it")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not any((target / file).is_file() for file in MODEL_FILES):
        raise StoreError(f"{target} exists and has no model; name another folder")
    if not overwrite:
        way_out = "name another folder, or replace it with --overwrite (in Python overwrite=True)"
        raise StoreError(f"{target} has a model already; {way_out}")


def _write_length(folder: Path, trial: TrialResult) -> None:
    """Let the tokenizer say how long the sequences were in training; older checkpoints do not have it."""
    file = folder / TOKENIZER_CONFIG
    if "max_seq_length" not in trial.params or not file.is_file():
        return
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["model_max_length"] = int(str(trial.params["max_seq_length"]))
    file.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _facts(store: StorePaths, result: ExperimentResult, trial: TrialResult, folder: Path) -> "CardFacts":
    """What the card of a folder needs to know; loading the model shows that it can be used."""
    from nerbb_ray.inference.card import CardFacts
    from nerbb_ray.mlflow_store.details import Wanted, read_details

    model = Model.from_checkpoint(folder, device="cpu")
    key = (trial.run, trial.seed)
    details = read_details(store.tracking_uri, result.name, {key: Wanted(files=(ENVIRONMENT,))}).get(key)
    recorded = details.files.get(ENVIRONMENT) if details else None
    return CardFacts(
        folder=folder.name,
        result=result,
        trial=trial,
        environment=json.loads(recorded) if recorded else {},
        scheme=model.annotation_scheme,
        classes=model.classes,
        max_seq_length=model.max_seq_length,
        decoding=model.decoding,
        word_splitting=model.word_splitting,
    )
