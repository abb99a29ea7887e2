"""The ensembles of the seeds of each run: how good they are, what they gain, how far they can be trusted."""

from nerbb_ray.html.document import heading, paragraph, run_name
from nerbb_ray.report.runs import best_first, ranked
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.run_ensemble import MEAN_F1
from nerbb_ray.results.trial_result import RunResult
from nerbb_ray.verdict.ensemble_words import (
    SPLITS,
    calibration_words,
    ensemble_of,
    gain_words,
    missing_sentences,
    score_cell,
)

COLUMNS = ("F1", "F1 of a member", "gain", "calibration")
HEADER = ["run", "members", "decoding", *(f"{split} {name}" for split in SPLITS for name in COLUMNS)]
ABOUT = (
    "The mean of the probabilities of a run's models, used as one model (--ensemble). Strict entity micro F1 with 95 % "
    "intervals of a bootstrap over sentences; the gain is over the mean single member. Expected calibration error: "
    "how far the probability of a word's most probable tag is from the share of right ones, of the members -> of the "
    "ensemble."
)


def ensembles_section(result: ExperimentResult) -> str:
    """Empty where nobody has looked for one."""
    notes = "".join(paragraph(note, "warn") for note in missing_sentences(result))
    rows = [_row(run) for run in ranked(result) if ensemble_of(run) is not None]
    if not rows:
        return notes
    return (
        heading(f"Ensembles of the {result.member}s")
        + paragraph(ABOUT)
        + best_first(HEADER, rows, numeric=range(3, len(HEADER)))
        + notes
    )


def _row(run: RunResult) -> list[object]:
    found = ensemble_of(run)
    assert found is not None
    cells: list[object] = [run_name(run.run), ", ".join(map(str, found.seeds)), found.decoding]
    for split in SPLITS:
        mean = f"{found.value(split, MEAN_F1):.4f}"
        words = gain_words(found, split), calibration_words(found, split).replace("->", "→")
        cells += [score_cell(found, split), mean.replace("nan", "-"), *words]
    return cells
