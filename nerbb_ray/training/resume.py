"""Where an interrupted trial goes on: its whole state after every epoch, in a folder that survives its process.

`<folder>/epoch-7/` is the state after 7 epochs: `state.pt` (weights, optimizer, the rule's state) and, where the
weights to keep are those of an earlier epoch, `best-4.pt`. It is written beside its place and renamed, so that it is
there as a whole or not at all; the two newest are kept. The random state is no part of it: that of an epoch follows
from seed, epoch and worker (`session.seed_epoch`). So a trial that is interrupted between or within epochs ends with
the same numbers as one that is not; on CPU, bit for bit.
"""

import contextlib
import logging
import os
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerbb_ray import atomic
from nerbb_ray.ner.metrics import Counts
from nerbb_ray.training.adaptive import AdaptiveState, Reason, Stage
from nerbb_ray.training.evaluation import Evaluation
from nerbb_ray.training.progress import Kept, Progress, copied
from nerbb_ray.training.trial_setup import Session

FORMAT = 2
KEPT_STATES = 2
STATE = "state.pt"
UNREADABLE = (OSError, EOFError, RuntimeError, KeyError, ValueError, TypeError, pickle.UnpicklingError)

log = logging.getLogger(__name__)


def save(session: Session, progress: Progress) -> None:
    """Write the state after an epoch. A disk that does not take it costs the state, not the trial."""
    folder, epochs = session.ctx.resume_dir, progress.state.epoch
    if folder is None or session.ctx.rank:
        return
    try:
        atomic.clear_unfinished(folder)
        with atomic.new_folder(folder / f"epoch-{epochs}") as scratch:
            _write(_described(session, progress), scratch / STATE)
            _save_kept(progress.kept, epochs, scratch)
        for old in _states(folder)[KEPT_STATES:]:
            shutil.rmtree(old, ignore_errors=True)
    # torch says RuntimeError where its file cannot grow
    except (OSError, RuntimeError) as error:
        message = "the state after %d epochs was not written to %s, where %d MB are free: %s"
        log.warning(message, epochs, folder, _free_mb(folder), error)


def _free_mb(folder: Path) -> int:
    """Of a disk that is full, torch says in its own words only."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    return shutil.disk_usage(there).free // 1_000_000


def load(session: Session, start: AdaptiveState) -> Progress:
    """The newest state that is there and whole, brought back into the session; without one, the start."""
    progress = next(_usable(session), None) or Progress(start)
    epochs = np.array([progress.state.epoch])
    if session.ctx.add(epochs)[0] != session.ctx.world_size * progress.state.epoch:
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
        log.info("goes on after %d epochs from %s", progress.state.epoch, path)
        yield progress


def _states(folder: Path) -> list[Path]:
    """The newest first."""
    numbers = {path: path.name.removeprefix("epoch-") for path in folder.glob("epoch-*")}
    return sorted((p for p, number in numbers.items() if number.isdecimal()), key=lambda p: -int(numbers[p]))


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


def _save_kept(kept: Kept, epochs: int, scratch: Path) -> None:
    """Kept weights of an earlier epoch; as a link to those of an earlier state, where the file system has links."""
    if kept.weights is None or kept.epoch == epochs - 1:
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
        kept.weights = _read(best, session) if kept.epoch != state.epoch - 1 else copied(session.model)
    return Progress(state, stored["history"], kept, stored["elapsed_s"])


FILE = "micro_batch"


def remembered(states: Path) -> int | None:
    """Sentences of a piece, if memory was short before."""
    path = states / FILE
    return int(path.read_text(encoding="ascii")) if path.is_file() else None


def halved(states: Path, batch_size: int, world_size: int) -> int | None:
    """Half of the sentences that a worker gets of a batch, remembered; None for one sentence."""
    share = -(-batch_size // world_size)
    if share < 2:
        return None
    smaller = -(-share // 2)
    atomic.write_text(states / FILE, str(smaller))
    return smaller
