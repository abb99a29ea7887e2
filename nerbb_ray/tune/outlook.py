"""What a search that decides as it goes will probably still do: for the remaining time on the screen."""

from nerbb_ray.config.trials import most_trials
from nerbb_ray.tune.agenda import Agenda

RACE_SHARE = 0.2  # of the seeds beyond the first ones that a race still starts; see benchmarks/README.md


def to_come(agenda: Agenda) -> int:
    """How many trials will probably still be started."""
    if agenda.ended:
        return 0
    first, seeds = agenda.first_seeds, agenda.seeds
    runs = most_trials(agenda.spec) // len(seeds)
    begun = {(run, seed) for run, found in agenda.values.items() for seed in found} | agenda.running
    missing = max(0, runs * len(first) - sum(seed in first for _, seed in begun))
    if first == seeds:
        return missing
    race = agenda.race()
    if race.finished and not missing:
        return 0
    later = (runs - len(race.dropped)) * (len(seeds) - len(first))
    later -= sum(seed not in first and run not in race.dropped for run, seed in begun)
    return missing + round(RACE_SHARE * max(0, later))


def seconds_left(agenda: Agenda) -> float | None:
    """Until `max_hours` or `max_cost` end the search; None without a limit."""
    limit = agenda.spec.search.hours
    return None if limit is None else max(0.0, 3600 * (limit - agenda.hours))
