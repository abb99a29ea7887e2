"""Commands on experiments: run them, list them, get their results."""

from argparse import ArgumentParser, Namespace

from nerbb_ray.commands.command import Command, add_name, experiment_file
from nerbb_ray.commands.schedule import add_schedule_arguments, show_schedule
from nerbb_ray.config.ini import read_ini
from nerbb_ray.console import json_text
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.preparation.options import add_run_options
from nerbb_ray.store import current_store
from nerbb_ray.tune.command import run_file

with lazy_modules():
    from nerbb_ray.mlflow_store import overview


def run_experiment(args: Namespace) -> int:
    store = current_store(args.store)
    return run_file(experiment_file(args.name, store), args.store, args, ["nerbb", *args.words])


def show_experiments(args: Namespace) -> int:
    store = current_store(args.store)
    print(json_text(overview.experiments_values(store)) if args.json else overview.experiments_text(store))
    return OK


def show_experiment_config(args: Namespace) -> int:
    path = experiment_file(args.name, current_store(args.store))
    read_ini(path)  # mistakes in it are told instead
    print(f"# {path}", path.read_text(encoding="utf-8-sig").rstrip(), sep="\n")
    return OK


def _run_arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb run_experiment NAME [options]"  # a screen has room for one list of them
    add_name(parser)
    add_run_options(parser)


COMMANDS = {
    "run_experiment": Command(
        ("run_experiment wnut17 --dry-run", "run_experiment wnut17", "run_experiment wnut17 --resume"),
        run_experiment,
        _run_arguments,
    ),
    "show_experiments": Command(
        ("show_experiments", "show_experiments --json"),
        show_experiments,
        lambda parser: parser.add_argument("--json", action="store_true", help="print JSON"),
    ),
    "show_experiment_config": Command(
        ("show_experiment_config wnut17",),
        show_experiment_config,
        add_name,
    ),
    "show_schedule": Command(
        (
            "show_schedule wnut17 --losses 1,.8,.6,.7",
            "show_schedule exp.ini --run runB --losses 1,.8,.6 --plot schedule.png",
        ),
        show_schedule,
        add_schedule_arguments,
    ),
}
