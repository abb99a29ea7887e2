"""What a trial remembers of memory that was too small: batches are then worked on in smaller pieces, once halved."""

from pathlib import Path

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
    states.mkdir(parents=True, exist_ok=True)
    smaller = -(-share // 2)
    (states / FILE).write_text(str(smaller), encoding="ascii")
    return smaller
