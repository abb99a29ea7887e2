"""What one needs to get the same numbers again: software, data, model, devices, parameters."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.keys import keys_of
from nerbb_ray.config.spec import DatasetParams, ModelParams, Settings
from nerbb_ray.html.document import folded, paragraph, preformatted, table
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey
from nerbb_ray.report.runs import OF_A_TRIAL, varying
from nerbb_ray.results.experiment_result import ExperimentResult

ENVIRONMENT = "environment.json"
SECTIONS = (DatasetParams, ModelParams, Settings, HParams)


def environment_section(result: ExperimentResult, details: Mapping[TrialKey, TrialDetails]) -> str:
    """Args:
    details: those of trials whose file of the environment was asked for.
    """
    data = _fingerprints(result)
    found = [values for read in details.values() if (values := parse(read.files.get(ENVIRONMENT))) is not None]
    if not found:
        return paragraph(f"{ENVIRONMENT} of the trials is not there.", "warn") + data
    keys = dict.fromkeys(key for values in found for key in values)
    rows = [[key, _different(values[key] for values in found if key in values)] for key in keys]
    return (
        paragraph(f"As {len(found)} of {len(result.trials)} trials recorded it.")
        + table(["what", "value"], [[key, without_paths(value)] for key, value in rows])
        + data
    )


def parse(text: str | None) -> dict[str, str] | None:
    """None if it is not there or damaged."""
    try:
        values = json.loads(text or "")
    except ValueError:
        return None
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else None


def _different(values: Iterable[str]) -> str:
    """One value, or each with the number of its trials."""
    counts = Counter(value or "-" for value in values)
    return next(iter(counts)) if len(counts) == 1 else "; ".join(f"{value} ({n} trials)" for value, n in counts.items())


def _fingerprints(result: ExperimentResult) -> str:
    """Trials of one data set that have not seen the same data cannot be compared."""
    seen: dict[tuple[str, ...], set[str]] = {}
    for trial in result.trials:
        if trial.data:
            which = tuple(str(trial.params.get(key)) for key in keys_of(DatasetParams))
            seen.setdefault(which, set()).add(trial.data)
    mixed = [f"{which[0]}: {', '.join(sorted(found))}" for which, found in seen.items() if len(found) > 1]
    return "".join(
        paragraph(f"Trials with the same [dataset] parameters have seen different data: {without_paths(text)}", "warn")
        for text in mixed
    )


def configuration_section(result: ExperimentResult, file: Path | None) -> str:
    """Args:
    file: of the experiment, where it is at hand.
    """
    parts = [folded("resolved parameters, the same in all trials", preformatted(without_paths(resolved(result))))]
    if file is None:
        return "".join([*parts, paragraph("The experiment's file is not there.")])
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    return "".join([*parts, folded(f"the experiment's file now: {file.name}", preformatted(without_paths(text)))])


def resolved(result: ExperimentResult) -> str:
    """As in an experiment's file, without what varies."""
    different = {*varying(result), *OF_A_TRIAL}
    params = {key: str(value) for trial in result.trials for key, value in trial.params.items()}
    lines = []
    for section in SECTIONS:
        same = [
            f"{key} = {'-' if params[key] == 'None' else params[key]}"
            for key in keys_of(section)
            if key in params and key not in different
        ]
        lines += [f"[{section.section}]", *same, ""] if same else []
    return "\n".join(lines).rstrip() or "not there"
