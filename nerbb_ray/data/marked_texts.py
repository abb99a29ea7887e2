"""Texts with entities as an annotation tool has stored them, on their way to a Reading."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nerbb_ray.data.documents import Document, Documents
from nerbb_ray.data.offsets import POINTS, Mark, is_ambiguous, resolve
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading

UNSURE = (
    "characters beyond U+FFFF or line ends of two characters in the text, and no text of the entities to compare "
    "with: their places are taken as code points; have a look at some of them"
)


@dataclass(slots=True)
class MarkedTexts:
    """
    Args:
        countings: texts in which characters are counted in another way than usual, by the name of this way.
        unsure: texts in which ways of counting differ, and nothing tells which is right.
    """

    documents: Documents = field(default_factory=Documents)
    countings: Counter[str] = field(default_factory=Counter)
    unsure: int = 0

    def add(self, text: str, marked: Sequence[tuple[Mark, str]], place: Place) -> None:
        """
        Raises:
            DataError: no way of counting puts an entity where the tool saw its text.
        """
        resolved = resolve(text, [mark for mark, _ in marked])
        if resolved is None:
            self._check_surfaces(text, marked, place)
            places = [(mark.start, mark.end) for mark, _ in marked]  # out of the text: counted with all others
        else:
            places = resolved.places
            self.countings[resolved.counting] += resolved.counting != POINTS
        self.unsure += is_ambiguous(text) and any(mark.surface is None for mark, _ in marked)
        spans = [Span(start, end, label, place) for (start, end), (_, label) in zip(places, marked, strict=True)]
        self.documents.found.append(Document(text, spans, place))

    def reading(self, options: ReadingOptions, taken: str) -> Reading:
        """
        Args:
            taken: what was read as what, for people.
        """
        for counting, number in (+self.countings).items():
            self.documents.notes.append(f"{number} texts count places in {counting}: they fit so, and only so")
        if self.unsure:
            self.documents.notes.append(f"{self.unsure} texts: {UNSURE}")
        return self.documents.reading(options, taken)

    def _check_surfaces(self, text: str, marked: Sequence[tuple[Mark, str]], place: Place) -> None:
        inside = [(mark, label) for mark, label in marked if 0 <= mark.start < mark.end <= len(text)]
        for mark, label in inside:
            if resolve(text, [mark]) is None:
                found = text[mark.start : mark.end]
                message = f"text[{mark.start}:{mark.end}] is {found!r:.60}, but {label} says {mark.surface!r:.60}"
                raise place.error(message)
        if len(inside) == len(marked):
            raise place.error("no way to count the characters of the text fits all entities: some stand elsewhere")
