"""Limits of a search: hours after which no run begins, hours or costs that it must not exceed. Knows no Ray."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nerbb_ray.config.search import Search


@dataclass(slots=True)
class TimeLimits:
    """What an experiment may take, against what it has taken.

    Args:
        clock: seconds.
        spent_h: hours that the experiment has taken in earlier calls.
        reached: which limit lets nothing more begin; empty as long as none does.
    """

    search: Search
    clock: Callable[[], float]
    spent_h: float = 0.0
    reached: str = ""
    _begun: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock()

    @property
    def none(self) -> bool:
        """Whether time and costs play no part."""
        return self.search.time_budget is None and self.search.hours is None

    @property
    def hours(self) -> float:
        """That the experiment has taken."""
        return self.spent_h + (self.clock() - self._begun) / 3600

    def over_budget(self) -> bool:
        """Whether `time_budget` lets no further run begin."""
        budget = self.search.time_budget
        return budget is not None and self.hours >= budget

    def leave(self, expected_h: float) -> bool:
        """Whether so many hours will probably end before `max_hours` or `max_cost`; if not, that is `reached`."""
        limit = self.search.hours
        if limit is None or (self.hours + expected_h <= limit and self.hours < limit):
            return True
        named = "max_hours" if limit == self.search.max_hours else "max_cost"
        self.reached = f"{named} = {getattr(self.search, named):g} leaves no time for more"
        return False

    def seconds_left(self) -> float | None:
        """Until `max_hours` or `max_cost` end the search; None without a limit."""
        limit = self.search.hours
        return None if limit is None else max(0.0, 3600 * (limit - self.hours))

    def end_of_search(self, *, more: bool) -> str:
        """Which limit has ended the search; empty if none has.

        Args:
            more: whether there are runs that have not begun.
        """
        if not self.reached and more and self.over_budget():
            return f"time_budget = {self.search.time_budget:g} lets no further run begin"
        return self.reached
