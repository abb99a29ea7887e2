"""Arguments of all commands that use the models of trials."""

from argparse import ArgumentParser, ArgumentTypeError

from nerbb_ray.commands.choices import add_run_option
from nerbb_ray.commands.command import completed
from nerbb_ray.config.spec import Member, parse_member


def add_trial_name(parser: ArgumentParser, what: str) -> None:
    """
    Args:
        what: a name may be of.
    """
    completed(parser.add_argument("name", metavar="NAME", help=what), lambda store: store.configs())


def add_trial_options(parser: ArgumentParser) -> None:
    """Which trial of the experiment is meant; the best one without them."""
    add_run_option(parser, "of the experiment (that of its best trial)")
    parser.add_argument(
        "--seed", type=_member, metavar="N", help="of the trial (that of the best); with folds also 43-fold2"
    )
    parser.add_argument(
        "--ensemble",
        nargs="?",
        const=True,
        default=False,
        type=_members,
        metavar="N",
        help="all seeds of the run as one model, or its best N",
    )


def _member(text: str) -> Member:
    try:
        return parse_member(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"must be a seed, or with folds a seed and a fold, as in 43-fold2; got {text!r}"
        ) from error


def _members(text: str) -> bool | int:
    """How many models an ensemble has; True: all."""
    if text == "all":
        return True
    if not text.isdecimal() or int(text) < 2:
        raise ArgumentTypeError(f"must be a number >= 2, or left out for all seeds; got {text!r}")
    return int(text)
