"""Entities with a border where running text has none: their number and places."""

from nerbb_ray.data.reachable import inside_words, missed
from nerbb_ray.data.running_text import Typography
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.doctor.findings import Borders
from nerbb_ray.doctor.rows import SHOWN, Rows
from nerbb_ray.ner.tags import Scheme


def examine_borders(rows: Rows, scheme: Scheme, splitting: WordSplitting, typography: Typography) -> Borders:
    """
    Args:
        splitting, typography: of the data set.
    """
    lost = list(missed(rows.sentences, scheme, splitting, typography))
    cut = [(shown, found) for found in inside_words(rows.sentences, scheme) for shown in found.shown]
    return Borders(
        unreachable=len(lost),
        inside=len(cut),
        unreachable_shown=tuple(found.shown[0] for found in lost[:SHOWN]),
        inside_shown=tuple(shown for shown, _ in cut[:SHOWN]),
        unreachable_places=tuple(rows.place(found.sentence, found.word) for found in lost[:SHOWN]),
        inside_places=tuple(rows.place(found.sentence, found.word) for _, found in cut[:SHOWN]),
    )
