"""`nerbb plan`: what an experiment will cost."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from nerbb_ray.commands.command import Command, add_name, experiment_file
from nerbb_ray.console import json_text, shown_width, tell
from nerbb_ray.exit_status import OK, USER_ERROR
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.preparation.options import RunOptions, add_resource_options, resource_options
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.config import ini
    from nerbb_ray.forecast import dry_run, estimate
    from nerbb_ray.forecast import text as forecast_words
    from nerbb_ray.preparation import prepare
    from nerbb_ray.tune import done_before


def plan(args: Namespace) -> int:
    store = current_store(args.store)
    spec = ini.read_ini(experiment_file(args.name, store))
    options = RunOptions(resources=resource_options(args))
    # calibration reads the data file again, also next time
    with prepare.preparation_here(store, store.cache if args.calibrate else None) as preparation:
        before = done_before.done_before(spec, store, options, lambda: dry_run.prepared_here(spec, preparation)[0])
        if before.nothing_left and not before.problems and not args.json:
            print(f"{spec.name}: nothing is left to do: all trials have ended")
            return OK
        found = estimate.forecast(spec, preparation, options, calibrate=args.calibrate, price=args.price_per_hour)
    if args.json:
        print(json_text(found.to_dict()))
    else:
        print(forecast_words.forecast_text(found, shown_width(pipe=100)), end="")
    for problem in before.problems:  # what is planned would not run
        tell(f"error: {problem}", sys.stderr)
    return USER_ERROR if before.problems else OK


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < float("inf"):
        raise ArgumentTypeError(f"must be a number >= 0; got {text}")
    return price


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb plan NAME [options]"
    add_name(parser)
    parser.add_argument("--calibrate", action="store_true", help="try 20 steps of every shape first")
    parser.add_argument("--price-per-hour", metavar="P", type=_price, help="of the machine or cluster")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_resource_options(parser)


COMMANDS = {
    "plan": Command(
        ("plan wnut17", "plan wnut17 --calibrate --price-per-hour 2.5"),
        plan,
        _arguments,
    )
}
