"""What was read from where, and as what: said when data are set up, and kept beside them (`origin.json`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any, Self

from nerbb_ray import atomic
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.split_names import split_of
from nerbb_ray.data.wording import counted
from nerbb_ray.data.words_of_text import WordSplitting

FILE = "origin.json"
DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class FileTaken:
    """One file of a data set.

    Args:
        file: its name; that of a folder for pairs of BRAT, or of a split of the hub.
        format: one of `nerbb_ray.data.detect.FORMATS`.
        taken: what was read as what, for people.
        scheme: of the tags in the file.
        mended: tags that broke this scheme.
        choices: the options that lead to the same reading.
    """

    split: str
    file: str
    format: str
    taken: str
    scheme: str
    sentences: int
    mended: int = 0
    choices: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, split: str, reading: Reading, scheme: str, sentences: int, mended: int) -> Self:
        path = PurePath(reading.source)
        file = path.name or reading.source or split
        if split_of(file) is None and split_of(path.parent.name) == split:
            file = f"{path.parent.name}/{file}"
        return cls(split, file, reading.format, reading.taken, scheme, sentences, mended, dict(reading.choices))

    def __str__(self) -> str:
        """`train.iob2: words column 2, tags column 3 (bio), 4383 sentences, 6 tags mended`."""
        name = self.file if PurePath(self.file).suffix or self.file.endswith("]") else f"{self.file} ({self.split})"
        what = f"{self.taken or 'nothing'} ({self.scheme})"
        mended = f", {counted(self.mended, 'tag')} mended" if self.mended else ""
        other = "" if self.format in ("columns", "") else f"{self.format}, "
        encoding = f", {self.choices['encoding']}" if "encoding" in self.choices else ""
        return f"{name}: {other}{what}, {counted(self.sentences, 'sentence')}{mended}{encoding}"


def write_origin(
    folder: Path,
    source: str | None,
    options: Mapping[str, Any],
    files: Iterable[FileTaken],
    notes: Iterable[str],
    splitting: WordSplitting,
    documents: Sequence[int] = (),
) -> None:
    """
    Args:
        source: as the user has named it; None for a name of the hub.
        options: what the user has said.
        notes: what was said while the data were read.
        splitting: how running text is cut into words like those of train.
        documents: see `Corpus`.
    """
    content = {**_about(source, options, files, notes), "words": splitting.to_dict(), **_borders(documents)}
    _write(folder, content)


def write_appended_origin(
    folder: Path,
    earlier: Mapping[str, Any],
    source: str | None,
    options: Mapping[str, Any],
    files: Iterable[FileTaken],
    notes: Iterable[str],
    splitting: WordSplitting,
    documents: Sequence[int] = (),
) -> None:
    """What was there, and what was appended to it: an entry for each time.

    Args:
        earlier: what `read_origin` says.
    """
    entry = _about(source, options, files, notes)
    appended = [*earlier.get("appended", []), entry]
    kept = {key: value for key, value in earlier.items() if key != DOCUMENTS}
    content = {**_about(None, {}, (), ()), **kept, "words": splitting.to_dict(), "appended": appended}
    _write(folder, content | _borders(documents))


def read_origin(folder: Path) -> dict[str, Any]:
    """Empty for data that were set up by 0.3.0 or by hand."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _borders(documents: Sequence[int]) -> dict[str, str]:
    """In one line; nothing where no borders are known."""
    return {DOCUMENTS: " ".join(map(str, documents))} if documents else {}


def _about(
    source: str | None, options: Mapping[str, Any], files: Iterable[FileTaken], notes: Iterable[str]
) -> dict[str, Any]:
    return {
        "source": source,
        "options": dict(options),
        "files": [asdict(file) for file in files],
        "notes": list(notes),
    }


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1) + "\n"
    if not (folder / FILE).is_file() or (folder / FILE).read_text(encoding="utf-8") != text:
        atomic.write_text(folder / FILE, text)


def chosen_splitting(folder: Path) -> WordSplitting | None:
    """How running text is cut, as `origin.json` says; None where it was not chosen yet."""
    try:
        return WordSplitting.of(json.loads((folder / FILE).read_text(encoding="utf-8"))["words"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stored_documents(folder: Path) -> tuple[int, ...]:
    """The document of every sentence of train and val, as `origin.json` says; empty where it does not."""
    try:
        return tuple(map(int, read_origin(folder)[DOCUMENTS].split()))
    except (ValueError, KeyError, AttributeError):
        return ()


def origin_lines(folder: Path) -> list[str]:
    """What `origin.json` says, for people; nothing for data that were set up by 0.3.0 or by hand."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        files = [str(FileTaken(**file)) for file in content["files"]]
        later = [str(FileTaken(**file)) for entry in content.get("appended", []) for file in entry["files"]]
        said = [f"{key} = {value}" for key, value in content["options"].items()]
        notes = [str(note) for note in content["notes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [
        *(f"set up from {file}" for file in files),
        *(f"appended from {file}" for file in later),
        *([f"set up with {', '.join(said)}"] if said else []),
        *notes,
    ]
