"""Entities that cannot all be: those that share characters, and those of blanks only. Counted, then settled.

A word has one tag, so that of several entities that share a word one can be kept; which, only the user can know.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nerbb_ray.data.options import Overlaps, option
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.data.wording import counted

_SHOWN = 40
WAY_OUT = f"Say which is kept with {option('overlaps')} longest, first or drop (none of them)"


@dataclass(slots=True)
class Faults:
    """What is wrong with the entities of a file, all of it: the first place and message of each kind, and how many."""

    rule: Overlaps = "error"
    outside: list[tuple[Place, str]] = field(default_factory=list)
    blank: list[tuple[Place, str]] = field(default_factory=list)
    overlapping: list[tuple[Place, str]] = field(default_factory=list)
    duplicates: int = 0
    left_out: int = 0

    def settled(self, text: str | Sequence[str], spans: Iterable[Span]) -> list[Span]:
        """The entities that are kept, in the order of the text; what is wrong with the others is counted.

        Args:
            text: characters, or words; the places of the entities are those of either.
        """
        inside: dict[tuple[int, int, str], Span] = {}
        for span in spans:
            problem = _problem(text, span)
            surface = _surface(text, span)
            if problem:
                self.outside.append((span.place, problem))
            elif not surface.strip():
                where = f"{span.label} at {span.start}-{span.end}"
                self.blank.append((span.place, f"{where} covers no word: {shown(surface)}"))
            elif (bare := _without_blanks(text, span))[:3] in inside:
                self.duplicates += 1
            else:
                inside[bare[:3]] = bare
        ordered = sorted(inside.values(), key=lambda span: span.start)  # of equal starts in the order of the file
        pairs = _pairs(ordered)
        self.overlapping += [(second.place, _overlap(text, first, second)) for first, second in pairs]
        if not pairs or self.rule == "error":
            return ordered
        kept = kept_of(ordered, self.rule)
        self.left_out += len(ordered) - len(kept)
        return kept

    def check(self) -> None:
        """
        Raises:
            DataError: something is wrong that the user has not settled.
        """
        unsettled = self.rule == "error" and bool(self.overlapping or self.blank)
        if not self.outside and not unsettled:
            return
        problems = [*self._kinds(unsettled)]
        place = (self.outside or self.overlapping or self.blank)[0][0]
        raise place.error("; and ".join(problems) + (f". {WAY_OUT}" if unsettled else ""))

    def _kinds(self, unsettled: bool) -> Iterator[str]:
        """What is wrong, each kind with its number, the first one of which the place is said by the error."""
        if self.outside:
            yield self.outside[0][1] + _more(len(self.outside) - 1, "entity like it", "entities like it")
        first = not self.outside
        if unsettled and self.overlapping:
            place, problem = self.overlapping[0]
            more = _more(len(self.overlapping) - 1, "more such pair", "more such pairs")
            yield f"entities must not overlap, but {problem} do{more}{'' if first else f' ({place})'}"
            first = False
        if unsettled and self.blank:
            place, problem = self.blank[0]
            if first:
                yield problem + _more(len(self.blank) - 1, "more of blanks only", "more of blanks only")
            else:
                yield f"{len(self.blank)} of blanks only, such as at {place}"
        if self.duplicates:
            yield f"{counted(self.duplicates, 'entity is', 'entities are')} there twice (each is read once)"

    def notes(self, source: str) -> list[str]:
        """What was left out."""
        found = []
        if self.duplicates:
            found.append(f"{source}: {self.duplicates} entities are in the file twice: each is read once")
        if self.blank:
            found.append(f"{source}: {len(self.blank)} entities of blanks only are left out")
        if self.overlapping:
            rule = f"of {len(self.overlapping)} pairs of entities that overlap"
            found.append(f"{source}: {self.left_out} entities {rule} are left out ({option('overlaps')} {self.rule})")
        return found


def _without_blanks(text: str | Sequence[str], span: Span) -> Span:
    """A mouse easily marks blanks at an end. They are no part of an entity: two that share only them do not overlap."""
    if not isinstance(text, str):
        return span
    part = text[span.start : span.end]
    start = span.end - len(part.lstrip())
    return span._replace(start=start, end=start + len(part.strip()))


def kept_of(spans: Sequence[Span], rule: Overlaps) -> list[Span]:
    """Those of some entities (in the order of the text) that a rule keeps.

    longest: the longest of those that overlap, then the longest of what is left; first: the one that begins first, of
    those with the same beginning the one that the file has first; drop: none that overlaps another.
    """
    if rule == "drop":
        bad = {id(span) for pair in _pairs(spans) for span in pair}
        return [span for span in spans if id(span) not in bad]
    order = sorted(spans, key=lambda span: span.start - span.end) if rule == "longest" else spans
    kept: list[Span] = []
    for span in order:
        position = bisect_left(kept, span.start, key=lambda other: other.start)
        before, after = kept[position - 1 : position], kept[position : position + 1]
        if all(other.end <= span.start for other in before) and all(span.end <= other.start for other in after):
            kept.insert(position, span)
    return kept


def _pairs(spans: Sequence[Span]) -> list[tuple[Span, Span]]:
    """Entities that overlap, each with the one before it that reaches farthest, and that one too."""
    pairs = []
    farthest: Span | None = None
    for span in spans:
        if farthest is not None and span.start < farthest.end:
            pairs.append((farthest, span))
        if farthest is None or span.end > farthest.end:
            farthest = span
    return pairs


def _problem(text: str | Sequence[str], span: Span) -> str:
    if not 0 <= span.start < span.end <= len(text):
        rule = f"0 <= start < end <= {len(text)} (length of text) must hold"
        return f"{rule}; got {span.label} {span.start}, {span.end}"
    if not span.label.strip(BLANK):
        return f"an entity must have a class; got {span.label!r} for {shown(_surface(text, span))}"
    return ""


def _surface(text: str | Sequence[str], span: Span) -> str:
    part = text[span.start : span.end]
    return part if isinstance(part, str) else " ".join(part)


def _overlap(text: str | Sequence[str], first: Span, second: Span) -> str:
    one, other = (f"{s.label} {s.start}-{s.end} {shown(_surface(text, s))}" for s in (first, second))
    line = "" if first.place == second.place or first.place.line is None else f" (line {first.place.line})"
    return f"{one}{line} and {other}"


def _more(count: int, one: str, many: str) -> str:
    return f" (and {count} {one if count == 1 else many})" if count else ""


def shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
