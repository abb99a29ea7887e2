"""The points of a search: drawn at random, or given by a searcher as it goes."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from nerbb_ray.config.domains import Domain
from nerbb_ray.config.keys import keys_of
from nerbb_ray.config.names import point_name
from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, RunSpec

PATIENCE = 100  # draws in a row that were there before: what is left of a small space is not worth looking for


def draw(space: Mapping[str, Domain], count: int, seed: int, section: str) -> list[dict[str, Any]]:
    """Different points of a space; one that is empty has a single, empty one.

    The same seed and section give the same points, and more of them begin with the fewer ones.

    Returns:
        `count` points, or fewer where the space has no more.
    """
    if not space:
        return [{}]
    # a text: Python's seeding of other values may change with them
    rng = Random(f"{seed} {section}")
    found: list[dict[str, Any]] = []
    in_vain = 0
    while len(found) < count and in_vain < PATIENCE:
        point = {key: domain.draw(rng) for key, domain in space.items()}
        in_vain = in_vain + 1 if point in found else 0
        if not in_vain:
            found.append(point)
    return found


def concrete(run: RunSpec, point: Mapping[str, Any]) -> RunSpec:
    """The run of one point of a pattern's space: `runA(lr_max=3e-05)`.

    Args:
        point: a value for every key of `run.space`.
    Raises:
        ConfigError: these values do not go together.
    """
    fitted = {key: domain.fitted(point[key]) for key, domain in run.space}
    parts = {
        cls.section: replace(getattr(run, cls.section), **{k: v for k, v in fitted.items() if k in keys_of(cls)})
        for cls in (DatasetParams, ModelParams, HParams)
    }
    section, bracket, others = run.name.partition("(")
    name = point_name(section, fitted)
    if bracket:  # the pattern is itself a point of a grid
        name = f"{name[:-1]},{others}"
    return RunSpec(name=name, **parts)
