"""An exception in a hook of a Tune callback ends the whole experiment. Not for the sake of a log entry."""

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

log = logging.getLogger(__name__)

Hook = TypeVar("Hook", bound=Callable[..., None])


def never_raises(hook: Hook) -> Hook:
    """Log what a hook raises, with its traceback, and go on."""

    @functools.wraps(hook)
    def guarded(self: object, **info: Any) -> None:
        try:
            hook(self, **info)
        except Exception:
            log.exception("%s.%s failed; the search goes on", type(self).__name__, hook.__name__)

    return cast(Hook, guarded)
