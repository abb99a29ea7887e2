"""PubTator: `id|t|title`, `id|a|abstract`, then `id<TAB>start<TAB>end<TAB>text<TAB>class<TAB>concept` for each entity.

https://www.ncbi.nlm.nih.gov/research/pubtator3/tutorial
"""

import re
from dataclasses import dataclass, field

from nerbb_ray.data.content import Content
from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.places import Place
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.text_files import BLANK

_TEXT = re.compile(r"([^|\t\n]{1,60})\|([ta])\|(.*)", re.DOTALL)
_SEVERAL = re.compile(r"[^\s,]+(,[^\s,]+)+")
_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(slots=True)
class _Abstract:
    number: str
    place: Place
    parts: list[str] = field(default_factory=list)
    marked: list[tuple[Mark, str]] = field(default_factory=list)


def detect(content: Content) -> bool:
    """Whether the first line that is not empty is a title."""
    first = next((line for _, line in content.lines if line.strip(BLANK)), "")
    match = _TEXT.match(first)
    return match is not None and match[2] == "t"


def read(content: Content) -> Reading:
    """Title and abstract are one document: places are counted over both, with one character between them.

    Raises:
        DataError: a line is of another kind, or an entity does not stand where its line says.
    """
    found: list[_Abstract] = []
    relations = 0
    for number, line in content.lines:
        place = Place(content.path, number)
        if not line.strip(BLANK):
            continue
        text = _TEXT.match(line)
        if text is not None and text[2] == "t":
            found.append(_Abstract(text[1], place, [text[3]]))
        elif not found:
            raise place.error(f"expected a title, id|t|...; got {line!r:.60}")
        elif text is not None:
            found[-1].parts.append(text[3])
        else:
            relations += not _take(line.split("\t"), found[-1], place, line)
    texts = MarkedTexts()
    for abstract in found:
        texts.add("\n".join(abstract.parts), abstract.marked, abstract.place)
    if relations:
        texts.documents.notes.append(f"{content.path}: {relations} lines of relations are not read")
    return texts.reading(content.options, f"{len(found)} abstracts with their entities")


def _labels(field: str) -> list[str]:
    """The types of an entity; commas with blanks beside them are of a name."""
    return field.split(",") if _SEVERAL.fullmatch(field) else [field]


def _take(fields: list[str], abstract: _Abstract, place: Place, line: str) -> bool:
    """Add an entity; False for a relation, which has no places."""
    if fields[0] != abstract.number or len(fields) < 4:
        raise place.error(
            f"expected an entity of {abstract.number}, id<TAB>start<TAB>end<TAB>text<TAB>class; got {line!r:.60}"
        )
    if not (_NUMBER.fullmatch(fields[1]) and _NUMBER.fullmatch(fields[2])):
        return False
    if len(fields) < 5:
        raise place.error(f"expected id<TAB>start<TAB>end<TAB>text<TAB>class; got {line!r:.60}")
    mark = Mark(int(fields[1]), int(fields[2]), fields[3])
    # of several types (MedMentions: T047,T116) the user says which is kept, as of all entities that share words
    abstract.marked += [(mark, label) for label in _labels(fields[4])]
    return True
