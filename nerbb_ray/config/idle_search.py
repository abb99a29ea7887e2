"""What of [search] does nothing in an experiment: allowed, since files change by and by, but not in silence."""

from collections.abc import Iterator

from nerbb_ray.config.search import OTHERS, Search
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import any_trial_of, most_trials


def idle_keys(spec: ExperimentSpec) -> Iterator[str]:
    """A sentence for each."""
    search = spec.search
    drawn = any(run.space or run.written.drawn for run in spec.runs)
    if search.algorithm != "grid" and not drawn:
        yield f"nothing is drawn by {search.algorithm}: every value of the file stands for itself, as in a grid"
    yield from _fewer_points(spec)
    needs = (
        ("num_samples", search.algorithm == "grid", "algorithm = random or optuna: a grid has all of its points"),
        ("grace_epochs", search.scheduler is None, "scheduler = asha or median"),
        ("min_seeds", not search.racing, "racing = True"),
        ("confidence", not search.racing, "racing = True"),
    )
    for key, idle, without in needs:
        if idle and (value := getattr(search, key)) != Search.__dataclass_fields__[key].default:
            yield f"[search] {key} = {value} does nothing without {without}"
    if (why := idle_scheduler(spec)) is not None:
        yield why


def _fewer_points(spec: ExperimentSpec) -> Iterator[str]:
    """Sections of which fewer points were drawn at random than asked for."""
    found: dict[str, set[str]] = {}
    for run in spec.runs:
        if run.written.drawn and not run.space:
            params = any_trial_of(spec, run).params()
            point = str([params[key] for key, _ in run.written.drawn])
            found.setdefault(run.written.section, set()).add(point)
    for section, points in found.items():
        if len(points) < spec.search.num_samples:
            said = f"{len(points)} points, fewer than num_samples = {spec.search.num_samples}"
            yield f"[{section}]: {said}: its space has no more, or hardly any that keep the rules between keys"


def idle_scheduler(spec: ExperimentSpec) -> str | None:
    """Why the scheduler of an experiment cannot end any trial; None: it can, or there is none."""
    name, grace = spec.search.scheduler, spec.search.grace_epochs
    if name is None:
        return None
    idle, others = f"scheduler = {name} cannot end any trial", most_trials(spec) // len(spec.members) - 1
    if others < OTHERS[name]:
        return f"{idle}: it compares a run with at least {OTHERS[name]} other{'s' * (OTHERS[name] > 1)}; got {others}"
    longest = max(run.most_epochs for run in spec.runs)
    # a trial is compared after an epoch, and ends after the next one: if that is its last, it is whole
    if grace <= longest - 2:
        return None
    way_out = f"grace_epochs <= {longest - 2} or " if longest > 2 else ""
    return (
        f"{idle}: after grace_epochs = {grace} it is asked to end, trains one epoch more, and is at its end "
        f"anyway (max_epochs = {longest}); set {way_out}more epochs"
    )
