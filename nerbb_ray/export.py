"""A trained model as a folder that can be handed on: weights, tokenizer, and a model card."""

import json
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray import atomic
from nerbb_ray.arguments import path_of
from nerbb_ray.config.spec import Member
from nerbb_ray.data.corpus import find_corpus
from nerbb_ray.data.on_hub import id_on_hub
from nerbb_ray.data.origin_of_test import origin_of_test
from nerbb_ray.data.split import rule_of_training
from nerbb_ray.errors import DataError, StoreError
from nerbb_ray.inference.card import model_card
from nerbb_ray.inference.card_facts import CardFacts
from nerbb_ray.inference.ensemble import MEMBERS, EnsembleFolder
from nerbb_ray.inference.ensemble_card import ensemble_card
from nerbb_ray.inference.exported_files import CARD, has_model, not_of_an_export
from nerbb_ray.inference.front_matter import Declared
from nerbb_ray.inference.members import find_ensemble, members_wanted
from nerbb_ray.inference.onnx_model import TO_WRITE, require
from nerbb_ray.mlflow_store.details import Wanted, read_details
from nerbb_ray.model import Model, Name, find_trial, store_of
from nerbb_ray.paths import StorePaths
from nerbb_ray.results import log_probs
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult, subset_of
from nerbb_ray.training.model_files import few

if TYPE_CHECKING:
    from nerbb_ray.data.corpus import Corpus
    from nerbb_ray.inference.members import FoundEnsemble
    from nerbb_ray.inference.parity import Parity

log = logging.getLogger(__name__)

TOKENIZER_CONFIG = "tokenizer_config.json"
ENVIRONMENT = "environment.json"
SCHEME = "annotation_scheme"


def export(
    name: str,
    folder: Name,
    run: str | None = None,
    seed: Member | None = None,
    *,
    ensemble: bool | int = False,
    onnx: bool = False,
    int8: bool = False,
    accept_change: bool = False,
    overwrite: bool = False,
    language: str | None = None,
    license: str | None = None,
    store: Name | None = None,
) -> Path:
    """Copy the model of an experiment's best trial into a folder in the format of transformers, with a model card.

    In ONNX it is checked against the model in torch; its card and `parity.json` have size, latency and F1 of both.

    Args:
        folder: is there as a whole afterwards, or as it was.
        run, seed: choose another trial, as in `Model.from_experiment`.
        ensemble: several models as one, as there: the folder has a folder for each, and `ensemble.json`.
        onnx: weights in ONNX (model.onnx), which onnxruntime runs, instead of those of torch.
        int8: the same with weights in int8: a quarter of the size.
        accept_change: export in ONNX whatever the F1 on the test data does. Without, one that moves it by more than
            the standard deviation over the seeds is refused, and so is one that cannot be measured.
        overwrite: replace a folder that has a model, and nothing that no export writes.
        language: code for the model card, such as en; several as "en, sv".
        license: of the model, as the hub names it, such as apache-2.0; without it the card names none.
    Returns:
        The folder, absolute.
    Raises:
        ResultError: the experiment was never run, has no such trial, or its model was not kept.
        ModelError: the model cannot be loaded, cannot be written in ONNX, or is not as good in it.
        DataError: the data to measure it on are there no more.
        StoreError: the folder cannot be written, or replaced; or the hub knows no such language or license.
    """
    declared = Declared.of(language, license)
    paths, target = store_of(store), Path(path_of("the folder", folder, StoreError)).expanduser().resolve()
    form = OnnxForm(int8, accept_change) if onnx or int8 else None
    if form:
        require(TO_WRITE, "to export in ONNX")
    if wanted := members_wanted(ensemble):
        found = find_ensemble(paths, name, run, seed, wanted)
        _export_ensemble(paths, found, target, form, overwrite, declared)
        return target
    result, trial, source = find_trial(paths, name, run, seed)
    _check_target(target, source.resolve(), overwrite)
    with atomic.new_folder(target) as made:
        _copy_model(source, made, trial)
        parity = None if form is None else form.apply(target.name, made, paths, result, trial)
        facts = replace(_facts(paths, result, trial, made), folder=target.name, parity=parity, declared=declared)
        chosen = replace(facts, by_run=run is not None, by_seed=seed is not None and str(seed) == str(trial.member))
        (made / CARD).write_text(model_card(chosen), encoding="utf-8")
    return target


