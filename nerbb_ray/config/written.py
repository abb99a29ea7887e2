"""Where a run's values are written, for what only shows when its model and its data are here."""

from dataclasses import dataclass

from nerbb_ray.config.domains import Domain


@dataclass(frozen=True, slots=True)
class Written:
    """
    Args:
        origin: the name of the experiment file, or of an experiment that was made in Python.
        section: of the run.
        own: the keys that this section gives itself; the others are in their own section, or defaults.
        drawn: keys whose values are drawn, with what from.
    """

    origin: str = ""
    section: str = ""
    own: frozenset[str] = frozenset()
    drawn: tuple[tuple[str, Domain], ...] = ()
