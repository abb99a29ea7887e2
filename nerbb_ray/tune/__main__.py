"""`python -m nerbb_ray.tune exp.ini`: run an experiment file on this machine or on a Ray cluster."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nerbb_ray.exit_status import guarded
from nerbb_ray.preparation.options import add_run_options
from nerbb_ray.tune.command import run_file

EPILOG = """examples:
  python -m nerbb_ray.tune configs/quickstart.ini
  python -m nerbb_ray.tune configs/quickstart.ini --dry-run
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 all trials ended ok, 1 a trial failed, 2 a mistake of the user's, 130 interrupted."""
    return guarded(lambda: run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Parse and run.

    Raises:
        SystemExit: by argparse.
    """
    parser = argparse.ArgumentParser(
        prog="python -m nerbb_ray.tune",
        description="Fine-tune a model for every run and seed of an experiment file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the experiment file (.ini)")
    parser.add_argument("--store", type=Path, metavar="DIR", help="where data, models and results are (./store)")
    add_run_options(parser)
    args = parser.parse_args(argv)
    return run_file(args.file, args.store, args, ["python", "-m", "nerbb_ray.tune", *argv])


if __name__ == "__main__":
    sys.exit(main())
