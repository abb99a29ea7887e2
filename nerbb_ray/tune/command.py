"""What a command that runs an experiment prints, and its exit status."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.console import json_text, plain_text, shown_width, tell
from nerbb_ray.errors import NerbbError
from nerbb_ray.exit_status import FAILED, OK, USER_ERROR
from nerbb_ray.interruption import Termination, status_of_interruption
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.preparation.options import RunOptions, run_options, starting_ray
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.store import StorePaths, current_store
from nerbb_ray.streams import need_not_be_read

with lazy_modules():
    from nerbb_ray.forecast import dry_run, estimate
    from nerbb_ray.forecast import text as forecast_words
    from nerbb_ray.preparation import prepare
    from nerbb_ray.tune import done_before, run_tuner
    from nerbb_ray.verdict import table

if TYPE_CHECKING:
    from nerbb_ray.preparation.prepare import Preparation


def run_file(file: Path, store_dir: Path | None, args: argparse.Namespace, command: Sequence[str]) -> int:
    """Plan or run one experiment file; returns the exit status.

    Args:
        command: the words that the user typed, for the advice how to go on.
    """
    options = replace(run_options(args), file=file)
    spec, store = read_ini(file), current_store(store_dir)
    if args.dry_run:
        return show_plan(spec, store, options, as_json=args.json)
    options = replace(options, announced=say_what_begins(spec, store, options))

    result = run_tuner.run_experiment(
        spec, store, options, lambda found: show_result(found, store_dir, as_json=args.json)
    )
    need_not_be_read()
    return exit_status(result, again_with(command))


def say_what_begins(spec: ExperimentSpec, store: StorePaths, options: RunOptions) -> bool:
    """The first line, before anything is imported that takes seconds.

    Returns:
        Whether it says that Ray starts: so it does if an experiment has left nothing; of another one, only MLflow knows
        whether something is still to be done.
    """
    starts = options.overwrite or not store.ray(spec.name).exists()
    if not options.quiet:
        tell(starting_ray(options) if starts else f"{spec.name}: looking for what is done already ...", sys.stderr)
        sys.stderr.flush()
    return starts


def show_plan(spec: ExperimentSpec, store: StorePaths, options: RunOptions, *, as_json: bool) -> int:
    """Print the trials of an experiment, and why it could not run; returns the exit status."""
    with prepare.preparation_here(store) as preparation:
        return _show_plan(spec, preparation, options, as_json=as_json)


def _show_plan(spec: ExperimentSpec, preparation: "Preparation", options: RunOptions, *, as_json: bool) -> int:
    plan = dry_run.make_plan(
        spec,
        preparation,
        options,
        lambda prepared: done_before.done_before(spec, preparation.store, options, lambda: prepared),
    )
    status = USER_ERROR if plan.problems else OK
    if as_json:
        print(json_text(plan.to_dict() | {"expected": _forecast_values(spec, preparation, options)}))
    else:
        print(plain_text([plan.table()], shown_width()), end="")
        for note in plan.notes:
            tell(f"note: {note}")
        if not plan.problems and not plan.nothing_left:
            tell(f"expected: {_expected(spec, preparation, options)}")
        elif plan.missing:
            tell("expected: not known before data and model are here")
    for problem in plan.problems:
        tell(f"error: {problem}", sys.stderr)
    return status


def _expected(spec: ExperimentSpec, preparation: "Preparation", options: RunOptions) -> str:
    """How long it will take, without trying anything."""
    try:
        found = estimate.forecast(spec, preparation, options)
    except NerbbError as error:
        return f"not known: {error}"
    return f"{forecast_words.summary(found)} (nerbb plan says more)"


def _forecast_values(spec: ExperimentSpec, preparation: "Preparation", options: RunOptions) -> dict[str, Any] | None:
    """What `nerbb plan --json` says; None before data and model are here."""
    try:
        return estimate.forecast(spec, preparation, options).to_dict()
    except NerbbError:
        return None


def show_result(result: ExperimentResult, store_dir: Path | None, *, as_json: bool) -> None:
    """Print the results table, or JSON.

    Args:
        store_dir: as the user named it; None is the default.
    """
    if as_json:
        print(table.to_json(result))
    else:
        where = None if store_dir is None else str(store_dir)
        print(table.results_text(result, shown_width(pipe=100), where))
    sys.stdout.flush()


def again_with(command: Sequence[str]) -> str:
    """The same command, to go on with an interrupted experiment."""
    return shlex.join([*(word for word in command if word not in ("--resume", "--overwrite")), "--resume"])


def exit_status(result: ExperimentResult, again: str) -> int:
    """0 if there are trials and every one ended ok; says how to go on if some were interrupted."""
    statuses = {trial.status for trial in result.trials}
    if "interrupted" in statuses:
        print(f"{'terminated' if Termination.asked else 'interrupted'}; go on with: {again}", file=sys.stderr)
        return status_of_interruption()
    return OK if statuses and statuses <= {"ok", "cut"} else FAILED
