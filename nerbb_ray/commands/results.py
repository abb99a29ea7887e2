"""`nerbb results` and `nerbb get_experiment_results`: the table, one number, JSON, CSV."""

import csv
import math
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nerbb_ray.commands.choices import add_metric_options
from nerbb_ray.commands.command import Command, add_name
from nerbb_ray.console import defined, json_text, shown_width
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.mlflow_store import overview
    from nerbb_ray.results import rows as result_rows
    from nerbb_ray.verdict import table


if TYPE_CHECKING:
    from nerbb_ray.results.experiment_result import ExperimentResult

# what `--metric` and the others mean if they are left out
RESULT = {"metric": "f1", "level": "entity", "label": "micro", "phase": "test"}


def results(args: Namespace) -> int:
    result = overview.results_of(current_store(args.store), args.name)
    if args.average or any(getattr(args, key) is not None for key in RESULT):
        return _one_number(args, result)
    if args.csv:
        _write_csv(result, per_run=args.csv == "runs")
    elif args.json:
        print(table.to_json(result))
    else:
        print(table.results_text(result, shown_width(pipe=100), args.store and str(args.store)))
    return OK


def _one_number(args: Namespace, result: "ExperimentResult") -> int:
    asked = {key: getattr(args, key) or default for key, default in RESULT.items()}
    value = result.get(**asked, average=args.average)
    if args.json:
        plain = value if isinstance(value, float) else asdict(value)
        print(json_text({"experiment": args.name, **asked, "value": plain}, indent=None))
    else:
        print(value if not isinstance(value, float) else "-" if math.isnan(value) else f"{value:.4f}")
    return OK


def _write_csv(result: "ExperimentResult", *, per_run: bool) -> None:
    """To standard output; what is undefined is an empty field."""
    rows = result_rows.run_rows(result) if per_run else result_rows.trial_rows(result)
    writer = csv.DictWriter(sys.stdout, result_rows.header_of(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(defined, map(dict, rows)))


def _arguments(command: str) -> Any:
    def add(parser: ArgumentParser) -> None:
        parser.usage = f"nerbb {command} NAME [options]"
        add_name(parser)
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--json", action="store_true", help="print JSON")
        kind.add_argument("--csv", action="store_const", const="trials", help="print CSV: a row per trial")
        kind.add_argument(
            "--csv-runs", action="store_const", const="runs", dest="csv", help="a row per run, with means"
        )
        one = parser.add_argument_group("one number instead of the table")
        add_metric_options(one)
        one.add_argument("--average", action="store_true", help="over the seeds of the best run, not of the best trial")

    return add


COMMANDS = {
    "results": Command(
        (
            "results wnut17",
            "results wnut17 --csv > wnut17.csv",
            "results wnut17 --metric recall --label person",
            "results wnut17 --average --json",
        ),
        results,
        _arguments("results"),
    ),
    "get_experiment_results": Command(
        (
            "get_experiment_results wnut17",
            "get_experiment_results wnut17 --metric recall --label person",
            "get_experiment_results wnut17 --average --json",
        ),
        results,
        _arguments("get_experiment_results"),
    ),
}
