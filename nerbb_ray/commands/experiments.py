"""Commands on experiments: run them, list them, get their results."""

import math
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Any

from nerbb_ray.commands.command import Command, add_name
from nerbb_ray.commands.schedule import add_schedule_arguments, show_schedule
from nerbb_ray.config.ini import read_ini
from nerbb_ray.console import json_text, shown_width
from nerbb_ray.exit_status import OK
from nerbb_ray.preparation.options import add_run_options
from nerbb_ray.store import current_store
from nerbb_ray.tune.command import run_file

# of get_experiment_results: what `--metric` and the others mean if they are left out
RESULT = {"metric": "f1", "level": "entity", "label": "micro", "phase": "test"}


def run_experiment(args: Namespace) -> int:
    store = current_store(args.store)
    return run_file(store.find_config(args.name), args.store, args, ["nerbb", *args.words])


def show_experiments(args: Namespace) -> int:
    from nerbb_ray.mlflow_store.overview import experiments_text

    print(experiments_text(current_store(args.store)))
    return OK


def get_experiment_results(args: Namespace) -> int:
    from nerbb_ray.mlflow_store.overview import results_of
    from nerbb_ray.verdict.table import results_text, to_json

    result = results_of(current_store(args.store), args.name)
    if not args.average and all(getattr(args, key) is None for key in RESULT):
        where = args.store and str(args.store)
        print(to_json(result) if args.json else results_text(result, shown_width(pipe=100), where))
        return OK
    asked = {key: getattr(args, key) or default for key, default in RESULT.items()}
    value = result.get(**asked, average=args.average)
    if args.json:
        plain = value if isinstance(value, float) else asdict(value)
        print(json_text({"experiment": args.name, **asked, "value": _defined(plain)}, indent=None))
    else:
        print(value if not isinstance(value, float) else "-" if math.isnan(value) else f"{value:.4f}")
    return OK


def _defined(value: Any) -> Any:
    """JSON has no NaN: what is undefined is null."""
    if isinstance(value, dict):
        return {key: _defined(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_experiment_config(args: Namespace) -> int:
    path = current_store(args.store).find_config(args.name)
    read_ini(path)  # mistakes in it are told instead
    print(f"# {path}", path.read_text(encoding="utf-8-sig").rstrip(), sep="\n")
    return OK


def _run_arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb run_experiment NAME [options]"  # a screen has room for one list of them
    add_name(parser)
    add_run_options(parser)


def _result_arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb get_experiment_results NAME [options]"
    add_name(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    one = parser.add_argument_group("one number instead of the table")
    one.add_argument("--metric", metavar="M", help="f1, precision, recall, support, loss, acc (f1)")
    one.add_argument("--level", metavar="L", help="entity or token (entity)")
    one.add_argument("--label", metavar="L", help="micro, macro or a class (micro)")
    one.add_argument("--phase", metavar="P", help="test or val (test)")
    one.add_argument("--average", action="store_true", help="over the seeds of the best run, not of the best trial")


COMMANDS = {
    "run_experiment": Command(
        ("run_experiment wnut17 --dry-run", "run_experiment wnut17", "run_experiment wnut17 --resume"),
        run_experiment,
        _run_arguments,
    ),
    "show_experiments": Command(("show_experiments",), show_experiments),
    "get_experiment_results": Command(
        (
            "get_experiment_results wnut17",
            "get_experiment_results wnut17 --metric recall --label person",
            "get_experiment_results wnut17 --average --json",
        ),
        get_experiment_results,
        _result_arguments,
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
