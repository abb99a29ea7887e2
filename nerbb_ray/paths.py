"""Every path of a store.

<store>/datasets/<name>/            <store>/pretrained_models/<name>/      <store>/experiment_configs/<name>.ini
<store>/results/mlflow.db           <store>/results/artifacts/             <store>/results/ray/<experiment>/
<store>/results/checkpoints/<experiment>/<run>/<seed>/                     <store>/results/logs/<experiment>/
<store>/results/tensorboard/<experiment>/<run>/<seed>/                     <store>/results/configs/<experiment>.ini
<store>/cache/                      (with folds <seed>-fold<number> instead of <seed>)
"""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from nerbb_ray.errors import StoreError
from nerbb_ray.spelling import did_you_mean

MAX_BYTES = 200  # a file system allows 255 in one name; Ray and the seed add theirs
_MARKS = frozenset("._-+=(), ")
_ALLOWED = "letters, digits, blanks and . _ - + = ( ) ,"


@dataclass(frozen=True, slots=True)
class StorePaths:
    """Every path of one store, absolute. Nothing is created by asking for a path.

    Args:
        root: the folder of the store; a relative one is taken from the working directory of now.
    Raises:
        StoreError: the address of a database cannot carry this path; or the name of something is not one of a folder.
    """

    root: Path

    def __post_init__(self) -> None:
        root = Path(os.path.abspath(Path(self.root).expanduser()))  # noqa: PTH100  # resolve() would follow links
        if wrong := sorted(set("?%\0") & set(str(root))):
            raise StoreError(f"the path of a store must not contain {' or '.join(map(repr, wrong))}; got {root}")
        object.__setattr__(self, "root", root)

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def pretrained_models(self) -> Path:
        return self.root / "pretrained_models"

    @property
    def experiment_configs(self) -> Path:
        return self.root / "experiment_configs"

    @property
    def cache(self) -> Path:
        """Tokenised data: can be made again at any time."""
        return self.root / "cache"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def mlflow_db(self) -> Path:
        return self.results / "mlflow.db"

    @property
    def tracking_uri(self) -> str:
        """Of MLflow: the server that the environment names, or the database of this store."""
        return os.environ.get("MLFLOW_TRACKING_URI") or self.own_tracking_uri

    @property
    def own_tracking_uri(self) -> str:
        """Of the database of this store."""
        return f"sqlite:///{self.mlflow_db}"

    @property
    def shares_mlflow(self) -> bool:
        """Whether other stores may write to the same MLflow."""
        return self.tracking_uri != self.own_tracking_uri

    @property
    def artifacts(self) -> Path:
        return self.results / "artifacts"

    def report(self, experiment: str) -> Path:
        """The results of an experiment as one page."""
        return self.results / "reports" / f"{_checked('experiment', experiment)}.html"

    def dataset(self, name: str) -> Path:
        return self.datasets / _checked("data set", name)

    def config(self, experiment: str) -> Path:
        """The file of an experiment, whether or not it exists."""
        return self.experiment_configs / f"{_checked('experiment', experiment)}.ini"

    def config_copy(self, experiment: str) -> Path:
        """The file of an experiment that was run from a file elsewhere, as it was then."""
        return self.results / "configs" / f"{_checked('experiment', experiment)}.ini"

    def ray(self, experiment: str) -> Path:
        """Tune's own state."""
        return self.results / "ray" / _checked("experiment", experiment)

    def undelivered(self, experiment: str) -> Path:
        """What MLflow could not take yet."""
        return self.ray(experiment) / "undelivered"

    def lock(self, experiment: str) -> Path:
        """Who runs an experiment now."""
        return self.results / "locks" / f"{_checked('experiment', experiment)}.json"

    def logs(self, experiment: str) -> Path:
        return self.results / "logs" / _checked("experiment", experiment)

    def checkpoints(self, experiment: str, run: str | None = None, seed: int | str | None = None) -> Path:
        """The fine-tuned models of an experiment, of one of its runs, or the one of a trial."""
        return self._of_trial("checkpoints", experiment, run, seed)

    def tensorboard(self, experiment: str | None = None, run: str | None = None, seed: int | str | None = None) -> Path:
        """The learning curves of all experiments, of one, of one of its runs, or of a trial."""
        return self._of_trial("tensorboard", experiment, run, seed)

    def _of_trial(self, kind: str, experiment: str | None, run: str | None, seed: int | str | None) -> Path:
        names = {"experiment": experiment, "run": run, "seed": None if seed is None else str(seed)}
        given = [_checked(what, name) for what, name in names.items() if name is not None]
        return self.results.joinpath(kind, *given)

    def configs(self) -> tuple[str, ...]:
        """The names of the experiments that have a file, or a copy of one, sorted."""
        folders = (self.experiment_configs, self.results / "configs")
        return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.ini")}))

    def find_config(self, experiment: str) -> Path:
        """The existing file of an experiment, else the copy of the file elsewhere that it was run from.

        Raises:
            StoreError: there is none; the message has the nearest names.
        """
        path = self.config(experiment)
        for found in (path, self.config_copy(experiment)):
            if found.is_file():
                return found
        hint = did_you_mean(experiment, self.configs(), str)
        raise StoreError(f"experiment {experiment!r} has no file {path}; {hint}")

    def create(self) -> tuple[Path, ...]:
        """Make the folders that a user puts something into or looks at.

        Returns:
            Those that did not exist before.
        """
        folders = (self.root, self.datasets, self.pretrained_models, self.experiment_configs, self.results)
        missing = tuple(folder for folder in folders if not folder.is_dir())
        for folder in missing:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from error
        return missing

    def clearable_of(self, experiment: str) -> tuple[Path, ...]:
        """What running one experiment has made, beyond its records in MLflow; never its file."""
        paths = (
            self.artifacts / _checked("experiment", experiment),
            self.checkpoints(experiment),
            self.config_copy(experiment),
            self.logs(experiment),
            self.ray(experiment),
            self.report(experiment),
            self.tensorboard(experiment),
        )
        return tuple(path for path in paths if path.exists() or path.is_symlink())

    def clearable(self, *, datasets: bool = False, pretrained_models: bool = False) -> tuple[Path, ...]:
        """What `clear` would delete: everything that running experiments has made, never their files."""
        names = [
            "artifacts",
            "checkpoints",
            "configs",
            "locks",
            "logs",
            "ray",
            "reports",
            "tensorboard",
            "mlflow.log",
            "tensorboard.log",
        ]
        names += [f"mlflow.db{suffix}" for suffix in ("", "-journal", "-shm", "-wal")]
        paths = [self.results / name for name in names] + [self.cache]
        for chosen, folder in ((datasets, self.datasets), (pretrained_models, self.pretrained_models)):
            if chosen and folder.is_dir():
                paths += sorted(folder.iterdir())
        return tuple(path for path in paths if path.exists() or path.is_symlink())


def _checked(what: str, name: str) -> str:
    if rule := folder_problem(name):
        raise StoreError(f"the name of the {what} {rule}; got {name!r}")
    return name


def folder_problem(name: object) -> str | None:
    """The rule that the name of an experiment breaks, or None.

    Letters and digits of every alphabet are allowed.
    """
    if not isinstance(name, str):
        return "must be a text"
    if not name:
        return "must not be empty"
    if not all(is_safe(character) for character in name):
        return f"names a folder and must consist of {_ALLOWED}"
    if name[0] in ". " or name[-1] in ". " or ".." in name:
        return "names a folder and must not begin or end with a blank or a dot, nor contain two dots in a row"
    if len(name.encode()) > MAX_BYTES:
        return f"names a folder and must not be longer than {MAX_BYTES} bytes"
    return None


def is_safe(character: str) -> bool:
    """Whether a character can be part of a folder's name on every system."""
    return character in _MARKS or unicodedata.category(character)[0] in "LMN"
