"""Several people have annotated the same texts: whose annotation counts is for the user to say."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record


def choose_annotator(
    records: Sequence[Record],
    task: Callable[[dict[str, Any]], Hashable],
    annotator: Callable[[dict[str, Any]], str],
    options: ReadingOptions,
) -> Sequence[Record]:
    """The records of one annotator, if some task has those of several.

    Args:
        task, annotator: what tells them in a record.
    Raises:
        DataError: there are several, and the user names none, or none of them.
    """
    rows = [record for record in records if isinstance(record.value, dict)]
    people = Counter(annotator(record.value) for record in rows)
    if options.annotator is not None:
        return of_annotator(
            records, [annotator(r.value) if isinstance(r.value, dict) else "" for r in records], options
        )
    if len(people) < 2:
        return records
    tasks: dict[Hashable, set[str]] = {}
    for record in rows:
        tasks.setdefault(task(record.value), set()).add(annotator(record.value))
    several = sum(len(names) > 1 for names in tasks.values())
    if several:
        counts = ", ".join(f"{name or 'nobody'} ({number})" for name, number in people.items())
        message = f"{several} texts are annotated by several people, {counts}: say whose annotation counts with "
        raise Place(rows[0].place.path, name=rows[0].place.name).error(message + option("annotator"))
    return records


def of_annotator(records: Sequence[Record], people: Sequence[str], options: ReadingOptions) -> list[Record]:
    """
    Raises:
        DataError: none is of the annotator whom the user has named.
    """
    found = [record for record, name in zip(records, people, strict=True) if name == options.annotator]
    if not found and records:
        place = Place(records[0].place.path, name=records[0].place.name)
        known = ", ".join(sorted(set(people) - {""})) or "nobody"
        raise place.error(f"{option('annotator')} {options.annotator}: there is none of this name; got {known}")
    return found
