"""How data write that a word is in no entity: O, or another word where the evidence is clear."""

from collections import Counter

from nerbb_ray.ner.notation import NOTATIONS
from nerbb_ray.ner.tags import OUTSIDE_SPELLINGS

# in small letters; "" is an empty field of a table
NAMES = frozenset(
    {"", "_", "-", "--", "other", "none", "null", "nil", "out", "outside", "no", "n/a", "no_entity", "oth"}
)
NO_CLASS = NAMES - {"", "other", "oth", "no", "out"}  # as the name of a class hardly meant
_LEAST = 0.3  # of all words are outside, where it has such a name


def outside_of(counts: Counter[str], given: frozenset[str] = frozenset()) -> frozenset[str]:
    """The spellings of O among some tags; none if there is no clear one.

    A name such as OTHER may be that of a class: it stands for O only where no tag is O and no tag is as frequent.

    Args:
        counts: how often each tag occurs.
        given: as the user says.
    """
    usual = OUTSIDE_SPELLINGS & counts.keys()
    if given or usual:
        return usual | (given & counts.keys())
    return frozenset(
        tag
        for tag, count in counts.most_common(1)
        if tag.strip().lower() in NAMES and count >= _LEAST * counts.total() and len(counts) > 1
    )


def likely_outside(counts: Counter[str]) -> str | None:
    """What may well be O, but only the user can know: the most frequent tag, if it stands at most words.

    Or the only one without the letter that all others have.
    """
    for tag, count in counts.most_common(1):
        if 2 * count > counts.total() and len(counts) > 1:
            return tag
    for notation in NOTATIONS:
        bare = [tag for tag in counts if notation.standard(tag) is None]
        if len(bare) == 1 < len(counts):
            return bare[0]
    return None
