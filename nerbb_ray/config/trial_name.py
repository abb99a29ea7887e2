"""How a trial is told from others: as it is planned, as it reports, and as it has ended."""

from nerbb_ray.config.spec import Member, member_of, member_title


class NamedTrial:
    """What is of one trial: it has a run, a seed, and with folds one of them."""

    __slots__ = ()
    run: str
    seed: int
    fold: int | None

    @property
    def member(self) -> Member:
        """What tells it from the other trials of its run."""
        return member_of(self.seed, self.fold)

    @property
    def title(self) -> str:
        """How a sentence names it where the run is known: `seed 43`, `fold model 43-fold2`."""
        return member_title(self.member)

    @property
    def name(self) -> str:
        """How the trial is called on the screen, in Ray and in MLflow: `runA-43`, `runA-43-fold2`."""
        return f"{self.run}-{self.member}"
