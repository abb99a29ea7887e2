"""Pictures of a search show the numbers of its trials, and nothing where there is nothing to show."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.report.search import draw_importance, draw_parallel, draw_parameter, draw_progress, search_section
from nerbb_ray.report.search_values import best_so_far, importance, parameters_of, points_of
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult

VAL = "val/entity/micro/f1"
Param = Callable[[int], object]


def search(n: int, f1: Callable[[int], float], **params: Param) -> ExperimentResult:
    """Runs whose parameters and scores are functions of their number; two seeds each, an hour apart."""
    trials = [
        TrialResult(
            f"run{k}",
            seed,
            "ok",
            {VAL: f1(k) + (seed - 43) / 1000},
            {name: str(value(k)) for name, value in params.items()},
            started_s=3600.0 * k,
            ended_s=3600.0 * (k + 1) + seed - 43,
        )
        for k in range(n)
        for seed in (43, 44)
    ]
    return ExperimentResult.of("exp", trials)


@pytest.fixture
def grid() -> ExperimentResult:
    """lr_max decides, batch_size does not."""
    return search(
        16,
        lambda k: 0.5 + 0.1 * (k % 4),
        lr_max=lambda k: 1e-5 * 10 ** (k % 4),
        batch_size=lambda k: 8 * (1 + k // 4),
        pretrained_model_name=lambda k: f"/home/somebody/model{k % 2}",
    )


def test_parameters_that_vary_have_their_values_as_numbers_or_names(grid: ExperimentResult) -> None:
    points = points_of(grid)
    found = {p.name: p for p in parameters_of(grid, ("lr_max", "batch_size", "pretrained_model_name"), points)}
    assert (found["lr_max"].numeric, found["lr_max"].log) == (True, True)
    assert (found["batch_size"].numeric, found["batch_size"].log) == (True, False)
    assert found["lr_max"].place("run2") == pytest.approx(1e-3)
    assert found["pretrained_model_name"].categories == ["model0", "model1"]


def test_every_run_is_a_dot_at_its_parameter_and_its_mean(grid: ExperimentResult) -> None:
    points = points_of(grid)
    (parameter,) = parameters_of(grid, ("lr_max",), points)
    (axes,) = draw_parameter(parameter, points).axes
    dots = sorted(
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if len(line.get_xdata()) == 1
    )
    expected = sorted((1e-5 * 10 ** (k % 4), 0.5005 + 0.1 * (k % 4)) for k in range(16))
    assert np.array(dots) == pytest.approx(np.array(expected))
    assert axes.get_xscale() == "log"
    assert all(axes.get_ylim()[0] < y < axes.get_ylim()[1] for _, y in dots), "nothing lies on the axis"


def test_parallel_coordinates_have_a_line_for_every_run(grid: ExperimentResult) -> None:
    points = points_of(grid)
    parameters = parameters_of(grid, ("lr_max", "batch_size"), points)
    (axes,) = draw_parallel(parameters, points).axes
    lines = [list(map(float, line.get_ydata())) for line in axes.lines if len(line.get_xdata()) == 3]
    expected = sorted([(k % 4) / 3, (k // 4) / 3, (k % 4) / 3] for k in range(16))
    assert np.array(sorted(lines)) == pytest.approx(np.array(expected), abs=1e-9)


def test_importance_is_that_of_optuna(grid: ExperimentResult) -> None:
    import optuna

    points = points_of(grid)
    found = importance(parameters_of(grid, ("batch_size", "lr_max"), points), points)
    spaces = {
        "batch_size": optuna.distributions.FloatDistribution(8, 32),
        "lr_max": optuna.distributions.FloatDistribution(1e-5, 1e-2, log=True),
    }
    study = optuna.create_study(direction="maximize")
    for k in range(16):
        params = {"batch_size": 8.0 * (1 + k // 4), "lr_max": min(1e-5 * 10 ** (k % 4), 1e-2)}
        study.add_trial(optuna.create_trial(params=params, distributions=spaces, value=points[k].mean))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    assert found == pytest.approx(dict(optuna.importance.get_param_importances(study, evaluator=evaluator)))
    assert list(found) == ["lr_max", "batch_size"]
    assert sum(found.values()) == pytest.approx(1)
    (axes,) = draw_importance(found).axes
    assert sorted(float(bar.get_width()) for bar in axes.patches) == pytest.approx(sorted(found.values()))


def test_importance_of_few_or_equal_points_is_not_made_up() -> None:
    few = search(3, lambda k: 0.1 * k, lr_max=lambda k: 0.1 * (k + 1))
    equal = search(9, lambda _: 0.5, lr_max=lambda k: 0.1 * (k + 1))
    for result in (few, equal):
        points = points_of(result)
        assert importance(parameters_of(result, ("lr_max",), points), points) == {}


def test_best_so_far_never_falls_and_ends_with_the_best() -> None:
    result = search(6, lambda k: (0.3, 0.5, 0.4, 0.6, 0.2, 0.55)[k], lr_max=lambda k: k)
    steps = best_so_far(result)
    scores = [score for _, score in steps]
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(0.601)
    assert [hours for hours, _ in steps][::2] == pytest.approx([1, 2, 3, 4, 5, 6])
    (axes,) = draw_progress(steps).axes
    assert axes.get_xlabel() == "hours since the first trial began"


@pytest.mark.parametrize(
    "result",
    [
        ExperimentResult("none", ()),
        search(1, lambda _: 0.5, lr_max=lambda _: 0.1),
        search(3, lambda _: math.nan, lr_max=lambda k: 0.1 * (k + 1)),
    ],
)
def test_nothing_is_drawn_of_nothing(result: ExperimentResult) -> None:
    assert "<svg" not in search_section(result) or len(result.runs) == 1


def test_section_has_all_pictures(grid: ExperimentResult) -> None:
    html = search_section(grid)
    assert html.count("<svg") == 3 + 1 + 2
    assert "/home/somebody" not in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('File "/work/x/y.py", line 3', 'File ".../y.py", line 3'),
        ("from sqlite:////home/me/store/mlflow.db.", "from .../mlflow.db."),
        ("file:///home/me/c", ".../c"),
        (
            "see https://github.com/a/b or org/name, 1/2 of a/b/c",
            "see https://github.com/a/b or org/name, 1/2 of a/b/c",
        ),
        ("model = ~/models/bert", "model = .../bert"),
        ("path=/home/me/m/", "path=..."),
        ("C:\\Users\\me\\x.txt", ".../x.txt"),
        ("val/entity/micro/f1 is /", "val/entity/micro/f1 is /"),
    ],
)
def test_paths_lose_all_but_their_last_part(text: str, shown: str) -> None:
    assert without_paths(text) == shown
