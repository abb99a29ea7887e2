"""A search that runs, as HTML: for pages and notebooks."""

from collections.abc import Mapping

from nerbb_ray.html.document import paragraph, run_name, table
from nerbb_ray.live.columns import epochs_text
from nerbb_ray.live.frame import header, ranked
from nerbb_ray.live.short import clock, short_score, short_value
from nerbb_ray.live.state import SearchState

WIDTH = 200  # characters of the line that says how it stands
SHOWN = 200


def headline(search: SearchState) -> str:
    """`politics  4/9 done, 1 failed, best .655 runA(lr_max=3e-4), 3:12 elapsed, about 5 min left`"""
    return header(search, WIDTH).plain


def trials_table(search: SearchState, errors: Mapping[str, str] | None = None, most: int = SHOWN) -> str:
    """Those that run first, then the best.

    Args:
        errors: by the name of the trial.
    """
    keys = list(dict.fromkeys(key for params in search.runs.values() for key in params))
    numbers = ["seed", "epoch", "best val F1", "val loss", "time", *keys]
    shown, said = ranked(search.trials), errors or {}
    rows = [
        [
            run_name(trial.run),
            trial.state,
            trial.seed,
            epochs_text(trial),
            short_score(trial.best_f1),
            short_score(trial.val_loss),
            clock(trial.elapsed_s),
            *(short_value(trial.params[key]) if key in trial.params else "" for key in keys),
            *([said.get(trial.name, "")] if said else []),
        ]
        for trial in shown[:most]
    ]
    left_out = f", {len(shown) - most} more not shown" if len(shown) > most else ""
    caption = f"Those that run first, then the best; {search.waiting} waiting{left_out}. F1: the best epoch so far."
    columns = ["run", "state", *numbers, *(["error"] if said else [])]
    return table(columns, rows, numeric=range(2, 2 + len(numbers)), caption=caption)


def search_html(search: SearchState, most: int = 30) -> str:
    """The line and the table, for a cell of a notebook."""
    return paragraph(headline(search)) + trials_table(search, most=most)
