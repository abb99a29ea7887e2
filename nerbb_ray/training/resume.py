"""Where an interrupted trial goes on: its whole state after every epoch, in a folder that survives its process.

`<folder>/epoch-7/` is the state after 7 epochs: `state.pt` (weights, optimizer, the rule's state) and, where the
weights to keep are those of an earlier epoch, `best-4.pt`. `<folder>/epoch-7-step-120/` is that after 120 steps more:
long epochs are saved every some minutes, and when the process is asked to end. A state is written beside its place and
renamed, so that it is there as a whole or not at all; the two newest are kept. The random state is no part of it: that
of a step follows from seed, epoch, worker and step (`trial_setup.seed_step`). So a trial that is interrupted between or
within epochs ends with the same numbers as one that is not; on CPU, bit for bit.
"""

import contextlib
import logging
import os
import pickle
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray import atomic
from nerbb_ray.ner.metrics import Counts
from nerbb_ray.training.adaptive import AdaptiveState, Reason, Stage
from nerbb_ray.training.epoch import Position
from nerbb_ray.training.evaluation import Evaluation
from nerbb_ray.training.progress import Kept, Progress, copied
from nerbb_ray.training.stop_request import asked_to_save, saved
from nerbb_ray.training.trial_setup import Session

FORMAT = 3
KEPT_STATES = 2
STATE = "state.pt"
NAME = re.compile(r"epoch-(\d+)(?:-step-(\d+))?")
LOOK_S = 1.0  # how often it is looked whether somebody asks for a state
UNREADABLE = (OSError, EOFError, RuntimeError, KeyError, ValueError, TypeError, pickle.UnpicklingError)

log = logging.getLogger(__name__)


class Terminated(BaseException):
    """The process was asked to end, and the trial has saved its state."""


