"""What a trial remembers of memory that was too small: batches are then worked on in smaller pieces, once halved."""

from pathlib import Path

from nerbb_ray import atomic

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
