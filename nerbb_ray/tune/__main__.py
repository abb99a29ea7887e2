"""`python -m nerbb_ray.tune exp.ini`: run an experiment file on this machine or on a Ray cluster."""

import argparse
import sys
from pathlib import Path

from nerbb_ray.preparation.options import add_run_options
from nerbb_ray.tune.command import guarded, run_file

EPILOG = """examples:
  python -m nerbb_ray.tune configs/quickstart.ini
  python -m nerbb_ray.tune configs/quickstart.ini --dry-run
"""


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 all trials ended ok, 1 a trial failed, 2 a mistake of the user's, 130 interrupted."""
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
    command = ["python", "-m", "nerbb_ray.tune", *(sys.argv[1:] if argv is None else argv)]
    return guarded(lambda: run_file(args.file, args.store, args, command))


if __name__ == "__main__":
    sys.exit(main())
