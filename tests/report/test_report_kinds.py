"""Reports of experiments that are incomplete, have failed, are large, or have names that are no HTML."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.html.figures import COLOURS
from nerbb_ray.logs import without_password
from nerbb_ray.mlflow_store.details import TrialDetails, read_details
from nerbb_ray.paths import StorePaths
from nerbb_ray.report import page, trials
from nerbb_ray.report.page import CURVES_OF_RUNS, FILES_OF_RUNS, report_html, write_report
from nerbb_ray.report.runs import OPEN_ROWS
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult

Read = Callable[[str], dict[str, Any]]
NOTHING = "nobody has looked"


def test_files_that_are_gone_or_damaged_are_named(report_store: StorePaths, lab: Any, sections: Read) -> None:
    lab, before = lab(report_store, "bare"), seed_files(report_store)
    for seed in (43, 44, 45):
        lab.ok(lab.trial("runA", seed, max_epochs=2), 0.5, files=seed != 45)
    details = read_details(report_store.tracking_uri, "bare", {("runA", 44): trials.Wanted(files=("*",))})
    assert set(details["runA", 44].files) > {"environment.json", "confusion_matrix_token.csv"}
    written = seed_files(report_store) - before
    folders = {json.loads(path.read_text())["seed"]: path.parent for path in written}
    shutil.rmtree(folders[43])
    (folders[44] / "confusion_matrix_token.csv").write_text("true\\predicted,O\nX,1\n")
    found = sections(write_report("bare", report_store).read_text(encoding="utf-8"))
    text = found["Confusion matrices"].text
    assert "entity level, 1 of 3 seeds" in text
    assert "token level, seeds 43, 45: confusion_matrix_token.csv is not there" in text
    assert "token level, seed 44: confusion_matrix_token.csv is damaged" in text
    assert "As 1 of 3 trials recorded it." in found["Environment"].text
    assert "The experiment's file is not there." in found["Environment"].text
    assert found["Results"].tables[0][1][1] == "3/3"


def test_place_of_files_that_cannot_be_reached_is_told(report_store: StorePaths, lab: Any, sections: Read) -> None:
    lab = lab(report_store, "far away", artifacts="nowhere://bucket/x")
    lab.ok(lab.trial("runA", 43, max_epochs=2), 0.5, files=False)
    found = sections(write_report("far away", report_store).read_text(encoding="utf-8"))
    assert "entity level, seed 43: confusion_matrix_entity.csv is not there" in found["Confusion matrices"].text
    assert re.search(r"Files of runA-43 cannot be read: .*nowhere", found["Environment"].text)


def seed_files(store: StorePaths) -> set[Path]:
    """One of each trial that has files."""
    return set(store.artifacts.rglob("seed.json"))


def test_experiment_of_which_every_trial_failed(
    report_store: StorePaths, lab: Any, tmp_path: Path, sections: Read
) -> None:
    lab = lab(report_store, "hopeless", seeds=1)
    lab.fail(lab.trial("runA", 43), tmp_path, epochs=0)
    lab.diverge(lab.trial("runB", 43))
    found = sections(write_report("hopeless", report_store).read_text(encoding="utf-8"))
    assert {"Search", "Statistics"}.isdisjoint(found), "there is nothing to draw"
    assert "No trial has ended ok" in found["Summary"].text
    assert [row[:4] for row in found["Results"].tables[0][1:]] == [
        ["runA", "0/1", "-", "-"],
        ["runB", "0/1", "-", "-"],
    ]
    assert "No curves are there" in found["Learning curves"].text
    assert "seed 43, diverged" in found["Learning curves"].text


def trial(run: str, seed: int, status: str = "ok", **metrics: float) -> TrialResult:
    names = {"val": "val/entity/micro/f1", "test": "test/entity/micro/f1"}
    values = {names[split]: value for split, value in metrics.items()}
    return TrialResult(run, seed, status, values, {"lr_max": run})  # type: ignore[arg-type]


def test_single_seed_is_shown_without_uncertainty(sections: Read) -> None:
    result = ExperimentResult.of("one", [trial("runA", 43, val=0.5, test=float("nan"))])
    found = sections(report_html(result, {}, "made now", None, NOTHING))
    assert found["Results"].tables[0][1] == ["*\u00a0runA", "1/1", "-", "0.5000", "-", ""]
    assert "±" not in found["Classes"].tables[0][1]
    assert "Search" not in found


def test_best_run_is_not_made_up_where_no_f1_is_defined(sections: Read) -> None:
    result = ExperimentResult.of("none", [trial("runA", 43, val=float("nan")), trial("runB", 43, val=float("nan"))])
    found = sections(report_html(result, {}, "made now", None, NOTHING))
    assert "No best run: val/entity/micro/f1 is undefined" in found["Summary"].text
    assert [row[0] for row in found["Results"].tables[0][1:]] == ["runA", "runB"]


def test_runs_that_the_seeds_cannot_tell_apart_are_marked_as_in_every_table(sections: Read) -> None:
    values = {"runA": (0.5, 0.52, 0.54), "runB": (0.51, 0.53, 0.55), "runC": (0.1, 0.11, 0.12)}
    trials = [trial(run, seed, val=f1, test=f1) for run, f1s in values.items() for seed, f1 in enumerate(f1s, 43)]
    found = sections(report_html(ExperimentResult.of("tie", trials), {}, "made now", None, NOTHING))
    assert [row[0] for row in found["Results"].tables[0][1:]] == ["*\u00a0runB", "=\u00a0runA", "runC"]
    assert "= tied: the seeds cannot tell it from the best" in found["Results"].text


def test_seeds_that_the_search_left_out_are_not_said_to_be_missing(sections: Read) -> None:
    cut = replace(trial("runB", 43, "cut", val=0.3), reason="cut by asha after 2 epochs: behind")
    trials = [trial("runA", 43, val=0.5), trial("runA", 44, val=0.5), cut]
    notes = {"runB": "dropped: its first seed was cut (asha)"}
    found = sections(report_html(ExperimentResult.of("e", trials, 2, notes), {}, "made now", None, NOTHING))
    assert found["Results"].tables[0][2][-1] == "cut: seed 43; left out by the search: 1 of 2"
    assert found["Trials"].tables[0][1][:4] == ["runB-43", "cut", "0", "cut by asha after 2 epochs: behind"]
    assert "runB: 1 of 2 seeds left out: dropped: its first seed was cut (asha)." in found["Trials"].text
    assert "never started" not in found["Trials"].text


def test_trials_that_still_run_or_were_interrupted_are_named(sections: Read) -> None:
    trials = [trial("runA", 43, val=0.5), trial("runA", 44, "running"), trial("runA", 45, "interrupted")]
    found = sections(report_html(ExperimentResult.of("half", trials, n_seeds=4), {}, "made now", None, NOTHING))
    row = found["Results"].tables[0][1]
    assert row[1] == "1/4"
    assert row[-1] == "running: seed 44; interrupted: seed 45; not started: 1 of 4"


def test_curve_without_a_finite_value_is_not_drawn(sections: Read) -> None:
    curves = {"lr": {0: 1e-5}, "val/loss": {0: float("nan")}, "train/loss": {0: float("nan")}}
    result = ExperimentResult.of("bad", [trial("runA", 43, "diverged")])
    found = sections(report_html(result, {("runA", 43): TrialDetails(curves)}, "made now", None, NOTHING))
    text = found["Learning curves"].text
    assert "learning rate" in text
    assert "val loss" not in text
    assert "train loss" not in text
    assert "The stages of seed 43 are not known" in text


@pytest.mark.slow
def test_many_runs_stay_readable(sections: Read) -> None:
    """Of 80 runs the best come first, and what is left out is said."""
    many = [trial(f"run{n}", seed, val=n / 100 + seed / 1e4, test=0.5) for n in range(80) for seed in range(43, 55)]
    curves = {name: {0: 1.0, 1: 0.5} for name in ("val/loss", "lr", "train/loss", "val/entity/micro/f1")}
    result = ExperimentResult.of("many", many)
    details = {(trial.run, trial.seed): TrialDetails(curves) for trial in many}
    html = report_html(result, details, "made now", None, NOTHING)
    found = sections(html)
    rows, others, *_ = found["Results"].tables
    assert [row[0] for row in rows[1:4]] == ["*\u00a0run79", "run78", "run77"]
    assert (len(rows) - 1, len(others) - 1) == (OPEN_ROWS, 80 - OPEN_ROWS)
    # two of the verdict; of the search one parameter and its importance; the curves, whose stages are not known
    assert html.count("<figure>") == 2 + 2 + 4 * CURVES_OF_RUNS
    assert f"the best {CURVES_OF_RUNS} runs of 80" in found["Learning curves"].text
    assert f"The first {len(COLOURS)} of 12 seeds" in found["Learning curves"].text
    assert f"the best {FILES_OF_RUNS} runs of 80" in found["Confusion matrices"].text
    assert "MLflow has the other 20" in found["Classes"].text
    wanted = page.wanted(result)
    assert len(wanted) < len(many)
    assert sum(bool(wish.curves) for wish in wanted.values()) == CURVES_OF_RUNS * len(COLOURS)


NOTHING = "nobody has looked"
NASTY = "<b onclick=alert(1)>$x_1$ & \"q\" 'a'"


def test_no_name_or_text_becomes_html() -> None:
    bad = trial(NASTY, 43, val=0.5, test=0.5)
    bad = TrialResult(
        NASTY, 43, "ok", {**bad.metrics, f"val/entity/{NASTY}/f1": 0.5}, {NASTY: NASTY}, error=NASTY, reason=NASTY
    )
    failed = TrialResult(NASTY, 44, "failed", {}, {NASTY: "2"}, error=NASTY, log=NASTY, duration_s=1.0)
    files = {
        "error.txt": NASTY,
        "environment.json": json.dumps({NASTY: NASTY}),
        "confusion_matrix_token.csv": f't,"{NASTY.replace(chr(34), chr(34) * 2)}"\n'
        f'"{NASTY.replace(chr(34), chr(34) * 2)}",1\n',
    }
    details = {(NASTY, seed): TrialDetails({"lr": {0: 1.0}}, files, NASTY) for seed in (43, 44)}
    html = report_html(ExperimentResult.of(NASTY, [bad, failed]), details, NASTY, None, NASTY)
    assert "<b" not in html.replace("<body", "").replace("<br>", "").replace("<bdi", "")
    assert html.count("&lt;b onclick=alert(1)&gt;") > 20


def test_password_of_the_server_is_not_in_the_page() -> None:
    uri = without_password("https://user:secret@mlflow.example:5000/x")
    assert uri == "https://mlflow.example:5000/x"
    assert without_password("sqlite:////a@b/mlflow.db") == "sqlite:////a@b/mlflow.db"