class Saver:
    """Saves the state of a trial when it is time.

    Args:
        progress: of the trial, which goes on.
        begun: by the clock, when training would have begun without interruptions.
    """

    def __init__(
        self, session: Session, progress: Progress, begun: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._progress, self._begun, self._clock = session, progress, begun, clock
        self._saved = self._looked = clock()

    def after_epoch(self) -> None:
        """Always.

        Raises:
            Terminated: the process is to end.
        """
        save(self._session, self._progress)
        self._done(*self._session.ctx.anybody(self._session.ctx.terminated()))

    def after_step(self, step: int, loss_sum: torch.Tensor) -> None:
        """If the last time was long ago, or if somebody asks for it; all workers together.

        Args:
            step: how many are done in this epoch.
            loss_sum: of this worker in this epoch.
        Raises:
            Terminated: the process is to end.
        """
        ctx = self._session.ctx
        if ctx.resume_dir is None:
            return
        due, ended = ctx.anybody(ctx.rank == 0 and self._due(ctx.resume_dir), ctx.terminated())
        if not due and not ended:
            return
        sums = np.zeros(ctx.world_size)
        sums[ctx.rank] = loss_sum.item()
        position = Position(step, tuple(map(float, ctx.add(sums))))
        self._progress.position, self._progress.elapsed_s = position, self._clock() - self._begun
        save(self._session, self._progress)
        self._done(ended)

    def _due(self, states: Path) -> bool:
        now, wanted = self._clock(), self._session.ctx.save_s
        if 0 < wanted <= now - self._saved:
            return True
        if now - self._looked < LOOK_S:
            return False
        self._looked = now
        return asked_to_save(states)

    def _done(self, ended: bool) -> None:
        ctx, self._saved = self._session.ctx, self._clock()
        if ctx.resume_dir is not None and ctx.rank == 0:
            saved(ctx.resume_dir)
        if ended:
            ctx.anybody(True)  # nobody leaves before the state is written
            raise Terminated


def save(session: Session, progress: Progress) -> None:
    """Write the state after an epoch or a step. A disk that does not take it costs the state, not the trial."""
    folder, epochs, step = session.ctx.resume_dir, progress.state.epoch, progress.position.step
    if folder is None or session.ctx.rank:
        return
    try:
        atomic.clear_unfinished(folder)
        with atomic.new_folder(folder / (f"epoch-{epochs}-step-{step}" if step else f"epoch-{epochs}")) as scratch:
            _write(_described(session, progress), scratch / STATE)
            _save_kept(progress, scratch)
        for old in _states(folder)[KEPT_STATES:]:
            shutil.rmtree(old, ignore_errors=True)
    # torch says RuntimeError where its file cannot grow
    except (OSError, RuntimeError) as error:
        message = "the state after %d epochs and %d steps was not written to %s, where %d MB are free: %s"
        log.warning(message, epochs, step, folder, _free_mb(folder), error)


def _free_mb(folder: Path) -> int:
    """Of a disk that is full, torch says in its own words only."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    return shutil.disk_usage(there).free // 1_000_000


def load(session: Session, start: AdaptiveState) -> Progress:
    """The newest state that is there and whole, brought back into the session; without one, the start."""
    progress = next(_usable(session), None) or Progress(start)
    where = np.array([progress.state.epoch, progress.position.step])
    if (session.ctx.add(where) != session.ctx.world_size * where).any():
        raise RuntimeError(f"the workers see different states in {session.ctx.resume_dir}: all nodes must share it")
    return progress


def _usable(session: Session) -> Iterator[Progress]:
    folder = session.ctx.resume_dir
    for path in _states(folder) if folder is not None else ():
        try:
            stored = _read(path / STATE, session)
            if (stored["format"], stored["identity"]) != (FORMAT, session.identity.digest()):
                log.warning("%s is of a trial with other parameters, data or model: it is deleted", path)
                shutil.rmtree(path, ignore_errors=True)
                continue
            progress = _restored(session, stored, path)
        except UNREADABLE as error:
            log.warning("%s cannot be used: %s", path, error)
            continue
        log.info("goes on after %d epochs and %d steps from %s", progress.state.epoch, progress.position.step, path)
        yield progress


def _states(folder: Path) -> list[Path]:
    """The newest first."""
    found = {path: NAME.fullmatch(path.name) for path in folder.glob("epoch-*")}
    newest = {path: (int(name[1]), int(name[2] or 0)) for path, name in found.items() if name}
    return sorted(newest, key=lambda path: newest[path], reverse=True)


def _write(values: dict[str, Any], path: Path) -> None:
    # the checksums of the file are four fifths of what it costs; one that was cut off is noticed without them
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(values, path)
    finally:
        torch.serialization.set_crc32_options(before)


def _read(path: Path, session: Session) -> Any:
    return torch.load(path, map_location=session.ctx.device, weights_only=True)


def _described(session: Session, progress: Progress) -> dict[str, Any]:
    val = progress.kept.val
    return {
        "format": FORMAT,
        "identity": session.identity.digest(),
        "state": _plain(progress.state),
        "history": progress.history,
        "step": progress.position.step,
        "loss_sums": list(progress.position.loss_sums),
        "elapsed_s": progress.elapsed_s,
        "kept_epoch": progress.kept.epoch,
        "kept_loss": val.loss if val else None,
        "kept_counts": torch.from_numpy(val.counts.vector()) if val else None,
        "model": session.model.state_dict(),
        "optimizer": session.optimizer.state_dict(),
        "scaler": session.scaler.state_dict(),
    }


def _plain(state: AdaptiveState) -> dict[str, Any]:
    """Without enums, which may not be loaded."""
    values = asdict(state)
    return values | {"stage": state.stage.value, "reason": state.reason.value if state.reason else None}


def _save_kept(progress: Progress, scratch: Path) -> None:
    """Kept weights that are not the model's own; as a link to those of an earlier state, where there are links."""
    kept = progress.kept
    if kept.weights is None or (kept.epoch == progress.state.epoch - 1 and not progress.position.step):
        return
    target = scratch / f"best-{kept.epoch}.pt"
    for stored in scratch.parent.glob(f"epoch-*/{target.name}"):
        with contextlib.suppress(OSError):
            os.link(stored, target)
            return
    _write(kept.weights, target)


def _restored(session: Session, stored: dict[str, Any], path: Path) -> Progress:
    state = AdaptiveState(**stored["state"] | {"stage": Stage(stored["state"]["stage"])})
    if state.reason is not None:
        raise ValueError(f"the trial had ended: {Reason(state.reason)}")
    session.model.load_state_dict(stored["model"])
    session.optimizer.load_state_dict(stored["optimizer"])
    session.scaler.load_state_dict(stored["scaler"])
    kept = Kept(stored["kept_epoch"])
    if kept.epoch is not None:
        counts = Counts.from_vector(session.data.tags, stored["kept_counts"].cpu().numpy())
        kept.val = Evaluation(counts, stored["kept_loss"])
        best = path / f"best-{kept.epoch}.pt"
        own = kept.epoch == state.epoch - 1 and not stored["step"]
        # those of the last epoch, if that is what is kept, are on their way to the next
        there = best.exists() or not _keeps_last(session, kept.epoch, state)
        kept.weights = copied(session.model) if own else _read(best, session) if there else None
    position = Position(stored["step"], tuple(stored["loss_sums"]))
    return Progress(state, stored["history"], kept, position, stored["elapsed_s"])


def _keeps_last(session: Session, epoch: int, state: AdaptiveState) -> bool:
    return epoch == state.epoch - 1 and (
        session.trial.settings.evaluate_checkpoint == "last" or state.best_epoch is None
    )
