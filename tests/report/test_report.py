"""The report says what MLflow knows: of every kind of experiment, on one page that needs nothing else."""

import re
import statistics
import webbrowser
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.cli import main
from nerbb_ray.errors import ResultError, StoreError
from nerbb_ray.mlflow_store.details import read_details
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.paths import StorePaths
from nerbb_ray.report import page
from nerbb_ray.report.page import write_report
from nerbb_ray.training.adaptive import Stage
from nerbb_ray.verdict.table import results_text

GRID = "runA(lr_max=3e-05,batch_size=16)"
SHORT = {"lr_cooldown_epochs": 1, "max_epochs": 12}
SECTIONS = [
    "Summary",
    "Results",
    "Search",
    "More training data",
    "Learning curves",
    "Classes",
    "Confusion matrices",
    "Mistakes",
    "Trials",
    "Environment",
]
Read = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def mixed(report_store: StorePaths, lab: Any, tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """Two runs of three seeds: the better one with a failed seed, the other with a diverged one and one to come."""
    lab = lab(report_store, "mixed")
    for seed, f1 in ((43, 0.6), (44, 0.7)):
        lab.ok(lab.trial(GRID, seed, lr_max=3e-5, **SHORT), f1)
    lab.fail(lab.trial(GRID, 45, lr_max=3e-5, **SHORT), tmp_path_factory.mktemp("ray"))
    lab.ok(lab.trial("runB", 43, **SHORT), 0.5)
    lab.diverge(lab.trial("runB", 44, **SHORT))
    report_store.config("mixed").write_text("[dataset]\ndataset_name = wnut17 # <our> data\n")
    return report_store


@pytest.fixture(scope="session")
def report(mixed: StorePaths) -> str:
    return write_report("mixed", mixed).read_text(encoding="utf-8")


def test_results_are_those_of_the_results_table(mixed: StorePaths, report: str, sections: Read) -> None:
    result = load_result(mixed.tracking_uri, "mixed")
    header, first, second = sections(report)["Results"].tables[0]
    assert header[:3] == ["run", "ok", "epochs"]
    assert first[:2] == [f"*\u00a0{GRID}", "2/3"]
    assert second[:2] == ["runB", "1/3"]
    assert first[-1] == "failed: seed 45"
    assert second[-1] == "diverged: seed 44; not started: 1 of 3"
    lines = results_text(result, width=200).splitlines()
    for row in (first, second):
        line = next(line for line in lines if row[0].removeprefix("*\u00a0") in line)
        assert all(cell.replace("±", "+-") in line for cell in row[1:5])
    # an interval of two values would be wider than what F1 can be
    assert first[3] == "0.6500 (0.6000, 0.7000) (1 of 3 seeds failed)"
    assert second[3] == "0.5000 (1 of 2 seeds failed)"


def test_page_has_all_sections_and_a_strip_for_every_run_and_split(report: str, sections: Read) -> None:
    assert list(sections(report)) == SECTIONS
    assert re.findall(r"<title>seed (\d+): ([\d.]+)</title>", report) == [
        *(("43", "0.6000"), ("44", "0.7000"), ("43", "0.5700"), ("44", "0.6700")),
        *(("43", "0.5000"), ("43", "0.4700")),
    ]


def test_page_loads_and_runs_nothing(report: str) -> None:
    assert not re.search(r"""(?:src|href|action)=["'](?!#)|url\((?!#)|@import|<script|<iframe|<link""", report)
    assert "default-src 'none'" in unescape(report)


def test_parameters_that_vary_are_listed(report: str, sections: Read) -> None:
    part = sections(report)["Results"]
    assert part.tables[1] == [["run", "lr_max"], [GRID, "3e-05"], ["runB", "2e-05"]]
    assert "Parameters that vary: lr_max" in part.text


def test_summary_says_what_it_is_about_and_how_to_use_it(report: str, sections: Read) -> None:
    text = sections(report)["Summary"].text
    assert f"Best run: {GRID}, test entity micro F1 0.6200 (0.5700, 0.6700)" in text
    for fact in ("Data wnut17", "Model bert-base-cased", "Trials 2 runs, 3 of 6 trials ended ok", "of training"):
        assert fact in text
    assert 'nerbb predict mixed "Anna lives in Berlin."' in text


def test_page_has_no_path_of_this_computer(mixed: StorePaths, report: str) -> None:
    assert str(mixed.root) not in report
    assert str(mixed.root.parent) not in report


def test_class_table_has_the_means_over_the_seeds(mixed: StorePaths, report: str, sections: Read) -> None:
    table = sections(report)["Classes"].tables[0]
    result = load_result(mixed.tracking_uri, "mixed")
    ok = [trial for trial in result.trials if trial.run == GRID and trial.ok]
    assert [row[0] for row in table[1:]] == ["micro", "macro", "LOC", "ORG", "PER"]
    for row in table[1:]:
        cells = dict(zip(table[0], row, strict=True))
        for split in ("val", "test"):
            for metric, shown in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
                mean = statistics.fmean(trial.metrics[f"{split}/entity/{row[0]}/{metric}"] for trial in ok)
                assert cells[f"{split} {shown}"].startswith(f"{mean:.4f}")
            support = statistics.fmean(trial.metrics[f"{split}/entity/{row[0]}/support"] for trial in ok)
            assert float(cells[f"{split} support"]) == support
            assert cells[f"{split} n"] == "2"


def test_matrices_are_added_over_the_seeds(mixed: StorePaths, report: str, sections: Read, lab: Any) -> None:
    entity, token, *_ = sections(report)["Confusion matrices"].tables
    helper = lab(mixed, "mixed")
    added = helper.counts(0.57, 1043) + helper.counts(0.67, 1044)
    for table, level in ((entity, "entity"), (token, "token")):
        labels, matrix = added.confusion(level)
        assert tuple(table[0][1:]) == labels
        assert [[int(cell) for cell in row[1:]] for row in table[1:]] == matrix.tolist()


def test_slow_and_failed_trials_are_there_with_their_errors(report: str, sections: Read) -> None:
    found = sections(report)
    slowest = found["Trials"].tables[1][1:]
    assert {row[0] for row in slowest} == {f"{GRID}-43", f"{GRID}-44", f"{GRID}-45", "runB-43", "runB-44"}
    assert found["Trials"].tables[0][1:] == [
        [f"{GRID}-45", "failed", "1", "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB", "-"],
        ["runB-44", "diverged", "3", "val_loss is nan in epoch 2 (counted from 0)", "-"],
    ]
    text = found["Trials"].text
    assert "<loss> & gradients" in text
    assert "runB: 1 of 3 seeds never started" in text
    assert "runB-44: the files with its error and its log are not there" in text


def test_environment_and_configuration_are_there(report: str, sections: Read) -> None:
    found = sections(report)
    rows = dict(found["Environment"].tables[0])
    assert rows["torch"] == "2.13.0"
    assert rows["device"] == "NVIDIA H100"
    assert {"data_fingerprint", "model_revision"} <= rows.keys()
    assert "[model] pretrained_model_name = bert-base-cased" in found["Environment"].text
    assert "lr_max =" not in found["Environment"].text
    assert "dataset_name = wnut17 # <our> data" in found["Environment"].text


def test_curves_have_all_seeds_and_the_stages_of_each(report: str, sections: Read) -> None:
    text = sections(report)["Learning curves"].text
    titles = ("val loss", "val entity micro F1", "train loss", "learning rate, last step of the epoch")
    assert all(text.count(title) == 2 for title in (*titles, "stages and chosen epochs"))
    assert text.count("seed 44, diverged") == 1
    assert text.count("seed 45, failed") == 1


def test_lines_have_the_values_of_their_epochs_alone(mixed: StorePaths, lab: Any) -> None:
    from nerbb_ray.report.curves import draw, lines_of

    result = load_result(mixed.tracking_uri, "mixed")
    run = result.runs[0]
    lines = lines_of(run, read_details(mixed.tracking_uri, "mixed", page.wanted(result)))
    helper = lab(mixed, "elsewhere")
    outcome = helper.expected(helper.trial(GRID, 43, lr_max=3e-5, **SHORT))
    assert tuple(lines[0].curves["val/loss"].values()) == outcome.values
    assert tuple(lines[0].stages.values()) == outcome.stages
    assert Stage.COOLDOWN in outcome.stages
    losses = draw(lines)[0].axes[0].lines
    assert tuple(losses[0].get_ydata()) == outcome.values
    assert (losses[1].get_xdata()[0], losses[1].get_marker()) == (outcome.best_epoch, "*")
    # 43 and 44 with a star, 45 has failed in its first epoch
    assert [line.get_linestyle() for line in losses] == ["-", "None", "-", "None", "--"]


def test_same_data_give_the_same_page(mixed: StorePaths, report: str, tmp_path: Path) -> None:
    again = write_report("mixed", mixed, tmp_path / "new" / "x.html").read_text(encoding="utf-8")
    made = r'<p class="about">made .*?</p>'
    assert re.sub(made, "", again) == re.sub(made, "", report)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.html"]


def test_command_writes_to_the_store_or_the_named_file(
    mixed: StorePaths, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = tmp_path / "browser"
    opener.write_text(f"#!/bin/sh\necho $1 > '{tmp_path}/opened'\n")
    opener.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{opener} %s")
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it looks at the environment once
    monkeypatch.chdir(tmp_path)
    assert main(["report", "mixed", "--store", str(mixed.root)]) == 0
    assert capsys.readouterr().out == f"report: {mixed.results / 'reports' / 'mixed.html'}\n"
    assert main(["report", "mixed", "--store", str(mixed.root), "--output", "my report.html", "--open"]) == 0
    assert (tmp_path / "my report.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "opened").read_text() == f"{(tmp_path / 'my report.html').as_uri()}\n"


def test_unknown_experiment_is_refused_with_the_nearest_name(mixed: StorePaths, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"did you mean mixed\?"):
        write_report("mixd", mixed, tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def test_file_that_cannot_be_written_is_named_and_nothing_is_left(mixed: StorePaths, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "folder", tmp_path / "file" / "x.html"):
        with pytest.raises(StoreError, match=f"{path} cannot be written: .*; name another file"):
            write_report("mixed", mixed, path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
