"""Findings as a web page in one file."""

from collections.abc import Iterator
from pathlib import PurePath

from nerbb_ray.doctor.findings import SEVERITIES, Findings, Overlap, Place, Problem
from nerbb_ray.doctor.plots import class_plot, length_plot
from nerbb_ray.doctor.rows import visible
from nerbb_ray.doctor.tables import overlap_rows, split_rows
from nerbb_ray.doctor.text import NO_MODEL, labels_text, origin, summary
from nerbb_ray.doctor.wording import counted
from nerbb_ray.html.document import Section, document, finding, folded, heading, paragraph, table
from nerbb_ray.html.without_paths import without_paths

LEGEND = "* min / median / 95 % are not longer / max; sub-tokens with special tokens."
LABELS = {"error": "error", "warning": "warning", "info": "to know"}
HEADINGS = {
    "error": "Errors: a result cannot be had, or cannot be trusted",
    "warning": "Warnings: to be looked at",
    "info": "Good to know",
}


def findings_page(findings: Findings) -> str:
    """The whole page, with everything that is in the text and the places of each problem."""
    sections = [
        Section("Problems", _problems(findings)),
        Section("Splits", _splits(findings)),
        Section("Classes", class_plot(findings) if findings.classes else paragraph("There are no entities.")),
        Section("Sentence lengths", length_plot(findings)),
        Section("Repeated sentences", "".join(_repeated(findings))),
        Section("Several labels", folded("words with more than one label", _conflicts(findings))),
        Section("Odd words", folded("words that are unusual", "".join(_words(findings)))),
    ]
    if any(split.tagging and split.tagging.count for split in findings.splits):
        sections.insert(2, Section("Tags that break the scheme", folded("where", "".join(_tags(findings)))))
    return document(f"Data set {visible(findings.name)}", sections, about=_about(findings))


def _about(findings: Findings) -> list[str]:
    """The files by their names only: a page is handed on."""
    folders = {f"{PurePath(split.source).parent}: " for split in findings.splits if split.source}
    lines = []
    for line in origin(findings):
        folder = next((folder for folder in folders if line.startswith(folder)), "")
        lines.append(without_paths(line.removeprefix(folder)))
    return [summary(findings), *lines]


def _problems(findings: Findings) -> str:
    parts: list[str] = []
    for severity in SEVERITIES:
        found = [problem for problem in findings.problems if problem.severity == severity]
        if found:
            parts += [heading(HEADINGS[severity]), *(map(_problem, found))]
    if not findings.count("error") + findings.count("warning"):
        parts.insert(0, paragraph("No errors and no warnings.", "good"))
    notes = table(["said when the data were read"], [[note] for note in findings.notes]) if findings.notes else ""
    return "".join(parts) + notes


def _problem(problem: Problem) -> str:
    text = f"{problem.text}. {problem.advice[0].upper()}{problem.advice[1:]}."
    where = folded(_where(len(problem.places), problem.count), _places(problem.places)) if problem.places else ""
    return finding(problem.severity, LABELS[problem.severity], f"{text[0].upper()}{text[1:]}", where)


def _where(shown: int, count: int) -> str:
    return f"where ({counted(shown, 'place')})" if shown >= count else f"where (the first {shown} places)"


def _places(places: tuple[Place, ...]) -> str:
    return table(["place", "what stands there"], [(place, place.quote) for place in places])


def _splits(findings: Findings) -> str:
    header = ["", *(split.split for split in findings.splits)]
    # a browser drops the blanks that indent a row
    rows = [(name.replace("  ", "\u00a0" * 4), *cells) for name, *cells in split_rows(findings)]
    note = paragraph(LEGEND) if findings.model else paragraph(f"{LEGEND} {NO_MODEL}.")
    return table(header, rows, numeric=range(1, 4)) + note


def _tags(findings: Findings) -> Iterator[str]:
    for split in findings.splits:
        if split.tagging and split.tagging.count:
            first, all_of = split.tagging.first, counted(split.tagging.count, "tag")
            caption = f"{split.split}: {len(first)} of {all_of} that break {split.tagging.scheme}"
            rows = [(v.place, v.before or "(start)", v.tag or "(end)", v.place.quote) for v in first]
            yield table(["place", "tag before", "tag", "words"], rows, caption=caption)


def _repeated(findings: Findings) -> Iterator[str]:
    header = ["", "the same words", "of those short", "but for case, digits, blanks", "of those short"]
    yield table(header, overlap_rows(findings), numeric=range(1, 5), caption="Sentences of one split in another")
    for overlap in findings.overlaps:
        yield from _pairs(overlap)
    for split in findings.splits:
        repeats = split.repeats
        groups = f"{repeats.count} (of {repeats.groups} different ones)"
        for what, count, places in (
            (f"duplicate sentences in {split.split}: {groups}", repeats.count, repeats.places),
            (f"with contradicting tags in {split.split}", repeats.contradicting, repeats.contradicting_places),
            (f"but for case, digits, blanks in {split.split}", repeats.near, repeats.near_places),
        ):
            if count:
                yield folded(f"{what}; {_where(len(places), count)}", _places(places))


def _pairs(overlap: Overlap) -> Iterator[str]:
    for what, pairs in (("", overlap.pairs), (", but for case, digits, blanks", overlap.near_pairs)):
        if pairs:
            rows = [(one, other, one.quote) for one, other in pairs]
            body = table([overlap.inside, overlap.of, "sentence"], rows)
            yield folded(f"{overlap.inside} sentences also in {overlap.of}{what}: examples", body)


def _conflicts(findings: Findings) -> str:
    if not findings.conflicts:
        return paragraph("No words have more than one label.")
    rows = [
        (visible(c.form), labels_text(c.labels), "; ".join(f"{place} {place.quote}" for place in c.places))
        for c in findings.conflicts
    ]
    caption = f"{len(rows)} of {findings.num_conflicts}: those first that do not have their usual label most often"
    return table(["words", "labels", "first seen at"], rows, caption=caption)


def _words(findings: Findings) -> Iterator[str]:
    rows = []
    for split in findings.splits:
        kinds = dict(split.odd)
        if split.subtokens:
            kinds |= {"unknown to the tokenizer": split.subtokens.unknown_words}
            kinds |= {"dropped by the tokenizer": split.subtokens.dropped}
        for kind, words in kinds.items():
            if words.count:
                examples = ", ".join(f"{word} ({count})" for word, count in words.examples)
                rows.append((split.split, kind.replace("_", " "), words.count, words.tagged, examples))
    yield table(["split", "kind", "words", "in an entity", "most frequent"], rows, numeric=(2, 3)) if rows else ""
    if not rows:
        yield paragraph("None.")
