"""The experiment files of a study: a folder of them, or one."""

from collections.abc import Sequence
from pathlib import Path

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import ConfigError
from nerbb_ray.spelling import did_you_mean


def read_study(path: Path, only: Sequence[str] = ()) -> tuple[ExperimentSpec, ...]:
    """The experiments of a study, by name.

    Args:
        path: a folder, whose own .ini files count (not those of folders in it), or a file.
        only: names of experiments; all if empty.
    Raises:
        ConfigError: there are no files, not those asked for, or there are mistakes in them: all of these at once.
    """
    files = {file.stem: file for file in _files(path)}
    for name in only:
        if name not in files:
            raise ConfigError([f"{path}: must have an experiment {name!r}; {did_you_mean(name, files, str)}"])
    specs: list[ExperimentSpec] = []
    problems: list[str] = []
    for name, file in files.items():
        if only and name not in only:
            continue
        try:
            specs.append(_fixed(read_ini(file), file))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return tuple(specs)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError([f"{path}: must be a folder of experiment files, or one; got neither"])
    files = sorted(path.glob("*.ini"))
    if not files:
        folders = sorted(child.name for child in path.iterdir() if any(child.glob("*.ini")))
        hint = f" (there are some in {', '.join(folders)})" if folders else ""
        raise ConfigError([f"{path}: must have experiment files (.ini) in it{hint}; got none"])
    return files


def _fixed(spec: ExperimentSpec, file: Path) -> ExperimentSpec:
    """The experiment, if its runs are known before it runs: a table has a place for each."""
    if any(run.space for run in spec.runs):
        rule = "must be grid or random in a study, whose table has a place for every run of the file"
        raise ConfigError([f"{file.name} [search] algorithm: {rule}; got {spec.search.algorithm}"])
    return spec
