"""Names of metrics, such as `val/entity/micro/f1`, and their parts."""

from collections.abc import Iterable, Mapping

from nerbb_ray.errors import ResultError

_SINGLE_METRICS = {"loss": "{phase}/loss", "acc": "{phase}/token/all/acc"}


def metric_name(metric: str, level: str, label: str, phase: str) -> str:
    """The full name of a metric: `val/entity/micro/f1`. There is one loss and one acc per phase."""
    pattern = _SINGLE_METRICS.get(metric, "{phase}/{level}/{label}/{metric}")
    return pattern.format(phase=phase, level=level, label=label, metric=metric)


def require_metric(name: str, names: Iterable[str], asked: Mapping[str, str]) -> None:
    """Refuse a metric that does not exist with the first part of its name that is wrong, and what it could be."""
    candidates = [split_name(known) for known in names]
    if name in map("/".join, (tuple(filter(None, parts)) for parts in candidates)):
        return
    for index, part in enumerate(("phase", "level", "label", "metric")):
        known = sorted({parts[index] for parts in candidates if parts[index]})
        if asked[part] not in known:
            break
        candidates = [parts for parts in candidates if parts[index] == asked[part]]
    raise ResultError(f"no metric {name}: {part} must be one of {', '.join(known) or '(nothing)'}; got {asked[part]!r}")


def split_name(name: str) -> tuple[str, str, str, str]:
    """(split, level, label, metric) of a metric's name; `val/loss` has no level and label, a label may contain "/"."""
    split, _, rest = name.partition("/")
    path, _, metric = rest.rpartition("/")
    level, _, label = path.partition("/")
    return split, level, label, metric
