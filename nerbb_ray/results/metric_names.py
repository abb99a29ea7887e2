"""Names of metrics, such as `val/entity/micro/f1`, and their parts."""

from collections.abc import Iterable, Mapping

from nerbb_ray.arguments import text_of
from nerbb_ray.errors import ResultError

PARTS = ("phase", "level", "label", "metric")  # of a name, in its order
_SINGLE_METRICS = {"loss": "{phase}/loss", "acc": "{phase}/token/all/acc"}


def metric_name(metric: str, level: str, label: str, phase: str) -> str:
    """The full name of a metric: `val/entity/micro/f1`. There is one loss and one acc per phase.

    Raises:
        ResultError: one of the parts is no text.
    """
    for part, given in zip(PARTS, (phase, level, label, metric), strict=True):
        text_of(part, given, ResultError)
    pattern = _SINGLE_METRICS.get(metric, "{phase}/{level}/{label}/{metric}")
    return pattern.format(phase=phase, level=level, label=label, metric=metric)


def require_metric(name: str, names: Iterable[str], asked: Mapping[str, str]) -> None:
    """Refuse a metric that does not exist with the first part of its name that is wrong, and what it could be."""
    candidates = [split_name(known) for known in names]
    if name in map("/".join, (tuple(filter(None, parts)) for parts in candidates)):
        return
    for index, part in enumerate(PARTS):
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


def metric_list(metrics: object) -> list[str]:
    """The names of one or several metrics.

    Raises:
        ResultError: they are something else.
    """
    if isinstance(metrics, str):
        return [metrics]
    if not isinstance(metrics, Iterable):
        raise ResultError(f"metrics must be names such as val/loss; got {metrics!r:.60}")
    return [text_of("the name of a metric", name, ResultError) for name in metrics]
