"""Names of experiments and runs are names of folders, whatever values the grid has."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.config.keys import point_name, run_problem
from nerbb_ray.paths import MAX_BYTES, folder_problem


@pytest.mark.parametrize(
    "name", ["exp", "wnut17", "försök 2", "実験", "a.b-c_d+e=(1)", "runA(lr_max=2e-05,batch_size=16)"]
)
def test_letters_digits_and_harmless_marks_make_a_name(name: str) -> None:
    assert folder_problem(name) is None


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "empty"),
        ("a/b", "consist of"),
        ("a\\b", "consist of"),
        ("a\nb", "consist of"),
        ("a:b", "consist of"),
        ("a\0", "consist of"),
        ("a\u202eb", "consist of"),
        ("..", "dot"),
        (".hidden", "dot"),
        ("a..b", "dot"),
        ("a ", "blank"),
        (" a", "blank"),
        ("é" * 101, f"longer than {MAX_BYTES} bytes"),
    ],
)
def test_what_could_leave_or_confuse_a_folder_is_refused(name: str, rule: str) -> None:
    assert rule in (folder_problem(name) or "")


@pytest.mark.parametrize("name", ["Runa", "a", "", "run/a"])
def test_runs_begin_with_run(name: str) -> None:
    assert run_problem(name) is not None
    assert run_problem("run") is None


@pytest.mark.parametrize(
    ("point", "name"),
    [
        ({}, "runA"),
        ({"lr_max": 2e-5, "batch_size": 16}, "runA(lr_max=2e-05,batch_size=16)"),
        ({"train_on_val": True}, "runA(train_on_val=True)"),
        ({"pretrained_model_name": "org/model"}, "runA(pretrained_model_name=org--model)"),
        ({"pretrained_model_name": "../m:1"}, "runA(pretrained_model_name=----m-1)"),
    ],
)
def test_the_name_of_a_point_says_its_values(point: dict[str, object], name: str) -> None:
    assert point_name("runA", point) == name


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_value_of_a_grid_makes_an_unsafe_name(value: str) -> None:
    name = point_name("runA", {"dataset_name": value})
    assert folder_problem(name) is None
    assert not {"/", "\\", "\0", "\n"} & set(name)
    assert ".." not in name
