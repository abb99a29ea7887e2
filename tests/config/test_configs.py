"""The experiment files of the repository, down to the last parameter of every trial.

UPDATE_GOLDEN=1 pytest tests/config/test_configs.py writes the golden files anew; read the difference before you
commit it.
"""

import os
from pathlib import Path

import pytest

from nerbb_ray.config.ini import format_ini, read_ini
from nerbb_ray.config.trials import expand

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
CONFIGS = sorted((ROOT / "configs").glob("*.ini"))


def as_text(path: Path) -> str:
    """The expanded trials of an experiment: first what they share, then what differs, one `key = value` per line."""
    spec = read_ini(path)
    params = {trial.name: trial.params() for trial in expand(spec)}
    first = next(iter(params.values()))
    shared = {key: value for key, value in first.items() if all(other[key] == value for other in params.values())}
    blocks = {f"{len(params)} trials": shared}
    blocks |= {name: {k: v for k, v in values.items() if k not in shared} for name, values in params.items()}
    return "\n".join(
        f"{title}\n" + "".join(f"  {key} = {value}\n" for key, value in values.items())
        for title, values in blocks.items()
    )


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_expanded_trials_are_those_of_the_golden_file(path: Path) -> None:
    golden = GOLDEN / f"{path.stem}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(as_text(path))
    assert as_text(path).splitlines() == golden.read_text().splitlines()


def test_there_is_a_golden_file_for_every_experiment_file_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in CONFIGS}
    assert {"quickstart", "wnut17", "swedish_ner_corpus", "crossner_politics", "reference_example"} <= {
        path.stem for path in CONFIGS
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_writing_and_reading_an_experiment_file_changes_nothing(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_text(format_ini(read_ini(path)))
    assert read_ini(tmp_path / path.name) == read_ini(path)


def test_the_reference_example_is_unchanged_below_its_comment(shared: Path) -> None:
    lines = (ROOT / "configs" / "reference_example.ini").read_text().splitlines()
    example = "\n".join(lines[lines.index("[dataset]") :])
    page = (shared / "reference" / "nerblackbox-training.md").read_text()
    assert example in "\n".join(line.removeprefix("        ") for line in page.splitlines())
