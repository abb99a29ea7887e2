"""What exactly is wrong about the predicted entities of a sentence. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from nerbb_ray.ner.tags import Entity

Kind = Literal["missed", "invented", "wrong-class", "wrong-border"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Mistake(NamedTuple):
    """One gold entity that was not found as it is, or a predicted one where there is none.

    missed         no predicted entity has a word of it
    invented       a predicted entity without a word of any gold one
    wrong-border   a predicted entity of its class has some of its words, but not the same ones
    wrong-class    a predicted entity has some or all of its words, but another class
    """

    kind: Kind
    gold: Entity | None
    predicted: Entity | None

    @property
    def label(self) -> str:
        """The class that it is counted for: the right one, of what is invented the predicted one."""
        entity = self.gold or self.predicted
        assert entity is not None
        return entity.label


def mistakes(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[Mistake]:
    """In the order of the words: at most one for each gold entity, and one for each predicted one beside all of them.

    Args:
        gold, predicted: entities that do not overlap others of the same list.
    """
    right = set(gold) & set(predicted)
    found = [_about(entity, predicted) for entity in gold if entity not in right]
    found += [Mistake("invented", None, entity) for entity in predicted if not any(overlap(entity, g) for g in gold)]
    return sorted(found, key=lambda one: (one.gold or one.predicted or Entity("", 0, 0)).start)


def _about(gold: Entity, predicted: Sequence[Entity]) -> Mistake:
    others = [entity for entity in predicted if overlap(entity, gold)]
    if not others:
        return Mistake("missed", gold, None)
    # that of the right class says most, then the one with most of the words
    nearest = max(others, key=lambda entity: (entity.label == gold.label, overlap(entity, gold), -entity.start))
    return Mistake("wrong-border" if nearest.label == gold.label else "wrong-class", gold, nearest)


def overlap(one: Entity, other: Entity) -> int:
    """How many words two entities have in common."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))
