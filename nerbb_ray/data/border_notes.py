"""What is said at set-up of entities that begin or end inside of a word."""

from collections.abc import Iterator

from nerbb_ray.data.build_corpus import SPLITS, Corpus
from nerbb_ray.data.reachable import inside_words

_SHOWN = 4


def border_notes(corpus: Corpus, train: str = "train") -> Iterator[str]:
    """One for every split whose raw text has such entities.

    Args:
        train: where the sentences of train go.
    """
    files = {file.split: file.file for file in corpus.files}
    for split in SPLITS:
        found = [
            (shown, missed.sentence)
            for missed in inside_words(corpus.split(split), corpus.scheme)
            for shown in missed.shown
        ]
        if not found:
            continue
        places = []
        for shown, number in found[:_SHOWN]:
            line = corpus.split(split)[number].line()
            file = files.get(split) or files.get("train", "")
            places.append(f"{shown} ({file}:{line})" if line and file else f"{shown} (sentence {number + 1})")
        more = " ..." if len(found) > _SHOWN else ""
        what = "1 border of an entity lies" if len(found) == 1 else f"{len(found)} borders of entities lie"
        where = train if split == "train" else split
        yield (
            f"{where}: {what} inside of a word: {', '.join(places)}{more}: see whether the places are off by one; "
            "no model can predict such an entity"
        )
