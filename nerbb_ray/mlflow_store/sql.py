"""The list of experiments straight from MLflow's database file: one query, and none of MLflow's imports.

Only what a line of the list needs is read. The tables are those of MLflow 3; of a file that has others, or that is
locked or damaged, nothing is returned, and the caller asks MLflow itself, which knows what to do or to say.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from nerbb_ray.mlflow_store import schema as records
from nerbb_ray.mlflow_store.names import read_value, write_name
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, TrialResult

# the order of MLflow's client: the newest experiment first, its trials as they started
QUERY = """
SELECT e.experiment_id, e.name, e.creation_time, note.value, run.value, seed.value, r.status, status.value, seeds.value,
       fold.value, folds.value, repeats.value, of_val.value, of_test.value,
       val.value, val.is_nan, test.value, test.is_nan
FROM experiments e
JOIN experiment_tags kind ON kind.experiment_id = e.experiment_id AND kind.key = :kind AND kind.value = 'experiment'
LEFT JOIN (runs r JOIN tags trial ON trial.run_uuid = r.run_uuid AND trial.key = :kind AND trial.value = 'trial')
       ON r.experiment_id = e.experiment_id AND r.lifecycle_stage = 'active'
LEFT JOIN tags run ON run.run_uuid = r.run_uuid AND run.key = :run
LEFT JOIN tags seed ON seed.run_uuid = r.run_uuid AND seed.key = :seed
LEFT JOIN tags parent ON parent.run_uuid = r.run_uuid AND parent.key = :parent
LEFT JOIN tags note ON note.run_uuid = parent.value AND note.key = :note
LEFT JOIN tags status ON status.run_uuid = r.run_uuid AND status.key = :status
LEFT JOIN tags fold ON fold.run_uuid = r.run_uuid AND fold.key = :fold
LEFT JOIN params seeds ON seeds.run_uuid = r.run_uuid AND seeds.key = 'multiple_runs'
LEFT JOIN params folds ON folds.run_uuid = r.run_uuid AND folds.key = 'folds'
LEFT JOIN params repeats ON repeats.run_uuid = r.run_uuid AND repeats.key = 'repeats'
LEFT JOIN params of_val ON of_val.run_uuid = r.run_uuid AND of_val.key = 'prune_ratio_val'
LEFT JOIN params of_test ON of_test.run_uuid = r.run_uuid AND of_test.key = 'prune_ratio_test'
LEFT JOIN latest_metrics val ON val.run_uuid = r.run_uuid AND val.key = :val
LEFT JOIN latest_metrics test ON test.run_uuid = r.run_uuid AND test.key = :test
WHERE e.lifecycle_stage = 'active'
ORDER BY e.creation_time DESC, e.experiment_id DESC, r.start_time IS NULL, r.start_time, r.run_uuid
"""
FINISHED = """
SELECT r.run_uuid, e.name, run.value, seed.value, fold.value, status.value, epochs.value, elapsed.value
FROM runs r
JOIN experiments e ON e.experiment_id = r.experiment_id AND e.lifecycle_stage = 'active'
JOIN tags trial ON trial.run_uuid = r.run_uuid AND trial.key = :kind AND trial.value = 'trial'
JOIN tags run ON run.run_uuid = r.run_uuid AND run.key = :run
JOIN tags seed ON seed.run_uuid = r.run_uuid AND seed.key = :seed
LEFT JOIN tags fold ON fold.run_uuid = r.run_uuid AND fold.key = :fold
JOIN tags status ON status.run_uuid = r.run_uuid AND status.key = :status AND status.value IN ('ok', 'diverged', 'cut')
LEFT JOIN latest_metrics epochs ON epochs.run_uuid = r.run_uuid AND epochs.key = 'epochs'
LEFT JOIN latest_metrics elapsed ON elapsed.run_uuid = r.run_uuid AND elapsed.key = 'elapsed_s'
WHERE r.lifecycle_stage = 'active'
      AND (status.value <> 'ok' OR (epochs.value IS NOT NULL AND elapsed.value IS NOT NULL))
