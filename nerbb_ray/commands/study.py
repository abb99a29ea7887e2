"""`nerbb study`: run a folder of experiments, and table them against the fraction of the training data."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.commands.command import Command
from nerbb_ray.errors import NerbbError
from nerbb_ray.exit_status import FAILED, OK, USER_ERROR
from nerbb_ray.interruption import status_of_interruption
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.store import StorePaths, current_store
from nerbb_ray.streams import need_not_be_read
from nerbb_ray.tune.command import again_with

with lazy_modules():
    from nerbb_ray.mlflow_store import overview
    from nerbb_ray.results import metric_names
    from nerbb_ray.study import files, page, points, text
    from nerbb_ray.tune import run_tuner
    from nerbb_ray.verdict import table


if TYPE_CHECKING:
    from nerbb_ray.config.spec import ExperimentSpec
    from nerbb_ray.results.experiment_result import ExperimentResult

PHASES = ("test", "val")


def study(args: Namespace) -> int:
    store, specs = current_store(args.store), files.read_study(args.folder, args.only or ())
    if args.dry_run:
        return _show_plan(specs)
    if args.table:
        results = {spec.name: overview.results_so_far(store, spec.name) for spec in specs}
        _show(args, specs, results)
        return OK
    status, done = _run(specs, store, RunOptions(address=args.address, quiet=args.quiet), args.folder)
    if status == status_of_interruption():
        again = again_with(["nerbb", *args.words]).removesuffix(" --resume")
        print(f"interrupted; go on with: {again}", file=sys.stderr)
    _show(args, specs, {spec.name: done.get(spec.name) for spec in specs})
    need_not_be_read()
    return status


def _run(
    specs: Sequence["ExperimentSpec"], store: StorePaths, options: RunOptions, folder: Path
) -> tuple[int, dict[str, "ExperimentResult"]]:
    """One experiment after the other; one that cannot run does not keep the others from it.

    Returns:
        The worst exit status, and the results by experiment.
    """
    worst, done = OK, {}
    for number, spec in enumerate(specs, start=1):
        print(f"experiment {number} of {len(specs)}: {spec.name}", file=sys.stderr)
        try:
            file = folder if folder.is_file() else folder / f"{spec.name}.ini"
            result = done[spec.name] = run_tuner.run_experiment(spec, store, replace(options, file=file))
        except NerbbError as error:
            print(f"error: {spec.name}: {error}", file=sys.stderr)
            worst = USER_ERROR
            continue
        statuses = {trial.status for trial in result.trials}
        if "interrupted" in statuses:
            return status_of_interruption(), done
        worst = max(worst, FAILED if statuses - {"ok", "cut"} else OK)
    return worst, done


def _show(args: Namespace, specs: Sequence["ExperimentSpec"], results: "dict[str, ExperimentResult | None]") -> None:
    metric = metric_names.metric_name("f1", "entity", "micro", args.phase)
    found = points.study_of(args.folder.stem, [(spec, results[spec.name]) for spec in specs], metric)
    print(table.finite_json(found.to_dict()) if args.json else text.study_text(found))
    for path, write in ((args.html, page.write_page), (args.plot, page.write_picture)):
        if path is not None:
            write(found, path)
            print(f"written: {path}", file=sys.stderr)


def _show_plan(specs: Sequence["ExperimentSpec"]) -> int:
    """A line for every experiment: what it would run."""
    head = ["experiment", "data", "model", "approaches", "fractions", "seeds", "trials"]
    body = []
    for spec in specs:
        data = dict.fromkeys(points.dataset_of(run) for run in spec.runs)
        models = dict.fromkeys(run.model.pretrained_model_name for run in spec.runs)
        approaches = dict.fromkeys(points.approach_of(run) for run in spec.runs)
        fractions = len({run.dataset.prune_ratio_train for run in spec.runs})
        seeds = spec.settings.multiple_runs
        names = [", ".join(values) for values in (data, models, approaches)]
        body.append([spec.name, *names, str(fractions), str(seeds), str(len(spec.runs) * len(spec.members))])
    print("\n".join(text.markdown(head, iter(body))))
    return OK


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb study FOLDER [options]"
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="of experiment files (.ini), or one file")
    parser.add_argument("--only", metavar="NAME", action="append", help="this experiment; may be given again")
    parser.add_argument("--table", action="store_true", help="run nothing, show the results so far")
    parser.add_argument("--dry-run", action="store_true", help="say what there is to run, and run nothing")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with tables and pictures, too")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="write the pictures (.png, .svg, .pdf), too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--phase", choices=PHASES, default="test", help="whose entity micro F1 (test)")
    parser.add_argument("--address", metavar="A", help="of a Ray cluster; auto: the one on this machine")
    parser.add_argument("--quiet", action="store_true", help="print the results only")


COMMANDS = {
    "study": Command(
        ("study configs/study/small", "study configs/study/small --table --html study.html"),
        study,
        _arguments,
    )
}