@dataclass(frozen=True, slots=True)
class OnnxForm:
    """How a model is exported in ONNX; see `export`."""

    int8: bool
    accept_change: bool

    def apply(
        self, name: str, folder: Path, store: StorePaths, result: ExperimentResult, trial: TrialResult
    ) -> "Parity":
        """Turn what is in a folder into it."""
        from nerbb_ray.inference.to_onnx import turn_into_onnx

        corpus = _corpus_of(store, trial, needed=not self.accept_change)
        run = next(run for run in result.runs if run.run == trial.run)
        return turn_into_onnx(name, folder, int8=self.int8, corpus=corpus, run=run, accept_change=self.accept_change)


def _corpus_of(store: StorePaths, trial: TrialResult, *, needed: bool) -> "Corpus | None":
    """The data of a trial; None where they are there no more and not needed either.

    Raises:
        DataError: they are needed.
    """
    name, scheme = str(trial.params.get("dataset_name")), str(trial.params.get(SCHEME) or "auto")
    rule = rule_of_training(folds=trial.fold is not None)
    try:
        return find_corpus(name, subset_of(trial.params), store.datasets, scheme=scheme, rule=rule)
    except DataError as error:
        if not needed:
            log.warning("how good the model is in ONNX is not measured: %s", error)
            return None
        way_out = "put them back, or export it without a look at its F1: --accept-change (in Python accept_change=True)"
        raise DataError(f"the model in ONNX is measured on the data of its training: {error}; {way_out}") from error


def _export_ensemble(
    store: StorePaths,
    found: "FoundEnsemble",
    target: Path,
    form: OnnxForm | None,
    overwrite: bool,
    declared: Declared,
) -> None:
    best = found.trials[0]
    for source in found.folders:
        _check_target(target, source.resolve(), overwrite)
    with atomic.new_folder(target) as made:
        members = tuple(made / MEMBERS / str(trial.member) for trial in found.trials)
        for source, member, trial in zip(found.folders, members, found.trials, strict=True):
            _copy_model(source, member, trial)
        EnsembleFolder(members, found.decoder).save(made)
        parity = None if form is None else form.apply(target.name, made, store, found.result, best)
        facts = replace(_facts(store, found.result, best, made), folder=target.name, parity=parity, declared=declared)
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
    if not target.is_dir() or not has_model(target):
        raise StoreError(f"{target} exists and has no model; name another folder")
    if not overwrite:
        way_out = "name another folder, or replace it with --overwrite (in Python overwrite=True)"
        raise StoreError(f"{target} has a model already; {way_out}")
    if others := not_of_an_export(target):
        rule = f"{target} must have nothing but a model to be replaced; it also has {few(others)}"
        raise StoreError(f"{rule}, which would be deleted: move that away, or name another folder")


def _write_length(folder: Path, trial: TrialResult) -> None:
    """Let the tokenizer say how long the sequences were in training; older checkpoints do not have it."""
    file = folder / TOKENIZER_CONFIG
    if "max_seq_length" not in trial.params or not file.is_file():
        return
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["model_max_length"] = int(str(trial.params["max_seq_length"]))
    file.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _facts(store: StorePaths, result: ExperimentResult, trial: TrialResult, folder: Path) -> CardFacts:
    """What the card of a folder needs to know; loading the model shows that it can be used."""
    model = Model.from_checkpoint(folder, device="cpu")
    key = (trial.run, trial.member)
    details = read_details(store.tracking_uri, result.name, {key: Wanted(files=(ENVIRONMENT,))}).get(key)
    data = str(trial.params.get("dataset_name")), subset_of(trial.params), store.datasets
    recorded = details.files.get(ENVIRONMENT) if details else None
    return CardFacts(
        folder=folder.name,
        hub_dataset=id_on_hub(*data),
        test_origin=origin_of_test(*data, folds=trial.fold is not None),
        result=result,
        trial=trial,
        environment=json.loads(recorded) if recorded else {},
        scheme=model.annotation_scheme,
        classes=model.classes,
        max_seq_length=model.max_seq_length,
        decoding=model.decoding,
        word_splitting=model.word_splitting,
    )
