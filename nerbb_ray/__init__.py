"""Hyperparameter search for fine-tuning transformers on named entity recognition, distributed with Ray.

    exp.ini -> ExperimentSpec -> one TrialSpec per run and seed -> ray.tune.Tuner -> trainable -> train_trial
            -> counts -> metrics -> report -> scheduler, MLflow, TensorBoard -> means over the seeds -> results table

From Python::

    from nerbb_ray import Dataset, Experiment, Model, Store

    Store.create()
    Dataset("conll2003").set_up().overview()
    experiment = Experiment("first", model="bert-base-cased", dataset="conll2003")
    experiment.run()
    experiment.get_result(metric="f1", level="entity", phase="test")
    experiment.get_result(average=True)  # mean +- standard error over the seeds
    Model.from_experiment("first").predict("Anna lives in Berlin.")

Importing this package loads none of the libraries that do the work; they come with the class that needs them.
"""

import sys

if sys.platform == "win32":  # before anything is imported that Windows does not have; a traceback would hide the line
    print(
        "nerbb_ray runs on Linux and macOS; on Windows, install and run it in WSL (wsl --install): "
        "https://learn.microsoft.com/windows/wsl/install",
        file=sys.stderr,
    )
    raise SystemExit(2)

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nerbb_ray.dataset import Dataset
    from nerbb_ray.experiment import Experiment
    from nerbb_ray.model import Model
    from nerbb_ray.store import Store

__all__ = ["Dataset", "Experiment", "Model", "Store", "__version__"]

__version__ = "0.14.1"


def __getattr__(name: str) -> object:
    """The public classes, from their modules of the same names (PEP 562)."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.{name.lower()}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
