"""One search at a time for an experiment of an MLflow that several stores share: each has a lock of its own only.

Who runs the experiment stands in a tag of it, and beside it a number that goes up as long as he does: clocks of
several computers say nothing. A holder on this computer is looked for; of one elsewhere, the number is waited for.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nerbb_ray.errors import NerbbError, StoreError
from nerbb_ray.locks import holder_in, lives_here, signature
from nerbb_ray.mlflow_store.calls import open_experiment, place_of_artifacts
from nerbb_ray.mlflow_store.schema import HELD_BY, HELD_COUNT, open_client

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)

OFTEN_S = 20.0  # how often the number goes up
LOST_S = 50.0  # without a higher number: its holder is gone
SETTLED_S = 1.0  # two that begin at once see each other


@contextmanager
def held_in_mlflow(
    tracking_uri: str, name: str, artifact_location: str | None, say: Callable[[str], None]
) -> Iterator[None]:
    """Refuse an experiment that somebody else runs with the same MLflow; a MLflow that cannot be asked is no reason.

    Raises:
        StoreError: with who runs it.
    """
    held = _Held(name, say)
    try:
        held.take(open_client(tracking_uri), place_of_artifacts(tracking_uri, artifact_location))
    except StoreError:
        raise
    except Exception as error:  # of MLflow, of the network, of a database
        reason = error if isinstance(error, NerbbError) else type(error).__name__
        log.warning("whether somebody else runs the experiment with this MLflow is not known: %s", reason)
        yield
        return
    try:
        yield
    finally:
        held.give_back()


class _Held:
    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._name, self._say = name, say
        self._mine = signature()
        self._done = threading.Event()

    def take(self, client: "MlflowClient", artifact_location: str | None) -> None:
        self._client, self._id = client, open_experiment(client, self._name, artifact_location)
        text = self._tag(HELD_BY)
        if text and not self._is_gone(text):
            raise self._refusal(text)
        client.set_experiment_tag(self._id, HELD_COUNT, "0")
        client.set_experiment_tag(self._id, HELD_BY, self._mine)
        time.sleep(SETTLED_S)
        if (now := self._tag(HELD_BY)) != self._mine:
            raise self._refusal(now)
        threading.Thread(target=self._count, name="nerbb-held", daemon=True).start()

    def give_back(self) -> None:
        """Free for others; not, if somebody took it for a dead one's."""
        self._done.set()
        with contextlib.suppress(Exception):  # its number does not go up any more: the next one sees that
            if self._tag(HELD_BY) == self._mine:
                self._client.delete_experiment_tag(self._id, HELD_BY)

    def _tag(self, key: str) -> str:
        return str(self._client.get_experiment(self._id).tags.get(key, ""))

    def _count(self) -> None:
        number = 0
        while not self._done.wait(OFTEN_S):
            number += 1
            with contextlib.suppress(Exception):  # told again the next time
                self._client.set_experiment_tag(self._id, HELD_COUNT, str(number))

    def _is_gone(self, text: str) -> bool:
        holder = holder_in(text)
        lives = None if holder is None else lives_here(holder)
        if lives is not None:
            return not lives
        who = holder or "an unknown process"
        self._say(f"MLflow says that {who} runs experiment {self._name}: looking whether it still does ...")
        before, deadline = self._tag(HELD_COUNT), time.monotonic() + LOST_S
        while time.monotonic() < deadline:
            time.sleep(min(5.0, LOST_S / 10))
            if self._tag(HELD_BY) != text:  # ended, or another one was faster
                return not self._tag(HELD_BY)
            if self._tag(HELD_COUNT) != before:
                return False
        return True

    def _refusal(self, text: str) -> StoreError:
        holder = holder_in(text) or "an unknown process"
        return StoreError(
            f"experiment {self._name} is being run already with this MLflow from another store, by {holder}; wait "
            "until it has ended, or end it, or give the experiment another name"
        )
