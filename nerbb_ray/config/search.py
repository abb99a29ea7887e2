"""[search]: how the points of a search are chosen, how many seeds they get, and when it ends."""

import re
from dataclasses import dataclass

from nerbb_ray.config import keys
from nerbb_ray.errors import ConfigError

SEARCH_METRIC = re.compile(r"val/loss|val/token/all/acc|val/(entity|token)/.+/(precision|recall|f1)")
# other runs that a scheduler compares a trial with before it may end it: as Ray's classes have it
OTHERS = {"asha": 1, "median": 3}
NEEDS = {"warm_start": "algorithm", "max_cost": "price_per_hour"}  # key -> without which it cannot do what it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(keys.Checked):
    """[search].

    Time is in hours, `price_per_hour` in any currency per hour of the whole machine or cluster. None (`auto`) is no
    limit, and no price.
    """

    section = "search"
    algorithm: str = keys.choice("grid", "grid", "random", "optuna")
    num_samples: int = keys.integer(10, low=1)
    metric: str = keys.text("val/entity/micro/f1")
    racing: bool = keys.boolean(False)
    scheduler: str | None = keys.choice(None, keys.NONE, "asha", "median")
    grace_epochs: int = keys.integer(4, low=1)
    warm_start: bool = keys.boolean(False)
    min_seeds: int = keys.integer(3, low=2)
    confidence: float = keys.number(0.95, low=0.5, high=0.9999)
    time_budget: float | None = keys.optional(float, open_low=True)
    max_hours: float | None = keys.optional(float, open_low=True)
    max_cost: float | None = keys.optional(float, open_low=True)
    price_per_hour: float | None = keys.optional(float)

    def __post_init__(self) -> None:
        keys.Checked.__post_init__(self)
        problems = []
        if not SEARCH_METRIC.fullmatch(self.metric):
            rule = (
                "must be a metric of the val data, such as val/entity/micro/f1 or val/loss (test data choose nothing)"
            )
            problems.append(f"[{self.section}] metric: {rule}; got {self.metric}")
        if self.warm_start and self.algorithm != "optuna":
            rule = "must be False without algorithm = optuna, which alone learns from points"
            problems.append(f"[{self.section}] warm_start: {rule}; got {self.warm_start}")
        if self.max_cost is not None and not self.price_per_hour:
            rule = "must come with price_per_hour > 0"
            problems.append(f"[{self.section}] max_cost: {rule}; got {self.max_cost}")
        if problems:
            raise ConfigError(problems)

    @property
    def may_cut(self) -> bool:
        """Whether single trials may be ended because others do better."""
        return self.racing or self.scheduler is not None

    @property
    def hours(self) -> float | None:
        """The end of the search by `max_hours` and `max_cost`, whichever comes first."""
        limits = [] if self.max_hours is None else [self.max_hours]
        if self.max_cost is not None and self.price_per_hour:
            limits.append(self.max_cost / self.price_per_hour)
        return min(limits, default=None)
