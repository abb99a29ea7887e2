"""One Ray for all tests of this room, and experiments that a tiny model finishes in seconds."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nerbb_ray.store import StorePaths
from nerbb_ray.tracking.mlflow_records import open_client
from nerbb_ray.tune.session import ray_session


@pytest.fixture(scope="session")
def ray_here() -> Iterator[None]:
    """Ray with two CPUs."""
    with ray_session(num_cpus=2):
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new MLflow database: to make one takes seconds, to copy it none."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    open_client(f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture
def store(tmp_path: Path, tiny_dataset: Path, tiny_model: Path, empty_database: Path) -> StorePaths:
    """A store with the tiny data set and the tiny model."""
    paths = StorePaths(tmp_path / "store")
    paths.create()
    shutil.copy(empty_database, paths.mlflow_db)
    (paths.datasets / "tiny").symlink_to(tiny_dataset)
    (paths.pretrained_models / "tiny-bert").symlink_to(tiny_model)
    return paths


EXPERIMENT = """
[dataset]
dataset_name = tiny
[model]
pretrained_model_name = tiny-bert
[settings]
multiple_runs = {seeds}
precision = fp32
[resources]
{resources}
[hparams]
max_seq_length = 32
batch_size = 8
lr_warmup_epochs = 1
max_epochs = 3
{hparams}
[runA]
lr_max = 3e-3
[runB]
lr_max = 1e-5
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., Path]:
    """Writes an experiment file; the name of the file is that of the experiment."""

    def write(name: str = "exp", seeds: int = 2, resources: str = "", hparams: str = "") -> Path:
        path = tmp_path / f"{name}.ini"
        path.write_text(EXPERIMENT.format(seeds=seeds, resources=resources, hparams=hparams))
        return path

    return write
