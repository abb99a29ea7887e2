"""The means of runs as a table for MLflow's page: all that is said of a trainable of which only numbers are known."""

from collections.abc import Iterable, Sequence

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import RunResult

DESCRIBED_RUNS = 25
DESCRIBED_METRICS = 8
MAX_DESCRIPTION = 7900


def means_description(result: ExperimentResult, run: str | None = None) -> str:
    """Markdown: the runs as a table, in the order of their names.

    Args:
        run: whose description it is, marked in the table; None: that of the experiment.
    """
    metrics = list(dict.fromkeys(name for one in result.runs for name in one.metric_names))
    named, left_out = metrics[:DESCRIBED_METRICS], len(metrics) - DESCRIBED_METRICS
    shown = described(result.runs, run)
    header = ["", "run", "trials ok", *(f"`{name}`".replace("|", "\\|") for name in named)]
    lines = [
        f"| {' | '.join(header)} |",
        "|---" * len(header) + "|",
        *(row_text(one, named, marked=one.run == run) for one in shown),
        "",
        "Mean ± standard error over the trials of a run that ended ok; of two, both values.",
        f"Not shown: {left_out} metrics." if left_out > 0 else "",
        not_shown(result, shown),
    ]
    return "\n".join(lines).strip()[:MAX_DESCRIPTION]


def described(runs: Sequence[RunResult], run: str | None) -> list[RunResult]:
    """The first runs of a long table, and the one whose description it is."""
    return [*runs[:DESCRIBED_RUNS], *(one for one in runs[DESCRIBED_RUNS:] if one.run == run)]


def not_shown(result: ExperimentResult, shown: Sequence[RunResult]) -> str:
    left_out = len(result.runs) - len(shown)
    return f"Not shown: {left_out} runs." if left_out else ""


def row_text(run: RunResult, metrics: Iterable[str], mark: str = "", *, marked: bool) -> str:
    """A row of the table."""
    name = f"`{run.run}`".replace("|", "\\|")
    cells = [run.mean_if_any(metric).brief().replace("+-", "±") for metric in metrics]
    return f"| {mark} | {f'**{name}**' if marked else name} | {' | '.join([f'{run.n_ok}/{run.n_total}', *cells])} |"
