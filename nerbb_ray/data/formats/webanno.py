"""WebAnno and INCEpTION, TSV 3. https://inception-project.github.io/releases/36.1/docs/user-guide.html#sect_formats_webannotsv3"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from nerbb_ray.data.content import Content
from nerbb_ray.data.options import option
from nerbb_ray.data.overlaps import Faults
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.ner.tags import OUTSIDE

_LAYER = re.compile(r"#T_SP=([^|]+)\|?(.*)")
_OTHER_LAYER = re.compile(r"#T_(?:CH|RL)=([^|]+)\|?(.*)")
_TOKEN = re.compile(r"[0-9]+-[0-9]+(\.[0-9]+)?")
_STACK = re.compile(r"(?<!\\)\|")
_NUMBER = re.compile(r"(?<!\\)\[([0-9]+)\]$")
_ESCAPE = re.compile(r"\\(.)")
_NAMED_ENTITY = "namedentity"
_NO_NAMES = ("identifier", "id", "identity", "confidence", "comment", "note", "notes")


@dataclass(frozen=True, slots=True)
class Feature:
    """A column: a feature of a layer of spans."""

    layer: str
    name: str
    column: int

    def __str__(self) -> str:
        return f"{self.short}|{self.name}" if self.name else self.short

    @property
    def short(self) -> str:
        return self.layer.rpartition(".")[2]

    def is_called(self, key: str) -> bool:
        names = (self.name, self.layer, self.short, str(self), f"{self.layer}|{self.name}")
        return key in (*names, str(self.column + 1))


@dataclass(slots=True)
class _Tokens:
    """The tokens of a sentence, with the entities that stand in it so far."""

    words: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    spans: dict[str, Span] = field(default_factory=dict)
    unlabelled: int = 0


def detect(content: Content) -> bool:
    return bool(re.match(r"\s*#FORMAT=WebAnno TSV 3", content.text))


def read(content: Content) -> Reading:
    """Annotations of parts of a word (1-2.1) are those of the word.

    Raises:
        DataError: which feature has the classes is not sure, a line is of another kind, or annotations overlap.
    """
    feature = _choose(content)
    named = f", feature {feature.name}" if feature.name else ""
    reading = Reading(scheme="bio", taken=f"layer {feature.layer}{named}")
    reading.choices = {"tag_column": str(feature)}
    faults = Faults(content.options.overlaps)
    tokens, parts, unlabelled = _Tokens(), 0, 0
    for number, line in [*content.lines, (0, "")]:
        if line.startswith("#"):
            continue
        if not line.strip():
            _finish(tokens, faults, reading)
            unlabelled += tokens.unlabelled
            tokens = _Tokens()
            continue
        fields = line.split("\t")
        match = _TOKEN.fullmatch(fields[0])
        if match is None or len(fields) <= feature.column:
            expected = f"a token of WebAnno, 1-1<TAB>0-4<TAB>word and {feature.column - 2} or more columns"
            raise Place(content.path, number).error(f"expected {expected}; got {line!r:.60}")
        parts += bool(match[1])
        _take(tokens, fields, feature, Place(content.path, number), is_part=bool(match[1]))
    faults.check()
    reading.notes += faults.notes(str(content.path))
    if parts:
        reading.notes.append(
            f"{content.path}: {parts} lines of parts of words: their annotations are read as those of the words"
        )
    if unlabelled:
        reading.notes.append(f"{content.path}: {unlabelled} annotated words have no {feature.name}: left out")
    return reading


def _choose(content: Content) -> Feature:
    """The feature that the user names, else value of the layer NamedEntity, else the only one that has classes."""
    found = _features(content)
    key = content.options.tag_column
    if key is not None:
        chosen = [feature for feature in found if feature.is_called(key)]
    else:
        likely = [feature for feature in found if feature.name.lower() not in _NO_NAMES]
        entities = [feature for feature in likely if _NAMED_ENTITY in feature.layer.lower()]
        values = [feature for feature in entities if feature.name.lower() in ("value", "label")]
        chosen = values or entities or likely
    if len(chosen) == 1:
        return chosen[0]
    if not found:
        raise Place(content.path).error("has no layer of spans (#T_SP=...), so that there are no entities in it")
    known = ", ".join(map(str, found))
    rule = "which feature has the classes is not certain"
    if key is not None:
        rule = f"{option('tag_column')} {key}: there is not one feature of this name"
    raise Place(content.path).error(f"{rule}; the layers of spans have {known}: say one with {option('tag_column')}")


def _features(content: Content) -> list[Feature]:
    found, column = [], 3
    for _, line in content.lines:
        if not line.startswith("#"):
            if line.strip():
                break
            continue
        span, other = _LAYER.fullmatch(line), _OTHER_LAYER.fullmatch(line)
        if span is not None:
            names = [name for name in span[2].split("|") if name] or [""]
            found += [Feature(span[1], name, column + i) for i, name in enumerate(names)]
            column += len(names)
        elif other is not None:
            column += len([name for name in other[2].split("|") if name])
    return found


def _take(tokens: _Tokens, fields: Sequence[str], feature: Feature, place: Place, *, is_part: bool) -> None:
    if not is_part:
        tokens.words.append(_ESCAPE.sub(r"\1", fields[2]))
        tokens.lines.append(place.line or 0)
    if not tokens.words:
        raise place.error(f"a part of a word without its word: {fields[0]}")
    position = len(tokens.words) - 1
    for item in _STACK.split(fields[feature.column]):
        number = _NUMBER.search(item)
        label = _ESCAPE.sub(r"\1", item[: number.start()] if number else item)
        if item in ("_", ""):
            continue
        if label == "*" and not feature.name:  # of a layer without features: it is the class
            label = feature.short
        if label == "*":  # an annotation whose feature nobody has filled in
            tokens.unlabelled += 1
            continue
        name = f"[{number[1]}]" if number else f"{place.line} {label}"
        before = tokens.spans.get(name)
        start = before.start if before else position
        tokens.spans[name] = Span(start, position + 1, label, before.place if before else place)


def _finish(tokens: _Tokens, faults: Faults, reading: Reading) -> None:
    if not tokens.words:
        return
    tags = [OUTSIDE] * len(tokens.words)
    for start, end, label, _ in faults.settled(tokens.words, tokens.spans.values()):
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    reading.sentences.append(Sentence(tuple(tokens.words), tuple(tags), lines=tuple(tokens.lines)))
