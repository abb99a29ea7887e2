"""Over which pairs of fold and seed runs are compared that are not all complete. Pure."""

from collections.abc import Collection, Mapping
from itertools import combinations

from nerbb_ray.config.spec import Member, seed_and_fold
from nerbb_ray.results.run_order import by_number

Values = Mapping[str, Mapping[Member, float]]
ENOUGH = 2  # keys, and runs, without which there is no comparison


def shared(values: Values) -> tuple[Values, dict[str, str]]:
    """The runs with the keys that they are compared over, and why others are left out.

    A run that lacks keys, because trials of it failed, must not take them from all others: two complete runs are
    compared over everything that they have. As long as there are no two, such as in an experiment that still runs, what
    all runs have counts, without those that have the fewest keys if that would leave less than two.
    """
    keys = {run: frozenset(found) for run, found in values.items() if found}
    chosen = _complete(keys) or _in_common(keys)
    if not chosen:
        return {}, dict.fromkeys(keys, "nothing in common with the others")
    ordered = sorted(chosen, key=seed_and_fold)
    kept = {run: {key: values[run][key] for key in ordered} for run, own in keys.items() if own >= chosen}
    return kept, {run: _missing(chosen - own, chosen) for run, own in keys.items() if run not in kept}


def _complete(keys: Mapping[str, frozenset[Member]]) -> frozenset[Member]:
    """The largest set of keys, that of most runs if there are several; empty if a single run has it."""
    largest = max(map(len, keys.values()), default=0)
    having = {own: list(keys.values()).count(own) for own in keys.values() if len(own) == largest}
    found, runs = max(having.items(), key=lambda pair: pair[1], default=(frozenset[Member](), 0))
    return found if runs >= ENOUGH else frozenset()


def _in_common(keys: Mapping[str, frozenset[Member]]) -> frozenset[Member]:
    """What most runs have in common, two keys if possible; empty if no two of them share any."""
    left = sorted(keys, key=lambda run: (-len(keys[run]), by_number(run)))
    first_found: frozenset[Member] = frozenset()
    for number in range(len(left), min(ENOUGH, len(left)) - 1, -1):
        common = frozenset.intersection(*(keys[run] for run in left[:number])) if left else first_found
        if len(common) >= ENOUGH:
            return common
        first_found = first_found or common
    # a run with many keys may be the odd one
    of_two = max((keys[a] & keys[b] for a, b in combinations(left, 2)), key=len, default=first_found)
    return of_two if len(of_two) >= ENOUGH else first_found


def _missing(missing: Collection[Member], chosen: Collection[Member]) -> str:
    what = "pairs of fold and seed" if any(seed_and_fold(key)[1] for key in chosen) else "seeds"
    return f"{len(missing)} of {len(chosen)} {what} {'is' if len(missing) == 1 else 'are'} missing"
