"""Options of several commands whose values the shell can complete."""

from argparse import Action, Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nerbb_ray.commands.command import completed
from nerbb_ray.config.keys import RUN_PREFIX
from nerbb_ray.errors import NerbbError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths

with lazy_modules():
    from nerbb_ray import store as stores
    from nerbb_ray.config import ini
    from nerbb_ray.training import sources


METRICS = ("f1", "precision", "recall", "support", "loss", "acc")
LEVELS, LABELS, PHASES = ("entity", "token"), ("micro", "macro"), ("test", "val")


def add_metric_options(parser: Any, defaults: Mapping[str, str] | None = None) -> None:
    """--metric, --level, --label and --phase.

    Args:
        parser: or a group of one.
        defaults: None: whether an option was given is to be seen.
    """
    shown = {"metric": "f1", "level": "entity", "label": "micro", "phase": "test"} | dict(defaults or {})
    offered = {"metric": METRICS, "level": LEVELS, "label": LABELS, "phase": PHASES}
    said = {
        "metric": ", ".join(METRICS),
        "level": "entity or token",
        "label": "micro, macro or a class",
        "phase": "test or val",
    }
    for option, values in offered.items():
        text = f"{said[option]} ({shown[option]})"
        default = None if defaults is None else shown[option]
        action = parser.add_argument(f"--{option}", metavar=option[0].upper(), default=default, help=text)
        _offer(action, values)


def _offer(action: Action, values: Iterable[str]) -> None:
    completed(action, lambda _: values)


def add_run_option(parser: Any, help_text: str) -> None:
    """--run, of the experiment that the line names."""
    action = parser.add_argument("--run", metavar="RUN", help=help_text)

    def completer(parsed_args: Namespace, **_: object) -> list[str]:
        try:
            return sorted(runs_of(stores.current_store(parsed_args.store), parsed_args.name))
        except (NerbbError, OSError):
            return []

    action.completer = completer


def runs_of(store: StorePaths, experiment: str) -> set[str]:
    """Runs of an experiment, by its file and by the models that were kept: what a search has drawn is in no file."""
    if experiment.endswith(".ini"):
        return {run.name for run in ini.read_ini(Path(experiment)).runs}
    kept = store.checkpoints(experiment)
    found = {folder.name for folder in kept.iterdir() if folder.name.startswith(RUN_PREFIX)} if kept.is_dir() else set()
    if experiment in store.configs():
        found |= {run.name for run in ini.read_ini(store.find_config(experiment)).runs if not run.space}
    return found


def local_models(store: StorePaths) -> Iterable[str]:
    """Models that can be named without a network: of the store, and those that come as packages."""
    folder = store.pretrained_models
    own = [path.name for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    return [*own, *sources.OFFLINE_PACKAGES]
