"""`nerbb learning_curve`: train with fractions of the data, and say what twice as much would bring."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.commands.command import Command, add_name
from nerbb_ray.console import tell
from nerbb_ray.errors import ConfigError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.preparation.options import add_run_options, run_options
from nerbb_ray.store import StorePaths, current_store
from nerbb_ray.streams import need_not_be_read
from nerbb_ray.tune.command import again_with, exit_status, show_plan

with lazy_modules():
    from nerbb_ray.config import ini
    from nerbb_ray.html import figures
    from nerbb_ray.learning_curve import curve as curve_data
    from nerbb_ray.learning_curve import plan
    from nerbb_ray.learning_curve import text as curve_words
    from nerbb_ray.mlflow_store import overview
    from nerbb_ray.results import metric_names
    from nerbb_ray.tune import run_tuner
    from nerbb_ray.verdict import table


if TYPE_CHECKING:
    from nerbb_ray.config.spec import ExperimentSpec
    from nerbb_ray.results.experiment_result import ExperimentResult


def learning_curve(args: Namespace) -> int:
    store = current_store(args.store)
    spec = _spec(args, store)
    options = run_options(args)
    if not args.table:
        for note in curve_data.foreseen(spec):
            tell(f"note: {note}", sys.stderr)
    if args.dry_run:
        return show_plan(spec, store, options, as_json=args.json)
    if args.table:
        _show(args, spec, overview.results_so_far(store, spec.name), store)
        return OK

    if spec.name != args.name:
        store.experiment_configs.mkdir(parents=True, exist_ok=True)
        ini.write_ini(spec, store.config(spec.name))
    result = run_tuner.run_experiment(spec, store, options)
    _show(args, spec, result, store)
    need_not_be_read()
    return exit_status(result, again_with(["nerbb", *args.words]))


def _spec(args: Namespace, store: StorePaths) -> "ExperimentSpec":
    """The experiment that trains the fractions: the named one if it does, else one that is made of it."""
    spec = ini.read_ini(store.find_config(args.name))
    if plan.has_curve(spec):
        given = {"--fractions": args.fractions, "--seeds": args.seeds, "--run": args.run}
        if wrong := [name for name, value in given.items() if value is not None]:
            has = f"experiment {args.name} has fractions of its own"
            raise ConfigError([f"{wrong[0]}: {has}: change prune_ratio_train and multiple_runs in its file"])
        return spec
    path = store.config(args.name + plan.SUFFIX)
    earlier = ini.read_ini(path) if path.is_file() and not args.overwrite else None
    return plan.curve_spec(spec, args.run, args.fractions, args.seeds, earlier)


def _show(args: Namespace, spec: "ExperimentSpec", result: "ExperimentResult | None", store: StorePaths) -> None:
    metric = metric_names.metric_name("f1", "entity", "micro", args.phase)
    curves = curve_data.curves_of(spec, result, metric, curve_data.stored_corpus(store, ask_hub=True))
    if args.json:
        print(table.finite_json({"experiment": spec.name, "curves": [curve.to_dict() for curve in curves]}))
    else:
        print("\n\n".join(curve_words.curve_text(spec.name, curve) for curve in curves))
    if args.plot is None:
        return
    if len(curves) > 1:
        raise ConfigError([f"--plot draws one curve; {spec.name} has {len(curves)}: nerbb report shows them all"])
    figures.save_picture(curve_words.curve_figure(curves[0]), args.plot)
    print(f"written: {args.plot}", file=sys.stderr)


def _fractions(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise ArgumentTypeError(f"must be above 0 and at most 1; got {text!r}")
    return value


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be an integer >= 1; got {text!r}")
    return int(text)


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb learning_curve NAME [options]"
    add_name(parser)
    parser.add_argument("--fractions", nargs="+", type=_fractions, metavar="X", help="of its training data")
    parser.add_argument("--seeds", type=_number, metavar="N", help="of every fraction (3)")
    parser.add_argument("--run", metavar="RUN", help="of the experiment, if it has several")
    parser.add_argument("--phase", choices=("test", "val"), default="test", help="whose entity micro F1 (test)")
    parser.add_argument("--table", action="store_true", help="run nothing, show the results so far")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="write a picture (.svg, .png, .pdf)")
    add_run_options(parser)


COMMANDS = {
    "learning_curve": Command(
        ("learning_curve wnut17 --dry-run", "learning_curve wnut17 --fractions 0.25 0.5 1 --plot curve.svg"),
        learning_curve,
        _arguments,
    )
}
