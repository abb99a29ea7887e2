"""The predictions that trials have kept: beside the model, and where that is gone, as an artifact of MLflow."""

import logging
from collections.abc import Iterator
from pathlib import Path

from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.details import find_file
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import Places, places_of
from nerbb_ray.results.log_probs import FILE
from nerbb_ray.results.trial_result import TrialResult

log = logging.getLogger(__name__)


def kept_predictions(store: StorePaths, name: str) -> Places:
    """Where the predictions of the trials of an experiment may be; MLflow is asked last, and only if need be."""
    beside = places_of(store, name)

    def places(trial: TrialResult) -> Iterator[Path]:
        yield from beside(trial)
        try:
            # what does not lie on this machine is copied here
            found = find_file(store.tracking_uri, name, (trial.run, trial.member), FILE, store.cache / "artifacts")
        except ResultError as error:
            log.warning("%s of trial %s cannot be had from MLflow: %s", FILE, trial.name, error)
            return
        if found is not None:
            yield found

    return places
