"""Where numbers are those of a part of a split only, because `prune_ratio_val` or `prune_ratio_test` is below 1."""

import math
from collections.abc import Iterable, Iterator, Mapping

from nerbb_ray.results.experiment_result import ExperimentResult

SPLITS = ("val", "test")
NO_FOLDS = ("0", "None", "")


def share_of(params: Mapping[str, object], split: str) -> float:
    """The share of a split that a trial was evaluated on; 1 if that is not known.

    Args:
        params: values, or texts as MLflow has them.
    """
    try:
        share = float(str(params.get(f"prune_ratio_{split}", 1.0)))
    except ValueError:
        return 1.0
    return share if math.isfinite(share) else 1.0


def part_of(params: Mapping[str, object], split: str) -> str:
    """`20 % of the test split`, with folds `20 % of the val part of each fold`; empty for the whole of it."""
    share = share_of(params, split)
    if share >= 1:
        return ""
    what = f"{split} split"
    if str(params.get("folds", "0")) not in NO_FOLDS:
        # whether test is a part of the folds, the parameters do not tell
        what = "val part of each fold" if split == "val" else "test data"
    return f"{100 * share:.4g} % of the {what}"


def part_lines(result: ExperimentResult) -> Iterator[str]:
    """For every split of which only a part was used, which runs are evaluated on how much."""
    for split in SPLITS:
        of_runs = {run.run: part_of(run.trials[0].params, split) for run in result.runs if run.trials}
        parts = [part for part in dict.fromkeys(of_runs.values()) if part]
        for part in parts:
            runs = [run for run, own in of_runs.items() if own == part]
            whom = "" if len(runs) == len(of_runs) else f" for {_listed(runs)}"
            yield f"{split} numbers{whom} are of the first {part} (prune_ratio_{split})"


def _listed(runs: Iterable[str], named: int = 3) -> str:
    names = list(runs)
    return ", ".join(names[:named]) + (f" and {len(names) - named} more runs" if len(names) > named else "")
