"""Hyperparameter search for fine-tuning transformers on named entity recognition, distributed with Ray.

    exp.ini -> ExperimentSpec -> one TrialSpec per run and seed -> ray.tune.Tuner -> trainable -> train_trial
            -> counts -> metrics -> report -> scheduler, MLflow, TensorBoard -> means over the seeds -> results table

From Python::

    from nerbb_ray import Experiment, Store

    Store.create()
    experiment = Experiment("first", model="bert-base-cased", dataset="conll2003")
    experiment.run()
    experiment.get_result(metric="f1", level="entity", phase="test")
    experiment.get_result(average=True)  # mean +- standard error over the seeds

Importing this package loads none of the libraries that do the work; they come with the first call that needs them.
"""

from nerbb_ray.experiment import Experiment
from nerbb_ray.store import Store

__all__ = ["Experiment", "Store", "__version__"]

__version__ = "0.1.0"