ORDER BY r.start_time
"""
IDS = """
SELECT e.name, e.experiment_id
FROM experiments e
JOIN experiment_tags kind ON kind.experiment_id = e.experiment_id AND kind.key = :kind AND kind.value = 'experiment'
WHERE e.lifecycle_stage = 'active'
ORDER BY e.creation_time DESC, e.experiment_id DESC
"""
NAMES = {
    "kind": records.KIND,
    "run": records.RUN,
    "seed": records.SEED,
    "fold": records.FOLD,
    "status": records.STATUS,
    "parent": records.PARENT,
    "note": records.RUN_NOTE,
    "val": write_name(SELECTION_METRIC),
    "test": write_name(TEST_METRIC),
}
LOCKED_S = 5.0


@dataclass(frozen=True, slots=True)
class ListedExperiment:
    """An experiment with as much of its trials as the list shows.

    Args:
        created_ms: since 1970, in UTC.
        trials: with the two metrics of the list only, and the shares of the splits that these are of; of several of one
            run and seed, the one that started last.
        n_seeds: that each run was to have.
        notes: run -> why it has fewer.
    """

    name: str
    created_ms: int
    trials: tuple[TrialResult, ...] = field(repr=False)
    n_seeds: int
    notes: dict[str, str]


def read_experiments(database: Path) -> list[ListedExperiment] | None:
    """Our experiments, the newest first; None if the file cannot be read like this."""
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_S)) as connection:
            rows = connection.execute(QUERY, NAMES).fetchall()
    except sqlite3.Error:
        return None
    return [_experiment(list(group)) for _, group in groupby(rows, key=itemgetter(0))]


def read_finished(database: Path) -> list[tuple[str, TrialResult]] | None:
    """The trials of all our experiments that ended ok, diverged or were cut, with the name of their experiment.

    They have parameters; those that ended ok have epochs and durations, too.

    Returns:
        None if the file cannot be read like this.
    """
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_S)) as connection:
            trials = connection.execute(FINISHED, NAMES).fetchall()
            params: dict[str, dict[str, str]] = {trial[0]: {} for trial in trials}
            for run, key, value in connection.execute("SELECT run_uuid, key, value FROM params"):
                if run in params:
                    params[run][key] = value
    except sqlite3.Error:
        return None
    return [
        (
            name,
            TrialResult(
                run,
                int(seed),
                status,
                fold=records.fold_of(fold),
                params=params[number],
                epochs=None if epochs is None else int(epochs),
                duration_s=duration,
            ),
        )
        for number, name, run, seed, fold, status, epochs, duration in trials
    ]


def read_ids(database: Path) -> dict[str, str]:
    """MLflow's ids of our experiments by name, the newest first; empty if the file cannot be read like this."""
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_S)) as connection:
            return {name: str(number) for name, number in connection.execute(IDS, NAMES)}
    except sqlite3.Error:
        return {}


def _experiment(rows: list[tuple[Any, ...]]) -> ListedExperiment:
    _, name, created_ms, *_ = rows[0]
    of_trials = [row for row in rows if row[4] is not None and row[5] is not None]
    newest = {(trial.run, trial.member): (trial, seeds) for trial, seeds in map(_trial, of_trials)}
    n_seeds = max((seeds for _, seeds in newest.values()), default=0)
    return ListedExperiment(
        name,
        created_ms or 0,
        tuple(trial for trial, _ in newest.values()),
        n_seeds,
        {row[4]: row[3] or "" for row in of_trials},
    )


def _trial(row: tuple[Any, ...]) -> tuple[TrialResult, int]:
    run, seed, in_mlflow, status, seeds, fold, folds, repeats, of_val, of_test, *values = row[4:]
    shares = {"prune_ratio_val": of_val, "prune_ratio_test": of_test}
    known, metrics = records.status_of(status or "", in_mlflow), dict(_metrics(values))
    params = {key: value for key, value in shares.items() if value is not None}
    result = TrialResult(run, int(seed), known, metrics, params, fold=records.fold_of(fold))
    return result, records.seeds_of({"multiple_runs": seeds, "folds": folds, "repeats": repeats})


def _metrics(values: list[Any]) -> Iterator[tuple[str, float]]:
    for name, value, is_nan in zip((SELECTION_METRIC, TEST_METRIC), values[::2], values[1::2], strict=True):
        if value is not None:
            yield name, float("nan") if is_nan else read_value(value)
