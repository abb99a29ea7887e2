"""How an experiment is started: the options that `python -m nerbb_ray.tune` and `nerbb run_experiment` share."""

import argparse
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nerbb_ray.config import keys
from nerbb_ray.config.spec import Resources
from nerbb_ray.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What does not change any result.

    Args:
        address: of a Ray cluster ("auto": the one on this machine); None starts Ray here.
        overwrite: forget earlier trials of the same name instead of going on from them.
        resume: go on from earlier trials; an experiment that has none yet is then an error.
        quiet: print nothing while the trials run.
        resources: replaces single keys of [resources].
        announced: whether somebody has said already that Ray starts.
        file: that the experiment was read from; the store keeps a copy of one that is elsewhere.
    """

    address: str | None = None
    overwrite: bool = False
    resume: bool = False
    quiet: bool = False
    resources: tuple[tuple[str, Any], ...] = ()
    file: Path | None = None
    announced: bool = False

    def apply(self, resources: Resources) -> Resources:
        """[resources] of the file, with what the command line replaces."""
        return replace(resources, **dict(self.resources))


def cluster_address(address: str | None) -> str | None:
    """Of the cluster that is meant: the given one, or that of the environment, as `ray job submit` sets it.

    Returns:
        None for none, or if it is "local": Ray is started here. For "auto", the environment may have another one.
    """
    of_environment = os.environ.get("RAY_ADDRESS")
    meant = (of_environment or address) if address in (None, "", "auto") else address
    return None if meant in ("", "local") else meant


def starts_here(address: str | None) -> bool:
    """Whether a session would start a Ray on this computer: no cluster is meant, and none is connected to."""
    return cluster_address(address) is None and not is_connected()


def is_connected() -> bool:
    """Whether this process is connected to a Ray, which a session would use as it is."""
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def starting_ray(options: RunOptions) -> str:
    """What is said before Ray starts, which takes seconds."""
    meant = cluster_address(options.address)
    return "starting Ray ..." if meant is None else f"connecting to the Ray cluster at {meant} ..."


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of a command that runs an experiment."""
    parser.add_argument("--dry-run", action="store_true", help="print the trials and start nothing")
    parser.add_argument("--json", action="store_true", help="with --dry-run or at the end: print JSON")
    parser.add_argument("--address", metavar="A", help="of a Ray cluster; auto: the one on this machine")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where an interrupted experiment ended")
    again.add_argument("--overwrite", action="store_true", help="forget earlier trials of this name")
    parser.add_argument("--quiet", action="store_true", help="print the results only")
    add_resource_options(parser)


def add_resource_options(parser: argparse.ArgumentParser) -> None:
    """An option for every key of [resources]."""
    resources = parser.add_argument_group("instead of the keys of [resources]")
    for key, rule in keys.keys_of(Resources).items():
        resources.add_argument("--" + key.replace("_", "-"), dest=f"resources_{key}", metavar="X", help=rule.rule)


def run_options(args: argparse.Namespace) -> RunOptions:
    """The options of parsed arguments.

    Raises:
        ConfigError: a resource option breaks the rule of its key.
    """
    return RunOptions(
        address=args.address,
        overwrite=args.overwrite,
        resume=args.resume,
        quiet=args.quiet,
        resources=resource_options(args),
    )


def resource_options(args: argparse.Namespace) -> tuple[tuple[str, Any], ...]:
    """What replaces the keys of [resources].

    Raises:
        ConfigError: an option breaks the rule of its key.
    """
    changes, problems = [], []
    for key, rule in keys.keys_of(Resources).items():
        text = getattr(args, f"resources_{key}")
        if text is None:
            continue
        try:
            value = rule.parse(text)
        except ValueError:
            value = text
        if not rule.check(value):
            problems.append(f"--{key.replace('_', '-')}: must be {rule.rule}; got {text}")
        changes.append((key, value))
    if problems:
        raise ConfigError(problems)
    return tuple(changes)
