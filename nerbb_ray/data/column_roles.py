"""Which column has the words and which the tags: by their names and by evidence over the whole file, never by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import eq

from nerbb_ray.data.column_evidence import (
    MOSTLY,
    NO_OUTSIDE,
    NUMBER,
    RARELY,
    TAG_NAMES,
    WORD_NAMES,
    Column,
    Grade,
    against_tags,
    against_words,
    grade_of,
    without_ids,
)
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.outside import likely_outside
from nerbb_ray.data.places import Place
from nerbb_ray.errors import DataError

_SHIFTED = 0.7  # of the rows: those at borders of sentences have other neighbours


@dataclass(frozen=True, slots=True)
class Roles:
    words: Column
    tags: Column


class UnsureError(DataError):
    """No column, or more than one, could be meant."""


class UntaggedError(DataError):
    """Words have no tags."""


def choose_roles(columns: Sequence[Column], options: ReadingOptions, place: Place) -> Roles:
    """
    Args:
        place: of the data, for messages.
    Raises:
        UnsureError: with all columns and three values of each.
    """
    choice = _Choice(columns, options, Place(place.path, name=place.name))
    tags = choice.named(options.tag_column, "tag_column")
    words = choice.named(options.word_column, "word_column")
    tags = tags or choice.tags(words)
    words = words or choice.words(tags)
    if words is tags:
        raise choice.unsure(f"words and tags must be two columns; got {tags} for both")
    return Roles(words, tags)


@dataclass(frozen=True, slots=True)
class _Choice:
    columns: Sequence[Column]
    options: ReadingOptions
    place: Place

    def unsure(self, problem: str) -> UnsureError:
        """The problem, then every column on a line of its own with three values and what speaks against it."""
        rows = [(str(column), column.examples(), _remark(column, self.options)) for column in self.columns]
        wide = max((len(name) for name, _, _ in rows), default=0)
        lines = [f"  {name:<{wide}}  {examples}{f'  ({remark})' if remark else ''}" for name, examples, remark in rows]
        name = f"{self.place.name}: " if self.place.path is None and self.place.name else ""
        return UnsureError("\n".join([f"{name}{problem}", *lines]), self.place.path)

    def named(self, key: str | None, name: str) -> Column | None:
        """The column that the user means."""
        if key is None:
            return None
        found = next((column for column in self.columns if column.is_called(key)), None)
        if found is None:
            raise self.unsure(f"{option(name)} {key}: there is no such column")
        return found

    def tags(self, words: Column | None) -> Column:
        """By name where evidence does not contradict it, else the only one that looks like tags."""
        others = [column for column in self.columns if column is not words]
        graded = {column.key: grade_of(column, self.options)[0] for column in others}
        highest = max(graded.values(), default=Grade.NONE)
        named = [column for column in others if column.name.lower() in TAG_NAMES]
        sure = _distinct([column for column in others if graded[column.key] >= Grade.CLASSES])
        best = sure or _distinct([column for column in others if highest and graded[column.key] == highest])
        best = [column for column in best if column in named or not self._may_be_numbers(column)]
        if len(named) == 1 and (graded[named[0].key] or not sure):
            return named[0]
        among = [column for column in sure if column in named] if len(named) > 1 else []
        for found in (among, best, [] if best else self._classes_without_outside(others)):
            if len(found) == 1:
                return found[0]
        say = f"say it with {option('tag_column')}"
        if best:
            raise self.unsure(f"which column has the tags is not certain, {' or '.join(map(str, best))}: {say}")
        raise self.unsure(f"no column looks like tags of entities. If one is, {say}")

    def _may_be_numbers(self, column: Column) -> bool:
        """Nothing but 0 among several columns: heads of CoNLL-U and the like, more likely than tags."""
        return len(self.columns) > 2 and column.counts.keys() == {"0"}

    def _classes_without_outside(self, others: Sequence[Column]) -> list[Column]:
        """Of words and classes without O the latter, so that more can be said of them."""
        if len(self.columns) != 2:
            return []
        plain = [column for column in others if not against_tags(column, self.options, outside_needed=False)]
        return [column for column in plain if len(column.counts) < RARELY * len(column.values)]

    def words(self, tags: Column) -> Column:
        """By name, else the one with the most different values of those that look like words."""
        others = [column for column in self.columns if column is not tags]
        named = [column for column in others if column.name.lower() in WORD_NAMES]
        if len(named) == 1:
            return named[0]
        # words come before what is derived from them, which has as many different values at most
        could_be = without_ids([column for column in others if not against_words(column)])
        if could_be:
            most = max(len(column.counts) for column in could_be)
            return self._as_written([column for column in could_be if len(column.counts) >= MOSTLY * most])
        # a word that is always the same is still a word, if there is nothing else that could be
        constant = [column for column in others if len(column.counts) == 1 and not column.share(NUMBER)]
        if len(others) == len(constant) == 1:
            return constant[0]
        raise self.unsure(f"no column looks like words. If one is, say it with {option('word_column')}")

    def _as_written(self, likely: Sequence[Column]) -> Column:
        """Of words and what is derived from them, such as lemmas in small letters, the words."""
        several = _distinct(likely)
        for one, other in combinations(several, 2):
            if _next_to_it(one, other):
                say = f"say it with {option('word_column')}"
                raise self.unsure(f"{one} and {other} have the same words, one row apart. Which are the words? {say}")
        with_capitals = (column for column in several if any(value != value.lower() for value in column.counts))
        return next(with_capitals, several[0])


def _next_to_it(one: Column, other: Column) -> bool:
    """Whether a column has the word before or behind that of another one."""
    a, b = one.values, other.values
    shifted: int = max(sum(map(eq, a[1:], b)), sum(map(eq, a, b[1:])))
    same: int = sum(map(eq, a, b))
    return shifted >= _SHIFTED * (len(a) - 1) and same < shifted


def _distinct(columns: Sequence[Column]) -> list[Column]:
    """Columns that say the same are one."""
    found: list[Column] = []
    for column in columns:
        if not any(column.counts == other.counts and column.values == other.values for other in found):
            found.append(column)
    return found


def _remark(column: Column, options: ReadingOptions) -> str:
    grade, against = grade_of(column, options)
    if grade:
        return "could be tags"
    if against == NO_OUTSIDE and (likely := likely_outside(column.counts)) is not None:
        return f"{against}; if {likely!r} is O, say {option('outside')}"
    return against
