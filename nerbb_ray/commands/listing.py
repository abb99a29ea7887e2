"""All commands of `nerbb`, in the order in which a user needs them. Only the module of the called one is imported."""

from dataclasses import dataclass
from importlib import import_module

from nerbb_ray.commands.command import Command


@dataclass(frozen=True, slots=True)
class Listed:
    """A command's name, its line of help, and its module in `nerbb_ray.commands`, whose COMMANDS has it."""

    name: str
    summary: str
    module: str

    def load(self) -> Command:
        command: Command = import_module(f"nerbb_ray.commands.{self.module}").COMMANDS[self.name]
        return command


COMMANDS = (
    Listed("create", "make the folders of a store", "stores"),
    Listed("set_up_dataset", "bring a data set into the store", "data"),
    Listed("check_dataset", "find leaks, repeats and other faults of data", "doctor"),
    Listed("init", "write a first experiment file, or an example to run", "init"),
    Listed("plan", "say what an experiment will cost: time, memory, disk", "plan"),
    Listed("run_experiment", "run what is missing of an experiment", "experiments"),
    Listed("watch", "show a search that runs as a live page", "watch"),
    Listed("show_experiments", "list all experiments, with their best results", "experiments"),
    Listed("results", "print the results: table, JSON or CSV", "results"),
    Listed("get_experiment_results", "print the results table, or one number", "results"),
    Listed("show_experiment_config", "print the file of an experiment", "experiments"),
    Listed("show_schedule", "show LR and stage per epoch, for made-up losses", "experiments"),
    Listed("compare", "say which run is better, and what the seeds can show", "compare"),
    Listed("report", "write all results into one HTML file", "report"),
    Listed("errors", "show mistakes of models, and doubtful labels", "mistakes"),
    Listed("study", "run a folder of experiments, and table them", "study"),
    Listed("learning_curve", "say what more training data would bring", "learning_curve"),
    Listed("annotate", "prepare the next texts for an annotation tool", "annotate"),
    Listed("predict", "find the entities in texts", "models"),
    Listed("predict_file", "find the entities in all texts of a file", "models"),
    Listed("evaluate", "measure a model on a data set", "models"),
    Listed("export", "write a model with its model card to a folder", "hand_on"),
    Listed("mlflow", "start or stop the page of MLflow: all metrics", "stores"),
    Listed("tensorboard", "start or stop the page of TensorBoard: curves", "stores"),
    Listed("clear_data", "delete what running experiments has made", "stores"),
    Listed("completion", "print code for tab completion in a shell", "completion"),
)
