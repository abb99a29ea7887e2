"""All commands of `nerbb`, in the order in which a user needs them. Only the module of the called one is imported."""

from dataclasses import dataclass
from importlib import import_module

from nerbb_ray.commands.command import Command


@dataclass(frozen=True, slots=True)
class Listed:
    """A command's group in the help, its name, its line of help, and its module in `nerbb_ray.commands`, whose
    COMMANDS has it.
    """

    group: str
    name: str
    summary: str
    module: str

    def load(self) -> Command:
        command: Command = import_module(f"nerbb_ray.commands.{self.module}").COMMANDS[self.name]
        return command


COMMANDS = (
    Listed("data", "create", "make the folders of a store", "stores"),
    Listed("data", "set_up_dataset", "bring a data set into the store", "data"),
    Listed("data", "check_dataset", "find leaks, repeats and other faults of data", "doctor"),
    Listed("data", "annotate", "prepare the next texts for an annotation tool", "annotate"),
    Listed("train", "init", "write an experiment file, or a whole example", "init"),
    Listed("train", "plan", "forecast time, memory, disk of an experiment", "plan"),
    Listed("train", "run_experiment", "run what is missing of an experiment", "experiments"),
    Listed("train", "watch", "show a search that runs as a live page", "watch"),
    Listed("train", "study", "run a folder of experiments, and table them", "study"),
    Listed("train", "learning_curve", "say what more training data would bring", "learning_curve"),
    Listed("train", "show_schedule", "show LR and stage per epoch, made-up losses", "experiments"),
    Listed("results", "show_experiments", "list experiments, with their best results", "experiments"),
    Listed("results", "results", "print the results: table, JSON or CSV", "results"),
    Listed("results", "get_experiment_results", "print the results table, or one number", "results"),
    Listed("results", "show_experiment_config", "print the file of an experiment", "experiments"),
    Listed("results", "compare", "say which run is better, and how sure that is", "compare"),
    Listed("results", "report", "write all results into one HTML file", "report"),
    Listed("results", "errors", "show mistakes of models, and doubtful labels", "mistakes"),
    Listed("models", "predict", "find the entities in texts", "models"),
    Listed("models", "predict_file", "find the entities in all texts of a file", "models"),
    Listed("models", "evaluate", "measure a model on a data set", "models"),
    Listed("models", "export", "write a model with its model card to a folder", "hand_on"),
    Listed("tools", "mlflow", "start or stop the page of MLflow: metrics", "stores"),
    Listed("tools", "tensorboard", "start or stop the page of TensorBoard: curves", "stores"),
    Listed("tools", "clear_data", "delete what running experiments has made", "stores"),
    Listed("tools", "completion", "print code for tab completion in a shell", "completion"),
)
