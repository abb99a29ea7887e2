"""A forecast in words and as a table."""

from rich.table import Table

from nerbb_ray.console import Sentence, head_line, plain_text, shown_time
from nerbb_ray.forecast.estimate import Forecast


def summary(found: Forecast) -> str:
    """One line."""
    if not found.runs or found.trials == 0:
        return "nothing is left to do"
    hours = f"{found.device_hours:.2g}" if found.device_hours < 10 else f"{found.device_hours:,.0f}"  # not 1e+02
    return f"{shown_range(*found.wall_s)}, {hours} {found.device}-hours{_price(found)}"


def _price(found: Forecast) -> str:
    return "" if found.price is None else f", cost {found.price[1]:.2f} ({found.price[0]:.2f} to {found.price[2]:.2f})"


def forecast_text(found: Forecast, width: int = 100) -> str:
    """The table of the runs and the totals; one line for an experiment that is done."""
    if found.trials == 0:
        return f"{found.experiment}: nothing is left to do: all {found.most_trials} trials have ended\n"
    table = Table(box=head_line(), pad_edge=False)
    for header in ("run", "trials", "steps/epoch", "epochs", "per epoch", "per trial"):
        table.add_column(header, justify="left" if header == "run" else "right", overflow="fold")
    for run in found.runs:
        cells = (str(run.trials), str(run.steps_per_epoch), str(run.epochs), shown_time(run.costs.epoch_s))
        table.add_row(run.run, *cells, shown_time(run.trial_s))
    return plain_text([table, *map(Sentence, _lines(found))], width)


def _lines(found: Forecast) -> list[str]:
    lines = [
        "",
        f"trials: {_trials(found)}, {found.concurrent} at a time, {found.resources} each; about {found.steps:,} steps",
        f"time: {summary(found)}",
        f"memory: about {shown_size(found.memory_mb)} at most" if found.memory_mb > 1000 else "",
        f"disk: up to {shown_size(found.disk_mb[0])} meanwhile, {shown_size(found.disk_mb[1])} afterwards",
        f"epochs from {_sources([run.epochs.source for run in found.runs])}",
        f"speed from {_sources([run.costs.source for run in found.runs])}",
    ]
    return [line for line in lines[1:] if line] + [f"note: {note}" for note in found.notes]


def _trials(found: Forecast) -> str:
    """`6`, `2 of 6 (the others have ended)`, `about 4 (of 6)` where a search may start fewer"""
    if found.trials == found.most_trials:
        return str(found.trials)
    if found.trials == found.left:
        return f"{found.trials} of {found.most_trials} (the others have ended)"
    return f"about {found.trials} (of {found.most_trials})"


def _sources(sources: list[str]) -> str:
    return "; ".join(dict.fromkeys(sources))


def shown_range(low: float, middle: float, high: float) -> str:
    """`about 12 min (8 min to 17 min)`"""
    return f"about {shown_time(middle)} ({shown_time(low)} to {shown_time(high)})"


def shown_size(megabytes: float) -> str:
    """`850 MB`, `1.2 GB`"""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
