"""The store keeps the file of an experiment that lies elsewhere, so that the experiment can be asked for by name."""

import logging
from pathlib import Path

from nerbb_ray import atomic
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import ConfigError
from nerbb_ray.paths import StorePaths

log = logging.getLogger(__name__)


def keep_file(spec: ExperimentSpec, store: StorePaths, file: Path | None) -> None:
    """Keep a copy, comments included, of the file of an experiment that runs now.

    Args:
        file: None: it was defined in Python, and is in the store anyway.
    """
    if file is None:
        return
    own, copy = store.config(spec.name), store.config_copy(spec.name)
    try:
        if own.exists() and own.samefile(file):
            copy.unlink(missing_ok=True)  # of another file
            return
        text = file.read_text(encoding="utf-8-sig")
        if copy.exists() and (file.samefile(copy) or copy.read_text(encoding="utf-8") == text):
            return
        if read_ini(file) != spec:
            raise ConfigError(["it has changed since it was read"])
        atomic.write_text(copy, text)
    except (OSError, ConfigError) as error:
        log.warning("%s is not kept in the store: %s", file, error)
