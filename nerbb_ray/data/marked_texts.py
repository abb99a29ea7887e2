"""Texts with entities as an annotation tool has stored them, on their way to a Reading."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nerbb_ray.data.documents import Document, Documents
from nerbb_ray.data.offsets import POINTS, Counting, Mark, is_ambiguous, misfits, resolve, ways_of
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.wording import counted

UNSURE = (
    "characters beyond U+FFFF or line ends of two characters in the text, and no text of the entities to compare "
    "with: their places are taken as code points; have a look at some of them"
)

_FEWEST = 2  # entities with both borders inside of words that tell another way of counting


@dataclass(slots=True)
class MarkedTexts:
    """
    Args:
        countings: texts in which characters are counted in another way than usual, by the name of this way.
        unsure: the numbers of texts in which ways of counting differ, and no text of an entity tells which is right,
            with their entities.
    """

    documents: Documents = field(default_factory=Documents)
    countings: Counter[str] = field(default_factory=Counter)
    unsure: dict[int, Sequence[Mark]] = field(default_factory=dict)

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
        if any(mark.surface is None for mark, _ in marked) and is_ambiguous(text):
            self.unsure[len(self.documents.found)] = [mark for mark, _ in marked]
        spans = [Span(start, end, label, place) for (start, end), (_, label) in zip(places, marked, strict=True)]
        self.documents.found.append(Document(text, spans, place))

    def reading(self, options: ReadingOptions, taken: str) -> Reading:
        """
        Args:
            taken: what was read as what, for people.
        """
        self._settle_unsure()
        for counting, number in (+self.countings).items():
            self.documents.notes.append(
                f"{counted(number, 'text')} with places in {counting}: they fit so, and only so"
            )
        if self.unsure:
            self.documents.notes.append(f"{counted(len(self.unsure), 'text')}: {UNSURE}")
        if empty := sum(not document.text.strip() for document in self.documents.found):
            self.documents.notes.append(f"{counted(empty, 'text')} of nothing but blanks left out")
        return self.documents.reading(options, taken)

    def _settle_unsure(self) -> None:
        """Another way than code points, if only so all borders of entities are borders of words.

        A single entity may begin and end inside of words for other reasons.
        """
        texts = {number: self.documents.found[number].text for number in self.unsure}
        ways = {number: ways_of(text) for number, text in texts.items()}
        names = [name for name in dict.fromkeys(name for own in ways.values() for name in own) if name != POINTS]

        def counting_in(number: int, name: str) -> Counting:
            """Of a text, which may not differ in this way."""
            return ways[number].get(name, ways[number][POINTS])

        wrong = {
            name: [
                count
                for number, text in texts.items()
                for count in misfits(text, self.unsure[number], counting_in(number, name))
            ]
            for name in (POINTS, *names)
        }
        fitting = [name for name in names if not any(wrong[name])]
        if wrong[POINTS].count(2) < _FEWEST or len(fitting) != 1:
            return
        [name] = fitting
        self.documents.notes.append(
            f"{counted(len(texts), 'text')}: places are taken as {name}: so borders of entities are borders of words"
            f"; as {POINTS}, {sum(wrong[POINTS])} are none"
        )
        for number, marks in self.unsure.items():
            counting, document = counting_in(number, name), self.documents.found[number]
            places = [(counting.place(mark.start), counting.place(mark.end)) for mark in marks]
            spans = [
                span._replace(start=start, end=end)
                for span, (start, end) in zip(document.spans, places, strict=True)
                if start is not None and end is not None
            ]
            self.documents.found[number] = replace(document, spans=spans)
        self.unsure.clear()

    def _check_surfaces(self, text: str, marked: Sequence[tuple[Mark, str]], place: Place) -> None:
        inside = [(mark, label) for mark, label in marked if 0 <= mark.start < mark.end <= len(text)]
        for mark, label in inside:
            if resolve(text, [mark]) is None:
                found = text[mark.start : mark.end]
                message = f"text[{mark.start}:{mark.end}] is {found!r:.60}, but {label} says {mark.surface!r:.60}"
                raise place.error(message)
        if len(inside) == len(marked):
            raise place.error("no way to count the characters of the text fits all entities: some stand elsewhere")
