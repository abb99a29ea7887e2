"""`nerbb show_schedule`: what adaptive stopping makes of validation losses, as a table and as a picture."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.commands.choices import add_run_option
from nerbb_ray.commands.command import completed, experiment_file
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.errors import ConfigError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.spelling import did_you_mean
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.report import schedule_plot
    from nerbb_ray.training import adaptive


if TYPE_CHECKING:
    from nerbb_ray.training.adaptive import Replay

DEFAULT_STEPS = 10
MAX_EPOCHS, MAX_STEPS = 10_000, 1_000_000  # of one answer: more would take minutes and say nothing new
SHOWN_EPOCHS = 300
HEADER = f"{'epoch':>5}  {'stage':<18}  {'LR, first step':>14}  {'LR, last step':>13}  "


def add_schedule_arguments(parser: ArgumentParser) -> None:
    action = parser.add_argument("name", metavar="NAME", help="of an experiment, or a file that ends in .ini")
    completed(action, lambda store: store.configs())
    add_run_option(parser, "of the experiment (its first)")
    parser.add_argument(
        "--losses",
        type=_numbers,
        required=True,
        metavar="X,...",
        help="monitored value of every epoch (of monitor = val_acc or val_f1: not losses); the last one repeats",
    )
    parser.add_argument(
        "--steps-per-epoch", type=_steps, default=DEFAULT_STEPS, metavar="N", help=f"optimizer steps ({DEFAULT_STEPS})"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it, too (.png, .pdf or .svg)")


def show_schedule(args: Namespace) -> int:
    """Print the table, and draw the picture if one is asked for."""
    store = current_store(args.store)
    spec = read_ini(experiment_file(args.name, store))
    run = _find_run(spec, args.run)
    _check_length(run, len(args.losses), args.steps_per_epoch)
    outcome = adaptive.replay(run.hparams, args.losses, args.steps_per_epoch)
    print(*_lines(run, outcome, len(args.losses)), sep="\n")
    if args.run is None and len(spec.runs) > 1:
        print(f"other runs (--run): {', '.join(other.name for other in spec.runs[1:])}")
    if args.plot:
        print(f"picture: {schedule_plot.draw_schedule(outcome, run, f'{spec.name}, {run.name}', args.plot)}")
    return 0


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"must be numbers with commas between them, e.g. 1,.8,.6; got {text!r}") from None


def _steps(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be an integer >= 1; got {text!r}")
    return int(text)


def _find_run(spec: ExperimentSpec, name: str | None) -> RunSpec:
    runs = {run.name: run for run in spec.runs}
    if name is None:
        return spec.runs[0]
    if name in runs:
        return runs[name]
    raise ConfigError([f"experiment {spec.name} has no run {name!r}; {did_you_mean(name, runs, str)}"])


def _check_length(run: RunSpec, given: int, steps: int) -> None:
    """
    Raises:
        ConfigError: the run can have more epochs or steps than can be replayed.
    """
    hparams = run.hparams
    epochs = hparams.max_epochs
    if hparams.early_stopping:  # the last value repeats, which is no improvement
        epochs = min(epochs, given + hparams.patience + hparams.lr_cooldown_epochs + 1)
    if epochs > MAX_EPOCHS:
        rule = f"at most {MAX_EPOCHS} epochs can be shown; got {epochs}: lower max_epochs in a copy of the file"
        raise ConfigError([f"{run.name}: {rule}"])
    if epochs * steps > MAX_STEPS:
        rule = f"at most {MAX_STEPS} steps can be shown; got {epochs} epochs x {steps}: give a lower --steps-per-epoch"
        raise ConfigError([f"{run.name}: {rule}"])


def _lines(run: RunSpec, outcome: "Replay", given: int) -> Iterator[str]:
    monitor = run.hparams.monitor
    yield f"{run.name}: lr_max {run.hparams.lr_max:g}, lr_schedule {run.hparams.lr_schedule}; epochs counted from 0"
    yield f"{HEADER}{monitor:>8}"
    for epoch, (rates, stage, value) in enumerate(
        zip(outcome.learning_rates, outcome.stages, outcome.values, strict=True)
    ):
        left_out = outcome.epochs - SHOWN_EPOCHS
        if left_out > 0 and epoch == SHOWN_EPOCHS // 2:
            yield f"{'...':>5}  ({left_out} epochs)"
        if left_out > 0 and 0 <= epoch - SHOWN_EPOCHS // 2 < left_out:
            continue
        notes = ("  * best" if epoch == outcome.best_epoch else "") + ("  (repeated)" if epoch >= given else "")
        yield f"{epoch:>5}  {stage:<18}  {rates[0]:>14.3e}  {rates[-1]:>13.3e}  {value:>8.4f}{notes}"
    best = "there is no best one"
    if outcome.best_epoch >= 0:
        best = f"best epoch {outcome.best_epoch} with {monitor} {outcome.values[outcome.best_epoch]:g}"
    yield f"{outcome.epochs} epoch{'' if outcome.epochs == 1 else 's'}, {best}; end: {outcome.reason}"
    if given > outcome.epochs:
        yield f"values that were not needed any more: {given - outcome.epochs}"
