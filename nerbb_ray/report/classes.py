"""Precision, recall and F1 of every class: their means over the seeds of a run."""

from nerbb_ray.html.document import folded, heading, paragraph, run_name, table
from nerbb_ray.report.runs import ranked, shown_mean
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.metric_names import split_name
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import RunResult

AVERAGES = ("micro", "macro")
SPLITS = ("val", "test")
LEVEL = "entity"
METRICS = ("precision", "recall", "f1", "support")
HEADER = ["class", *(f"{split} {name}" for split in SPLITS for name in (*METRICS[:2], "F1", METRICS[3], "n"))]
MAX_RUNS = 60


def classes_section(result: ExperimentResult) -> str:
    """The table of the best run, and those of the others on a click."""
    runs = [run for run in ranked(result) if run.n_ok]
    if not runs:
        return paragraph("No trial has ended ok: there is nothing to show.")
    about = (
        "Entity level: type and both borders must be right. "
        f"Means over the {result.member}s, of F1 with the standard error (of two {result.member}s, both values); "
        f"n is the number of {result.member}s in which F1 is defined."
    )
    others = [folded(run.run, class_table(run)) for run in runs[1:MAX_RUNS]]
    left_out = len(runs) - MAX_RUNS
    note = paragraph(f"Shown are the best {MAX_RUNS} runs; MLflow has the other {left_out}.") if left_out > 0 else ""
    return paragraph(about) + heading(runs[0].run) + class_table(runs[0]) + "".join(others) + note


def class_table(run: RunResult) -> str:
    rows = [
        [run_name(label), *(cell for split in SPLITS for cell in _cells(run, split, label))] for label in labels_of(run)
    ]
    return table(HEADER, rows, numeric=range(1, len(HEADER)))


def labels_of(run: RunResult) -> list[str]:
    """The averages, then the classes in alphabetical order."""
    parts = map(split_name, run.metric_names)
    found = {label for split, level, label, metric in parts if level == LEVEL and metric == "f1" and split in SPLITS}
    return [*(name for name in AVERAGES if name in found), *sorted(found - {*AVERAGES})]


def _cells(run: RunResult, split: str, label: str) -> list[str]:
    means = {metric: run.mean_if_any(f"{split}/{LEVEL}/{label}/{metric}") for metric in METRICS}
    precision, recall, support = (means[name] for name in ("precision", "recall", "support"))
    f1 = means["f1"]
    return [_plain(precision), _plain(recall), shown_mean(f1), _count(support), f"{f1.n}"]


def _plain(mean: SeedMean) -> str:
    return f"{mean.mean:.4f}" if mean.n else "-"


def _count(mean: SeedMean) -> str:
    return f"{mean.mean:.10g}" if mean.n else "-"
