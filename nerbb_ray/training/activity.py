"""What a trial is doing between its reports: loading, training a step, testing. In a file, since it may run elsewhere.

It is there to be shown, and nothing depends on it.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from nerbb_ray.config.hparams import HParams

EVERY_S = 0.5  # steps of a small model take milliseconds
LOADING, WARM_UP, TRAINING, COOL_DOWN, TESTING = "loading", "warm-up", "training", "cool-down", "testing"


@dataclass(frozen=True, slots=True)
class Activity:
    """
    Args:
        doing: one of the words above.
        epoch: counted from 0.
        step: of the epoch, that is done.
    """

    doing: str
    epoch: int = 0
    step: int = 0
    steps: int = 0


def training_in(stage: str, epoch: int, hparams: HParams) -> str:
    """What the learning rate does in an epoch, in one word."""
    if stage == "COOLDOWN":
        return COOL_DOWN
    return WARM_UP if epoch < hparams.lr_warmup_epochs else TRAINING


@dataclass(slots=True)
class ActivityFile:
    """Where a trial writes down what it is doing.

    Args:
        path: None: nobody wants to know.
    """

    path: Path | None
    _told: Activity | None = None
    _when: float = 0.0

    def tell(self, activity: Activity) -> None:
        """Write it down, unless it is only a step on from what was written a moment ago."""
        news = self._told is None or (activity.doing, activity.epoch) != (self._told.doing, self._told.epoch)
        if self.path is None or not (news or time.monotonic() - self._when >= EVERY_S):
            return
        self._told, self._when = activity, time.monotonic()
        scratch = self.path.with_name(f".{self.path.name}")
        with suppress(OSError):  # a full disk is told by what has to be saved
            self.path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(json.dumps(asdict(activity)), encoding="utf-8")
            scratch.replace(self.path)


def read_activity(path: Path) -> Activity | None:
    """What was written last; None if nothing was."""
    try:
        return Activity(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
