"""Numbers that keep the trials of any Tuner apart which have the same configuration and seed, or no seed at all."""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)


class TrialNumbers:
    """The seed by which a trial is told from the others of its configuration.

    Two trials of a search never share one. A trial that Tune starts again keeps its own.
    """

    def __init__(self) -> None:
        self._trials_of: dict[str, dict[int, frozenset[str]]] = {}  # run -> number -> by what its trial is known
        self._told: set[str] = set()

    def of(self, trial_id: str, tag: str, run: str, seed: int | None) -> int:
        """
        Args:
            tag: of Tune, with the place of the trial in its search; empty if it has none. It is the same where a failed
                trial is done again in a restored search under another id, and the id where mutations change the tag.
            seed: that the configuration names; None: its trials are repeats, counted from 0.
        """
        taken, known_by = self._trials_of.setdefault(run, {}), frozenset({trial_id, tag} - {""})
        own = next((number for number, names in taken.items() if names & known_by), None)
        if own is not None:
            taken[own] |= known_by
            return own
        number = 0 if seed is None else seed
        if number in taken:
            number = max(taken) + 1
            if seed is not None:
                self._say_twice(run, seed, number)
        taken[number] = known_by
        return number

    def state(self) -> dict[str, Any]:
        """For `restore`, as Tune saves it."""
        return {run: dict(taken) for run, taken in self._trials_of.items()}

    def restore(self, state: Mapping[str, Mapping[int, frozenset[str]]]) -> None:
        self._trials_of = {run: dict(taken) for run, taken in state.items()}

    def _say_twice(self, run: str, seed: int, number: int) -> None:
        """Once per configuration: what differs between its trials may not be the seed alone."""
        if run in self._told:
            return
        self._told.add(run)
        log.warning(
            "several trials of %r have seed %d: all are kept, this one as seed %d, and count for the same means; "
            "where more than the seed differs, name it in group_by",
            *(run, seed, number),
        )
