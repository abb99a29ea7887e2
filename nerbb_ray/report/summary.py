"""What one wants to know first: the data, the model, what it took, how to use it, and what came out."""

import json
from collections.abc import Iterable, Mapping

from nerbb_ray.html.document import code, facts, paragraph, sentence
from nerbb_ray.html.without_paths import last_part
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey
from nerbb_ray.report.runs import best_run, shown_mean
from nerbb_ray.report.setting import ENVIRONMENT, parse
from nerbb_ray.report.trials import duration
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, TrialResult, subset_of
from nerbb_ray.verdict.advice import EXAMPLE, run_to_name, run_with_model, shell_line
from nerbb_ray.verdict.parts import part_of
from nerbb_ray.verdict.verdict import verdict

SENTENCES = "sentences"  # of the environment: how many each split has


def summary_section(result: ExperimentResult, details: Mapping[TrialKey, TrialDetails]) -> str:
    return _headline(result) + facts(_facts(result, details))


def _headline(result: ExperimentResult) -> str:
    best, ok = best_run(result), sum(run.n_ok for run in result.runs)
    if best is None:
        nothing = "No trial has ended ok: see the failed trials below."
        return paragraph(f"No best run: {SELECTION_METRIC} is undefined in every trial." if ok else nothing, "warn")
    said = verdict(result).plain[0] if len(result.runs) > 1 else ""
    mean = result.best_run().mean_if_any(TEST_METRIC)
    part = part_of(result.best_run().trials[0].params, "test")
    of_what = f" of the first {part}" if part else ""
    score = paragraph(f"Best run: {best}, test entity micro F1 {shown_mean(mean, interval=True)}{of_what}", "good")
    # not the name of a run
    begin = said[:1] if any(said.startswith(run.run) for run in result.runs) else said[:1].upper()
    return score + (sentence(begin + said[1:], "lead") if said else "")


def _facts(result: ExperimentResult, details: Mapping[TrialKey, TrialDetails]) -> list[tuple[str, object]]:
    ok, total = sum(run.n_ok for run in result.runs), sum(run.n_total for run in result.runs)
    seconds = [trial.duration_s for trial in result.trials if trial.duration_s is not None]
    time = f"{duration(sum(seconds))} of training, {duration(sum(seconds) / len(seconds))} each" if seconds else "-"
    found: list[tuple[str, object]] = [
        ("Data", _data(result, details)),
        (
            "Model",
            _listed(
                last_part(trial.params["pretrained_model_name"]) for trial in _with(result, "pretrained_model_name")
            ),
        ),
        ("Trials", f"{_counted(len(result.runs), 'run')}, {ok} of {_counted(total, 'trial')} ended ok"),
        ("Time", time),
    ]
    return [*found, *_use(result)]


def _use(result: ExperimentResult) -> list[tuple[str, object]]:
    """How to use the model of the best run; nothing where none was kept."""
    if run_with_model(result) is None:
        return []
    run = run_to_name(result)
    command = shell_line(["nerbb", "predict", result.name, *([] if run is None else ["--run", run]), EXAMPLE])
    given = json.dumps(result.name) + ("" if run is None else f", run={json.dumps(run)}")
    return [
        ("Use it", code(command)),
        ("In Python", code(f"from nerbb_ray import Model; Model.from_experiment({given})")),
    ]


def _data(result: ExperimentResult, details: Mapping[TrialKey, TrialDetails]) -> str:
    """`wnut17: train 3394, val 1009, test 1287 sentences`"""
    names = _listed(_name(trial.params) for trial in _with(result, "dataset_name"))
    environments = (parse(read.files.get(ENVIRONMENT)) or {} for read in details.values())
    counts = list(dict.fromkeys(found[SENTENCES] for found in environments if SENTENCES in found))
    counted = f": {counts[0]} sentences" if len(counts) == 1 else ""
    return names + counted


def _name(params: Mapping[str, object]) -> str:
    subset, name = subset_of(params), last_part(params["dataset_name"])
    return name if subset is None else f"{name}/{subset}"


def _with(result: ExperimentResult, key: str) -> Iterable[TrialResult]:
    return (trial for trial in result.trials if key in trial.params)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names)) or "not recorded"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
