"""Where a Ray that is started on this computer keeps its files: checked before, because it would end in a time-out."""

import os
import sys
import tempfile
from pathlib import Path

from nerbb_ray.errors import ResourceError
from nerbb_ray.tune.ray_settings import longest_socket

SOCKET_BYTES = 103 if sys.platform == "darwin" else 107  # of the path of a socket, by the operating system


def temporary_folder(*, dashboard: bool) -> Path:
    """The folder, absolute; Ray makes it.

    Raises:
        ResourceError: Ray cannot use the one that the environment names.
    """
    name, value = _named()
    folder = Path(os.path.abspath(value)) / "ray"  # noqa: PTH100  # resolve() would make it longer, or shorter
    given = f"{name}={value}" if name else value
    too_long = len(os.fsencode(longest_socket(folder, dashboard=dashboard))) - SOCKET_BYTES
    problem: str | None
    if not str(folder).isascii():
        problem = "its path must consist of ASCII characters"
    elif too_long > 0:
        problem = f"its path is {too_long} bytes too long for the sockets in it, which may have {SOCKET_BYTES}"
    else:
        problem = _not_writable(folder)
    if problem:
        raise ResourceError(
            f"Ray cannot keep its temporary files in {given}: {problem}; set RAY_TMPDIR to a folder with a short path "
            "that can be written to, such as RAY_TMPDIR=/tmp"
        )
    return folder


def _named() -> tuple[str, str]:
    """The variable that Ray goes by, and the folder. Ray would take an empty one for the working directory."""
    names = ("RAY_TMPDIR", "TMPDIR") if sys.platform.startswith("linux") else ("RAY_TMPDIR",)
    return next(((name, os.environ[name]) for name in names if os.environ.get(name)), ("", "/tmp"))


def _not_writable(folder: Path) -> str | None:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        Path(tempfile.mkdtemp(dir=nearest)).rmdir()
    except OSError as error:
        return f"{nearest}: {error.strerror}"
    return None
